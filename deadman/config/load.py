"""From a file to a valid `Config`, or to every fault of it at once."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from deadman.config.document import Document, Fault, Faults, dotted, read_document
from deadman.config.secrets import check_sources
from deadman.model.keys import LONGEST_NAME, REQUIRED, Key, Table, keys_of
from deadman.model.readers import choice, table
from deadman.model.secret import SecretSource
from deadman.model.settings import Account, ClusterConfig, Config, DaemonConfig, WatchConfig
from deadman.model.text import closest, shown, suggestion
from deadman.venues import VENUES

NO_WATCH = "none"


@cache
def account_keys(venue: str) -> tuple[Key, ...]:
    """All keys of an account there, the venue's own name first."""
    return _venue_key(f'"{venue}"'), *keys_of(VENUES[venue].settings)


def _venue_key(example: str = "") -> Key:
    return Key("venue", "venue", choice(*VENUES), "where the account is", REQUIRED, example=example)


def read_account(table: Table, document: Document, watches: Collection[str]) -> type[Account] | None:
    """Read one account's table by its venue's keys and rules, leaving what is right in `table.values`.

    Returns the venue's settings; None where no venue can be guessed.
    """
    given = table.raw.get("venue")
    # The nearest guess, so that the other faults of an account with a misspelled venue are told, too.
    venue = closest(given, VENUES) if isinstance(given, str) else None
    if venue is None:
        slip = None if table.given("venue") else closest("venue", table.raw)
        if slip is None:
            table.read_key(_venue_key())
        else:
            table.fault(slip, "unknown key", 'did you mean "venue"?')
        return None
    elsewhere = {key.name: f"it is a key of {other} accounts" for other in VENUES for key in account_keys(other)}
    table.read(account_keys(venue), _homes() | elsewhere)
    table.values.pop("venue", None)
    _place(table, document)
    _check_watches(table, watches)
    _check_ca_file(table)
    VENUES[venue].settings.settle(table)
    return VENUES[venue].settings


def _place(table: Table, document: Document) -> None:
    """Relative paths are relative to the config file, wherever the daemon was started."""
    directory = document.path.absolute().parent
    for name, value in table.values.items():
        match value:
            case Path():
                table.values[name] = directory / value
            case SecretSource(kind=kind, name=place):
                place = str(directory / place) if kind == "file" else place
                table.values[name] = replace(value, name=place, line=document.line((*table.path, name)))


def check_shared(accounts: Sequence[Table], document: Document) -> None:
    """No key and no wallet twice: two keepers of one account at the venue would undo each other's work."""
    unique = {key.name for venue in VENUES for key in account_keys(venue) if key.unique}
    owners: dict[object, tuple[Table, str]] = {}
    for account in accounts:
        for name, value in account.values.items():
            if name not in unique or value is None:
                continue
            # A secret is told by where it lives, whatever the key it stands under.
            owner, key = owners.setdefault(value if isinstance(value, SecretSource) else (name, value), (account, name))
            if (owner, key) != (account, name):
                line = document.line((*owner.path, key))
                told = f"the same as {dotted((*owner.path, key))}, line {line}"
                account.fault(name, told, "each account needs its own")


def _check_watches(table: Table, watches: Collection[str]) -> None:
    names = table.values.get("watches", ())
    if NO_WATCH in names and len(names) > 1:
        table.fault("watch", f'"{NO_WATCH}" stands alone or not at all')
    for name in names:
        if name != NO_WATCH and name not in watches:
            none = f'did you mean "{NO_WATCH}"?' if name.lower() == NO_WATCH else ""
            hint = none or suggestion(name, watches) or f"define it: [watches.{dotted((name,))}]"
            table.fault("watch", f"no watch is called {shown(name)}", hint)
    table.values["watches"] = tuple(name for name in names if name != NO_WATCH)


def _check_ca_file(table: Table) -> None:
    path = table.values.get("ca_file")
    if path is None:
        return
    try:
        # Asked first, since reading a pipe or a device might never end.
        if not path.is_file():
            table.fault("ca_file", f"there is no file {path}")
        elif b"-----BEGIN CERTIFICATE-----" not in path.read_bytes():
            table.fault("ca_file", "holds no certificate in PEM form")
    except PermissionError:
        return  # perhaps only the service can read it
    except OSError as error:
        table.fault("ca_file", f"cannot be read: {error.strerror}")


_DAEMON, _CLUSTER, _WATCHES, _ACCOUNTS = (
    Key(name, name, table, "", {}) for name in ("daemon", "cluster", "watches", "accounts")
)


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


class SecretsUnreadable(Faults):
    """Secrets that only the service may read; nothing else is wrong."""


