"""The config file of a desk: written as TOML from the table of keys, and read by the loader that `run` uses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import tomli_w

from deadman.config.load import NO_WATCH
from deadman.model.keys import keys_of
from deadman.model.secret import SecretSource
from deadman.model.settings import Account, Selection, WatchConfig
from deadman.venues.deribit.settings import DrillOrder
from deadman.venues.sxbet.settings import SxBetAccount

Table = dict[str, Any]


def write_config(
    path: Path,
    accounts: Iterable[Account],
    watches: Iterable[WatchConfig],
    daemon: Mapping[str, Any],
    cluster: Mapping[str, Any] | None = None,
) -> None:
    """Replace the file at `path`."""
    shared = {} if cluster is None else {"cluster": dict(cluster)}
    path.write_text(tomli_w.dumps(tables(accounts, watches, daemon) | shared))


def tables(accounts: Iterable[Account], watches: Iterable[WatchConfig], daemon: Mapping[str, Any]) -> Table:
    """What the file says, as TOML's own types."""
    return {
        "daemon": dict(daemon),
        "watches": {watch.name: written(watch) for watch in watches},
        "accounts": {account.name: account_table(account) for account in accounts},
    }


def account_table(account: Account) -> Table:
    table = {"venue": account.venue, **written(account)}
    if isinstance(account, SxBetAccount) and not account.watches:
        table["watch"] = NO_WATCH
    if account.witness_of is not None:  # its desk's own apply
        for name in ("watch", "on_trip", "cancel", "orders_via", "verify_interval"):
            table.pop(name, None)
    return table


def written(record: Account | WatchConfig) -> Table:
    """Every key that has a value, as a person would write it."""
    values = {key.name: getattr(record, key.attribute) for key in keys_of(type(record))}
    return {name: as_toml(value) for name, value in values.items() if value is not None}


def as_toml(value: object) -> object:
    match value:
        case SecretSource(kind=kind, name=name):
            return {kind: name}
        case Selection() | DrillOrder():
            return {name: part for name, part in asdict(value).items() if part is not None}
        case Path():
            return str(value)
        case tuple():
            return list(value)
    return value
