"""`python -m deadman`, and the `deadman` command."""

from __future__ import annotations

import sys

from deadman.cli import main

if __name__ == "__main__":
    sys.exit(main())
