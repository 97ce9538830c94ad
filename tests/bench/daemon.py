"""The daemon as users run it, with two differences: `python -m tests.bench.daemon FILE run --config CONFIG`.

It answers test_requests without end, where a real one gives a venue that asks too often no more than it must. And at
its end it writes into FILE, as JSON, how long after each check-in its board knew of it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from deadman.cli import main
from deadman.model.board import Board
from deadman.model.watch import Watch
from deadman.venues.deribit import conversation

SEEN: list[float] = []


def note(board: Board) -> None:
    def on_change(before: Watch, after: Watch) -> None:
        if after.check_ins > before.check_ins and after.last_check_in_at is not None:
            SEEN.append(board.clock.now() - after.last_check_in_at)

    board.listen_to_watches(on_change)


if __name__ == "__main__":
    conversation.TESTS_BURST = 1e9
    initialised = Board.__init__

    def noting(self: Board, *arguments: object, **named: object) -> None:
        initialised(self, *arguments, **named)  # type: ignore[arg-type]
        note(self)

    Board.__init__ = noting  # type: ignore[method-assign]
    try:
        code = main(sys.argv[2:])
    finally:
        Path(sys.argv[1]).write_text(json.dumps(SEEN))
    sys.exit(code)
