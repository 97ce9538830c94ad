"""What is said of the venue's clock."""

from __future__ import annotations

from deadman.model.facts import CLOCK_TOLERANCE
from tests.swarm.laws.law import Law, Scene


class Clocks(Law):
    """Clocks are blamed only where they differ: a slow venue is no wrong clock."""

    name = "clocks"

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self.differ = bool(self.desk.market.sxbet.settings.clock_skew)

    def look(self) -> None:
        """Once a clock was wrong, that is told for a while."""
        self.differ |= bool(self.desk.host.stepped)
        if not self.desk.running or self.differ:
            return
        for name, standing in self.desk.board.standings().items():
            offset = standing.tally.clock_offset
            right = abs(offset) <= CLOCK_TOLERANCE
            self.expect(right, f"{name}: told {offset:.2f} s between clocks that agree")
