"""Two hosts, one of which dies or seems to: what the witness cancels, what it never does, and what both say."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
import trio
from trio.testing import MockClock

from deadman.cluster.beats import decode_desk, desk_key, encode_desk
from deadman.model.guard import Phase
from deadman.model.promise import NOTICE
from deadman.model.settings import REPLY_TIMEOUT, Selection
from deadman.model.sight import DeskBeat, noticed_within
from deadman.simulator.deribit.connection import Cause
from deadman.status.headline import headline
from tests.cluster.simulated import OPTIONS, TIMEOUT, WITNESS, SimulatedPair, lay_out_pair, open_pair
from tests.swarm.world.accounts import DERIBIT_HOST, deribit_account

BOUND = noticed_within(TIMEOUT) + NOTICE + REPLY_TIMEOUT


@pytest.fixture
def clock(autojump_clock: MockClock) -> MockClock:
    return autojump_clock


Play = Callable[[SimulatedPair], Awaitable[None]]


def paired(play: Play) -> Callable[[MockClock], Awaitable[None]]:
    """A test that is played with a pair of which the witness stands by."""

    async def test(clock: MockClock) -> None:
        async with open_pair() as pair:
            await play(pair)

    test.__name__, test.__doc__ = play.__name__, play.__doc__
    return test


@paired
async def test_a_dead_host_is_swept_within_what_its_status_promised(pair: SimulatedPair) -> None:
    fate = pair.told(pair.desk).if_host_dies
    assert (fate.orders, fate.within) == ("gone", BOUND)
    assert fate.because == "Witness bravo cancels once this host is not heard."
    await pair.die()
    assert await pair.gone(BOUND) > TIMEOUT - 4
    assert pair.witness.phase(WITNESS.name) is Phase.TRIPPED


async def test_only_the_desks_own_selection_is_cancelled(clock: MockClock) -> None:
    options = deribit_account("options", on_trip="none", cancel=Selection(label="quotes"))
    async with open_pair(options) as pair:
        pair.rest(2, label="quotes")
        await pair.die()
        await trio.sleep(BOUND)
        assert [order.label for order in pair.open] == [""] * 3


async def stop_and_start(pair: SimulatedPair) -> None:
    await pair.stop(pair.desk)
    await pair.stays(2 * TIMEOUT)
    (look,) = headline(pair.status(pair.witness)).looks
    assert "the daemon on alpha was stopped" in look
    await pair.desk.start()


async def restart(pair: SimulatedPair) -> None:
    for _ in range(5):
        await pair.stop(pair.desk)
        await trio.sleep(2)
        await pair.desk.start()
        await pair.stays(3)


async def crash(pair: SimulatedPair) -> None:
    await pair.desk.crash()
    await trio.sleep(1)
    await pair.desk.start()


async def register_down(pair: SimulatedPair) -> None:
    pair.register.down = True
    await pair.stays(2 * TIMEOUT)
    assert pair.witness.phase(WITNESS.name) is Phase.DEGRADED
    assert any("no witness hears this host since" in look for look in headline(pair.status(pair.desk)).looks)
    assert pair.told(pair.desk).if_host_dies.orders != "gone"
    pair.register.down = False


async def register_full(pair: SimulatedPair) -> None:
    pair.register.full = True
    await pair.stays(2 * TIMEOUT)
    pair.register.full = False


async def register_slow(pair: SimulatedPair) -> None:
    pair.register.seconds = 1.4
    await pair.stays(2 * TIMEOUT)
    pair.register.seconds = 0.001


async def register_restored(pair: SimulatedPair) -> None:
    backup = pair.register.backup()
    await pair.stays(40)
    pair.register.restore(backup)


async def answers_lost(pair: SimulatedPair) -> None:
    """The desk's beats are carried out, but it never hears so."""
    pair.line.deaf = True
    await pair.stays(2 * TIMEOUT)
    assert not any(one.can_cancel for one in pair.told(pair.desk).witnesses)
    pair.line.deaf = False


