"""What a reading of the switch does to the claim."""

from __future__ import annotations

from deadman.model import facts
from deadman.model.facts import Fact
from tests.swarm.laws.law import Law, Scene


class ReadOff(Law):
    """Read as off: not protected, until read as on."""

    name = "read off"

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self.off: dict[str, object] = {}

    def on_fact(self, account: str, fact: Fact) -> None:
        match fact:
            case facts.SwitchRead(scope="account", enabled=True):
                self.off.pop(account, None)
            case facts.SwitchRead(scope="account", enabled=False):
                self.off[account] = self._place(account)

    def look(self) -> None:
        if not self.desk.running:
            return
        for name, standing in self.scene.standings.items():
            is_off = name in self.off and self.off[name] == self._place(name)
            claimed = is_off and standing.guard.protected(self.scene.now)
            self.expect(not claimed, f"{name}: protected, and the switch was last read as off")

    def _place(self, name: str) -> object:
        """The venue's account that the name leads to now."""
        account = self.scene.account(name)
        return None if account is None else (self.desk.market.venue(account), self.desk.market.owner(account))
