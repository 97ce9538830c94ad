"""A desk and a witness, each by itself, before a register that answers as a test wants: what they say and hear."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
import trio
from trio.testing import MockClock

from deadman.cluster.beats import decode_desk, decode_witness, encode_desk, encode_witness
from deadman.cluster.desk import Desk, may_be_witnessed, told_of_account, told_of_bot
from deadman.cluster.etcd import Exchange
from deadman.cluster.lookout import Lookout
from deadman.cluster.wire import Entry
from deadman.model import facts
from deadman.model.board import Board
from deadman.model.clock import Clock
from deadman.model.errors import Reason, Unavailable
from deadman.model.facts import Cause
from deadman.model.guard import Guard, Phase
from deadman.model.identity import Identity
from deadman.model.settings import Account, Selection, Terms
from deadman.model.sight import (
    AccountTold,
    BotTold,
    DeskBeat,
    Line,
    Sight,
    Witness,
    WitnessBeat,
    WitnessTold,
    holder_of,
)
from deadman.model.watch import Hold, Watch
from tests.support.boards import deribit, sxbet

EPOCH = 1_800_000_000.0
TIMEOUT = 15.0
FULL = Unavailable(Reason.VENUE_ERROR, "etcd is full")
OPTIONS = replace(deribit("options", "quoter"), on_trip="cancel", cancel=Selection(currency="BTC"))
OURS, OTHERS = Identity("venue", "ours", "42"), Identity("venue", "theirs", "43")


@dataclass
class Register:
    """Answers with what stands before ours and what the others wrote, or fails."""

    before: bytes | None = None
    theirs: dict[str, bytes] = field(default_factory=dict)
    fails: Unavailable | None = None
    revision: int = 1
    written: list[tuple[str, bytes, str]] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)

    async def exchange(self, own: str, value: bytes, theirs: str) -> Exchange:
        self.written.append((own, value, theirs))
        if self.fails is not None:
            raise self.fails
        before = None if self.before is None else Entry(own, self.before, 1)
        entries = tuple(Entry(key, data, self.revision) for key, data in self.theirs.items())
        return Exchange(trio.current_time(), trio.current_time(), before, entries)

    async def delete(self, key: str) -> None:
        self.deleted.append(key)
        if self.fails is not None:
            raise self.fails


def board(*accounts: Account) -> Board:
    made = Board.new(Clock(trio.current_time, lambda: EPOCH + trio.current_time()))
    for account in accounts:
        made.add(account)
    return made


def desk(register: Register, *accounts: Account) -> Desk:
    return Desk(board(*accounts), register, "/p/", "alpha", "run-1", "machine-1", TIMEOUT)


def told(made: Board, *events: str) -> list[str]:
    return [event.text for event in made.events if event.event in events]


def said(caplog: pytest.LogCaptureFixture, event: str) -> list[str]:
    return [one.getMessage() for one in caplog.records if getattr(one, "event", "") == event]


async def test_a_desk_says_who_it_is_and_how_its_bots_and_accounts_stand(autojump_clock: MockClock) -> None:
    register = Register()
    one = desk(register, OPTIONS, sxbet("lease", "hedger"), replace(deribit("standby"), witness_of="bravo/desk"))
    one.board.put_watch(Watch("quoter", 5.0).check_in(0.0, None))
    one.board.put_watch(Watch("hedger", 5.0))
    await trio.sleep(2.0)
    assert await one.beat()
    assert await one.beat(stopped=True)
    assert not await one.beat(), "nothing is said after the last one"
    (own, value, theirs), (_, last, _) = register.written
    assert (own, theirs) == ("/p/desks/alpha/beat", "/p/witnesses/alpha/")
    account = AccountTold(("quoter",), Terms("cancel", OPTIONS.cancel), key=told_of_account(OPTIONS, _guard(one)).key)
    assert decode_desk(value) == DeskBeat(
        "run-1", 1, TIMEOUT, False, "machine-1", {"quoter": BotTold("alive", 2.0)}, {"options": account}
    )
    assert (decode_desk(last).number, decode_desk(last).stopped) == (2, True)


def _guard(one: Desk) -> Guard:
    return one.board.guard("options")


@pytest.mark.parametrize(
    ("account", "guard", "left_alone"),
    [
        (OPTIONS, Guard(35.0), ""),
        (replace(OPTIONS, observe=True), Guard(35.0), "only observed"),
        (OPTIONS, Guard(35.0, disarm=facts.Disarmed(1.0, "alice")), "disarmed"),
        (replace(OPTIONS, observe=True), Guard(35.0, disarm=facts.Disarmed(1.0, "alice")), "disarmed"),
    ],
)
def test_what_is_said_of_an_account(account: Account, guard: Guard, left_alone: str) -> None:
    terms = Terms("cancel", OPTIONS.cancel)
    assert told_of_account(account, guard) == AccountTold(("quoter",), terms, left_alone)
    known = replace(guard, identity=OURS)
    assert told_of_account(account, known) == AccountTold(("quoter",), terms, left_alone, "ours", holder_of(OURS))


UP = Watch("quoter", 5.0).check_in(90.0, None)


@pytest.mark.parametrize(
    ("watch", "bot"),
    [
        (UP, BotTold("alive", 10.0)),
        (replace(UP, last_check_in_at=101.0), BotTold("alive", 0.0)),
        (replace(UP, last_check_in_at=None), BotTold("alive", None)),
        (replace(UP, died_at=95.0), BotTold("dead", 10.0)),
        (replace(UP, died_at=95.0, hold=Hold(100.5, "alice")), BotTold("held", 10.0)),
        (replace(UP, hold=Hold(100.0, "alice")), BotTold("alive", 10.0)),
        (replace(UP, stopping_at=95.0).released(), BotTold("released", 10.0)),
        (Watch("quoter", 5.0), BotTold("gone", None)),
        (replace(Watch("quoter", 5.0), hold=Hold(200.0, "alice")), BotTold("gone", None)),
    ],
)
def test_what_is_said_of_a_bot(watch: Watch, bot: BotTold) -> None:
    assert told_of_bot(watch, 100.0) == bot


def test_neither_a_lease_nor_what_is_watched_over_for_others_is_spoken_of() -> None:
    assert may_be_witnessed(OPTIONS)
    assert not may_be_witnessed(sxbet("lease"))
    assert not may_be_witnessed(replace(OPTIONS, witness_of="bravo/desk"))


async def test_a_desk_beats_five_times_in_its_timeout_and_sooner_after_one_that_failed(
    autojump_clock: MockClock,
) -> None:
    register = Register()
    one = desk(register, OPTIONS)
    with trio.move_on_after(9.5):
        await one.keep()
    assert len(register.written) == 4
    register.fails = FULL
    with trio.move_on_after(3.5):
        await one.keep()
    assert len(register.written) == 8
    with trio.move_on_after(5.0):
        await desk(register, sxbet("lease")).keep()
    assert len(register.written) == 8, "nobody can watch over it"


async def test_a_register_that_fails_is_told_of_once_and_again_when_it_answers(autojump_clock: MockClock) -> None:
    register = Register(fails=FULL)
    one = desk(register, OPTIONS)
    for _ in range(3):
        assert not await one.beat()
        await trio.sleep(1.0)
    assert one.board.lines[""] == Line(0, 3, 0.0, 0.0, "etcd is full")
    register.fails = None
    assert await one.beat()
    assert await one.beat()
    assert told(one.board, "cluster_unreachable", "cluster_reached") == [
        "no witness hears this host: etcd is full; no account is touched for that",
        "heard by the register again after 3.0 s",
    ]
    assert one.board.lines[""] == Line(2, 3, EPOCH + 3.0)


@pytest.mark.parametrize(
    ("befores", "foreign"),
    [
        ([None, None], 0),
        ([encode_desk(DeskBeat("run-0", 9, TIMEOUT)), None], 0),
        ([None, encode_desk(DeskBeat("run-1", 1, TIMEOUT))], 0),
        ([None, b"garbage"], 0),
        ([None, encode_desk(DeskBeat("run-2", 1, TIMEOUT))], 1),
        ([None, *[encode_desk(DeskBeat("run-2", 1, TIMEOUT))] * 3], 1),
    ],
)
async def test_another_daemon_of_the_same_name_is_told_of_once(
    befores: list[bytes | None], foreign: int, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    register = Register()
    one = desk(register, OPTIONS)
    for before in befores:
        await trio.sleep(1.0)
        register.before = before
        await one.beat()
    words = 'another daemon beats as "alpha": no witness can tell whose host is dead; give one of them another name'
    assert said(caplog, "foreign_run") == [words] * foreign
    assert one.board.lines[""].foreign_at == (trio.current_time() if foreign else None)
    assert one.board.lines[""].ok == len(befores)


WHY = "this host was not heard for 15 s"


def answering(
    can: bool = True, phase: str = "armed", cancelled: int | None = None, holder: str = "", key: str = "", **of: object
) -> bytes:
    account = WitnessTold(can, phase, cancelled, "" if cancelled is None else WHY, key, holder)
    beat = {"run": "w-1", "number": 7, "accounts": {"options": account}, **of}
    return encode_witness(WitnessBeat(**beat))  # type: ignore[arg-type]


async def heard(value: bytes) -> Witness:
    """A witness as the desk knows it after the beat that comes two seconds after its first."""
    register = Register()
    one = desk(register, OPTIONS)
    one.board.post("options", facts.Identified(trio.current_time(), "42"))
    await one.beat()
    await trio.sleep(2.0)
    register.theirs = {"/p/witnesses/alpha/bravo": value}
    await one.beat()
    (witness,) = one.board.guard("options").witnesses
    return witness


async def test_a_witness_is_known_by_what_it_echoes_of_this_run(autojump_clock: MockClock) -> None:
    known = Witness("bravo", 0.0, TIMEOUT, True, "armed")
    assert await heard(answering(echo_run="run-1", echo=1)) == known
    began_at = trio.current_time()
    assert await heard(answering(echo_run="run-1", echo=2)) == replace(known, echoed_at=began_at + 2.0)
    assert await heard(answering(echo_run="run-1", echo=3)) == replace(known, echoed_at=None)
    assert await heard(answering(echo_run="run-0", echo=1)) == replace(known, echoed_at=None)
    assert await heard(answering(can=False, phase="waiting", stopped=True)) == replace(
        known, echoed_at=None, can_cancel=False, phase="waiting", stopped=True
    )


@pytest.mark.parametrize(("after", "can_cancel"), [(1.0, False), (TIMEOUT - 0.5, False), (TIMEOUT, True)])
async def test_no_witness_is_believed_to_cancel_while_another_daemon_beats_by_our_name(
    after: float, can_cancel: bool, autojump_clock: MockClock
) -> None:
    register = Register()
    one = desk(register, OPTIONS)
    await trio.sleep(100.0)
    await one.beat()
    register.before = encode_desk(DeskBeat("run-2", 1, TIMEOUT))
    register.theirs = {"/p/witnesses/alpha/bravo": answering(echo_run="run-1", echo=1)}
    await one.beat()
    assert not one.board.guard("options").witnesses[0].can_cancel
    register.before = None
    await trio.sleep(after)
    await one.beat()
    assert one.board.guard("options").witnesses[0].can_cancel is can_cancel


async def test_what_makes_a_witness_weaker_than_it_looks_is_known(autojump_clock: MockClock) -> None:
    here = "it runs on this very machine, and dies with it"
    assert (await heard(answering(machine="machine-1"))).faults == (here,)
    assert (await heard(answering(machine="machine-2"))).faults == ()
    identity = board(OPTIONS).guard("options").identity
    assert identity is not None
    assert (await heard(answering(key=identity.credential))).faults == ("it logs in with the same API key",)
    ours = holder_of(replace(identity, account="42"))
    assert (await heard(answering(holder=ours))).faults == ()
    assert (await heard(answering(holder=holder_of(OTHERS)))).faults == ("its API key is of another account",)


@pytest.mark.parametrize(("echo", "known"), [(1, False), (2, True)])
async def test_an_echo_older_than_is_remembered_proves_nothing(
    echo: int, known: bool, autojump_clock: MockClock
) -> None:
    register = Register()
    one = desk(register, OPTIONS)
    for _ in range(65):
        await one.beat()
    register.theirs = {"/p/witnesses/alpha/bravo": answering(echo_run="run-1", echo=echo)}
    await one.beat()
    assert (one.board.guard("options").witnesses[0].echoed_at is not None) is known


async def test_what_a_witness_did_is_told_once_and_for_an_hour(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    register = Register()
    one = desk(register, OPTIONS)
    for phase, cancelled in (("tripping", 2), ("tripping", 2), ("tripping", 3), ("tripped", 3), ("armed", None)):
        register.theirs = {"/p/witnesses/alpha/bravo": answering(phase=phase, cancelled=cancelled)}
        await one.beat()
    begin = f"options: {WHY} at witness bravo:"
    assert said(caplog, "witness_told") == [
        f"{begin} 2 orders cancelled so far",
        f"{begin} 3 orders cancelled so far",
        f"{begin} 3 orders cancelled",
    ]
    (witness,) = one.board.guard("options").witnesses
    assert (witness.cancelled, witness.because) == (3, WHY)
    await trio.sleep(3599.0)
    await one.beat()
    assert one.board.guard("options").witnesses[0].cancelled == 3
    await trio.sleep(1.0)
    await one.beat()
    (witness,) = one.board.guard("options").witnesses
    assert (witness.cancelled, witness.because) == (None, "")


async def test_a_witness_that_writes_nonsense_or_of_other_accounts_is_none(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    register = Register(
        theirs={"/p/witnesses/alpha/bravo": b"garbage", "/p/witnesses/alpha/carol": answering(accounts={})}
    )
    one = desk(register, OPTIONS, sxbet("lease"))
    await one.beat()
    await one.beat()
    assert one.board.guard("options").witnesses == ()
    (words,) = said(caplog, "witness_told")
    assert words.startswith("what witness bravo writes cannot be read, and is skipped: ")


STANDBY = replace(deribit("standby"), witness_of="alpha/options", on_trip="cancel")
ALPHA = "/p/desks/alpha/beat"


def lookout(*accounts: Account) -> Lookout:
    made = Lookout(board(*accounts), "/p/", "bravo", "w-1", "machine-2", 30.0)
    made.apply(accounts)
    made.begin()
    return made


def beating(number: int, *, run: str = "run-1", stopped: bool = False, **account: object) -> bytes:
    of = AccountTold(**{"watches": (), "terms": Terms("cancel", Selection()), **account})  # type: ignore[arg-type]
    return encode_desk(DeskBeat(run, number, TIMEOUT, stopped, "machine-1", {}, {"options": of}))


async def looked(one: Lookout, register: Register, number: int | None, **of: object) -> None:
    """A second goes by, and one more look; a number is a beat that came in since."""
    await trio.sleep(1.0)
    if number is not None:
        register.theirs, register.revision = {ALPHA: beating(number, **of)}, number  # type: ignore[arg-type]
    await one.look(register)


async def test_a_witness_says_what_it_read_and_how_it_stands(autojump_clock: MockClock) -> None:
    one, register = lookout(STANDBY), Register()
    assert one.board.guard("standby").sight == Sight("alpha")
    assert one.board.watch("alpha") == Watch("alpha", 30.0, seen_until=0.0)
    await looked(one, register, None)
    await looked(one, register, 4)
    await looked(one, register, 5)
    await one.look(register, stopped=True)
    beats = [decode_witness(value) for _, value, _ in register.written]
    assert {(own, theirs) for own, _, theirs in register.written} == {("/p/witnesses/alpha/bravo", ALPHA)}
    assert [(one.number, one.echo_run, one.echo, one.stopped) for one in beats] == [
        (1, "", 0, False),
        (2, "", 0, False),
        (3, "run-1", 4, False),
        (4, "run-1", 5, True),
    ]
    assert (beats[0].run, beats[0].machine, set(beats[0].accounts)) == ("w-1", "machine-2", {"options"})
    assert one.board.lines["alpha"] == Line(3, 0, EPOCH + 3.0)


async def test_a_witness_tells_what_it_did_in_a_trip_that_is_not_over(autojump_clock: MockClock) -> None:
    one, register = lookout(STANDBY), Register()
    one.board.post("standby", facts.SessionOpened(0.0, can_cancel=True))
    one.board.post("standby", facts.StoodBy(0.0))
    for number in (1, 2):
        await looked(one, register, number)
    await one.look(register)

    def last() -> WitnessTold:
        return decode_witness(register.written[-1][1]).accounts["options"]

    identity = one.board.guard("standby").identity
    assert identity is not None
    assert last() == WitnessTold(True, "armed", key=identity.credential)
    while one.board.guard("standby").trip is None:
        await looked(one, register, None)
    one.board.post("standby", facts.RoundDone(trio.current_time(), 3, 0))
    await one.look(register)
    assert last() == WitnessTold(False, "tripping", 3, WHY, identity.credential)
    one.board.post("standby", facts.TripDone(trio.current_time(), presumed=False))
    await one.look(register)
    assert last() == WitnessTold(False, "tripped", 3, WHY, identity.credential)
    one.board.post("standby", facts.Tripped(trio.current_time(), Cause.OPERATOR, "alice"))
    await one.look(register)
    assert last().because == "tripped by alice"
    one.board.post("standby", facts.Disarmed(trio.current_time(), "alice"))
    await one.look(register)
    assert last() == WitnessTold(False, "disarmed", key=identity.credential)


async def test_an_observing_witness_says_that_it_would_not_cancel(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    one, register = lookout(replace(STANDBY, observe=True)), Register()
    one.board.post("standby", facts.SessionOpened(0.0, can_cancel=True))
    one.board.post("standby", facts.StoodBy(0.0))
    for number in (1, 2, *[None] * 20, 3, *[None] * 20):
        await looked(one, register, number)
    assert not any(decode_witness(value).accounts["options"].can for _, value, _ in register.written)
    words = "standby: would have tripped, but is only observed: host alpha: not heard for 15 s"
    assert said(caplog, "would_have_tripped") == [words, words]
    assert one.board.guard("standby").trip is None


async def test_a_witness_tells_of_each_death_and_return_of_a_host_once(autojump_clock: MockClock) -> None:
    one, register = lookout(STANDBY), Register()
    for number in (1, 2, 3, *[None] * 20, 4, 5):
        await looked(one, register, number)
    await looked(one, register, 6, stopped=True)
    await looked(one, register, 7, stopped=True)
    await looked(one, register, 8, run="run-2")
    assert told(one.board, "host_dead", "host_heard") == [
        "host alpha: dead: not heard for 15 s",
        "host alpha: heard",
        "host alpha: its daemon was stopped",
        "host alpha: heard",
    ]
    assert {event.watch for event in one.board.events if event.event.startswith("host_")} == {"alpha"}


async def test_a_witness_that_is_blind_says_so_once_and_again_when_it_sees(autojump_clock: MockClock) -> None:
    one, register = lookout(STANDBY), Register()
    for number in (1, 2):
        await looked(one, register, number)
    register.fails = FULL
    began_at = trio.current_time() + 1.0
    for _ in range(3):
        await looked(one, register, None)
    sight = one.board.guard("standby").sight
    assert sight is not None
    assert (sight.blind_since, sight.blind_because, sight.heard_at) == (began_at, "etcd is full", began_at - 1.0)
    assert one.board.lines["alpha"] == Line(2, 3, EPOCH + began_at - 1.0, began_at, "etcd is full")
    register.fails = None
    await looked(one, register, None)
    sight = one.board.guard("standby").sight
    assert sight is not None
    assert (sight.blind_since, sight.blind_because) == (None, "")
    assert one.board.watch("alpha").counted_from == trio.current_time(), "a living desk gets time to be heard"
    await looked(one, register, None)
    assert told(one.board, "witness_blind", "witness_sees") == [
        "blind: whether alpha lives is not known, and nothing is cancelled for that: etcd is full",
        "sees alpha again after 3.0 s",
    ]


async def test_what_cannot_be_read_is_told_once_skipped_and_read_again_when_it_can_be(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    one, register = lookout(STANDBY), Register()
    await looked(one, register, 1)
    for revision in (2, 3, 3):
        register.theirs, register.revision = {ALPHA: b"garbage"}, revision
        await looked(one, register, None)
        sight = one.board.guard("standby").sight
        assert sight is not None
        assert sight.faults[0].startswith("what stands under the name of alpha cannot be read and is skipped: ")
    assert len(said(caplog, "beat_unreadable")) == 1
    assert said(caplog, "beat_unreadable")[0].startswith("what alpha writes cannot be read, and is skipped: ")
    register.theirs = {ALPHA: beating(4)}
    await looked(one, register, None)
    sight = one.board.guard("standby").sight
    assert sight is not None
    assert sight.faults == ()
    assert one._seen["alpha"].beat is not None
    assert one._seen["alpha"].beat.number == 4, "though its revision is the same"


@pytest.mark.parametrize(("after", "twins"), [(0.0, True), (TIMEOUT - 0.5, True), (TIMEOUT, False)])
async def test_two_daemons_that_beat_by_turns_are_twins_for_one_timeout(
    after: float, twins: bool, autojump_clock: MockClock
) -> None:
    one, register = lookout(STANDBY), Register()

    async def beats(number: int, run: str) -> bool:
        await looked(one, register, number, run=run)
        entry = Exchange(trio.current_time(), trio.current_time(), None, ())
        return one._read("alpha", one._seen["alpha"], entry).twins

    assert [await beats(1, "run-1"), await beats(2, "run-1"), await beats(3, "run-2")] == [False] * 3, "a restart"
    assert await beats(4, "run-1"), "back again"
    await trio.sleep(after)
    entry = Exchange(trio.current_time(), trio.current_time(), None, ())
    assert one._read("alpha", one._seen["alpha"], entry).twins is twins


async def test_who_is_a_witness_no_more_leaves_nothing_behind(autojump_clock: MockClock) -> None:
    other = replace(deribit("other"), witness_of="gamma/desk", on_trip="cancel")
    one, register = lookout(STANDBY, other), Register()
    assert set(one.board.watches()) == {"alpha", "gamma"}
    await one.look(register)
    one.apply([other])
    assert (set(one.board.watches()), set(one.board.lines)) == ({"gamma"}, {"gamma"})
    register.fails = FULL
    await one.look(register)
    register.fails = None
    await one.look(register)
    await one.look(register)
    assert register.deleted == ["/p/witnesses/alpha/bravo"] * 2, "until it goes through"
    one.apply([STANDBY, other])
    await one.look(register)
    assert register.written[-2][0].startswith("/p/witnesses/")


def test_what_is_known_of_a_desk_that_an_account_watches_over_no_more_is_let_go() -> None:
    moment = Clock(lambda: 5.0, lambda: EPOCH)
    for account, known, after in (
        (STANDBY, Sight("alpha", 15.0, 4.0), Sight("alpha", 15.0, 4.0)),
        (STANDBY, Sight("gamma", 15.0, 4.0), Sight("alpha")),
        (STANDBY, None, Sight("alpha")),
        (deribit("standby"), Sight("alpha", 15.0, 4.0), None),
        (deribit("standby"), None, None),
    ):
        made = Board.new(moment)
        made.add(account)
        made.post("standby", facts.Sighted(4.0, known))
        Lookout(made, "/p/", "bravo", "w-1", "machine-2", 30.0).begin()
        assert made.guard("standby").sight == after


async def test_a_witness_looks_every_second_however_slow_a_desk_is(autojump_clock: MockClock) -> None:
    one, register = lookout(STANDBY), Register()
    with trio.move_on_after(5.5):
        await one.keep(register)
    assert len(register.written) == 6
    assert one.board.guard("standby").phase(5.5) is not Phase.ARMED
