"""What is valid and yet may hurt: told by `check`, never a reason to fail."""

from __future__ import annotations

import grp
import os
import pwd
import re
import shlex
import stat
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from deadman.config.secrets import PLACEHOLDER
from deadman.model.settings import Config
from deadman.model.text import span
from deadman.venues import VENUES


def advice(config: Config, interpreter: Iterable[str]) -> tuple[str, ...]:
    """Sentences for people; `interpreter` names the paths that Python runs from."""
    return (
        *_unlikely_settings(config),
        *_unlikely_daemon(config),
        *_unlikely_hosts(config),
        *_unknown_people(config),
        *_exposed_places(config.path, interpreter),
    )


def _unlikely_settings(config: Config) -> Iterator[str]:
    accounts = config.accounts.values()
    for account in accounts:
        if any(PLACEHOLDER in (word or "") for word in account.credential):
            yield f"accounts.{account.name}: its key's name is still the placeholder {PLACEHOLDER}"
    for name, venue in VENUES.items():
        yield from venue.advice([account for account in accounts if account.venue == name])
    for name in sorted(config.watches.keys() - {name for account in accounts for name in account.watches}):
        yield f"watches.{name}: no account names it, so its silence trips nothing"
    for account in accounts:
        if account.watches and account.on_trip == "none":
            names = " and ".join(account.watches)
            yield f'accounts.{account.name}: on_trip = "none", so the silence of {names} cancels nothing here'


SAFE_HOST_TIMEOUT = 10.0
"""Seconds; a change of etcd's leader keeps beats away for up to three."""


def _unlikely_hosts(config: Config) -> Iterator[str]:
    cluster = config.cluster
    if cluster is not None and cluster.host_timeout < SAFE_HOST_TIMEOUT:
        yield (
            f"cluster.host_timeout = {cluster.host_timeout:g}: below {SAFE_HOST_TIMEOUT:g} s a change of etcd's leader "
            "may make a living host look dead"
        )
    for account in config.accounts.values():
        if cluster is None and account.witness_of is None and account.outliving:
            yield (
                f"accounts.{account.name}: if this host dies its {' and '.join(account.outliving)} orders stay: only a "
                "witness on another machine could cancel them ([cluster] on both, witness_of there)"
            )


LONG_SILENCE = 1000.0
"""Seconds: from here on a watch's timeout is more likely to be one in milliseconds."""


def _unlikely_daemon(config: Config) -> Iterator[str]:
    if config.daemon.listen is not None and config.daemon.listen[0] in ("0.0.0.0", "::"):  # noqa: S104
        yield (
            f"daemon.listen: {config.daemon.listen[0]} is every address of this host, and the page has neither "
            "password nor TLS: name one that only the desk can reach"
        )
    for name, watch in config.watches.items():
        if watch.timeout >= LONG_SILENCE:
            yield (
                f"watches.{name}.timeout: a bot may be dead for {span(watch.timeout)} before its orders go; "
                f"if milliseconds were meant: {watch.timeout / 1000:g}"
            )


def _unknown_people(config: Config) -> Iterator[str]:
    users = [(f"watches.{watch.name}.user", watch.user) for watch in config.watches.values() if watch.user]
    users += [("daemon.operators", name) for name in config.daemon.operators]
    yield from (f'{key}: this host has no user "{name}"' for key, name in users if _lacks(pwd.getpwnam, name))
    group = config.daemon.socket_group
    if group and _lacks(grp.getgrnam, group):
        yield f'daemon.socket_group: this host has no group "{group}"'


def _exposed_places(path: Path, interpreter: Iterable[str]) -> Iterator[str]:
    """Whoever may write the config may lead every key to an address of his own."""
    if os.path.exists(path) and path.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        yield f"{path} can be changed by group or others, and with it where the keys are sent: chmod go-w {path}"
    homes = ("/home", "/root")
    hidden = [place for place in sorted(interpreter) if any(Path(place).is_relative_to(home) for home in homes)]
    if hidden:
        yield (
            f"Python runs from {hidden[0]}: a service with ProtectHome= cannot see it; "
            "install deadman outside of home directories, in /opt for instance"
        )


def _lacks(find: Callable[[str], object], name: str) -> bool:
    try:
        find(name)
    except KeyError:
        return True
    return False


UNIT_DIRECTORIES = (Path("/usr/lib/systemd/system"), Path("/run/systemd/system"), Path("/etc/systemd/system"))
"""The later ones override; see systemd.unit(5)."""

_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]*)")
_UNITS = {"us": 1e-6, "ms": 1e-3, "": 1.0, "s": 1.0, "sec": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "hr": 3600.0}


def unit_texts(directories: Iterable[Path] = UNIT_DIRECTORIES, name: str = "deadman.service") -> list[str]:
    """The installed unit and then its drop-ins; nothing where it is not installed."""
    places = list(directories)
    units = [place / name for place in places]
    drop_ins = sorted((path for unit in units for path in Path(f"{unit}.d").glob("*.conf")), key=lambda path: path.name)
    main = [unit for unit in units if unit.is_file()][-1:]
    return [path.read_text(encoding="utf-8", errors="replace") for path in (*main, *drop_ins)]


_SERVICE_KEYS = (
    "DynamicUser",
    "User",
    "StateDirectory",
    "StateDirectoryMode",
    "LoadCredential",
    "LoadCredentialEncrypted",
)


def as_the_service(path: Path, words: Sequence[str], directories: Iterable[Path] = UNIT_DIRECTORIES) -> str:
    """A sentence with the command by which root has `deadman WORDS` run with the secrets and the state of the service
    that reads the config at `path`; empty where no such unit is installed.
    """
    program = (
        [os.path.abspath(sys.argv[0])] if Path(sys.argv[0]).name == "deadman" else [sys.executable, "-m", "deadman"]
    )
    for unit in ("deadman.service", "deadman@.service"):
        text = "\n".join(unit_texts(directories, unit)).replace("%i", path.stem)
        settings = re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE)
        if any(key == "ExecStart" and str(path.absolute()) in value.split() for key, value in settings):
            properties = [word for key, value in settings if key in _SERVICE_KEYS for word in ("-p", f"{key}={value}")]
            command = ["systemd-run", "--quiet", "--pipe", "--wait", "--collect", *properties, *program]
            return (
                f"with the service's secrets: sudo {shlex.join([*command, '--config', str(path.absolute()), *words])}"
            )
    return ""


def watchdog_seconds(texts: Iterable[str]) -> float | None:
    """WatchdogSec= as the last of them says; None where none does, and where there is no watchdog."""
    said = [value for text in texts for value in re.findall(r"^\s*WatchdogSec\s*=(.*)$", text, re.MULTILINE)]
    spans = _SPAN.findall(said[-1].strip()) if said else []
    if not all(unit in _UNITS for _, unit in spans):
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in spans) or None


RESTART = 3.0
"""Seconds from a watchdog's kill to the first renewal: RestartSec=1s of the unit, and a start."""


def late_watchdog(config: Config, watchdog: float | None) -> Iterator[str]:
    """Told where a lease may end before a stalled daemon is killed, started again, and has renewed it."""
    for account in config.accounts.values():
        if watchdog is None or account.lease is None:
            continue
        needed = account.timers.renew_interval + watchdog + RESTART
        if account.lease < needed:
            yield (
                f"accounts.{account.name}.timeout_seconds = {account.lease:g}: if the daemon stalls, systemd kills it "
                f"after WatchdogSec={watchdog:g} of deadman.service, and the lease may end, and with it the orders, "
                f"before it is renewed; that takes up to {needed:g} s since the last renewal"
            )
