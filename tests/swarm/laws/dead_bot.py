"""How long a dead bot lives, by our own waking time."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from deadman.model.settings import Account
from tests.swarm.laws.goodbyes import CAUGHT_UP, Goodbyes
from tests.swarm.laws.law import Law, Scene
from tests.swarm.laws.pulse import Pulse

GRACE = 1.0
KNOWN = 1.0
"""Seconds of running after which what was heard is also on a disk that works."""


@dataclass
class Silence:
    """Of one watch: seconds of our waking time since it was last heard, and whether any run of ours knows of it.

    `up`: seconds of running since it first checked in, of this run or after its goodbye.
    """

    heard: int = 0
    waking: float = 0.0
    up: float = 0.0
    known: bool = False


class DeadBot(Law):
    """One absence of ours excuses one timeout: a dead bot is tripped within two timeouts of our waking time."""

    name = "dead bot"

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self.silences: dict[str, Silence] = {}
        self.live: dict[str, float] = {}
        self.looked_at = 0.0
        self.damaged = 0
        self.goodbyes = Goodbyes(scene)

    def on_start(self) -> None:
        """A damaged file makes a new beginning of it: every bot counts as alive, which is told loudly.

        Once: where no sound one could be written, the next start finds the same damage.
        """
        found = self.desk.host.disk.aside
        aside, self.damaged = self.damaged, len(found)
        fresh = self.damaged > aside and found[-1:] != found[-2:-1]
        for name, silence in self.silences.items():
            silence.heard, silence.up = len(self.scene.pulses[name].heard), 0.0
            if fresh:
                silence.waking = 0.0
        self.goodbyes.on_start()

    def on_end(self) -> None:
        """What was heard just before may have been read."""
        self.goodbyes.on_end()
        for pulse in self.scene.pulses.values():
            self._count(self.silences.setdefault(pulse.name, Silence()), pulse, 0.0)

    def look(self) -> None:
        passed, self.looked_at = min(self.scene.now - self.looked_at, 2 * self.scene.step), self.scene.now
        self.goodbyes.look()
        self._count_live(passed)
        for pulse in self.scene.pulses.values():
            silence = self.silences.setdefault(pulse.name, Silence())
            if self.desk.running:
                self._count(silence, pulse, passed)
                self._judge(silence, pulse)

    def _count(self, silence: Silence, pulse: Pulse, passed: float) -> None:
        since = passed
        if len(pulse.heard) != silence.heard or self._is_excused(pulse):
            silence.heard, silence.waking = len(pulse.heard), 0.0
            since = min(passed, max(0.0, self.scene.now - pulse.heard[-1])) if pulse.heard else passed
        silence.waking += since
        is_gone = pulse.quiet_from < inf
        silence.up = silence.up + passed if pulse.heard and not is_gone else 0.0
        silence.known &= not is_gone
        if silence.up > KNOWN and self.goodbyes.well >= CAUGHT_UP:
            silence.known = True

    def _is_excused(self, pulse: Pulse) -> bool:
        """On hold, gone with a goodbye, or not watched."""
        watch = self.desk.board.watches().get(pulse.name)
        gone = self.scene.now >= pulse.quiet_from or pulse.name in self.goodbyes.perhaps
        return watch is None or watch.held(self.scene.now) or (gone and self._may_go(pulse))

    def _may_go(self, pulse: Pulse) -> bool:
        """Its goodbye trips nothing."""
        watch = self.desk.watches.get(pulse.name)
        return watch is not None and watch.on_stopping == "release"

    def _judge(self, silence: Silence, pulse: Pulse) -> None:
        timeout = self.desk.watches[pulse.name].timeout if pulse.name in self.desk.watches else pulse.timeout
        if not silence.known or silence.waking <= 2 * timeout + GRACE:
            return
        for account in self.desk.accounts.values():
            if pulse.name in account.watches and self.live.get(account.name, 0.0) > 2 * timeout + GRACE:
                said = f"{account.name}: {pulse.name} was last heard {silence.waking:.1f} s of our waking time ago"
                self.expect(False, f"{said}, with a timeout of {timeout:g} s, and nothing has tripped")

    def _count_live(self, passed: float) -> None:
        """Seconds of our waking time for which each account could have been tripped.

        One that may have taken another's place waits for its bots: what they were silent for may be the other's.
        """
        if self.desk.running:
            lives = [name for name, account in self.desk.accounts.items() if self._lives(account)]
            self.live = {name: self.live.get(name, 0.0) + passed for name in lives}

    def _lives(self, account: Account) -> bool:
        standing = self.scene.standings.get(account.name)
        if standing is None or account.observe or account.on_trip == "none":
            return False
        guard = standing.guard
        is_its_own = guard.taken_on_at is None
        return guard.trip is None and guard.disarm is None and not guard.awaited and is_its_own
