"""A stage: a desk on which every law is watched, and the cells that are played there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import trio
from trio.testing import MockClock

from deadman.model.guard import Phase
from deadman.model.settings import Account, WatchConfig
from deadman.simulator.sxbet.ledger import Settings
from tests.swarm.laws import LAWS
from tests.swarm.laws.law import Audit, Scene
from tests.swarm.laws.pulse import Pulse
from tests.swarm.laws.record import Record, Troubles, listening
from tests.swarm.world.bot import Bot
from tests.swarm.world.desk import Desk, lay_out
from tests.swarm.world.secrets import secrets

CALM = 3.0
"""Seconds at the end of a cell in which the laws look once more."""


class Failed(AssertionError):
    """A world in which something was wrong, and how to see it again."""


@dataclass
class Stage:
    """`trouble` tells the laws that something is wrong: some of them hold only while nothing is."""

    desk: Desk
    scene: Scene
    audit: Audit
    clock: MockClock

    @property
    def record(self) -> Record:
        return self.scene.record

    @contextmanager
    def trouble(self, name: str) -> Iterator[None]:
        self.record.tell(f"begins: {name}")
        self.scene.troubles.begin(name)
        try:
            yield
        finally:
            self.scene.troubles.end(name)
            self.record.tell(f"over: {name}")

    async def armed(self, *names: str, within: float = 10.0) -> None:
        for name in names or self.desk.accounts:
            await self.desk.until(Phase.ARMED, within=within, name=name)

    async def trading(self, *accounts: Account, number: int = 3, watch: str = "quoter") -> Bot:
        """A bot that checks in, and once the accounts are armed has orders resting on each."""
        bot = self.desk.bot(watch)
        await self.armed(*(account.name for account in accounts))
        for account in accounts:
            bot.place(account, number=number)
        return bot


Story = Callable[[Stage], Awaitable[None]]


@dataclass(frozen=True)
class Cell:
    """One small world: `name` finds it again, and one of each `kind` is played on every run.

    The story begins with the daemon not started, and may raise nothing but what the laws know nothing of:
    a story is no test of its own. What it claims besides, it says by `stage.record.expect`.
    """

    play: str
    name: str
    kind: str
    story: Story
    accounts: tuple[Account, ...]
    watches: tuple[WatchConfig, ...] = ()
    seed: int = 1
    sxbet: Settings = field(default_factory=Settings)


@asynccontextmanager
async def open_stage(
    clock: MockClock,
    *accounts: Account,
    watches: Iterable[WatchConfig] = (),
    seed: int = 1,
    sxbet: Settings = Settings(),  # noqa: B008  it is frozen
) -> AsyncIterator[Stage]:
    """A desk whose daemon has not been started, under all laws. Whatever breaks one stands in the stage's record."""
    async with lay_out(*accounts, watches=watches, seed=seed, sxbet=sxbet) as desk:
        pulses = {name: Pulse(name, watch.timeout) for name, watch in desk.watches.items()}
        scene = Scene(desk, Record(), Troubles(), pulses)
        desk.observers.append(scene.record.note)
        desk.listeners.append(partial(hear, scene))
        with listening(scene.record, partial(secrets, desk)):
            audit = Audit.of(scene, LAWS)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(audit.watch)
                yield Stage(desk, scene, audit, clock)
                nursery.cancel_scope.cancel()


def hear(scene: Scene, watch: str, at: float, words: bytes, heard: bool) -> None:
    """A bot's datagram; the pulse of a watch that is new begins with it."""
    known = scene.desk.watches.get(watch)
    pulse = scene.pulses.setdefault(watch, Pulse(watch, known.timeout if known else 1.0))
    pulse.timeout = known.timeout if known else pulse.timeout
    pulse.hear(at, words, heard)


@contextmanager
def deterministic(seed: int) -> Iterator[None]:
    """Trio runs tasks in an order of chance; here it is the seed's. The knob is private: trio's own tests turn it."""
    run: Any = trio._core._run
    before, state = run._ALLOW_DETERMINISTIC_SCHEDULING, run._r.getstate()
    run._ALLOW_DETERMINISTIC_SCHEDULING = True
    run._r.seed(seed)
    try:
        yield
    finally:
        run._ALLOW_DETERMINISTIC_SCHEDULING = before
        run._r.setstate(state)


def perform(cell: Cell) -> Scene:
    """Play one cell to its end, whatever it breaks."""
    clock, played = MockClock(autojump_threshold=0), []

    async def run() -> None:
        async with open_stage(clock, *cell.accounts, watches=cell.watches, seed=cell.seed, sxbet=cell.sxbet) as stage:
            played.append(stage.scene)
            await cell.story(stage)
            await trio.sleep(CALM)
            stage.scene.excuses.hours = trio.current_time() / 3600

    with deterministic(cell.seed):
        trio.run(run, clock=clock)
    scene: Scene = played[0]
    return scene


def play(cell: Cell) -> Scene:
    """Play one cell. Raises Failed with the way to see it again."""
    scene = perform(cell)
    if scene.record.violations:
        told = "\n  ".join(scene.record.violations[:5])
        raise Failed(f"{cell.play} {cell.name}:\n  {told}\nreplay: python -m tests.swarm {cell.play} '{cell.name}'")
    return scene


def usual(cells: Iterable[Cell]) -> list[Cell]:
    """One cell of each kind, the first."""
    kinds: dict[str, Cell] = {}
    for cell in cells:
        kinds.setdefault(cell.kind, cell)
    return list(kinds.values())
