"""What happens if the bot, or the host, dies now: the decision table, phase by phase."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from deadman.model import facts
from deadman.model.board import Board
from deadman.model.clock import Clock
from deadman.model.errors import Reason
from deadman.model.facts import Cause, Fact
from deadman.model.guard import Phase
from deadman.model.proof import Coverage, Proof
from deadman.model.secret import SecretSource
from deadman.model.settings import Account, Selection
from deadman.model.watch import Hold, Watch
from deadman.status.report import report
from deadman.status.schema import AccountReport
from deadman.venues.deribit.settings import DeribitAccount
from deadman.venues.sxbet.settings import SxBetAccount

EPOCH = 1_763_449_920.0  # 18 Nov 2025 07:12:00Z
NOW = 100.0

DESK = DeribitAccount("desk", "testnet", "wss://venue", watches=("quoter",), on_trip="cancel")
BARE = replace(DESK, watches=(), on_trip="none")
SX = SxBetAccount("desk", "testnet", "https://venue", "v3", SecretSource("env", "KEY"), watches=("quoter",))
LAPSE = replace(SX, on_trip="lapse")
EXPIRE = replace(SX, api="v2", requestor="0x0", on_trip="expire")
UNWATCHED = replace(SX, watches=())

OPEN = facts.SessionOpened(10.0, can_cancel=True)
READ_ONLY = facts.SessionOpened(10.0, can_cancel=False)
LOST = facts.Lost(96.0, Reason.SILENT, "no answer")
AWAY = facts.TurnedAway(96.0, Reason.CREDENTIALS, "13004")
OFF = facts.FoundOff(97.0, "off")
SILENCE = facts.Tripped(98.0, Cause.SILENCE, "quoter")
OPERATOR = facts.Tripped(98.0, Cause.OPERATOR, "alice")
DISARM = facts.Disarmed(98.0, "alice")
CONFIRMED = facts.DisarmConfirmed(99.0)
GONE = (facts.RoundDone(99.0, 3, 0), facts.TripDone(99.0, presumed=False))


def read_back(at: float) -> Fact:
    return facts.Proven(at, Proof(at, 65.0, Coverage.INHERITED))


def lease(at: float, ttl: float = 30.0) -> tuple[Fact, ...]:
    return facts.Attempted(at, ttl), facts.Proven(at, Proof(at, ttl, Coverage.LEASE))


def given_up(at: float) -> tuple[Fact, ...]:
    """A renewal whose answer is waited for no more; the venue may carry it out for half a minute from then."""
    return facts.Attempted(65.0, 30.0), facts.LeaseGivenUp(at, 65.0)


FRESH = read_back(90.0)
STALE = read_back(20.0)
LEASED = lease(95.0)
LAPSED = lease(60.0)

ALIVE = Watch("quoter", 5.0, counted_from=99.5, last_check_in_at=99.5, check_ins=9)
QUIET = Watch("quoter", 5.0, counted_from=92.0, last_check_in_at=92.0, check_ins=9, died_at=97.0)
NEVER = Watch("quoter", 5.0)
HELD = replace(ALIVE, hold=Hold(NOW + 60.0, "alice", "deploy"))

W = 5.0 + 0.25 + 5.0  # the watch's timeout, our noticing, one answer of the venue
LAPSE_W = 5.0 + 0.25 + 30.0  # the watch's timeout, our noticing, then the lease
Row = tuple[str, Account, Watch, tuple[Fact, ...], Phase, tuple[str, float | None], tuple[str, float | None]]

DERIBIT: list[Row] = [
    ("nothing yet", DESK, ALIVE, (), Phase.CONNECTING, ("unknown", None), ("unknown", None)),
    ("not read back yet", DESK, ALIVE, (OPEN,), Phase.ARMING, ("gone", W), ("unknown", None)),
    ("proven and watched", DESK, ALIVE, (OPEN, FRESH), Phase.ARMED, ("gone", W), ("partly", None)),
    ("held", DESK, HELD, (OPEN, FRESH), Phase.ARMED, ("gone", 60 + W - 5), ("partly", None)),
    ("bot never up", DESK, NEVER, (OPEN, FRESH), Phase.ARMED, ("partly", None), ("partly", None)),
    ("no watch", BARE, ALIVE, (OPEN, FRESH), Phase.ARMED, ("partly", None), ("partly", None)),
    (
        "no watch, would cancel",
        replace(DESK, watches=()),
        ALIVE,
        (OPEN, FRESH),
        Phase.ARMED,
        ("partly", None),
        ("partly", None),
    ),
    (
        "told not to",
        replace(DESK, on_trip="none"),
        ALIVE,
        (OPEN, FRESH),
        Phase.ARMED,
        ("partly", None),
        ("partly", None),
    ),
    ("may not cancel", DESK, ALIVE, (READ_ONLY, FRESH), Phase.ARMED, ("partly", None), ("partly", None)),
    ("observing", replace(DESK, observe=True), ALIVE, (OPEN, FRESH), Phase.ARMED, ("partly", None), ("partly", None)),
    (
        "narrow trip",
        replace(DESK, cancel=Selection(currency="BTC")),
        ALIVE,
        (OPEN, FRESH),
        Phase.ARMED,
        ("partly", W),
        ("partly", None),
    ),
    (
        "one by one, not counted",
        replace(DESK, cancel=Selection(kind="option", label="quotes")),
        ALIVE,
        (OPEN, FRESH),
        Phase.ARMED,
        ("partly", None),
        ("partly", None),
    ),
    (
        "rest alone",
        replace(DESK, orders_via=("rest",)),
        ALIVE,
        (OPEN, FRESH),
        Phase.ARMED,
        ("gone", W),
        ("stay", None),
    ),
    (
        "rest, no watch",
        replace(BARE, orders_via=("rest",)),
        ALIVE,
        (OPEN, FRESH),
        Phase.ARMED,
        ("stay", None),
        ("stay", None),
    ),
    (
        "fix alone",
        replace(DESK, orders_via=("fix",)),
        ALIVE,
        (OPEN, FRESH),
        Phase.ARMED,
        ("gone", W),
        ("unknown", None),
    ),
    ("session lost", DESK, ALIVE, (OPEN, FRESH, LOST), Phase.DEGRADED, ("partly", None), ("partly", None)),
    ("long lost", DESK, ALIVE, (OPEN, STALE, LOST), Phase.UNVERIFIED, ("unknown", None), ("unknown", None)),
    ("not asked for long", DESK, ALIVE, (OPEN, STALE), Phase.UNVERIFIED, ("gone", W), ("unknown", None)),
    ("switch off", DESK, ALIVE, (OPEN, FRESH, OFF), Phase.EXPOSED, ("gone", W), ("stay", None)),
    ("off, no watch", BARE, ALIVE, (OPEN, FRESH, OFF), Phase.EXPOSED, ("stay", None), ("stay", None)),
    ("off, then lost", DESK, ALIVE, (OPEN, FRESH, OFF, LOST), Phase.EXPOSED, ("stay", None), ("stay", None)),
    ("rejected, proof stands", DESK, ALIVE, (OPEN, FRESH, AWAY), Phase.REFUSED, ("partly", None), ("partly", None)),
    ("rejected from the start", DESK, ALIVE, (AWAY,), Phase.REFUSED, ("unknown", None), ("unknown", None)),
    ("tripping", DESK, ALIVE, (OPEN, FRESH, SILENCE), Phase.TRIPPING, ("cancelling", None), ("partly", None)),
    ("tripping, lost", DESK, ALIVE, (OPEN, FRESH, SILENCE, LOST), Phase.TRIPPING, ("partly", None), ("partly", None)),
    ("tripping, off", DESK, ALIVE, (OPEN, SILENCE, OFF), Phase.TRIPPING, ("cancelling", None), ("stay", None)),
    ("tripping, bare", DESK, ALIVE, (SILENCE,), Phase.TRIPPING, ("unknown", None), ("unknown", None)),
    (
        "operator, no watch",
        BARE,
        ALIVE,
        (OPEN, FRESH, OPERATOR),
        Phase.TRIPPING,
        ("cancelling", None),
        ("partly", None),
    ),
    ("tripped", DESK, QUIET, (OPEN, FRESH, SILENCE, *GONE), Phase.TRIPPED, ("gone", 0), ("partly", None)),
    ("tripped alive", DESK, ALIVE, (OPEN, FRESH, OPERATOR, *GONE), Phase.TRIPPED, ("partly", None), ("partly", None)),
    (
        "tripped, no watch",
        BARE,
        ALIVE,
        (OPEN, FRESH, OPERATOR, *GONE),
        Phase.TRIPPED,
        ("partly", None),
        ("partly", None),
    ),
    (
        "tripped, then new orders",
        DESK,
        ALIVE,
        (OPEN, FRESH, SILENCE, *GONE, facts.OrdersCounted(99.5, 2)),
        Phase.TRIPPED,
        ("partly", None),
        ("partly", None),
    ),
    ("disarmed", DESK, ALIVE, (OPEN, FRESH, DISARM, CONFIRMED), Phase.DISARMED, ("unknown", None), ("unknown", None)),
    ("time went by", DESK, ALIVE, (OPEN, FRESH, facts.Doubted(99.0, "")), Phase.ARMING, ("gone", W), ("unknown", None)),
]

SX_BET: list[Row] = [
    ("nothing yet", SX, ALIVE, (), Phase.CONNECTING, ("unknown", None), ("unknown", None)),
    ("no bot yet", SX, NEVER, (OPEN, facts.Awaited(11.0)), Phase.WAITING, ("stay", None), ("stay", None)),
    ("leased", SX, ALIVE, (OPEN, *LEASED), Phase.ARMED, ("gone", W), ("gone", 25)),
    ("held", SX, HELD, (OPEN, *LEASED), Phase.ARMED, ("gone", 60 + W - 5), ("gone", 25)),
    (
        "a renewal unanswered",
        SX,
        ALIVE,
        (OPEN, *LEASED, facts.Attempted(97.0, 30), facts.LeaseGivenUp(99.0, 97.0)),
        Phase.ARMED,
        ("gone", W),
        ("gone", 59),
    ),
    (
        "cut short, unanswered",
        SX,
        ALIVE,
        (OPEN, *LEASED, facts.Attempted(97.0, 10), facts.LeaseGivenUp(99.0, 97.0)),
        Phase.ARMED,
        ("gone", W),
        ("gone", 39),
    ),
    ("lapse", LAPSE, ALIVE, (OPEN, *LEASED), Phase.ARMED, ("gone", LAPSE_W), ("gone", 25)),
    ("expire", EXPIRE, ALIVE, (READ_ONLY, *LEASED), Phase.ARMED, ("gone", W + 1.0), ("gone", 25)),
    (
        "expire, a renewal that may yet be heard",
        EXPIRE,
        ALIVE,
        (READ_ONLY, *given_up(70.5), *LEASED),
        Phase.ARMED,
        ("gone", 30.5),
        ("gone", 30.5),
    ),
    (
        "expire, a renewal that can be heard no more",
        EXPIRE,
        ALIVE,
        (READ_ONLY, *given_up(70.0), *LEASED),
        Phase.ARMED,
        ("gone", W + 1.0),
        ("gone", 30),
    ),
    ("watch none", UNWATCHED, ALIVE, (OPEN, *LEASED), Phase.ARMED, ("stay", None), ("gone", 25)),
    (
        "a bot added since",
        replace(LAPSE, watches=("quoter", "hedger")),
        ALIVE,
        (OPEN, *LEASED, facts.BotSeen(96.0, frozenset({"quoter"}))),
        Phase.ARMED,
        ("gone", LAPSE_W),
        ("gone", 25),
    ),
    (
        "its first bot added since",
        SX,
        NEVER,
        (OPEN, *LEASED, facts.BotSeen(96.0)),
        Phase.ARMED,
        ("stay", None),
        ("gone", 25),
    ),
    ("session lost", SX, ALIVE, (OPEN, *LEASED, LOST), Phase.DEGRADED, ("gone", LAPSE_W), ("gone", 25)),
    ("expire, lost", EXPIRE, ALIVE, (READ_ONLY, *LEASED, LOST), Phase.DEGRADED, ("gone", LAPSE_W), ("gone", 25)),
    ("said goodbye", SX, NEVER, (OPEN, *LEASED, facts.Awaited(99.0)), Phase.ARMED, ("gone", 25), ("gone", 25)),
    ("lapsed, lost", SX, ALIVE, (OPEN, *LAPSED, LOST), Phase.EXPIRED, ("stay", None), ("stay", None)),
    ("lapsed, in session", SX, ALIVE, (OPEN, *LAPSED), Phase.EXPIRED, ("gone", W), ("stay", None)),
    (
        "lapsed, perhaps heard",
        SX,
        ALIVE,
        (OPEN, *LAPSED, facts.Attempted(99.0, 30), LOST),
        Phase.EXPIRED,
        ("unknown", None),
        ("unknown", None),
    ),
    ("wrong echo", SX, ALIVE, (OPEN, *LEASED, OFF), Phase.EXPOSED, ("unknown", None), ("unknown", None)),
    ("wrong echo, lapsed", SX, ALIVE, (OPEN, *LAPSED, OFF), Phase.EXPOSED, ("stay", None), ("stay", None)),
    ("rejected, leased", SX, ALIVE, (OPEN, *LEASED, AWAY), Phase.REFUSED, ("gone", LAPSE_W), ("gone", 25)),
    ("rejected, lapsed", SX, ALIVE, (OPEN, *LAPSED, AWAY), Phase.REFUSED, ("stay", None), ("stay", None)),
    ("tripping", SX, ALIVE, (OPEN, *LEASED, SILENCE), Phase.TRIPPING, ("cancelling", None), ("gone", 25)),
    ("lapsing", LAPSE, ALIVE, (OPEN, *LEASED, SILENCE), Phase.TRIPPING, ("cancelling", 25), ("gone", 25)),
    ("operator on lapse", LAPSE, ALIVE, (OPEN, *LEASED, OPERATOR), Phase.TRIPPING, ("cancelling", None), ("gone", 25)),
    (
        "operator on v2",
        EXPIRE,
        ALIVE,
        (READ_ONLY, *LEASED, OPERATOR),
        Phase.TRIPPING,
        ("cancelling", None),
        ("gone", 25),
    ),
    ("tripping, lost", SX, ALIVE, (OPEN, *LEASED, SILENCE, LOST), Phase.TRIPPING, ("cancelling", 25), ("gone", 25)),
    (
        "tripping, lost, its lease over",
        EXPIRE,
        QUIET,
        (READ_ONLY, *LAPSED, SILENCE, facts.Awaited(99.0), LOST),
        Phase.TRIPPING,
        ("cancelling", None),
        ("stay", None),
    ),
    (
        "tripping, lost, its cut unanswered",
        EXPIRE,
        QUIET,
        (READ_ONLY, *LAPSED, SILENCE, facts.Attempted(99.0, 1), facts.LeaseGivenUp(100.0, 99.0), LOST),
        Phase.TRIPPING,
        ("unknown", 31.0),
        ("unknown", None),
    ),
    ("tripped", SX, QUIET, (OPEN, *LEASED, SILENCE, *GONE), Phase.TRIPPED, ("gone", 0), ("gone", 0)),
    (
        "tripped, and leased since as far as is known",
        SX,
        QUIET,
        (OPEN, *LEASED, SILENCE, *GONE, facts.LeasePresumed(99.5, 30.0, 99.5)),
        Phase.TRIPPED,
        ("gone", 29.5),
        ("gone", 29.5),
    ),
    ("tripped alive, leased", SX, ALIVE, (OPEN, *LEASED, OPERATOR, *GONE), Phase.TRIPPED, ("gone", 25), ("gone", 25)),
    ("tripped alive", SX, ALIVE, (OPEN, *LAPSED, OPERATOR, *GONE), Phase.TRIPPED, ("stay", None), ("stay", None)),
    (
        "tripped, no watch",
        UNWATCHED,
        ALIVE,
        (OPEN, *LAPSED, OPERATOR, *GONE),
        Phase.TRIPPED,
        ("stay", None),
        ("stay", None),
    ),
    (
        "tripped, then new orders",
        SX,
        ALIVE,
        (OPEN, *LAPSED, SILENCE, *GONE, facts.OrdersCounted(99.5, 2)),
        Phase.TRIPPED,
        ("stay", None),
        ("stay", None),
    ),
    ("disarmed", SX, ALIVE, (OPEN, *LEASED, DISARM, CONFIRMED), Phase.DISARMED, ("stay", None), ("stay", None)),
    ("disarm unheard", SX, ALIVE, (OPEN, *LEASED, DISARM), Phase.DISARMED, ("unknown", None), ("unknown", None)),
    ("observing", replace(SX, observe=True), ALIVE, (OPEN,), Phase.ARMING, ("unknown", None), ("unknown", None)),
    (
        "time went by",
        SX,
        ALIVE,
        (*LEASED, facts.Doubted(99.0, "")),
        Phase.CONNECTING,
        ("unknown", None),
        ("unknown", None),
    ),
]


@dataclass
class Moment:
    now: float = 0.0


def told(account: Account, watch: Watch, history: tuple[Fact, ...]) -> AccountReport:
    moment = Moment()
    board = Board.new(Clock(lambda: moment.now, lambda: EPOCH + moment.now))
    board.add(account)
    board.put_watch(watch)
    for fact in history:
        moment.now = max(moment.now, fact.at)
        board.post(account.name, fact)
    moment.now = NOW
    return report(board).accounts[account.name]


@pytest.mark.parametrize("row", DERIBIT + SX_BET, ids=lambda row: f"{row[1].venue}: {row[0]}")
def test_each_phase_tells_what_becomes_of_the_orders(row: Row) -> None:
    _, account, watch, history, phase, bot, host = row
    answer = told(account, watch, history)
    assert answer.phase == phase
    assert (answer.if_bot_dies.orders, answer.if_bot_dies.within) == bot
    assert (answer.if_host_dies.orders, answer.if_host_dies.within) == host


def test_seconds_are_told_rounded_up() -> None:
    """What is printed must hold, to the last millisecond."""
    assert told(SX, ALIVE, (OPEN, *lease(95.0003))).if_host_dies.within == 25.001


@pytest.mark.parametrize("row", DERIBIT + SX_BET, ids=lambda row: f"{row[1].venue}: {row[0]}")
def test_every_answer_says_why_in_a_sentence(row: Row) -> None:
    answer = told(row[1], row[2], row[3])
    for fate in (answer.if_bot_dies, answer.if_host_dies):
        assert re.fullmatch(r"[A-Za-z\d].*[^ .]\.", fate.because)
        assert not {"None", "True", "False"} & set(fate.because.split())
        assert len(fate.because.split()) > 3


def test_the_table_reaches_every_phase() -> None:
    assert {row[4] for row in DERIBIT + SX_BET} == set(Phase)


def why(death: str, account: Account, *history: Fact, watch: Watch = ALIVE) -> str:
    return str(getattr(told(account, watch, history), death).because)


@pytest.mark.parametrize(
    ("sentence", "words"),
    [
        (
            lambda: why("if_host_dies", DESK, OPEN, FRESH),
            "opened after 07:13:30Z go when Deribit misses the bot's heartbeat",
        ),
        (lambda: why("if_host_dies", DESK, OPEN, FRESH), "REST, FIX, older: stay."),
        (
            lambda: why("if_host_dies", replace(DESK, orders_via=("websocket", "rest")), OPEN, FRESH),
            "REST is used here",
        ),
        (lambda: why("if_bot_dies", DESK, OPEN, FRESH, LOST), "cannot cancel now: it has no session"),
        (lambda: why("if_bot_dies", DESK, READ_ONLY, FRESH), "lacks trade:read_write"),
        (lambda: why("if_bot_dies", DESK, OPEN, FRESH, DISARM), "still carry it"),
        (lambda: why("if_bot_dies", UNWATCHED, OPEN, *LEASED), "goes on renewing the lease though the bot is dead"),
        (lambda: why("if_bot_dies", DESK, OPEN, FRESH), "deadman cancels once quoter is silent."),
        (lambda: why("if_bot_dies", DESK, OPEN, FRESH, watch=NEVER), "quoter has not checked in: its silence trips"),
        (lambda: why("if_bot_dies", replace(DESK, on_trip="none"), OPEN, FRESH), "on_trip is none: deadman cancels"),
        (
            lambda: why("if_bot_dies", replace(DESK, observe=True), OPEN, FRESH),
            "deadman only observes here and cancels",
        ),
        (lambda: why("if_bot_dies", DESK, OPEN, FRESH, SILENCE), "Being cancelled now, until Deribit lists no open"),
        (lambda: why("if_bot_dies", DESK, READ_ONLY, FRESH, SILENCE), "lacks trade:read_write"),
        (lambda: why("if_bot_dies", DESK, OPEN, FRESH, SILENCE, *GONE), "Tripped already: deadman cancels nothing"),
        (
            lambda: why("if_bot_dies", DESK, OPEN, FRESH, SILENCE, *GONE, watch=QUIET),
            "Already cancelled: Deribit listed no open order.",
        ),
        (lambda: why("if_host_dies", replace(DESK, orders_via=("fix",)), OPEN, FRESH), "FIX orders follow the switch"),
        (lambda: why("if_host_dies", replace(DESK, orders_via=("rest",)), OPEN, FRESH), "belong to no connection"),
        (lambda: why("if_host_dies", DESK, OPEN, STALE), "last proven on at 07:12:20Z; whether it still is, unknown."),
        (lambda: why("if_host_dies", DESK, OPEN), "is not proven yet"),
        (lambda: why("if_host_dies", DESK, OPEN, FRESH, OFF), "cancel-on-disconnect is off"),
        (lambda: why("if_bot_dies", BARE, OPEN, FRESH), "Orders of WebSocket connections opened after"),
        (lambda: why("if_bot_dies", SX, OPEN, *LEASED), "deadman cancels once quoter is silent."),
        (lambda: why("if_bot_dies", LAPSE, OPEN, *LEASED), "Renewals stop once quoter is silent"),
        (lambda: why("if_bot_dies", SX, OPEN, *LEASED, SILENCE), "Being cancelled now, until SX Bet lists no open"),
        (lambda: why("if_bot_dies", LAPSE, OPEN, *LEASED, SILENCE), "Renewals have stopped, and SX Bet cancels"),
        (lambda: why("if_bot_dies", SX, OPEN, facts.Awaited(99.0), watch=NEVER), "is taken before quoter checks in"),
        (
            lambda: why("if_bot_dies", SX, OPEN, *LEASED, facts.BotSeen(96.0), watch=NEVER),
            "quoter has not checked in yet: deadman goes on renewing the lease as before.",
        ),
        (lambda: why("if_bot_dies", SX, OPEN, *LEASED, DISARM), "SX Bet has not confirmed it: a lease may run until"),
        (lambda: why("if_bot_dies", SX, OPEN, *LEASED, DISARM, CONFIRMED), "Disarmed: SX Bet holds no lease"),
        (lambda: why("if_bot_dies", SX, OPEN, DISARM), "Disarmed: deadman renews nothing and cancels nothing."),
        (lambda: why("if_host_dies", SX, OPEN, *LEASED), "SX Bet cancels when the lease ends"),
        (lambda: why("if_host_dies", SX, OPEN, *LEASED, OFF), "one may run until 07:14:05Z."),
        (lambda: why("if_host_dies", SX, OPEN, *LAPSED, OFF), "there is no lease as asked for"),
        (lambda: why("if_host_dies", SX, OPEN), "No lease is proven yet."),
        (lambda: why("if_host_dies", SX, OPEN, facts.Attempted(99.0, 30)), "one that is not may run until 07:14:44Z."),
        (lambda: why("if_host_dies", replace(SX, observe=True), OPEN), "deadman only observes here: it holds no lease"),
        (lambda: why("if_host_dies", SX, OPEN, *LAPSED), "ran out at 07:13:30Z"),
        (lambda: why("if_bot_dies", SX, OPEN, *LAPSED, SILENCE, *GONE, watch=QUIET), "listed no open order."),
        (
            lambda: why("if_bot_dies", SX, OPEN, *LAPSED, SILENCE, facts.TripDone(99.0, presumed=True), watch=QUIET),
            "Already cancelled: presumed so since the lease's end.",
        ),
        (
            lambda: why("if_bot_dies", SX, OPEN, *LEASED, SILENCE, *GONE, watch=QUIET),
            "A lease may run until 07:14:05Z: orders placed before that go when it ends.",
        ),
        (
            lambda: why("if_bot_dies", replace(DESK, cancel=Selection("BTC", label="q")), OPEN, FRESH),
            "only orders of currency BTC, label q",
        ),
    ],
)
def test_the_reason_names_what_matters(sentence: Callable[[], str], words: str) -> None:
    assert words in sentence()


def test_cover_dates_from_the_first_proof_in_a_row_not_the_last() -> None:
    said = why("if_host_dies", DESK, OPEN, read_back(50.0), read_back(80.0), read_back(95.0))
    assert "opened after 07:12:50Z" in said


def test_nothing_is_gone_without_a_bound_nor_at_once_before_the_venue_lists_none() -> None:
    for row in DERIBIT + SX_BET:
        answer = told(row[1], row[2], row[3])
        for fate in (answer.if_bot_dies, answer.if_host_dies):
            done = answer.trip is not None and answer.trip.done_at is not None
            assert fate.orders != "gone" or fate.within or (fate.within == 0.0 and done)
