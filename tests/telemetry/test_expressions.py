"""What is asked of Prometheus outside of rules and panels: by the guides, in the alerts' own texts, by the dashboard's
variables. Its own parser reads every expression, and each metric in them is one that we have.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from deadman.cli.files import packaged
from tests.support.dashboard_panels import dashboard, filled_in
from tests.support.metric_names import metric_names

ROOT = Path(__file__).parents[2]
GUIDES = (
    "README.md",
    ".github/CONTRIBUTING.md",
    "systemd/README.md",
    "deadman/cluster/README.md",
    "deadman/telemetry/runbook.md",
)

_METRIC = re.compile(r"\b(?:deadman|process)_\w+|\bup\b(?= *[{=])")


def written(text: str) -> Iterator[str]:
    """The expressions of a Markdown page: fenced ones, and whatever names a metric between backquotes."""
    yield from re.findall(r"^```promql\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    prose = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    yield from (span for span in re.findall(r"`([^`]+)`", prose) if _METRIC.search(span))


def asked() -> Iterator[tuple[str, str]]:
    """Where each stands, and the expression."""
    for page in GUIDES:
        yield from ((page, expression) for expression in written((ROOT / page).read_text()))
    for expression in re.findall(r'printf "((?:[^"\\]|\\.)+)"[^}]*\| query', packaged("rules.yml")):
        yield "rules.yml", expression.replace("%q", '"any"')
    for variable in dashboard()["templating"]["list"]:
        if variable["type"] == "query":
            (expression,) = re.findall(r"^label_values\((.*), \w+\)$", variable["query"]["query"])
            yield f"${variable['name']}", filled_in(expression)


def complaint(expressions: list[str], directory: Path) -> str:
    """What promtool has against them, each in a rule of its own; nothing where it can read all."""
    rules = [{"record": f"asked:{number}", "expr": expression} for number, expression in enumerate(expressions)]
    path = directory / "asked.yml"  # JSON is YAML
    path.write_text(json.dumps({"groups": [{"name": "asked", "rules": rules}]}))
    done = subprocess.run(["promtool", "check", "rules", str(path)], capture_output=True, text=True, timeout=30)
    assert done.returncode or f"{len(rules)} rules found" in done.stdout
    return done.stdout + done.stderr if done.returncode else ""


def test_expressions_between_backquotes_are_found_and_other_code_is_not() -> None:
    text = "Ask `deadman_watch_alive == 0\nor up{job='x'}`, not `deadman status` or `up`.\n```promql\nup == 1\n```\n"
    assert list(written(text)) == ["up == 1\n", "deadman_watch_alive == 0\nor up{job='x'}"]
    assert {place for place, _ in asked()} >= {"README.md", "rules.yml", "$account"}


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_prometheus_can_read_each_of_them(tmp_path: Path) -> None:
    assert not complaint([expression for _, expression in asked()], tmp_path)
    assert "parse error" in complaint(["like_this > > 0"], tmp_path)


def test_each_metric_in_them_is_one_that_we_have() -> None:
    named = {name for _, expression in asked() for name in re.findall(r"\bdeadman_\w+", expression)}
    assert named <= metric_names()
