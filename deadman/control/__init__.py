"""The operator's hand: one Unix socket for looking and for changing.

`serve` answers it; `end_disarms` ends those that were given a time.
"""

from __future__ import annotations

from deadman.control.disarms import end_disarms
from deadman.control.policy import Policy
from deadman.control.server import serve

__all__ = ["Policy", "end_disarms", "serve"]
