"""`python -m tests.bench [PART…]`: measure on this machine, and print a table for the page.

Parts: sessions leases scrapes watch verbs outage flood; all of them take some minutes on two cores. One more, faults,
takes a quarter of an hour and is measured only when named. Ratios are to bare clients of the same libraries in the same
run, and hold on other machines; CPU is the process's own, whoever else is busy; what is told in seconds of waiting is
not.
"""

from __future__ import annotations

import sys
import time

from tests.bench.parts import PARTS, Row


def main(arguments: list[str]) -> int:
    if not set(arguments) <= PARTS.keys():
        print(__doc__)  # noqa: T201
        return 2
    began = time.monotonic()
    _say("| figure | measured | × bare | goal |\n|---|---|---|---|")
    for part in arguments or [part for part in PARTS if part != "faults"]:
        for measure in PARTS[part]:
            try:
                for row in measure():
                    _say(_line(row))
            except TimeoutError as error:
                _say(_line(Row(part, f"given up: {error}")))
    _say(f"\n{time.monotonic() - began:.0f} s")
    return 0


def _line(row: Row) -> str:
    ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
    return f"| {row.figure} | {row.measured} | {ratio} | {row.goal} |"


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
