"""The units under a real systemd: a container boots, and the daemon serves simulated venues in it as a sandboxed,
unprivileged service. Skipped where no container can be booted; about half a minute where one can.
"""

from __future__ import annotations

import json
import re
import shlex
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import tomli_w

from tests.support.machine import SOURCE, CannotBoot, Machine, machine
from tests.support.serviced import (
    BOT,
    CONFIG,
    LEASE,
    QUOTER,
    SERVICE,
    count_sent,
    drop_in,
    furnish,
    metric,
    remove_drop_ins,
    says,
    send,
    venue,
)

pytestmark = pytest.mark.xdist_group("systemd")  # one worker: they share what is dear to start


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A machine with simulated venues, a trading group, a bot's user in it and another user outside."""
    try:
        with machine(tmp_path_factory.mktemp("machine")) as booted:
            furnish(booted)
            yield booted
    except CannotBoot as reason:
        pytest.skip(str(reason))


@pytest.fixture
def service(host: Machine) -> Iterator[Machine]:
    """The daemon as shipped, started and stopped again."""
    host.run("systemctl", "daemon-reload")
    host.run("systemctl", "start", SERVICE)
    yield host
    host.run("systemctl", "stop", SERVICE)
    assert host.show(SERVICE, "Result") == "success"


def test_ready_means_supervising_with_keys_that_only_the_service_can_read(service: Machine) -> None:
    assert service.show(SERVICE, "ActiveState") == "active"
    assert re.match(r"3/3 protected; least margin \d+ s", service.show(SERVICE, "StatusText"))
    uid = service.show(SERVICE, "UID")
    assert int(uid) >= 61184, "a user made up for this run"
    pid = service.show(SERVICE, "MainPID")
    assert service.run(
        "stat", "-c", "%u %a", f"/proc/{pid}/root/run/credentials/{SERVICE}/secrets_sx-maker"
    ).strip() == (f"{uid} 400")


def test_process_metrics_survive_the_sandbox(service: Machine) -> None:
    assert abs(metric(service, "process_start_time_seconds") - time.time()) < 60
    assert metric(service, "process_resident_memory_bytes") > 1e6
    assert metric(service, "process_open_fds") > 3


def test_the_group_may_check_in_and_nobody_else(service: Machine) -> None:
    assert send(service, "bot") == "sent\n"
    assert send(service, "stranger") == "Permission denied\n"
    service.wait_for(lambda: metric(service, "deadman_watch_check_ins_total") == 1, "the check-in")
    service.wait_for(lambda: says(service, "4/4 protected"), "protection of the bot's accounts")
    status = ("/opt/deadman/bin/deadman", "status", "--json")
    assert json.loads(service.run("runuser", "-u", "bot", "--", *status))["watches"]["quoter"]["alive"]
    service.run("runuser", "-u", "stranger", "--", *status, code=69)


BOT_UNIT = """\
[Unit]
Wants=deadman.service
After=deadman.service

[Service]
User=bot
SupplementaryGroups=trading
ExecStartPre=/opt/deadman/bin/deadman beat quoter
ExecStartPre=/opt/deadman/bin/deadman status --wait 10 options-desk sx-maker
ExecStart=/bin/sh -c 'while /opt/deadman/bin/deadman beat quoter; do sleep 0.5; done'
"""


def test_a_bot_starts_behind_a_proven_switch_also_after_it_was_dead(host: Machine) -> None:
    """As the README orders them: starting the bot brings the daemon up first, and a trip is no deadlock."""
    host.write("/etc/systemd/system/quoter.service", BOT_UNIT)
    host.run("systemctl", "daemon-reload")
    host.run("systemctl", "start", "quoter.service")
    assert host.show(SERVICE, "ActiveState") == "active"
    host.run("systemctl", "stop", "quoter.service")
    host.wait_for(lambda: "TRIPPED" in host.run("/opt/deadman/bin/deadman", "status", code=None), "the trip")
    host.run("systemctl", "start", "quoter.service")
    host.wait_for(lambda: says(host, "4/4 protected"), "protection")
    host.run("systemctl", "stop", "quoter.service", SERVICE)


def test_a_reload_returns_when_it_is_done(service: Machine) -> None:
    before = service.read(CONFIG)
    for timeout in range(10, 20):
        service.write(CONFIG, before.replace("timeout = 2", f"timeout = {timeout}"))
        service.run("systemctl", "reload", SERVICE)
        shown = service.run("/opt/deadman/bin/deadman", "status", "--json", code=None)
        assert json.loads(shown)["watches"]["quoter"]["timeout"] == timeout
    service.write(CONFIG, before)


def test_a_bad_config_changes_nothing_and_is_told(service: Machine) -> None:
    before = service.read(CONFIG)
    service.write(CONFIG, before.replace("[watches.quoter]", "[watches.qoter]"))
    service.run("systemctl", "reload", SERVICE)
    assert metric(service, "deadman_config_last_reload_successful") == 0
    assert "quoter" in service.journal(SERVICE)
    assert service.show(SERVICE, "ActiveState") == "active"
    service.write(CONFIG, before)
    service.run("systemctl", "reload", SERVICE)
    assert metric(service, "deadman_config_last_reload_successful") == 1


def test_a_stalled_loop_is_killed_and_its_line_is_in_the_journal(host: Machine) -> None:
    drop_in(host, "soon.conf", "[Service]\nWatchdogSec=2s\n")
    host.run("systemctl", "start", SERVICE)
    time.sleep(3)
    assert host.show(SERVICE, "NRestarts") == "0", "a healthy loop was killed"
    host.run("systemctl", "kill", "--signal=SIGUSR1", "--kill-whom=main", SERVICE)
    host.wait_for(lambda: host.show(SERVICE, "NRestarts") == "1", "the watchdog")
    host.wait_for(lambda: host.show(SERVICE, "ActiveState") == "active", "the restart")
    assert "in stall_the_loop" in host.journal(SERVICE)
    host.run("systemctl", "stop", SERVICE)
    remove_drop_ins(host)


