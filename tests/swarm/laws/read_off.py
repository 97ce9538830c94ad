"""What a reading of the switch does to the claim."""

from __future__ import annotations

from deadman import facts
from deadman.facts import Fact
from tests.swarm.laws.law import Law, Scene


class ReadOff(Law):
    """Read as off: not protected, until read as on."""

    name = "read off"

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self.off: set[str] = set()

    def on_fact(self, account: str, fact: Fact) -> None:
        match fact:
            case facts.SwitchRead(scope="account", enabled=True):
                self.off.discard(account)
            case facts.SwitchRead(scope="account", enabled=False):
                self.off.add(account)

    def look(self) -> None:
        if not self.desk.running:
            return
        for name, standing in self.scene.standings.items():
            claimed = name in self.off and standing.guard.protected(self.scene.now)
            self.expect(not claimed, f"{name}: protected, and the switch was last read as off")
