"""`[accounts.…]`: the rules that all venues share, and those between accounts."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from deadman.config.document import Document, dotted
from deadman.model.keys import REQUIRED, Key, Table, keys_of
from deadman.model.readers import choice
from deadman.model.settings import Account, SecretSource
from deadman.model.text import closest, shown, suggestion
from deadman.venues import VENUES

NO_WATCH = "none"


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
        table.read_key(_venue_key())
        return None
    elsewhere = {key.name: f"it is a key of {other} accounts" for other in VENUES for key in account_keys(other)}
    table.read(account_keys(venue), elsewhere)
    table.values.pop("venue", None)
    directory = document.path.absolute().parent
    # Relative paths are relative to the config file, wherever the daemon was started.
    for name, value in table.values.items():
        match value:
            case Path():
                table.values[name] = directory / value
            case SecretSource(kind=kind, name=place):
                place = str(directory / place) if kind == "file" else place
                table.values[name] = replace(value, name=place, line=document.line((*table.path, name)))
    _check_watches(table, watches)
    _check_ca_file(table)
    VENUES[venue].settings.settle(table)
    return VENUES[venue].settings


def check_shared(accounts: Sequence[Table]) -> None:
    """No key and no wallet twice: two keepers of one account at the venue would undo each other's work."""
    unique = {key.name for venue in VENUES for key in account_keys(venue) if key.unique}
    owners: dict[object, tuple[Table, str]] = {}
    for table in accounts:
        for name, value in table.values.items():
            if name not in unique or value is None:
                continue
            # A secret is told by where it lives, whatever the key it stands under.
            owner, key = owners.setdefault(value if isinstance(value, SecretSource) else (name, value), (table, name))
            if (owner, key) != (table, name):
                table.fault(name, f"the same as {dotted((*owner.path, key))}", "each account needs its own")


def _check_watches(table: Table, watches: Collection[str]) -> None:
    names = table.values.get("watches", ())
    if NO_WATCH in names and len(names) > 1:
        table.fault("watch", f'"{NO_WATCH}" stands alone or not at all')
    for name in names:
        if name != NO_WATCH and name not in watches:
            hint = suggestion(name, watches) or f"define it: [watches.{dotted((name,))}]"
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
