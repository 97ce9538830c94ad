"""What may end the daemon."""

from __future__ import annotations

from tests.swarm.laws.law import Law


class Running(Law):
    """The daemon ends only when somebody ends it: whatever fails around it is trouble, and no reason to stop."""

    name = "running"

    def look(self) -> None:
        if self.desk.running and self.desk.life.ended.is_set():
            self.expect(False, f"the daemon has ended: {self.desk.life.fault!r}")
            self.desk.running = False