def load_with_secrets(path: Path, environment: Mapping[str, str]) -> Config:
    """The config, of which every secret can be read here and now; keeps none.

    Raises Faults; SecretsUnreadable, a kind of them, where nothing is wrong but that only the service may read one.
    """
    reading = read(path, environment)
    if reading.config is None:
        raise Faults(reading.faults)
    secrets = check_sources(path, reading.secrets, environment)
    if secrets.faults:
        raise Faults((*secrets.faults, *secrets.unverifiable))
    if secrets.unverifiable:
        raise SecretsUnreadable(secrets.unverifiable)
    return reading.config


def load_daemon(path: Path, environment: Mapping[str, str]) -> DaemonConfig:
    """`[daemon]` alone, for clients: they need neither valid accounts nor any secret. Raises Faults."""
    top, faults = _top(read_document(path))
    top.read_key(_DAEMON)
    daemon = _read_daemon(top, path, runtime_directory_of_client(environment), environment)
    if faults:
        raise Faults(faults)
    return daemon.build(DaemonConfig)


def read(path: Path, environment: Mapping[str, str]) -> Reading:
    """All that `path` says and all that is wrong with it; raises Faults only when it is no TOML at all."""
    document = read_document(path)
    top, faults = _top(document)
    top.read((_DAEMON, _CLUSTER, _WATCHES, _ACCOUNTS), _homes() | _lost_tables(document.tables))
    daemon = _read_daemon(top, path, runtime_directory(environment), environment)
    watches = _read_watches(top, daemon.values.get("runtime_directory"))
    names = [watch.name for watch in watches]
    accounts = [(account, read_account(account, document, names)) for account in top.below("accounts").tables()]
    check_shared([table for table, _ in accounts], document)
    cluster = _read_cluster(top, document)
    _check_witnesses([table for table, _ in accounts], names, cluster, daemon.values.get("name"))
    if not top.values.get("accounts", True):
        hint = "`deadman init` prints a config to start from"
        top.fault("", "no accounts: at least one [accounts.NAME] is needed", hint)
    tables = [*(account for account, _ in accounts), *([cluster] if cluster else [])]
    secrets = tuple(
        (dotted((*table.path, name)), value)
        for table in tables
        for name, value in table.values.items()
        if isinstance(value, SecretSource)
    )
    if faults:
        return Reading(tuple(faults), secrets, None)
    config = Config(
        path=path,
        daemon=daemon.build(DaemonConfig),
        watches={watch.name: watch.build(WatchConfig, name=watch.name) for watch in watches},
        accounts={account.name: account.build(kind, name=account.name) for account, kind in accounts if kind},
        cluster=cluster.build(ClusterConfig) if cluster else None,
    )
    return Reading((), secrets, config)


@cache
def _homes() -> dict[str, str]:
    """The hint for each key that stands in another kind of table than its own."""
    of_accounts = [key for venue in VENUES for key in account_keys(venue)]
    tables: dict[str, Iterable[Key]] = {
        **{f"{key.name} of [accounts.NAME]": keys_of(key.reader.table) for key in of_accounts if key.reader.table},
        "[accounts.NAME]": of_accounts,
        "[cluster]": keys_of(ClusterConfig),
        "[watches.NAME]": keys_of(WatchConfig),
        "[daemon]": keys_of(DaemonConfig),
    }
    return {key.name: f"it belongs under {table}" for table, keys in tables.items() for key in keys}


def _lost_tables(tables: Mapping[str, Any]) -> dict[str, str]:
    """The hint for an account or a watch that says its name and not what it is."""
    kinds = {name: "accounts" if "venue" in raw else "watches" for name, raw in tables.items() if isinstance(raw, dict)}
    return {
        name: f"write [{kind}.{dotted((name,))}]"
        for name, kind in kinds.items()
        if {"venue", "timeout"} & tables[name].keys()
    }


def _top(document: Document) -> tuple[Table, list[Fault]]:
    """The whole file as a table, and the faults that reading it will find."""
    faults: list[Fault] = []
    return Table((), document.tables, lambda *fault: faults.append(document.fault(*fault))), faults


def _read_daemon(top: Table, path: Path, runtime: Path, environment: Mapping[str, str]) -> Table:
    """Relative paths are relative to the config file, wherever the daemon was started."""
    daemon = top.below("daemon")
    daemon.read(keys_of(DaemonConfig), _homes())
    for name, default in (("runtime_directory", runtime), ("state_directory", state_directory(environment))):
        if name in daemon.values:
            daemon.values[name] = path.absolute().parent / (daemon.values[name] or default)
    if "name" in daemon.values:
        daemon.values["name"] = daemon.values["name"] or host_name()
    if excess := _excess(daemon.values.get("runtime_directory", Path()) / "control.sock"):
        daemon.fault("runtime_directory", f"the control socket's {excess}", "shorten it")
    return daemon


