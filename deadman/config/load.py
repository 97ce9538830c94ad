"""From a file to a valid `Config`, or to every fault of it at once."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deadman.config.accounts import NO_WATCH, check_shared, read_account, secrets_of
from deadman.config.document import Document, dotted, read_document
from deadman.config.fault import Fault, Faults
from deadman.config.keys import DAEMON, DAEMON_TABLE, TABLES, WATCH, Section
from deadman.model.settings import Account, Config, DaemonConfig, SecretSource, WatchConfig
from deadman.venues.deribit.settings import DeribitAccount
from deadman.venues.sxbet.settings import SxBetAccount


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
    daemon = _read_daemon(top, runtime_directory_of_client(environment), environment)
    if top.faults:
        raise Faults(top.faults)
    return DaemonConfig(**daemon.values)


def read(path: Path, environment: Mapping[str, str]) -> Reading:
    """All that `path` says and all that is wrong with it; raises Faults only when it is no TOML at all."""
    top = _top(read_document(path))
    top.read(TABLES)
    daemon = _read_daemon(top, runtime_directory(environment), environment)
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
    _settle_directory(section, "state_directory", state_directory(environment))
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
    size, limit = len(os.fsencode(path)), SOCKET_PATH_LIMIT
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


RUNTIME = Path("/run/deadman")
STATE = Path("/var/lib/deadman")
SOCKET_PATH_LIMIT = 107  # bytes: sun_path of unix(7), less its closing zero


def runtime_directory(environment: Mapping[str, str], system: Path = RUNTIME) -> Path:
    """For the daemon: systemd's, the system's if it is or can be ours, else the user's."""
    own = _under(environment.get("XDG_RUNTIME_DIR"))
    return _from_systemd(environment, "RUNTIME_DIRECTORY") or _ours_or(own, system)


def runtime_directory_of_client(environment: Mapping[str, str], system: Path = RUNTIME) -> Path:
    """For those who talk to the daemon: where one listens, since they need not be able to write there."""
    own = _under(environment.get("XDG_RUNTIME_DIR"))
    given = _from_systemd(environment, "RUNTIME_DIRECTORY")
    listening = (place for place in (system, own) if place and _may_hold(place / "control.sock"))
    return given or next(listening, None) or runtime_directory(environment, system)


def state_directory(environment: Mapping[str, str], system: Path = STATE) -> Path:
    home = _under(environment.get("HOME"), ".local/state/deadman")
    own = _under(environment.get("XDG_STATE_HOME")) or home
    return _from_systemd(environment, "STATE_DIRECTORY") or _ours_or(own, system)


def _from_systemd(environment: Mapping[str, str], name: str) -> Path | None:
    """systemd names all directories of a unit, colon-separated; the first is ours."""
    first = environment.get(name, "").partition(":")[0]
    return Path(first) if first else None


def _ours_or(own: Path | None, system: Path) -> Path:
    # Not Path.exists(), which raises where one may not look: a dynamic user's state lies behind /var/lib/private.
    place = system if os.path.exists(system) else system.parent
    writable = os.access(place, os.W_OK | os.X_OK)
    # Without a place of our own the system's stays the answer: systemd will make it.
    return system if writable or own is None else own


def _under(parent: str | None, name: str = "deadman") -> Path | None:
    """XDG: a relative path counts as not set."""
    return Path(parent) / name if parent and os.path.isabs(parent) else None


def _may_hold(path: Path) -> bool:
    """Whether `path` exists; also when we are not let in to see, for then it is the better thing to complain of."""
    try:
        path.stat()
    except PermissionError:
        return True
    except OSError:
        return False
    return True
