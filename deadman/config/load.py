"""From a file to a valid `Config`, or to every fault of it at once."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deadman.config import directories
from deadman.config.accounts import NO_WATCH, check_shared, read_account, secrets_of
from deadman.config.document import Document, dotted, read_document
from deadman.config.fault import Fault, Faults
from deadman.config.keys import DAEMON, DAEMON_TABLE, TABLES, WATCH
from deadman.config.schema import (
    Account,
    Config,
    DaemonConfig,
    DeribitAccount,
    SecretSource,
    SxBetAccount,
    WatchConfig,
)
from deadman.config.section import Section


@dataclass(frozen=True, slots=True)
class Reading:
    """What a file says, valid or not. `secrets` has each key path that names a secret, also in a faulty account."""

    faults: tuple[Fault, ...]
    secrets: tuple[tuple[str, SecretSource], ...]
    config: Config | None


def load(path: Path, environment: Mapping[str, str]) -> Config:
    """The config in `path`; raises Faults. Reads no secret."""
    reading = read(path, environment)
    if reading.config is None:
        raise Faults(reading.faults)
    return reading.config


def load_daemon(path: Path, environment: Mapping[str, str]) -> DaemonConfig:
    """`[daemon]` alone, for clients: they need neither valid accounts nor any secret. Raises Faults."""
    top = _top(read_document(path))
    top.read_key(DAEMON_TABLE)
    daemon = _read_daemon(top, directories.runtime_directory_of_client(environment), environment)
    if top.faults:
        raise Faults(top.faults)
    return DaemonConfig(**daemon.values)


def read(path: Path, environment: Mapping[str, str]) -> Reading:
    """All that `path` says and all that is wrong with it; raises Faults only when it is no TOML at all."""
    top = _top(read_document(path))
    top.read(TABLES)
    daemon = _read_daemon(top, directories.runtime_directory(environment), environment)
    watches = _read_watches(top, daemon.values.get("runtime_directory"))
    accounts = _read_accounts(top, [watch.name for watch in watches])
    secrets = tuple(
        (dotted((*account.path, key)), source) for account in accounts for key, source in secrets_of(account)
    )
    if top.faults:
        return Reading(tuple(top.faults), secrets, None)
    return Reading((), secrets, _config(path, daemon, watches, accounts))


def _top(document: Document) -> Section:
    return Section(document, [], (), document.tables)


def _read_daemon(top: Section, runtime: Path, environment: Mapping[str, str]) -> Section:
    section = top.below("daemon")
    section.read(DAEMON)
    _settle_directory(section, "runtime_directory", runtime)
    _settle_directory(section, "state_directory", directories.state_directory(environment))
    if excess := _excess(section.values.get("runtime_directory", Path()) / "control.sock"):
        section.fault("runtime_directory", f"the control socket's {excess}", "shorten it")
    return section


def _settle_directory(section: Section, key: str, default: Path) -> None:
    if key in section.values:
        section.values[key] = section.document.path.absolute().parent / (section.values[key] or default)


def _read_watches(top: Section, runtime: Path | None) -> Sequence[Section]:
    sections = tuple(top.below("watches").tables())
    for section in sections:
        section.read(WATCH)
        if section.name == NO_WATCH:
            section.fault("", f'"{NO_WATCH}" is what an account without a watch says', "choose another name")
        if runtime and (excess := _excess(runtime / "watch" / f"{section.name}.sock")):
            section.fault("", f"its socket's {excess}", "shorten runtime_directory")
    return sections


def _excess(path: Path) -> str:
    """Why a socket cannot stand at `path`; empty if it can."""
    size, limit = len(os.fsencode(path)), directories.SOCKET_PATH_LIMIT
    return f"path has {size} bytes, Linux allows {limit}" if size > limit else ""


def _read_accounts(top: Section, watches: Sequence[str]) -> Sequence[Section]:
    sections = tuple(top.below("accounts").tables())
    for section in sections:
        read_account(section, watches)
    check_shared(sections)
    if not top.values.get("accounts", True):
        top.fault(
            "", "no accounts: at least one [accounts.NAME] is needed", "`deadman init` prints a config to start from"
        )
    return sections


def _config(path: Path, daemon: Section, watches: Sequence[Section], accounts: Sequence[Section]) -> Config:
    return Config(
        path=path,
        daemon=DaemonConfig(**daemon.values),
        watches={watch.name: WatchConfig(watch.name, **watch.values) for watch in watches},
        accounts={account.name: _account(account) for account in accounts},
    )


def _account(section: Section) -> Account:
    if section.values.pop("venue") == "deribit":
        return DeribitAccount(section.name, **section.values)
    return SxBetAccount(section.name, **section.values)
