"""What becomes of orders after a death, where a witness watches over them: as a decision table."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deadman.model import facts
from deadman.model.errors import Reason
from deadman.model.facts import Cause, Fact
from deadman.model.fate import Case, Fate
from deadman.model.guard import Guard, Phase
from deadman.model.promise import NOTICE
from deadman.model.rescue import gone_within, of_witness, with_witnesses
from deadman.model.settings import Account, Selection
from deadman.model.sight import Sight, Witness, noticed_within
from deadman.model.text import Times
from deadman.venues.deribit.settings import CANCEL_RATE, LISTING_TIMEOUT
from tests.support.boards import deribit
from tests.support.histories import fold

NOW, HOST_TIMEOUT, REPLY = 100.0, 15.0, 5.0
ALL = HOST_TIMEOUT + 2 * 1.0 + 2 * 1.5 + NOTICE + REPLY
"""Seconds: silence, two looks, two members of the register that hang, our noticing, and one answer of the venue."""

DESK = deribit("options-desk", "quoter")
SOME, ONE_BY_ONE = Selection(currency="BTC"), Selection(label="quotes", kind="option")
OPEN = facts.SessionOpened(10.0, can_cancel=True)
THREE = facts.OrdersCounted(99.0, 3)
BRAVO = Witness("bravo", 99.0, HOST_TIMEOUT, can_cancel=True)
CAROL = replace(BRAVO, name="carol", timeout=30.0)
ALONE = Fate("stay", None, "they stay")


def case_of(account: Account, *history: Fact) -> Case:
    return Case(account, fold(history), {}, Times(NOW, 0.0))


@pytest.mark.parametrize(
    ("cancel", "orders", "seconds"),
    [
        (Selection(), None, ALL),
        (SOME, 3, ALL),
        (ONE_BY_ONE, 0, ALL + LISTING_TIMEOUT),
        (ONE_BY_ONE, 40, ALL + LISTING_TIMEOUT + 40 / CANCEL_RATE),
        (ONE_BY_ONE, None, None),
    ],
)
def test_a_witness_is_bound_by_its_noticing_one_answer_and_the_orders_that_go_one_by_one(
    cancel: Selection, orders: int | None, seconds: float | None
) -> None:
    assert gone_within(replace(DESK, cancel=cancel), HOST_TIMEOUT, orders) == (
        None if seconds is None else pytest.approx(seconds)
    )
    assert noticed_within(HOST_TIMEOUT) == pytest.approx(ALL - NOTICE - REPLY)


CANCELS = "Witness bravo cancels once this host is not heard."


@pytest.mark.parametrize(
    ("account", "history", "witnesses", "alone", "fate"),
    [
        (DESK, (), (BRAVO,), ALONE, Fate("gone", ALL, CANCELS)),
        (DESK, (), (CAROL, BRAVO), ALONE, Fate("gone", ALL + 15.0, CANCELS.replace("bravo", "carol and bravo"))),
        (DESK, (), (), ALONE, ALONE),
        (DESK, (), (replace(BRAVO, can_cancel=False),), ALONE, ALONE),
        (DESK, (), (replace(BRAVO, stopped=True), BRAVO), ALONE, Fate("gone", ALL, CANCELS)),
        (DESK, (), (replace(BRAVO, echoed_at=NOW - HOST_TIMEOUT),), ALONE, ALONE),
        (replace(DESK, observe=True), (), (BRAVO,), ALONE, ALONE),
        (DESK, (facts.Disarmed(98.0, "alice"),), (BRAVO,), ALONE, ALONE),
        (DESK, (), (BRAVO,), Fate("gone", 9.0, "a lease"), Fate("gone", 9.0, "a lease")),
        (
            replace(DESK, cancel=SOME),
            (),
            (BRAVO,),
            ALONE,
            Fate("partly", ALL, CANCELS.replace("cancels", "cancels only orders of currency BTC")),
        ),
        (
            replace(DESK, cancel=ONE_BY_ONE),
            (),
            (BRAVO,),
            ALONE,
            Fate("partly", None, CANCELS.replace("cancels", "cancels only orders of kind option, label quotes")),
        ),
        (
            replace(DESK, cancel=ONE_BY_ONE),
            (THREE,),
            (BRAVO,),
            ALONE,
            Fate(
                "partly",
                ALL + LISTING_TIMEOUT + 3 / CANCEL_RATE,
                CANCELS.replace("cancels", "cancels only orders of kind option, label quotes"),
            ),
        ),
    ],
)
def test_a_desks_orders_go_with_its_host_where_a_witness_stands_by_and_nothing_speaks_against_it(
    account: Account, history: tuple[Fact, ...], witnesses: tuple[Witness, ...], alone: Fate, fate: Fate
) -> None:
    told = with_witnesses(case_of(account, *history, facts.Witnessed(99.5, witnesses)), alone)
    assert (told.orders, told.because) == (fate.orders, fate.because)
    assert told.within == (None if fate.within is None else pytest.approx(fate.within))


ACCOUNT = replace(deribit("standby"), witness_of="alpha/options-desk", on_trip="cancel")
SEEN = Sight("alpha", HOST_TIMEOUT, 99.5, 99.0)
STANDS_BY = (facts.Sighted(20.0, SEEN), OPEN, facts.StoodBy(20.0), facts.Sighted(99.5, SEEN), facts.StoodBy(99.5))
TRIPS = facts.Tripped(99.6, Cause.HOST, "alpha")

UNABLE = Fate("unknown", None, "This witness does not stand by: it is for alpha alone to cancel.")
UNDER_WAY = Fate("cancelling", None, "Being cancelled now, by this witness.")
BOT = Fate("unknown", None, "alpha cancels; this witness does too, once alpha says that it is dead.")


@pytest.mark.parametrize(
    ("account", "history", "phase", "bot", "host"),
    [
        (ACCOUNT, STANDS_BY, Phase.ARMED, BOT, Fate("gone", ALL, "Cancelled here, once not heard.")),
        (ACCOUNT, (facts.Sighted(99.5, SEEN), facts.StoodBy(99.5)), Phase.CONNECTING, UNABLE, UNABLE),
        (replace(ACCOUNT, observe=True), STANDS_BY, Phase.ARMED, UNABLE, UNABLE),
        (ACCOUNT, (*STANDS_BY, TRIPS), Phase.TRIPPING, UNDER_WAY, UNDER_WAY),
        (ACCOUNT, (*STANDS_BY, TRIPS, facts.Lost(99.7, Reason.CLOSED)), Phase.TRIPPING, UNABLE, UNABLE),
        (ACCOUNT, (*STANDS_BY, TRIPS, facts.TripDone(99.8, presumed=False)), Phase.TRIPPED, UNABLE, UNABLE),
        (
            replace(ACCOUNT, cancel=SOME),
            STANDS_BY,
            Phase.ARMED,
            BOT,
            Fate("partly", ALL, "Cancelled only orders of currency BTC here, once not heard."),
        ),
        (
            replace(ACCOUNT, cancel=ONE_BY_ONE),
            STANDS_BY,
            Phase.ARMED,
            BOT,
            Fate("partly", None, "Cancelled only orders of kind option, label quotes here, once not heard."),
        ),
    ],
)
def test_a_witness_says_gone_of_the_hosts_death_alone_and_only_while_it_stands_by(
    account: Account, history: tuple[Fact, ...], phase: Phase, bot: Fate, host: Fate
) -> None:
    case = case_of(account, *history)
    case = replace(case, guard=fold(history, Guard(1000.0)))
    assert case.phase is phase
    told_bot, told_host = of_witness(case, SEEN)
    assert told_bot == bot
    assert (told_host.orders, told_host.because) == (host.orders, host.because)
    assert told_host.within == (None if host.within is None else pytest.approx(host.within))
