"""The first word of `status` and of the page: ACT, LOOK or fine, and what stands behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce

import pytest
from hypothesis import given

from deadman.cli.client import exit_code
from deadman.control.outcome import of_trip
from deadman.model import facts
from deadman.model.errors import Reason
from deadman.model.facts import Cause, Fact, Tripped
from deadman.model.guard import Guard, Phase
from deadman.model.settings import Selection
from deadman.model.text import Times
from deadman.model.watch import Hold, Watch
from deadman.status.headline import GONE_TOLD, Verdict, headline
from deadman.status.page import page
from deadman.status.schema import GoneReport, StatusReport
from deadman.status.screen import Paper, screen
from tests.support.histories import histories
from tests.support.screens import (
    ALIVE,
    ARMED,
    AWAY,
    BTC,
    DEAD,
    EPOCH,
    LEASE,
    LOST,
    NEVER,
    NOW,
    OFF,
    OPEN,
    READ_BACK,
    SILENCE,
    Histories,
    answer,
    changed,
    gone,
)

DISARM = facts.Disarmed(98.0, "alice", "lunch")
OPERATOR = facts.Tripped(96.0, Cause.OPERATOR, "bob")
STOPPING = facts.Tripped(96.0, Cause.STOPPING, "quoter", "said STOPPING=1")
BYE = replace(ALIVE, counted_from=95.0, last_check_in_at=95.0).stopped(96.0)
READ_ONLY = facts.SessionOpened(10.0, can_cancel=False)
WAITING = facts.Awaited(11.0)
HELD = replace(ALIVE, hold=Hold(400.0, "alice", "deploy"))


def three() -> facts.OrdersCounted:
    return facts.OrdersCounted(99.0, 3)


def none() -> facts.OrdersCounted:
    return facts.OrdersCounted(99.0, 0)


WORDS: list[tuple[str, Verdict, Histories, Watch, str]] = [
    ("armed", Verdict.FINE, {}, ALIVE, ""),
    (
        "a bot added since",
        Verdict.LOOK,
        {"sx-maker": (*ARMED["sx-maker"], facts.BotSeen(11.0))},
        NEVER,
        "armed without quoter, which has not checked in yet",
    ),
    ("no orders and no bot", Verdict.FINE, {"sx-maker": (WAITING, none())}, NEVER, ""),
    (
        "orders and no bot",
        Verdict.LOOK,
        {"sx-maker": (WAITING, three())},
        NEVER,
        "sx-maker: 3 orders open that nobody guards",
    ),
    (
        "a stale count and no bot",
        Verdict.LOOK,
        {"sx-maker": (WAITING, facts.OrdersCounted(12.0, 3))},
        NEVER,
        "sx-maker: 3 orders open (88 s ago) that nobody guards",
    ),
    (
        "never counted and no bot",
        Verdict.LOOK,
        {"sx-maker": (WAITING,)},
        NEVER,
        "sx-maker: not armed, and whether orders rest is not known: not counted yet",
    ),
    (
        "none at a stale count and no bot",
        Verdict.LOOK,
        {"sx-maker": (WAITING, facts.OrdersCounted(-60.0, 0))},
        NEVER,
        "sx-maker: not armed, and whether orders rest is not known: last counted 2 min ago",
    ),
    (
        "a lost session",
        Verdict.LOOK,
        {"btc-desk": (OPEN, READ_BACK, LOST)},
        ALIVE,
        "btc-desk: rests on its last proof alone: Deribit cannot be reached, "
        "a trip could not be carried out now (no session with Deribit)",
    ),
    (
        "a renewal that is late",
        Verdict.LOOK,
        {"sx-maker": (OPEN, replace(LEASE, at=75.0, proof=replace(LEASE.proof, asked_at=75.0)))},
        ALIVE,
        "sx-maker: rests on its last proof alone: a renewal is overdue",
    ),
    (
        "a renewal that failed",
        Verdict.LOOK,
        {"sx-maker": (OPEN, LEASE, facts.Failed(98.0, Reason.VENUE_ERROR, "HTTP 500"))},
        ALIVE,
        "sx-maker: rests on its last proof alone: HTTP 500",
    ),
    (
        "a key that may not cancel",
        Verdict.LOOK,
        {"btc-desk": (READ_ONLY, READ_BACK)},
        ALIVE,
        "btc-desk: a trip could not be carried out now (its key may not cancel)",
    ),
    (
        "disarmed with orders",
        Verdict.LOOK,
        {"btc-desk": (OPEN, READ_BACK, three(), DISARM, facts.DisarmConfirmed(99.0))},
        ALIVE,
        "btc-desk: disarmed by alice (lunch), 3 orders open that nobody guards",
    ),
    (
        "disarmed without",
        Verdict.LOOK,
        {"btc-desk": (OPEN, none(), DISARM)},
        ALIVE,
        "btc-desk: disarmed by alice (lunch), not confirmed by the venue",
    ),
    (
        "held",
        Verdict.LOOK,
        {},
        HELD,
        "bot quoter: on hold until 07:18:40Z by alice (deploy): its silence trips nothing",
    ),
    (
        "tripped by an operator",
        Verdict.LOOK,
        {"btc-desk": (OPEN, READ_BACK, OPERATOR, *gone(98.0))},
        NEVER,
        "btc-desk: tripped by bob",
    ),
    (
        "tripped by an operator while its bot lives on",
        Verdict.LOOK,
        {"btc-desk": (OPEN, READ_BACK, OPERATOR, *gone(98.0))},
        ALIVE,
        "btc-desk: tripped by bob, but quoter lives on, and what is placed now is not guarded: stop it, or `deadman ",
    ),
    (
        "tripped by an operator, then new orders of a living bot",
        Verdict.LOOK,
        {"btc-desk": (OPEN, READ_BACK, OPERATOR, *gone(98.0), three())},
        ALIVE,
        "is not guarded: stop it, or `deadman arm`, 3 orders open that nobody guards",
    ),
    (
        "tripped by an operator, then new orders",
        Verdict.LOOK,
        {"btc-desk": (OPEN, READ_BACK, OPERATOR, *gone(98.0), three())},
        NEVER,
        "btc-desk: tripped by bob, 3 orders open that nobody guards",
    ),
    (
        "orders of a bot that is not up",
        Verdict.LOOK,
        {"btc-desk": (OPEN, READ_BACK, three())},
        NEVER,
        "btc-desk: 3 orders open, and quoter is not up: its silence trips nothing",
    ),
    (
        "orders of a bot that said goodbye, and was released",
        Verdict.LOOK,
        {"btc-desk": (OPEN, READ_BACK, three())},
        replace(ALIVE, stopping_at=97.0).released(),
        "btc-desk: 3 orders open, and quoter is not up: its silence trips nothing",
    ),
    ("a dead bot", Verdict.ACT, {"btc-desk": (OPEN, READ_BACK, SILENCE, *gone(98.0))}, DEAD, "bot quoter is dead"),
    (
        "a dead bot, then new orders",
        Verdict.ACT,
        {"btc-desk": (OPEN, READ_BACK, SILENCE, *gone(98.0), three())},
        DEAD,
        "btc-desk: tripped by the silence of quoter (silent 5 s), and since then 3 orders open that nobody guards: ",
    ),
    (
        "a goodbye",
        Verdict.ACT,
        {"btc-desk": (OPEN, READ_BACK, STOPPING, *gone(98.0))},
        BYE,
        "btc-desk: bot quoter said it stops, orders gone",
    ),
    (
        "a trip by silence whose bot is not known any more",
        Verdict.ACT,
        {"btc-desk": (OPEN, READ_BACK, SILENCE, *gone(98.0))},
        NEVER,
        "btc-desk: tripped by the silence of quoter (silent 5 s), orders gone",
    ),
    (
        "an unfinished trip of an operator",
        Verdict.ACT,
        {"btc-desk": (OPEN, READ_BACK, OPERATOR, facts.RoundDone(97.0, 2, 3))},
        ALIVE,
        "btc-desk: tripped by bob, 3 open",
    ),
    (
        "a trip with a key that may not cancel",
        Verdict.ACT,
        {"btc-desk": (READ_ONLY, READ_BACK, OPERATOR)},
        ALIVE,
        "btc-desk: tripped, and the key may not cancel: cancel at Deribit by hand",
    ),
    (
        "a trip before there is a session",
        Verdict.ACT,
        {"btc-desk": (OPERATOR,)},
        ALIVE,
        "btc-desk: tripped by bob, open orders not known yet",
    ),
    ("the switch off", Verdict.ACT, {"btc-desk": (OPEN, READ_BACK, OFF)}, ALIVE, "btc-desk: the switch is off"),
    ("rejected", Verdict.ACT, {"btc-desk": (AWAY,)}, ALIVE, "btc-desk: rejected by Deribit"),
]


def desk(histories: Histories, watch: Watch) -> StatusReport:
    return answer(ARMED | {"btc-desk": (OPEN, READ_BACK, none())} | histories, watch)


def said(told: StatusReport) -> str:
    return " ".join(" ".join(screen(told, Paper())).split())


@pytest.mark.parametrize("row", WORDS, ids=lambda row: row[0])
def test_the_first_word_is_the_same_on_the_terminal_and_on_the_page(
    row: tuple[str, Verdict, Histories, Watch, str],
) -> None:
    _, verdict, histories, watch, words = row
    told = desk(histories, watch)
    assert headline(told).verdict is verdict
    assert said(told).split()[1] == verdict
    tone = {"ACT": "bad", "LOOK": "warn", "fine": "good"}[verdict]
    assert f'<h1 class="{tone}">{verdict}</h1>' in page(told, 0.0)
    assert words in said(told).partition("ACCOUNT")[0]
    assert all(sentence in " ".join(headline(told).acts + headline(told).looks) for sentence in [words])


@pytest.mark.parametrize("row", WORDS, ids=lambda row: row[0])
def test_no_row_is_green_that_is_worth_a_look(row: tuple[str, Verdict, Histories, Watch, str]) -> None:
    told = desk(row[2], row[3])
    named = {name for name in told.accounts if any(name in line for line in sum_of(told))}
    shown = page(told, 0.0)
    for name in named:
        assert f'<tr class="good"><th scope="row">{name}<' not in shown


def sum_of(told: StatusReport) -> tuple[str, ...]:
    return headline(told).acts + headline(told).looks


def _later(fact: Fact, by: float) -> Fact:
    """The same fact, so many seconds later."""
    if isinstance(fact, facts.Proven):
        return replace(fact, at=fact.at + by, proof=replace(fact.proof, asked_at=fact.proof.asked_at + by))
    return replace(fact, at=fact.at + by)


@given(histories)
def test_whatever_happens_exit_1_is_act_and_fine_is_said_over_nothing_unguarded(history: Sequence[Fact]) -> None:
    last = max((fact.at for fact in history), default=0.0)
    told = answer(
        {
            "btc-desk": [_later(fact, 99.0 - last) for fact in history],
            "eth-desk": (OPEN, READ_BACK),
            "sx-maker": (OPEN, LEASE),
        }
    )
    verdict, account = headline(told).verdict, told.accounts["btc-desk"]
    assert verdict is Verdict.ACT or exit_code(told) == 0
    if verdict is Verdict.FINE:
        assert account.phase in (Phase.ARMED, Phase.WAITING)
        assert account.trip_ready or not account.wanted
        assert account.protected or account.open_orders == 0


def test_what_is_worth_a_look_is_not_hidden_behind_what_needs_somebody() -> None:
    told = desk({"eth-desk": (OPEN, READ_BACK, OFF), "sx-maker": (WAITING, three())}, ALIVE)
    act, *others = screen(told, Paper(200))
    assert act.startswith("07:13:40Z  ACT  eth-desk: the switch is off")
    assert others[0].startswith("           LOOK  sx-maker: 3 orders open that nobody guards")


def test_what_must_be_done_by_hand_stands_before_what_is_only_told() -> None:
    histories: Histories = {
        "btc-desk": (OPEN, READ_BACK, SILENCE, LOST),
        "eth-desk": (OPEN, READ_BACK, OFF),
        "sx-maker": (OPEN,),
    }
    acts = headline(answer(histories, DEAD)).acts
    assert [act.partition(":")[0] for act in acts] == ["btc-desk", "eth-desk", "bot quoter is dead", "sx-maker"]
    assert (
        acts[0] == "btc-desk: tripped, and deadman cannot cancel now: cancel at Deribit by hand; deadman keeps trying"
    )


def test_a_trip_that_does_not_end_stands_before_a_switch_that_is_off_and_a_trip_under_way_after_it() -> None:
    def acts(trip: Tripped) -> list[str]:
        histories: Histories = {
            "btc-desk": (OPEN, READ_BACK, OFF),
            "eth-desk": (OPEN, READ_BACK, trip, facts.RoundDone(99.0, 0, 2)),
        }
        return [act.partition(":")[0] for act in headline(desk(histories, ALIVE)).acts]

    assert acts(replace(OPERATOR, at=20.0)) == ["eth-desk", "btc-desk"]
    assert acts(OPERATOR) == ["btc-desk", "eth-desk"]


def test_a_dead_bots_orders_that_nothing_cancels_are_to_be_cancelled_by_hand() -> None:
    told = changed(desk({"btc-desk": (OPEN, READ_BACK, three())}, DEAD), "btc-desk", on_trip="none")
    first = headline(told).acts[0]
    assert first == (
        "btc-desk: nothing is cancelled for dead quoter (on_trip is none), 3 orders open: cancel at Deribit by hand"
    )


def test_a_trip_that_waits_for_its_venue_does_not_say_that_nothing_was_tripped() -> None:
    told = said(desk({"btc-desk": (OPEN, READ_BACK, SILENCE, LOST)}, DEAD))
    assert "Nothing was tripped" not in told
    assert "last proven 07:13:30Z. deadman cannot cancel there now." in told


def test_a_goodbye_is_told_as_one_and_not_as_a_silence() -> None:
    told = desk({"btc-desk": (OPEN, READ_BACK, STOPPING, *gone(98.0))}, BYE)
    assert "bot quoter: said at 07:13:36Z that it stops." in said(told)
    for text in (said(told), page(told, 0.0)):
        assert "is dead" not in text
        assert "DEAD" not in text
    assert "It said so at 07:13:36Z." in page(told, 0.0)
    released = desk({}, replace(ALIVE, stopping_at=97.0).released())
    assert "bot quoter: said at 07:13:37Z that it stops." in said(released)


def test_a_count_carries_its_age_once_it_is_older_than_half_a_minute() -> None:
    histories: Histories = {"btc-desk": (OPEN, READ_BACK, facts.OrdersCounted(40.0, 4))}
    assert " 4 (60 s ago) " in said(answer(ARMED | histories))
    assert "4 open</b><small>counted 60 s ago</small>" in page(answer(ARMED | histories), 0.0)
    recent: Histories = {"btc-desk": (OPEN, READ_BACK, facts.OrdersCounted(75.0, 4))}
    assert "4 (" not in said(answer(ARMED | recent)).partition("¹ Orders")[0]


def test_no_green_word_stands_over_open_orders_of_a_trip() -> None:
    for account, history in (
        ("btc-desk", (OPEN, READ_BACK, SILENCE, facts.RoundDone(97.0, 2, 3))),
        ("sx-maker", (OPEN, LEASE, SILENCE, facts.RoundDone(97.0, 2, 3))),
        ("sx-maker", (OPEN, LEASE, SILENCE, LOST)),
    ):
        told = answer({account: history}, DEAD)
        told = replace(told, accounts={account: told.accounts[account]})
        assert 'class="good"' not in page(told, 0.0)
        assert "being cancelled" in page(told, 0.0)


def test_an_expired_lease_does_not_hide_what_was_counted_after_it() -> None:
    lapsed = facts.Proven(50.0, replace(LEASE.proof, asked_at=50.0))
    told = answer({"sx-maker": (OPEN, lapsed, three())})
    assert "3 open" in page(told, 0.0)
    assert ">presumed cancelled<" not in page(told, 0.0)


NARROW = replace(BTC, cancel=Selection(currency="BTC", label="quoter"))


def test_a_trip_that_selects_does_not_call_the_whole_book_gone() -> None:
    history = (OPEN, READ_BACK, OPERATOR, *gone(98.0))
    told = changed(answer({"btc-desk": history}), "btc-desk", cancels_only=NARROW.cancel.words)
    assert "TRIPPED, selected gone 07:13:38Z" in said(told)
    shown = page(told, 0.0)
    assert "Only orders of currency BTC, label quoter; others stay." in shown
    assert ">gone at" not in shown
    guard = reduce(lambda guard, fact: guard.post(fact), history, Guard(30.0))
    outcome = of_trip(NARROW, guard, Times(NOW, EPOCH))
    assert outcome.words == "selected orders gone, 5 cancelled by deadman: only orders of currency BTC, label quoter"
    assert of_trip(BTC, guard, Times(NOW, EPOCH)).words == "orders gone, 5 cancelled by deadman"


def test_a_lease_that_may_have_been_renewed_is_not_said_to_have_taken_its_orders() -> None:
    lapsed = facts.Proven(50.0, replace(LEASE.proof, asked_at=50.0))
    unheard = (OPEN, lapsed, facts.Attempted(79.0, 30.0), facts.Lost(84.0, Reason.SILENT, "no answer"))
    assert ">not known<" in page(answer({"sx-maker": unheard}), 0.0)
    assert ">presumed cancelled<" not in page(answer({"sx-maker": unheard}), 0.0)
    assert ">presumed cancelled<" in page(answer({"sx-maker": (OPEN, lapsed, LOST)}), 0.0)


def test_orders_open_again_after_a_trip_are_not_told_beside_gone() -> None:
    told = desk({"btc-desk": (OPEN, READ_BACK, OPERATOR, *gone(98.0), three())}, NEVER)
    assert "TRIPPED 07:13:38Z, orders open again" in said(told)


def test_what_is_kept_of_another_account_is_not_told_in_json_alone() -> None:
    aside = "kept from when this name stood for another key, not acted upon: a trip"
    told = changed(desk({}, ALIVE), "btc-desk", set_aside=aside)
    assert headline(told).verdict is Verdict.LOOK
    assert "not acted upon: a trip (`deadman arm` lets it go)" in headline(told).looks[0]


@pytest.mark.parametrize(
    ("orders", "lapsed", "words"),
    [(1, True, "1 order gone, and not by us, "), (3, False, "3 orders gone, and not by us, "), (3, True, "its lease ")],
)
def test_orders_that_went_unseen_are_told_of_for_an_hour(orders: int, lapsed: bool, words: str) -> None:
    calm = desk({}, ALIVE)
    gone = GoneReport(calm.timestamp - 60.0, orders, calm.timestamp - 90.0, lapsed)
    told = changed(calm, "sx-maker", gone_unseen=gone)
    assert words in said(told)
    assert ("nobody watched them" in said(told)) is not lapsed
    told = changed(calm, "sx-maker", gone_unseen=replace(gone, at=calm.timestamp - GONE_TOLD))
    assert headline(told).verdict is Verdict.FINE
