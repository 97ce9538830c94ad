"""`python -m tests.swarm`: play everything, or one world, and tell what was met.

python -m tests.swarm                       every play, whole
python -m tests.swarm seeds FIRST COUNT     worlds by seed
python -m tests.swarm seeds SEED            one of them, told as a story
python -m tests.swarm days FIRST COUNT      whole days of many accounts, by seed
python -m tests.swarm days SEED             one of them, told as a story
python -m tests.swarm PLAY                  every cell of a play
python -m tests.swarm PLAY NAME             one cell, told as a story
python -m tests.swarm plants                every mended defect, put back and looked for blindly
"""

from __future__ import annotations

import sys

from tests.swarm.plays import PLAYS
from tests.swarm.plays.telling import everything, sweep_days, sweep_play, sweep_seeds, tell_cell, tell_day, tell_seed
from tests.swarm.search import search


def main(arguments: list[str]) -> int:
    match arguments:
        case []:
            return everything()
        case ["seeds", seed]:
            return tell_seed(int(seed))
        case ["seeds", first, count]:
            return sweep_seeds(int(first), int(count))
        case ["days", seed]:
            return tell_day(int(seed))
        case ["days", first, count]:
            return sweep_days(int(first), int(count))
        case ["plants"]:
            return search()
        case [play] if play in PLAYS:
            return sweep_play(play)
        case [play, name] if play in PLAYS:
            return tell_cell(play, name)
    print(__doc__)  # noqa: T201
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