async def witness_blind(pair: SimulatedPair) -> None:
    pair.witness_line.cut = True
    await pair.stays(2 * TIMEOUT)
    pair.witness_line.cut = False


async def witness_crashed(pair: SimulatedPair) -> None:
    await pair.witness.crash()
    await pair.stays(2 * TIMEOUT)
    await pair.witness.start()


async def witness_stopped(pair: SimulatedPair) -> None:
    await pair.stop(pair.witness)
    await pair.stays(2 * TIMEOUT)
    assert any("witness bravo was stopped" in look for look in headline(pair.status(pair.desk)).looks)
    await pair.witness.start()


async def venue_lost(pair: SimulatedPair) -> None:
    pair.desk.network.cut(DERIBIT_HOST)
    await pair.stays(20)


async def clocks_stepped(pair: SimulatedPair) -> None:
    """Wall clocks say nothing between hosts."""
    pair.desk.host.stepped -= 3600.0
    await pair.stays(TIMEOUT + 3)
    pair.witness.host.stepped += 7200.0
    await pair.stays(TIMEOUT + 3)


MERCIES: list[Play] = [
    stop_and_start,
    restart,
    crash,
    register_down,
    register_full,
    register_slow,
    register_restored,
    answers_lost,
    witness_blind,
    witness_crashed,
    witness_stopped,
    venue_lost,
    clocks_stepped,
]


@pytest.mark.parametrize("mercy", MERCIES, ids=lambda mercy: mercy.__name__)
async def test_this_cancels_nothing_and_the_witness_stands_by_again(mercy: Play, clock: MockClock) -> None:
    async with open_pair() as pair:
        await mercy(pair)
        await pair.stays(TIMEOUT + 5)
        await pair.stands_by()
        assert len(pair.open) == 3


@paired
async def test_a_host_that_shuts_down_is_dead(pair: SimulatedPair) -> None:
    pair.desk.host.going_down = True
    await pair.stop(pair.desk)
    await pair.gone(BOUND)


@paired
async def test_a_desk_that_is_cut_off_alone_is_swept_once_and_hears_of_it(pair: SimulatedPair) -> None:
    pair.line.cut = True
    await pair.gone(BOUND + 5)
    pair.rest(2)
    await pair.stays(30)
    pair.line.cut = False
    await trio.sleep(8)
    assert any("witness bravo cancelled 3 orders: this host was not heard" in one for one in looks(pair))
    await pair.stands_by()
    assert len(pair.open) == 2


def looks(pair: SimulatedPair) -> tuple[str, ...]:
    return headline(pair.status(pair.desk)).looks


async def test_two_witnesses_at_once_do_no_harm(clock: MockClock) -> None:
    async with open_pair(witnesses=("bravo", "charlie")) as pair:
        assert "bravo and charlie" in pair.told(pair.desk).if_host_dies.because
        await pair.die()
        await pair.gone(BOUND)
        await trio.sleep(5)
        assert [one.phase(WITNESS.name) for one in pair.witnesses] == [Phase.TRIPPED] * 2


async def test_a_witness_that_starts_after_the_death_cancels_one_timeout_later(clock: MockClock) -> None:
    async with lay_out_pair() as pair:
        await pair.desk.start()
        pair.start_bots()
        pair.rest()
        await trio.sleep(10)
        await pair.die()
        await trio.sleep(100)
        await pair.witness.start()
        assert await pair.gone(BOUND) > TIMEOUT


@paired
async def test_a_witness_that_dies_in_mid_sweep_goes_on_where_it_was(pair: SimulatedPair) -> None:
    stuck = pair.market.faults(OPTIONS).stuck
    stuck |= {order.order_id: 11044 for order in pair.open}
    await pair.die()
    await pair.witness.until(Phase.TRIPPING, within=BOUND, name=WITNESS.name)
    await pair.witness.crash()
    await trio.sleep(3)
    stuck.clear()
    await pair.witness.start()
    await pair.gone(10)
    await pair.witness.until(Phase.TRIPPED, within=10, name=WITNESS.name)


