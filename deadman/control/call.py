"""A request for a change, by somebody who may."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deadman.board import Board
from deadman.control.policy import Peer

log = logging.getLogger(__name__)

Result = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """`name` is the user's, as facts and people know it."""

    board: Board
    method: str
    params: Mapping[str, Any]
    peer: Peer
    name: str

    @property
    def now(self) -> float:
        return self.board.clock.now()

    @property
    def slept(self) -> float:
        return self.board.clock.slept()

    def log(self, subject: str, reason: str) -> None:
        """Every change is told with who and why, before it is done."""
        who = {"user": self.name, "uid": self.peer.uid, "pid": self.peer.pid}
        log.warning(
            "%s %s by %s (uid %d, pid %d): %s",
            self.method,
            subject,
            *who.values(),
            reason or "no reason given",
            extra={"event": f"operator_{self.method}", "reason": reason, **who},
        )
