"""Bugs that a witness might have, planted: each is caught by a play. And a short day without any."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random

import pytest
import trio
from trio.testing import MockClock

from deadman.cluster.desk import Desk
from deadman.cluster.etcd import Exchange
from deadman.cluster.lookout import Lookout
from deadman.config.load import account_keys
from deadman.model import facts, witness
from deadman.model.board import Board
from deadman.model.errors import VenueError
from deadman.model.facts import Cause
from deadman.model.sight import DeskBeat, Witness, WitnessBeat
from deadman.model.watch import Watch
from deadman.model.witness import Sighting
from tests.cluster import days
from tests.cluster.edits import AT_THE_WITNESS
from tests.cluster.laws import Laws
from tests.cluster.scene import Scene
from tests.cluster.simulated import OPTIONS, TIMEOUT, WITNESS, SimulatedPair, lay_out_pair, open_pair
from tests.cluster.test_pair import BOUND, Play, clocks_stepped, register_down, witness_deprived_of_desk
from tests.cluster.troubles import die
from tests.swarm.laws.record import Record
from tests.swarm.troubles.edits import BESIDE_ANOTHER_HOST

Plant = Callable[[pytest.MonkeyPatch], None]


@pytest.fixture
def clock(autojump_clock: MockClock) -> MockClock:
    return autojump_clock


def trips_on_blindness(plant: pytest.MonkeyPatch) -> None:
    """What cannot be read counts as read, and unchanged."""
    blind = Lookout._be_blind

    def be_blind(self: Lookout, desk: str, error: VenueError) -> None:
        blind(self, desk, error)
        self._seen[desk].is_blind = False
        now = self.board.clock.now()
        host = replace(self.board.watch(desk), seen_until=now)
        self.board.put_watch(host)
        if host.silent(now):
            for name in self._accounts_of(desk):
                self.board.post(name, facts.Tripped(now, Cause.HOST, desk))

    plant.setattr(Lookout, "_be_blind", be_blind)


def believes_an_old_echo(plant: pytest.MonkeyPatch) -> None:
    """An echo is believed whatever run it is of."""
    read = Desk._witness

    def believe(self: Desk, name: str, beat: WitnessBeat, account: str, now: float) -> Witness:
        return replace(read(self, name, beat, account, now), echoed_at=now)

    plant.setattr(Desk, "_witness", believe)


def sees_the_edge_alone(plant: pytest.MonkeyPatch) -> None:
    """As a lease does: what had ended before it looked is not seen to end."""
    after = witness.after_look

    def after_look(host: Watch, look: Sighting) -> Watch:
        return after(host, replace(look, present=look.present and host.counted_from is not None))

    plant.setattr("deadman.cluster.lookout.after_look", after_look)


def ignores_the_dead(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(witness, "_dead_bot", lambda case: None)


def counts_by_the_desks_clock(plant: pytest.MonkeyPatch) -> None:
    """The beat's age is taken between two hosts' wall clocks."""
    sent: dict[tuple[str, int], float] = {}
    beat, take_in = Desk._beat, Lookout._take_in

    def dated(self: Desk, number: int, now: float, stopped: bool) -> DeskBeat:
        sent[self.run, number] = self.board.clock.timestamp()
        return beat(self, number, now, stopped)

    def aged(self: Lookout, desk: str, done: Exchange) -> None:
        take_in(self, desk, done)
        seen = self._seen[desk].beat
        age = 0.0 if seen is None else age_of(self.board, sent.get((seen.run, seen.number)))
        for name in self._accounts_of(desk) if age >= TIMEOUT else ():
            self.board.post(name, facts.Tripped(self.board.clock.now(), Cause.HOST, desk))

    plant.setattr(Desk, "_beat", dated)
    plant.setattr(Lookout, "_take_in", aged)


def age_of(board: Board, timestamp: float | None) -> float:
    return 0.0 if timestamp is None else board.clock.timestamp() - timestamp


async def echo_of_an_old_run(pair: SimulatedPair) -> None:
    """While the witness is cut off the desk starts anew: what stands in the register speaks of the run before."""
    pair.witness_line.cut = True
    await pair.desk.crash()
    await pair.desk.start()
    await trio.sleep(8)
    assert pair.told(pair.desk).if_host_dies.orders != "gone"


async def late_witness(pair: SimulatedPair) -> None:
    await pair.witness.crash()
    pair.witness.host.disk.data = None
    await pair.die()
    await trio.sleep(60)
    await pair.witness.start()
    await pair.gone(BOUND)


def scene_of(pair: SimulatedPair) -> Scene:
    record = Record()
    return Scene(pair, Laws(pair, record), record, Random(1), {})


BROKEN = pytest.RaisesExc((AssertionError, trio.TooSlowError))

PLANTED: list[tuple[Plant, Play]] = [
    (trips_on_blindness, register_down),
    (believes_an_old_echo, echo_of_an_old_run),
    (sees_the_edge_alone, late_witness),
    (ignores_the_dead, witness_deprived_of_desk),
    (counts_by_the_desks_clock, clocks_stepped),
]


@pytest.mark.parametrize(("plant", "play"), PLANTED, ids=[plant.__name__ for plant, _ in PLANTED])
async def test_each_planted_bug_is_caught(
    plant: Plant, play: Play, clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch)
    with pytest.RaisesGroup(BROKEN, allow_unwrapped=True, flatten_subgroups=True):
        async with open_pair() as pair:
            await play(pair)


@pytest.mark.parametrize("play", [echo_of_an_old_run, late_witness], ids=lambda play: play.__name__)
async def test_without_it_the_play_ends_well(play: Play, clock: MockClock) -> None:
    async with open_pair() as pair:
        await play(pair)


def test_a_short_day_of_deaths_breaks_no_law(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("TROUBLES", {"death": die}), ("OFTEN", ()), ("LINES", ("death",))):
        monkeypatch.setattr(days, name, value)
    day = days.perform(7, 40.0, 3, (1.0, 20.0))
    assert day.record.violations == []
    assert min(day.record.reached[what] for what in ("promised", "death judged", "witness tripped by host")) >= 3


def test_every_key_that_needs_another_host_is_edited_here() -> None:
    names = {name.partition(" ")[0] for name in AT_THE_WITNESS}
    assert names >= BESIDE_ANOTHER_HOST
    assert {key.name for key in account_keys("deribit")} >= names - {"gone"}


@pytest.mark.parametrize("name", [name for name in sorted(AT_THE_WITNESS) if name.startswith("witness_of")])
async def test_who_watches_over_another_from_now_on_leaves_the_orders_alone(name: str, clock: MockClock) -> None:
    """And is the witness of the one before again once it is put back."""
    async with open_pair() as pair:
        account = pair.witness.accounts[WITNESS.name]
        other = AT_THE_WITNESS[name](scene_of(pair), account)
        assert other is not None
        assert await pair.witness.reload(other)
        await trio.sleep(3)
        assert pair.told(pair.witness).phase == "waiting"
        await pair.die()
        await pair.stays(2 * TIMEOUT + BOUND)
        assert await pair.witness.reload(account)
        await pair.gone(TIMEOUT + BOUND)


async def test_without_a_cluster_nothing_is_said_to_anybody(clock: MockClock) -> None:
    async with lay_out_pair() as pair:
        pair.desk.cluster = None
        await pair.desk.start()
        await trio.sleep(30)
        assert pair.register.entries == {}
        assert pair.status(pair.desk).cluster is None
        assert pair.told(pair.desk).if_host_dies.orders == "partly"
        assert OPTIONS.name in pair.desk.board.standings()
