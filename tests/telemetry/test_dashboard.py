"""The dashboard by Grafana's conventions, and every expression by Prometheus' own parser."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from itertools import combinations
from pathlib import Path

import pytest

from deadman.cli.files import packaged
from deadman.model.guard import Phase
from tests.support.dashboard_panels import Panel, dashboard, panels, targets
from tests.support.metric_names import metric_names

COLUMNS = 24

needs_promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")


def test_prometheus_and_the_panels_are_variables() -> None:
    variables = {variable["name"]: variable for variable in dashboard()["templating"]["list"]}
    assert list(variables) == ["datasource", "job", "instance", "account"]
    assert variables["datasource"]["type"] == "datasource"
    for name in ("job", "instance", "account"):
        assert variables[name]["datasource"]["uid"] == "${datasource}"
        assert variables[name]["multi"]


def test_every_panel_has_a_title_a_description_and_a_unit() -> None:
    for panel in panels():
        assert panel["title"]
        assert len(panel["description"]) > 15, panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]


def test_no_title_and_no_id_is_there_twice() -> None:
    every = dashboard()["panels"]
    assert len({panel["id"] for panel in every}) == len(every)
    assert len({panel["title"] for panel in every}) == len(every)


def test_every_panel_asks_the_chosen_prometheus() -> None:
    for panel in panels():
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert panel["targets"]
        for target in panel["targets"]:
            assert target["datasource"]["uid"] == "${datasource}"


def test_every_selector_obeys_the_variables() -> None:
    for panel in panels():
        for target in panel["targets"]:
            for name, labels in re.findall(r"((?:deadman|process)_\w+|\bup)(\{[^}]*\})?", target["expr"]):
                assert 'job=~"$job", instance=~"$instance"' in labels, (panel["title"], name)
                about_one = name.startswith("deadman_account")
                assert not about_one or 'account=~"$account"' in labels, (panel["title"], name)


def test_every_metric_asked_for_is_one_that_we_have() -> None:
    asked = {name for _, expression in targets() for name in re.findall(r"\b(?:deadman|process)_\w+", expression)}
    assert asked <= metric_names()
    assert len(asked) > 30


def test_rates_ask_for_grafanas_own_interval() -> None:
    for panel in panels():
        for target in panel["targets"]:
            spans = re.findall(r"\[([^\]]*)\]", target["expr"])
            assert set(spans) <= {"$__rate_interval", "$__range", "30d"}, panel["title"]


def overlap(one: Panel, other: Panel) -> bool:
    a, b = one["gridPos"], other["gridPos"]
    beside = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
    above = a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
    return not (beside or above)


def test_no_panel_hides_another_or_leaves_the_page() -> None:
    every = dashboard()["panels"]
    assert [(one["title"], other["title"]) for one, other in combinations(every, 2) if overlap(one, other)] == []
    assert all(0 <= panel["gridPos"]["x"] <= COLUMNS - panel["gridPos"]["w"] for panel in every)


def test_no_line_of_the_page_has_a_hole() -> None:
    """Grafana would pull up what stands below a hole, and the page would look unlike its source."""
    every = [panel["gridPos"] for panel in dashboard()["panels"]]
    covered = {
        (x, y)
        for place in every
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    }
    height = max(place["y"] + place["h"] for place in every)
    assert covered == {(x, y) for x in range(COLUMNS) for y in range(height)}


def mapped(node: object) -> set[str]:
    """The texts of every value mapping below `node`."""
    match node:
        case {"type": "value", "options": dict(options)}:
            return {option["text"] for option in options.values()}
        case dict(children):
            return set().union(*map(mapped, children.values()))
        case list(children):
            return set().union(*map(mapped, children))
        case _:
            return set()


@pytest.mark.parametrize("title", ["Accounts", "State of each account"])
def test_every_phase_has_a_name_for_people(title: str) -> None:
    (panel,) = (panel for panel in panels() if panel["title"] == title)
    shown = {label.split(",")[0].split(" ")[0] for label in mapped(panel["fieldConfig"])}
    said = {"exposed": "SWITCH", "refused": "REJECTED", "waiting": "NO"}
    assert {said.get(phase, phase.upper()) for phase in Phase} <= shown


def test_the_first_screen_says_who_since_when_for_how_long_and_what_became_of_the_orders() -> None:
    (table,) = (panel for panel in panels() if panel["title"] == "Accounts")
    columns = table["transformations"][1]["options"]["renameByName"].values()
    assert {"Account", "State", "Since", "Good for", "Open orders", "Cancelled by deadman"} <= set(columns)
    assert table["gridPos"]["y"] + table["gridPos"]["h"] <= 16


@needs_promtool
def test_prometheus_can_read_every_expression(tmp_path: Path) -> None:
    rules = [{"record": f"panel:{number}", "expr": expression} for number, (_, expression) in enumerate(targets())]
    path = tmp_path / "panels.yml"  # JSON is YAML
    path.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))
    verdict = subprocess.run(["promtool", "check", "rules", str(path)], capture_output=True, text=True, timeout=30)
    assert verdict.returncode == 0, verdict.stdout + verdict.stderr
    assert f"{len(rules)} rules found" in verdict.stdout


def test_the_file_is_as_json_would_be_written_by_hand() -> None:
    """One form, so that a change of it can be read as a difference."""
    assert packaged("dashboard.json") == json.dumps(dashboard(), indent=2, ensure_ascii=False) + "\n"
