"""A machine on which the daemon is installed as a service for simulated venues, and what is done to it there."""

from __future__ import annotations

import re
import tomllib

import tomli_w

from tests.support.machine import Machine

SERVICE = "deadman.service"
CONFIG = "/etc/deadman/config.toml"
LEASE = 6
"""Seconds; so short that a daemon which did not come back would be noticed."""

SIMULATED = "/srv/desk"
BOT = "/srv/bot.py"
BOT_TEXT = """\
import socket, sys, time

out = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
path, how, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
if how == "connected":
    out.connect(path)
for _ in range(count):
    try:
        out.send(b"WATCHDOG=1") if how == "connected" else out.sendto(b"WATCHDOG=1", path)
        print("sent", flush=True)
    except OSError as error:
        print(error.strerror, flush=True)
    time.sleep(0.2)
"""
QUOTER = "/run/deadman/watch/quoter.sock"


def furnish(host: Machine) -> None:
    """Simulated venues, a trading group, a bot's user in it and another user outside."""
    host.run("groupadd", "--system", "trading")
    host.run("useradd", "--no-create-home", "--groups", "trading", "bot")
    host.run("useradd", "--no-create-home", "stranger")
    host.write(BOT, BOT_TEXT)
    simulate(host)


def simulate(host: Machine) -> None:
    """Start the venues, and install a config for them as an administrator would: secrets by credential."""
    host.run("systemd-run", "--unit=simulate", "/opt/deadman/bin/deadman", "simulate", "--directory", SIMULATED)
    host.wait_for((host.root / SIMULATED[1:] / "faults.sock").exists, "the simulated venues")
    config = tomllib.loads(host.read(f"{SIMULATED}/config.toml"))
    config["daemon"] = {"listen": "127.0.0.1:9847"}
    config["watches"]["quoter"]["timeout"] = 2
    config["accounts"].pop("gate-desk", None)  # its logins need a package that the machine may not have
    for name, account in config["accounts"].items():
        key = "client_secret" if account["venue"] == "deribit" else "api_key"
        account[key] = {"credential": f"secrets_{name}"}
        account["ca_file"] = "/etc/deadman/ca.pem"
        if account["venue"] == "sxbet":
            account["timeout_seconds"] = LEASE
        host.write(f"/etc/deadman/secrets/{name}", host.read(f"{SIMULATED}/secrets/{name}"), 0o600)
    host.write("/etc/deadman/ca.pem", host.read(f"{SIMULATED}/ca.pem"))
    host.write(CONFIG, tomli_w.dumps(config))


def drop_in(host: Machine, name: str, text: str) -> None:
    host.write(f"/etc/systemd/system/{SERVICE}.d/{name}", text)
    host.run("systemctl", "daemon-reload")


def remove_drop_ins(host: Machine) -> None:
    host.run("rm", "-rf", f"/etc/systemd/system/{SERVICE}.d")
    host.run("systemctl", "daemon-reload")


def says(host: Machine, words: str) -> bool:
    """Whether `systemctl status` shows these words."""
    return words in host.show(SERVICE, "StatusText")


def metric(host: Machine, name: str) -> float:
    """A metric's value, of its first series."""
    found = re.search(
        rf"^{re.escape(name)}(?:{{[^}}]*}})? (\S+)$", host.run("curl", "-s", "127.0.0.1:9847/metrics"), re.M
    )
    assert found, name
    return float(found[1])


def venue(host: Machine, command: str) -> str:
    console = f'import socket; s = socket.socket(socket.AF_UNIX); s.connect("{SIMULATED}/faults.sock"); '
    talk = f's.sendall({command!r}.encode() + b"\\n"); print(s.recv(4096).decode())'
    return host.run("/usr/bin/python3", "-c", console + talk)


def send(host: Machine, user: str, how: str = "addressed", count: int = 1) -> str:
    return host.run("runuser", "-u", user, "--", "/usr/bin/python3", BOT, QUOTER, how, str(count), code=None)


def count_sent(host: Machine, unit: str) -> int:
    return host.journal(unit).count("sent\n")