@paired
async def test_a_desk_that_resumes_stands_with_its_witness_again(pair: SimulatedPair) -> None:
    await pair.die()
    await pair.gone(BOUND)
    await pair.desk.start()
    await trio.sleep(30)
    assert pair.witness.phase(WITNESS.name) is Phase.TRIPPED, "no bot has checked in"
    pair.start_bots()
    await pair.stands_by()


async def witness_deprived_of_desk(pair: SimulatedPair) -> None:
    """The desk has lost its own way to the venue, and its bot hangs."""
    pair.market.deribit.vault.keys.pop("id-options")
    for number in {one.connection for one in pair.sent_by("id-options")}:
        if number in pair.market.deribit.connections:
            pair.market.deribit.end(pair.market.deribit.connections[number], Cause.GONE)
    pair.bot.hang()
    await pair.gone(5 + 5 + 3 + 5)


@paired
async def test_a_dead_bot_is_swept_by_the_witness_where_its_desk_cannot(pair: SimulatedPair) -> None:
    await witness_deprived_of_desk(pair)
    assert pair.witness.standing(WITNESS.name).guard.trip is not None


@paired
async def test_what_a_bot_places_that_came_back_at_once_is_left_alone(pair: SimulatedPair) -> None:
    pair.bot.scope.cancel()
    while pair.desk.board.watch("quoter").died_at is None or said_of_bot(pair) != "dead":
        await trio.sleep(0.01)
    pair.start_bots()
    pair.rest(2)
    await trio.sleep(0.1)
    assert said_of_bot(pair) == "alive", "not only when the next beat is due"
    await pair.stays(10)


def said_of_bot(pair: SimulatedPair) -> str:
    beat = pair.register.entries[desk_key("deadman/", "alpha")].value
    return decode_desk(beat).bots["quoter"].state


@paired
async def test_an_operator_disarms_trips_and_holds_at_the_witness(pair: SimulatedPair) -> None:
    await pair.witness.command("disarm", WITNESS.name)
    await trio.sleep(8)
    assert not any(one.can_cancel for one in pair.told(pair.desk).witnesses)
    await pair.witness.command("arm", WITNESS.name)
    await pair.stands_by()
    await pair.witness.command("hold", watch="alpha", **{"for": 40})
    await trio.sleep(5)
    assert pair.told(pair.desk).if_host_dies.orders != "gone", "nothing is cancelled while the desk is on hold there"
    assert pair.told(pair.witness).if_host_dies.orders == "unknown"
    assert not pair.told(pair.witness).protected
    assert "alpha is on hold here" in pair.told(pair.witness).sight.awaits  # type: ignore[union-attr]
    await pair.die()
    await pair.stays(30)
    await pair.gone(10 + 5 + 5)


@paired
async def test_a_witness_that_only_observes_claims_nothing(pair: SimulatedPair) -> None:
    await pair.witness.reload(replace(pair.witness.accounts[WITNESS.name], observe=True))
    await trio.sleep(8)
    assert not pair.told(pair.witness).protected
    assert "only observes" in pair.told(pair.witness).sight.awaits  # type: ignore[union-attr]
    assert pair.told(pair.desk).if_host_dies.orders != "gone"
    await pair.die()
    await pair.stays(30)


@paired
async def test_a_disarmed_account_is_left_alone_by_everybody(pair: SimulatedPair) -> None:
    await pair.desk.command("disarm", OPTIONS.name)
    await trio.sleep(5)
    await pair.die()
    await pair.stays(2 * TIMEOUT)
    assert pair.witness.phase(WITNESS.name) is Phase.WAITING


@paired
async def test_a_witness_of_a_dead_host_is_not_armed(pair: SimulatedPair) -> None:
    """It would sweep once more, and with it what people placed by hand."""
    await pair.die()
    await pair.gone(BOUND)
    pair.rest(1)
    answer = await pair.witness.command("arm", WITNESS.name)
    told = answer["accounts"][WITNESS.name]
    assert told["words"].startswith("left alone: host alpha is dead and would trip it at once")
    await pair.stays(30)


