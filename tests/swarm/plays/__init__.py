"""What is played. `PLAYS` has the cells of every play by its name; a new play is one file and one line here."""

from collections.abc import Callable, Iterable, Mapping

from tests.swarm.plays import absences, edits, environment, matrix, scale
from tests.swarm.plays.stage import Cell

PLAYS: Mapping[str, Callable[[], Iterable[Cell]]] = {
    "absences": absences.cells,
    "edits": edits.cells,
    "matrix": matrix.cells,
    "scale": scale.cells,
    "environment": environment.cells,
}
