"""The names of all series that a daemon shows, asked of its own registry."""

from __future__ import annotations

from deadman.model import facts
from deadman.model.watch import Watch
from deadman.telemetry.scrape import registry
from tests.support.boards import deribit, hand, sxbet


def metric_names() -> set[str]:
    held = hand(deribit("desk"), sxbet("maker"))
    held.board.put_watch(Watch("quoter", 5.0))
    held.post("desk", facts.Erred(held.now, "13004"), facts.OrdersCounted(held.now, 3))
    return {sample.name for family in registry(held.board).collect() for sample in family.samples}
