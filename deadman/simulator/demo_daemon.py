"""The demo's daemon: `deadman run` in a process that ends with the demo, however that ends. Stopping is silence."""

from __future__ import annotations

import os
import sys
import threading

from deadman.cli import main


def _end_with_stdin() -> None:
    """Nothing is ever written there: it ends when the demo does, killed or not."""
    while os.read(0, 4096):
        pass
    os._exit(0)


if __name__ == "__main__":
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    sys.exit(main(["run", *sys.argv[1:]]))