@paired
async def test_an_operators_trip_at_the_witness_stays_until_he_arms(pair: SimulatedPair) -> None:
    await pair.witness.command("trip", WITNESS.name)
    assert not pair.open
    await trio.sleep(30)
    assert pair.witness.phase(WITNESS.name) is Phase.TRIPPED
    await pair.witness.command("arm", WITNESS.name)
    await pair.stands_by()


@paired
async def test_a_reload_makes_a_witness_and_ends_one(pair: SimulatedPair) -> None:
    account = pair.witness.accounts[WITNESS.name]
    await pair.witness.reload(replace(account, witness_of=None))  # type: ignore[call-arg]
    await trio.sleep(8)
    assert pair.told(pair.desk).witnesses == (), "nothing is left for which the desk would wait"
    assert "alpha" not in pair.witness.board.watches()
    await pair.witness.reload(account)
    await pair.stands_by()
    await pair.die()
    await pair.gone(BOUND)


@paired
async def test_a_reload_that_changes_nothing_keeps_the_very_session(pair: SimulatedPair) -> None:
    logins = [one.method for one in pair.sent_by("id-bravo-options")].count("public/auth")
    await pair.witness.reload(pair.witness.accounts[WITNESS.name])
    await pair.stays(10)
    assert [one.method for one in pair.sent_by("id-bravo-options")].count("public/auth") == logins
    assert pair.is_standing_by


@paired
async def test_another_daemon_of_the_same_name_is_told_of(pair: SimulatedPair) -> None:
    clone = encode_desk(DeskBeat("a clone", 1, TIMEOUT))
    for _ in range(8):
        pair.register.put("deadman/desks/alpha/beat", clone)
        await trio.sleep(1.37)  # at no instant at which somebody beats or looks
    assert any("another daemon beats as alpha" in look for look in looks(pair))
    assert pair.told(pair.desk).if_host_dies.orders != "gone", "one host's death would be hidden by the other"
    assert "two daemons beat as alpha" in pair.told(pair.witness).sight.awaits  # type: ignore[union-attr]
    assert pair.witness.phase(WITNESS.name) is Phase.WAITING
    await trio.sleep(2 * TIMEOUT)
    assert pair.is_standing_by, "once it has the name alone"


HUGE = b'{"v":1,"run":"r","beat":1' + 400 * b"0" + b',"timeout":15}'


@pytest.mark.parametrize("garbage", [b"", b"hello", b'{"v":9}', b'{"v":1,"run":7}', b"\xff\xfe", b"[" * 9999, HUGE])
async def test_what_cannot_be_read_is_told_and_skipped(garbage: bytes, clock: MockClock) -> None:
    async with open_pair() as pair:
        pair.register.put("deadman/witnesses/alpha/stranger", garbage)
        await trio.sleep(8)
        assert pair.is_standing_by, "the desk goes on, and so does its own witness"
        pair.line.cut = True
        pair.register.put("deadman/desks/alpha/beat", garbage)
        await trio.sleep(3)
        assert "cannot be read and is skipped" in pair.told(pair.witness).sight.faults[0]  # type: ignore[union-attr]


@paired
async def test_a_desk_that_resumes_in_mid_sweep_hears_of_it_and_the_sweep_is_ended(pair: SimulatedPair) -> None:
    stuck = pair.market.faults(OPTIONS).stuck
    stuck |= {pair.open[0].order_id: 11044}
    await pair.die()
    await pair.witness.until(Phase.TRIPPING, within=BOUND, name=WITNESS.name)
    await trio.sleep(3)
    await pair.desk.start()
    pair.start_bots()
    await trio.sleep(8)
    assert any("witness bravo cannot cancel now (it is tripping)" in look for look in looks(pair))
    assert any("witness bravo cancelled 2 orders: this host was not heard" in look for look in looks(pair))
    assert pair.desk.phase(OPTIONS.name) is Phase.ARMED
    stuck.clear()
    await pair.gone(10)
    await pair.stands_by()