def test_no_lease_lapses_over_a_restart_or_a_crash(service: Machine) -> None:
    send(service, "bot")
    service.wait_for(lambda: says(service, "4/4 protected"), "protection")
    venue(service, "place sx-legacy 3")
    service.run("systemctl", "restart", SERVICE)
    service.run("systemctl", "kill", "--signal=SIGKILL", SERVICE)
    service.wait_for(lambda: service.show(SERVICE, "NRestarts") == "1", "the restart")
    service.wait_for(lambda: service.show(SERVICE, "ActiveState") == "active", "readiness")
    time.sleep(LEASE)
    assert "sx-legacy 3 open" in venue(service, "orders sx-legacy")


@pytest.fixture
def socket_unit(host: Machine) -> Iterator[Machine]:
    """As shipped, with systemd holding the check-in socket."""
    drop_in(host, "sockets.conf", (SOURCE / "systemd/drop-ins/sockets.conf").read_text())
    host.run("systemctl", "start", "deadman.socket")
    host.run("systemctl", "start", SERVICE)
    yield host
    host.run("systemctl", "stop", "deadman.socket", SERVICE)
    remove_drop_ins(host)
    assert not Path(host.root, "run/deadman").exists()


def test_check_ins_outlive_a_restart_when_systemd_holds_the_socket(socket_unit: Machine) -> None:
    """One bot connected once, another addresses each datagram; none of theirs is refused, however long it takes."""
    host = socket_unit
    users = ("runuser", "-u", "bot", "--", "/usr/bin/python3", BOT, QUOTER)
    for how in ("connected", "addressed"):
        host.run("systemd-run", "--collect", f"--unit={how}", *users, how, "3000")
    for _ in range(2):
        sent = {how: count_sent(host, how) for how in ("connected", "addressed")}
        host.run("systemctl", "restart", SERVICE)
        for how, before in sent.items():
            host.wait_for(lambda how=how, before=before: count_sent(host, how) > before + 2, how)  # type: ignore[misc]
    for how in ("connected", "addressed"):
        assert host.show(how, "ActiveState") == "active", "it has ended by itself"
        host.run("systemctl", "stop", how)
        assert not re.search("refused|No such file|denied", host.journal(how))
    assert send(host, "stranger") == "Permission denied\n"
    assert metric(host, "deadman_watch_check_ins_total") > 0


@pytest.fixture
def by_name(host: Machine) -> Iterator[Machine]:
    """A config that lets in the user `bot` alone, to check in and as an operator."""
    before = host.read(CONFIG)
    loaded = tomllib.loads(before)
    loaded["watches"]["quoter"]["user"] = "bot"
    loaded["daemon"]["operators"] = ["bot"]
    host.write(CONFIG, tomli_w.dumps(loaded))
    yield host
    host.run("systemctl", "stop", SERVICE)
    host.write(CONFIG, before)
    remove_drop_ins(host)


HOLD = ("runuser", "-u", "bot", "--", "/opt/deadman/bin/deadman", "hold", "quoter", "--for", "1m")


def test_a_sandbox_that_hides_users_lets_nobody_in_by_name_and_says_so(by_name: Machine) -> None:
    by_name.run("systemctl", "start", SERVICE)
    send(by_name, "bot")
    by_name.run(*HOLD, code=1)
    assert metric(by_name, "deadman_watch_check_ins_total") == 0
    assert by_name.journal(SERVICE).count("operators.conf") >= 2


def test_users_are_told_apart_once_the_unit_lets_them_be_seen(by_name: Machine) -> None:
    drop_in(by_name, "operators.conf", (SOURCE / "systemd/drop-ins/operators.conf").read_text())
    by_name.run("systemctl", "start", SERVICE)
    send(by_name, "bot")
    by_name.wait_for(lambda: metric(by_name, "deadman_watch_check_ins_total") == 1, "the check-in")
    by_name.run(*HOLD)
    assert metric(by_name, "deadman_watch_held") == 1


def with_secrets(host: Machine, *command: str, code: int = 1) -> str:
    """What a command says that root runs as it is told to by the same command without the service's secrets."""
    told = host.run("/opt/deadman/bin/deadman", *command, code=code)
    assert "$CREDENTIALS_DIRECTORY is not set" in told
    (line,) = re.findall(r"with the service's secrets: sudo (systemd-run .*)", told)
    return host.run(*shlex.split(line))


def test_the_commands_that_alerts_name_work_with_secrets_that_only_the_service_can_read(host: Machine) -> None:
    assert "fine" in with_secrets(host, "check", "--online")
    venue(host, "place options-desk 2")
    assert "options-desk: orders gone, 2 cancelled" in with_secrets(host, "trip", "--direct", "--yes", "options-desk")
    assert "options-desk 0 open" in venue(host, "orders options-desk")
    host.run("systemctl", "start", SERVICE)
    try:
        told = json.loads(host.run("/opt/deadman/bin/deadman", "status", "--json", code=None))
        assert told["accounts"]["options-desk"]["phase"] == "tripped"
        assert "is damaged" not in host.journal(SERVICE)
        host.run("/opt/deadman/bin/deadman", "arm", "options-desk")
    finally:
        host.run("systemctl", "stop", SERVICE)
