"""The alert rules under promtool: each raised by what it is about, silent in a neighbouring case."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from deadman.cli import main
from deadman.cli.files import packaged
from deadman.telemetry.runbook import runbook_page, texts
from tests.support.metric_names import metric_names
from tests.support.rule_cases import CASES, Case

Test = dict[str, Any]
RULES = packaged("rules.yml")
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


def test_a_witness_that_is_lost_is_one_page_and_its_desk_warns() -> None:
    severity = dict(re.findall(r"- alert: (\w+)$.*?severity: (\w+)", packaged("rules.yml"), re.S | re.M))
    assert [name for name in ("DeadmanWitnessLost", "DeadmanClusterUnreachable") if severity[name] != "warning"] == []
    assert severity["DeadmanAccountUnprotected"] == severity["DeadmanDown"] == severity["DeadmanHostLost"] == "critical"


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
        assert re.search(rf"\n          runbook_url: 'http://\S.*/runbook#{name.lower()}'\n", block)


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
        "DeadmanWitnessLost",
        "DeadmanClusterUnreachable",
    }


def test_every_metric_asked_for_is_one_that_we_have() -> None:
    """A misspelt name is no error to Prometheus: the alert would be silent for ever."""
    text_of_rules = "\n".join(line for line in packaged("rules.yml").splitlines() if not line.lstrip().startswith("#"))
    asked = set(re.findall(r"(?<![:\w])(?:deadman|process)_\w+(?!:)\b", text_of_rules))
    assert asked <= metric_names()
    assert len(asked) > 20


def test_every_alert_has_its_text_in_the_runbook() -> None:
    assert list(texts()) == alerts()
    assert all(len(text) > 40 for name, text in texts().items() if name != ALWAYS)


def test_each_alert_leads_to_its_anchor_on_the_page_of_the_daemon_that_was_scraped() -> None:
    anchors = set(re.findall(r"runbook_url: 'http://(?:{{ \$labels.instance }}|127.0.0.1:9847)/runbook#(\w+)'", RULES))
    assert anchors == {name.lower() for name in alerts()}
    assert all(f'<section id="{anchor}">' in runbook_page() for anchor in anchors)
    without_instance = {name for name, block in blocks().items() if "127.0.0.1:9847/runbook" in block}
    assert without_instance == {"DeadmanAbsent", ALWAYS}


def test_the_base_of_the_runbook_may_be_another_place(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", "--runbook-base", "https://wiki.example/deadman?raw=1"]) == 0
    told = re.findall(r"runbook_url: (.*)", capsys.readouterr().out)
    assert told == [f"'https://wiki.example/deadman?raw=1#{name.lower()}'" for name in alerts()]


@pytest.mark.parametrize("base", ["README.md", "https://a'b", "https://a b", "https://{{x}}", "https://a#b"])
def test_a_base_that_is_no_address_is_a_misuse(base: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["rules", "--runbook-base", base])
    assert left.value.code == 2
    assert "is no address" in capsys.readouterr().err


def test_on_a_terminal_the_runbook_is_as_wide_as_that_and_bears_no_marks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "60")
    assert main(["runbook", "tripped"]) == 0
    told = capsys.readouterr().out
    assert told.startswith("DeadmanTripped\n\nThe switch was pulled: silence, trigger, stopping, operator.\n")
    assert "positions are not closed" in " ".join(told.split())
    assert "`deadman arm`" in told
    assert main(["runbook"]) == 0
    whole = capsys.readouterr().out
    assert max(map(len, whole.splitlines())) <= 60
    assert "*" not in whole
    assert all(f"\n\n{name}\n\n" in whole for name in alerts())


def test_the_runbook_is_printed_whole_or_for_one_alert_by_any_spelling(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runbook"]) == 0
    assert all(f"\n## {name}\n" in capsys.readouterr().out for name in alerts()[:1])
    for spelling in ("DeadmanTripped", "deadmantripped", "tripped"):
        assert main(["runbook", spelling]) == 0
        assert capsys.readouterr().out.startswith("DeadmanTripped\nThe switch was pulled: ")
    assert main(["runbook", "triped"]) == 2
    assert capsys.readouterr().err == 'deadman: no alert "triped"; did you mean "DeadmanTripped"?\n'
