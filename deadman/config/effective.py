"""The effective config: what the file says, what it leaves out, and no secret."""

from __future__ import annotations

from dataclasses import asdict, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import tomli_w

from deadman.config.accounts import NO_WATCH
from deadman.config.fault import host_and_port
from deadman.model.settings import Account, Config, DaemonConfig, SecretSource, WatchConfig

MASK = "***"


def effective_text(config: Config) -> str:
    """The effective config as TOML."""
    return tomli_w.dumps(effective(config))


def effective(config: Config) -> dict[str, Any]:
    """The effective config as TOML's own types, every secret as `***`."""
    return {
        "daemon": _daemon(config.daemon),
        "watches": {name: _watch(watch) for name, watch in config.watches.items()},
        "accounts": {name: _account(account) for name, account in config.accounts.items()},
    }


def _daemon(daemon: DaemonConfig) -> dict[str, Any]:
    # Whoever knows a webhook's or a ping's path may call it.
    hooks = {name: _masked(url) for name in ("webhook", "ping") if (url := getattr(daemon, name))}
    listen = "" if daemon.listen is None else host_and_port(*daemon.listen)
    return {**_plain(daemon), "listen": listen, **hooks}


def _watch(watch: WatchConfig) -> dict[str, Any]:
    return {key: value for key, value in _plain(watch).items() if key != "name"}


def _account(account: Account) -> dict[str, Any]:
    keys = {"venue": account.venue, **_plain(account)}
    watches = keys.pop("watches")
    del keys["name"]
    keys["watch"] = NO_WATCH if account.lease is not None and not watches else watches
    return keys


def _plain(record: DaemonConfig | WatchConfig | Account) -> dict[str, Any]:
    named = ((entry.name, getattr(record, entry.name)) for entry in fields(record))
    return {name: _value(value) for name, value in named if value is not None}


def _value(value: Any) -> Any:
    match value:
        case SecretSource():
            return MASK
        case Path():
            return str(value)
        case tuple():
            return list(value)
        case bool() | int() | float() | str():
            return value
    return {name: part for name, part in asdict(value).items() if part is not None}


def _masked(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}/{MASK}"
