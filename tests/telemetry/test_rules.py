"""The alert rules under promtool: each raised by what it is about, silent in a neighbouring case."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from deadman.cli.files import packaged
from tests.support.metric_names import metric_names
from tests.support.rule_cases import CASES, Case

Test = dict[str, Any]
ALWAYS = "DeadmanAlarmPathAlive"
TARGET = 'job="deadman",instance="host:9847"'

needs_promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    path = tmp_path / "rules.yml"
    path.write_text(packaged("rules.yml"))
    return path


def alerts() -> list[str]:
    return re.findall(r"- alert: (\w+)", packaged("rules.yml"))


def scraped(name: str) -> str:
    """The series with the labels that a scrape adds."""
    return f"{name[:-1]},{TARGET}}}" if name.endswith("}") else f"{name}{{{TARGET}}}"


def series(case: Case) -> list[dict[str, str]]:
    return [{"series": scraped(name), "values": values} for name, values in case.series.items()]


def raised(case: Case) -> Test:
    """A promtool test that exactly these alerts are firing."""
    firing = [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in sorted({*case.firing, ALWAYS})]
    query = 'group by (alertname) (ALERTS{alertstate="firing"})'
    check = {"expr": query, "eval_time": case.at, "exp_samples": firing}
    return {"interval": case.interval, "name": case.claim, "input_series": series(case), "promql_expr_test": [check]}


def promtool(rules: Path, interval: str, tests: Sequence[Test]) -> subprocess.CompletedProcess[str]:
    """Evaluate once an interval: rules that take hours are not tried every few seconds."""
    path = rules.with_name("tests.yml")  # JSON is YAML
    path.write_text(json.dumps({"rule_files": [str(rules)], "evaluation_interval": interval, "tests": tests}))
    return subprocess.run(["promtool", "test", "rules", str(path)], capture_output=True, text=True, timeout=60)


@needs_promtool
@pytest.mark.parametrize("interval", sorted({case.interval for case in CASES}))
def test_each_case_raises_exactly_its_alerts_and_every_text_is_filled_in(rules: Path, interval: str) -> None:
    """promtool is told to expect other texts, and shows those it got. All at once: computing the series is dear."""
    loud = {name: case for case in CASES if case.interval == interval for name in case.firing}
    cases = [raised(case) | unexpected(case, loud) for case in CASES if case.interval == interval]
    shown = promtool(rules, interval, cases).stderr
    assert "expr:" not in shown, "an alert that should not fire, or does not"
    assert set(re.findall(r"got:.*?alertname=\"(\w+)\"", shown, re.S)) == loud.keys()
    assert not re.findall(r"error expanding|<no value>|\{\{|Phase: (?:unknown|\.)", shown)


def unexpected(case: Case, loud: Mapping[str, Case]) -> Test:
    """Checks that fail, of the alerts whose text this case is to show."""
    other = {"exp_labels": {"nobody": "expects this"}}
    alerts = [name for name in case.firing if loud[name] is case]
    return {"alert_rule_test": [{"eval_time": case.at, "alertname": name, "exp_alerts": [other]} for name in alerts]}


def test_every_alert_fires_in_a_case() -> None:
    assert {name for case in CASES for name in case.firing} | {ALWAYS} == set(alerts())
    assert len(alerts()) >= 12


@needs_promtool
def test_prometheus_accepts_the_rules(rules: Path) -> None:
    verdict = subprocess.run(["promtool", "check", "rules", "--lint-fatal", str(rules)], capture_output=True, text=True)
    assert verdict.returncode == 0, verdict.stdout + verdict.stderr


def blocks() -> dict[str, str]:
    """The text of each alert, by name."""
    return {part.split("\n", 1)[0]: part for part in packaged("rules.yml").split("- alert: ")[1:]}


def test_each_alert_says_what_happened_to_the_orders_and_what_to_do() -> None:
    for name, block in blocks().items():
        assert re.search(r"severity: (critical|warning|none)}", block), name
        assert re.search(r"\n          summary: ", block), name
        assert re.search(r"\n            Orders: .{20,}\n            Do: .{10,}", block), name
        assert f"runbook_url: README.md#{name.lower()}\n" in block


def test_no_alert_is_there_twice() -> None:
    assert max(Counter(alerts()).values()) == 1


def test_what_is_broken_now_waits_for_nothing() -> None:
    """Only what needs a while to be wrong at all may have a `for`."""
    patient = {name for name, block in blocks().items() if re.search(r"^        for: ", block, re.M)}
    assert patient == {
        "DeadmanDegraded",
        "DeadmanCannotCancel",
        "DeadmanDisarmedTooLong",
        "DeadmanTripUnfinished",
        "DeadmanWatchHeldTooLong",
    }


def test_every_metric_asked_for_is_one_that_we_have() -> None:
    """A misspelt name is no error to Prometheus: the alert would be silent for ever."""
    text_of_rules = "\n".join(line for line in packaged("rules.yml").splitlines() if not line.lstrip().startswith("#"))
    asked = set(re.findall(r"(?<![:\w])(?:deadman|process)_\w+(?!:)\b", text_of_rules))
    assert asked <= metric_names()
    assert len(asked) > 20


def test_every_alert_has_its_runbook_in_the_readme() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    for name in alerts():
        assert f"### {name}\n" in readme
