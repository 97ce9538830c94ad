"""What a law is: one sentence, judged at each step of every world, by facts, by what is told, and by the venues."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import trio

from deadman.model.account import Standing
from deadman.model.facts import Fact
from deadman.model.settings import Account
from deadman.simulator.exchange import Order, Received
from deadman.status.report import report
from deadman.status.schema import StatusReport
from tests.swarm.laws.excuses import Excuses
from tests.swarm.laws.pulse import Pulse
from tests.swarm.laws.record import Record, Troubles
from tests.swarm.world.desk import Desk

STEP = 0.1
"""Seconds between two looks."""

READ = 0.5
"""Seconds between two readings of what is told."""


@dataclass
class Scene:
    """All that a law may look at.

    `standings`: every account as of the present look, none while the daemon is down. `step` and `reading`: seconds
    between two looks, and between two readings of what is told; `stirred` calls for a look at once.
    """

    desk: Desk
    record: Record
    troubles: Troubles
    pulses: dict[str, Pulse] = field(default_factory=dict)
    excuses: Excuses = field(default_factory=Excuses)
    standings: dict[str, Standing] = field(default_factory=dict)
    step: float = STEP
    reading: float = READ
    stirred: trio.Event = field(default_factory=trio.Event)

    @property
    def now(self) -> float:
        return trio.current_time()

    def account(self, name: str) -> Account | None:
        """The account as the config in force has it."""
        return self.desk.accounts.get(name)


class Law:
    """The docstring of a law is its sentence, `name` what a violation and a plant call it.

    Everything below may be overridden; what is not does nothing. The daemon may be down at any moment
    (`self.scene.desk.running`): laws about what is told hold only while it runs.
    """

    name: ClassVar[str]

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.desk = scene.desk

    def look(self) -> None:
        """Every `STEP` seconds."""

    def read(self, told: StatusReport) -> None:
        """Every `READ` seconds while the daemon runs: the answer of `status`."""

    def on_fact(self, account: str, fact: Fact) -> None:
        """After it was folded in; those that a start puts back too (`self.desk.life.restoring`)."""

    def on_request(self, received: Received) -> None:
        """As it arrives at a venue, before any fault."""

    def on_order(self, order: Order) -> None:
        """An order was placed or has ended at a venue."""

    def on_ask(self, method: str, params: Mapping[str, Any]) -> None:
        """An operator asks for a change; he is answered up to ten seconds later."""

    def on_command(self, method: str, params: Mapping[str, Any], result: Mapping[str, Any]) -> None:
        """An operator was answered."""

    def before_reload(self, unchanged: set[str]) -> None:
        """A good config is about to be read again, in which these accounts and their watches are as before."""

    def after_reload(self) -> None:
        """It is in force."""

    def on_start(self) -> None:
        """A run of the daemon has begun."""

    def on_end(self) -> None:
        """A run of the daemon has ended."""

    def expect(self, held: bool, what: str) -> None:
        if not held:
            self.scene.record.violation(what, self.name)

    def excused(self, excuse: str, held: bool, what: str) -> None:
        """As `expect`, but where it does not hold the named excuse is used."""
        if not held and not self.scene.excuses.use(excuse):
            self.scene.record.violation(what, self.name)


@dataclass
class Audit:
    """Lets every law see everything. `watch` runs as long as the world does."""

    scene: Scene
    laws: list[Law]

    @classmethod
    def of(cls, scene: Scene, kinds: Iterable[Callable[[Scene], Law]]) -> Audit:
        audit = cls(scene, [kind(scene) for kind in kinds])
        audit._attach()
        return audit

    def law(self, name: str) -> Law:
        return next(law for law in self.laws if law.name == name)

    async def watch(self) -> None:
        read_at = -1.0
        while True:
            self.look()
            if trio.current_time() >= read_at + self.scene.reading:
                read_at = trio.current_time()
                self.read()
            with trio.move_on_after(self.scene.step):
                await self.scene.stirred.wait()
            self.scene.stirred = trio.Event()

    def look(self) -> None:
        desk = self.scene.desk
        self.scene.standings = desk.board.standings() if desk.running else {}
        for law in self.laws:
            law.look()

    def read(self) -> None:
        if self.scene.desk.running:
            told = report(self.scene.desk.board)
            for law in self.laws:
                law.read(told)

    def _attach(self) -> None:
        desk = self.scene.desk
        desk.observers.append(self._all("on_fact"))
        desk.askers.append(self._all("on_ask"))
        desk.hearers.append(self._all("on_command"))
        desk.reloads.append((self._all("before_reload"), self._all("after_reload")))
        desk.starts.append(self._all("on_start"))
        desk.ends.append(self._all("on_end"))
        desk.market.readers.append(self._all("on_request"))
        for venue in desk.market.venues:
            venue.exchange.observers.append(self._all("on_order"))

    def _all(self, method: str) -> Callable[..., None]:
        """Tells every law that has something to do then."""
        told = [getattr(law, method) for law in self.laws if getattr(type(law), method) is not getattr(Law, method)]

        def tell(*what: object) -> None:
            for hear in told:
                hear(*what)

        return tell
