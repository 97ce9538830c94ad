"""The dashboard's panels and what they ask, as Grafana would ask it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from deadman.cli.files import packaged

Panel = dict[str, Any]

FILLED_IN = {
    "$__rate_interval": "1m",
    "$__range": "15m",
    "$job": ".+",
    "$instance": ".+",
    "$account": ".+",
}
"""Variables as Grafana fills them in, the longer names first."""


def dashboard() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(packaged("dashboard.json"))
    return loaded


def panels() -> list[Panel]:
    """Panels that show something; rows are only headings."""
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def targets() -> Iterator[tuple[str, str]]:
    """Each panel's title and expression, with its variables filled in."""
    for panel in panels():
        for target in panel["targets"]:
            yield panel["title"], filled_in(target["expr"])


def filled_in(expression: str) -> str:
    for variable, value in FILLED_IN.items():
        expression = expression.replace(variable, value)
    return expression
