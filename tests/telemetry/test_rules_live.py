"""Rules and dashboard over a running desk: real metrics, real Prometheus, faults at the simulated venues."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from datetime import datetime
from functools import partial

import pytest

from deadman.cli.files import packaged
from tests.support.dashboard_panels import targets
from tests.support.live import Desk, Prometheus, desk, prometheus, wait_for

ROUND = 1.0
"""Seconds between scrapes, and between evaluations."""

pytestmark = [
    pytest.mark.skipif(shutil.which("prometheus") is None, reason="prometheus is not installed"),
    pytest.mark.xdist_group("prometheus"),  # one worker: they share what is dear to start
]


ACCOUNTS = 5
"""That `simulate` writes into the config of its desk."""


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Desk, Prometheus]]:
    # Not below pytest's own directory: the path of a socket may have 107 bytes.
    with desk(tmp_path_factory.mktemp("desk")) as running:
        wait_for(lambda: "deadman_build_info" in running.page("/metrics"), "the daemon")
        running.venue("place options-desk 3")
        running.venue("place sx-maker 2")
        directory = tmp_path_factory.mktemp("prometheus")
        with prometheus(directory, running.address, packaged("rules.yml"), ROUND) as server:
            wait_for(lambda: protected(server) == ACCOUNTS, "protection of every account")
            yield running, server


def protected(server: Prometheus) -> int:
    return len(server.query("deadman_account_protected == 1 and deadman_account_wanted == 1"))


def test_a_desk_from_calm_to_its_end(watched: tuple[Desk, Prometheus]) -> None:
    """One story, since each of its steps costs seconds: calm, what can be seen, three faults at once, death."""
    running, server = watched
    check_every_panel_shows_something(server)
    check_every_rule_reads_what_is_there(running, server)
    check_nothing_is_alarming(server)
    check_faults_are_told_within_two_rounds(running, server)
    check_death_is_told_within_two_rounds(running, server)


def check_every_panel_shows_something(server: Prometheus) -> None:
    wait_for(lambda: len(server.query("rate(deadman_renewal_margin_seconds_count[1m]) > 0")) == ACCOUNTS, "renewals")
    # This desk has no etcd: some panels about other hosts show nothing, though what they ask for is there.
    empty = [(title, expression) for title, expression in targets() if not server.query(expression)]
    assert [one for one in empty if not re.search("deadman_(witness|cluster)_", one[1])] == []
    for name in re.findall(r"deadman_(?:witness|cluster)_\w+", " ".join(expression for _, expression in empty)):
        assert server.query(name), name


def check_every_rule_reads_what_is_there(running: Desk, server: Prometheus) -> None:
    """An alert in calm has no data by itself: each selector of it must have."""
    running.venue("set sxbet fail 'POST /heartbeat/v3=503'")
    wait_for(lambda: bool(server.query("deadman_venue_errors_total")), "an error of the venue")
    running.venue("clear sxbet")
    groups = server.ask("rules")["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert [rule["name"] for rule in rules if rule["health"] != "ok"] == []
    assert {rule["name"] for rule in rules if rule["type"] == "recording" and not server.query(rule["name"])} == set()
    for rule in rules:
        for name in re.findall(r"(?:account:|\b)(?:deadman|process)_[\w:]+|\bup\b", rule["query"]):
            assert server.query(name), (rule["name"], name)


def check_nothing_is_alarming(server: Prometheus) -> None:
    wait_for(lambda: protected(server) == ACCOUNTS, "recovery")
    critical = [name for (name, _), alert in server.firing().items() if alert["labels"]["severity"] == "critical"]
    assert critical == []
    assert ("DeadmanAlarmPathAlive", "") in server.firing()


FAULTS = (
    ('deadman_account_protected{account="sx-legacy"} == 0', "DeadmanAccountUnprotected", "sx-legacy"),
    ('deadman_cancel_on_disconnect_repairs_total{account="futures-desk"} > 0', "DeadmanSwitchDrift", "futures-desk"),
    ('deadman_trips_total{account="options-desk",cause="silence"} > 0', "DeadmanTripped", "options-desk"),
    ('deadman_watch_alive{watch="quoter"} == 0', "DeadmanWatchDead", "quoter"),
)
"""When a fault is there for Prometheus to see, and the alert about whom that must follow."""


def check_faults_are_told_within_two_rounds(running: Desk, server: Prometheus) -> None:
    running.venue("switch futures-desk off")
    running.venue("freeze sx-legacy")
    running.bot.fall_silent()
    for seen, alert, whom in FAULTS:
        wait_for(partial(server.query, seen), seen)
        check_told_within_two_rounds(server, seen, alert, whom)
    for (name, whom), told in server.firing().items():
        words = " ".join(told["annotations"].values())
        assert whom in words, name
        assert not re.search("error expanding|<no value>", words), name


def check_told_within_two_rounds(server: Prometheus, seen: str, alert: str, whom: str) -> None:
    """By Prometheus' own clock: a busy machine delays our asking, not what is asked about."""
    wait_for(partial(server.is_told, alert, whom), f"{alert} about {whom}")
    raised = datetime.fromisoformat(server.firing()[alert, whom]["activeAt"]).timestamp()
    assert raised - server.seen_since(seen) <= 2 * ROUND, alert


def check_death_is_told_within_two_rounds(running: Desk, server: Prometheus) -> None:
    running.daemon.kill()
    check_told_within_two_rounds(server, "up == 0", "DeadmanDown", "")