def _read_cluster(top: Table, document: Document) -> Table | None:
    if not top.given("cluster"):
        return None
    cluster = top.below("cluster")
    cluster.read(keys_of(ClusterConfig), _homes())
    _place(cluster, document)
    _check_ca_file(cluster)
    for one, other in (("user", "password"), ("cert_file", "key_file")):
        if cluster.given(other) and not cluster.given(one):
            cluster.fault(other, f"given without {one}")
    if cluster.given("user") and not cluster.given("password"):
        cluster.fault("user", "given without password", "where does it live?")
    return cluster


def _check_witnesses(
    accounts: Sequence[Table], watches: Collection[str], cluster: Table | None, name: str | None
) -> None:
    for account in accounts:
        desk = str(account.values.get("witness_of") or "").partition("/")[0]
        if not desk:
            continue
        if cluster is None:
            account.fault("witness_of", "needs [cluster]", "the desk's word comes through etcd: set its endpoints")
        if desk == name:
            account.fault("witness_of", f"{shown(desk)} is this daemon itself", "a witness is on another machine")
        if desk in watches:
            account.fault("witness_of", f"{shown(desk)} is also the name of a watch", "rename the watch")


def _read_watches(top: Table, runtime: Path | None) -> Sequence[Table]:
    watches = tuple(top.below("watches").tables())
    for watch in watches:
        watch.read(keys_of(WatchConfig), _homes())
        if watch.name == NO_WATCH:
            watch.fault("", f'"{NO_WATCH}" is what an account without a watch says', "choose another name")
        if runtime and (excess := _excess(runtime / "watch" / f"{watch.name}.sock")):
            watch.fault("", f"its socket's {excess}", "shorten runtime_directory")
    return watches


def host_name() -> str:
    """This host's name, as far as it will do in ours."""
    name = re.sub(r"[^a-z0-9._-]", "-", socket.gethostname().partition(".")[0].lower()).lstrip("._-")
    return name[:LONGEST_NAME] or "deadman"


def _excess(path: Path) -> str:
    """Why a socket cannot stand at `path`; empty if it can."""
    size, limit = len(os.fsencode(path)), SOCKET_PATH_LIMIT
    return f"path has {size} bytes, Linux allows {limit}" if size > limit else ""


RUNTIME = Path("/run/deadman")
STATE = Path("/var/lib/deadman")
SOCKET_PATH_LIMIT = 107  # bytes: sun_path of unix(7), less its closing zero


def runtime_directory(environment: Mapping[str, str], system: Path = RUNTIME) -> Path:
    """For the daemon: systemd's, the system's if it is or can be ours, else the user's."""
    return _directory(environment, "RUNTIME_DIRECTORY", system, _under(environment.get("XDG_RUNTIME_DIR")))


def runtime_directory_of_client(environment: Mapping[str, str], system: Path = RUNTIME) -> Path:
    """For those who talk to the daemon: where one listens, since they need not be able to write there."""
    own = _under(environment.get("XDG_RUNTIME_DIR"))
    places = [system] if own is None else [system, own]
    for place in [] if environment.get("RUNTIME_DIRECTORY") else places:
        try:
            (place / "control.sock").stat()
        except PermissionError:
            pass  # it hides its socket, and is the better one to complain of
        except OSError:
            continue
        return place
    return runtime_directory(environment, system)


def state_directory(environment: Mapping[str, str], system: Path = STATE) -> Path:
    home = _under(environment.get("HOME"), ".local/state/deadman")
    return _directory(environment, "STATE_DIRECTORY", system, _under(environment.get("XDG_STATE_HOME")) or home)


def _directory(environment: Mapping[str, str], name: str, system: Path, own: Path | None) -> Path:
    # systemd names all directories of a unit, colon-separated; the first is ours.
    if first := environment.get(name, "").partition(":")[0]:
        return Path(first)
    # Not Path.exists(), which raises where one may not look: a dynamic user's state lies behind /var/lib/private.
    place = system if os.path.exists(system) else system.parent
    writable = os.access(place, os.W_OK | os.X_OK)
    # Without a place of our own the system's stays the answer: systemd will make it.
    return system if writable or own is None else own


def _under(parent: str | None, name: str = "deadman") -> Path | None:
    """XDG: a relative path counts as not set."""
    return Path(parent) / name if parent and os.path.isabs(parent) else None
