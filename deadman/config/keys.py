"""Every key a config may hold: its name, how it is read, its default, what it means."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from deadman.config.document import Document, KeyPath
from deadman.config.fault import Fault, suggestion
from deadman.config.values import (
    Read,
    Wrong,
    address,
    boolean,
    check_name,
    choice,
    hook,
    integer,
    lease,
    listen,
    one_or_several,
    path,
    pattern,
    seconds,
    secret,
    subset,
    table,
    text,
    texts,
    wallet,
)

REQUIRED: Final = object()


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a table. `default` is REQUIRED, or the value which a missing key stands for."""

    name: str
    read: Read
    default: Any
    meaning: str


DAEMON = (
    Key("listen", listen, ("127.0.0.1", 9847), "where metrics, health and the status page are served"),
    Key("runtime_directory", path, None, "holds the control socket and the watches' sockets"),
    Key("state_directory", path, None, "holds what must survive a restart"),
    Key("log_format", choice("auto", "journal", "text", "json"), "auto", "how log lines are written"),
    Key("log_level", choice("debug", "info", "warning", "error"), "info", "the least severe line that is written"),
    Key("socket_group", text(32), None, "the group that may check in and read the status"),
    Key("operators", texts, (), "who may arm, disarm, trip and hold, besides root and the daemon's own user"),
    Key("webhook", hook, None, "told of every transition of a wanted account"),
    Key("ping", hook, None, "called once a minute while every wanted account is protected"),
)

WATCH = (
    Key("timeout", seconds(1, 86400), REQUIRED, "seconds of silence after which the trading process is dead"),
    Key("on_stopping", choice("trip", "release"), "trip", "what STOPPING=1 does"),
    Key("user", text(32), None, "the only user whose check-ins count"),
)

VENUE = Key("venue", choice("deribit", "sxbet"), REQUIRED, '"deribit" or "sxbet"')

_ACCOUNT = (
    VENUE,
    Key("observe", boolean, False, "look and report, change nothing"),
    Key("ca_file", path, None, "the certificates to trust instead of the system's"),
)

DERIBIT = (
    *_ACCOUNT,
    Key("network", choice("mainnet", "testnet", "coinbase"), REQUIRED, '"mainnet", "testnet" or "coinbase"'),
    Key("url", address("wss", "ws"), None, "replaces the network's WebSocket URL"),
    Key("client_id", text(256), None, "the API key's id"),
    Key("client_secret", secret, None, "where the API key's secret lives"),
    Key("private_key", secret, None, "where the private key of an asymmetric API key lives"),
    Key("key_name", text(512), None, "the name of a Coinbase key"),
    Key("auth", choice("signature", "secret"), "signature", "how the secret is used to log in"),
    Key("heartbeat_interval", integer(10, 3600, "seconds"), 10, "how often the venue tests the connection"),
    Key("verify_interval", seconds(1, 3600), 30.0, "between read-backs of cancel-on-disconnect"),
    Key("watch", one_or_several, (), "the trading processes whose silence trips this account"),
    Key("on_trip", choice("cancel", "none"), None, "what a trip does"),
    Key("cancel", table, {}, "which orders a trip cancels"),
    Key("orders_via", subset("websocket", "rest", "fix"), ("websocket",), "how the desk places its orders"),
)

# private/cancel_all_by_…: the venue compares currencies and labels exactly.
SELECTION = (
    Key("currency", pattern(re.compile(r"[A-Z][A-Z0-9_]{1,15}"), 'a currency as the venue writes it, "BTC"'), None, ""),
    Key("kind", choice("future", "option", "spot", "future_combo", "option_combo"), None, ""),
    Key("type", choice("all", "limit", "trigger_all", "stop", "take", "trailing_stop"), None, ""),
    Key("label", text(64), None, ""),
)

SXBET = (
    *_ACCOUNT,
    Key("network", choice("mainnet", "testnet"), REQUIRED, '"mainnet" or "testnet"'),
    Key("url", address("https", "http"), None, "replaces the network's base URL"),
    Key(
        "api",
        choice("v2", "v3"),
        REQUIRED,
        'there is no default, since a V2 key does not work with V3 nor the other way round: "v3" if the key was made '
        'after the move to V3 of August 2026, else "v2"',
    ),
    Key("requestor", wallet, None, "the wallet whose orders are guarded"),
    Key("api_key", secret, REQUIRED, "where the API key lives"),
    Key("timeout_seconds", lease, 30, "the lease: without a renewal for so long, the venue cancels"),
    Key("renew_interval", seconds(0.2, 1200), None, "between renewals of the lease"),
    Key(
        "watch",
        one_or_several,
        REQUIRED,
        "there is no default, since renewing the lease of a dead bot defeats the switch: name the watch on the trading "
        'process, or say "none" to renew even if no bot lives',
    ),
    Key("on_trip", choice("cancel", "expire", "lapse"), None, "what a trip does"),
)

DAEMON_TABLE = Key("daemon", table, {}, "")

TABLES = (DAEMON_TABLE, Key("watches", table, {}, ""), Key("accounts", table, {}, ""))


@dataclass(frozen=True, slots=True)
class Section:
    """One table being read. `values` holds what is right so far: a key that was wrong is missing there."""

    document: Document
    faults: list[Fault]
    path: KeyPath
    raw: Mapping[str, Any]
    values: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.path[-1]

    def given(self, name: str) -> bool:
        return name in self.raw

    def fault(self, name: str, message: str, hint: str = "", *below: str) -> None:
        key = (*self.path, name, *below) if name else self.path
        self.faults.append(self.document.fault(key, message, hint))

    def read(self, keys: tuple[Key, ...], elsewhere: Mapping[str, str] | None = None) -> None:
        """Read the table by `keys`; `elsewhere` has the hints for keys that belong to another kind of table."""
        known = [key.name for key in keys]
        for name in self.raw.keys() - set(known):
            self.fault(name, "unknown key", suggestion(name, known) or (elsewhere or {}).get(name, ""))
        for key in keys:
            self.read_key(key)

    def below(self, name: str) -> Section:
        """The table under key `name`; an empty one where there is none, or none that could be read."""
        return Section(self.document, self.faults, (*self.path, name), self.values.get(name, {}))

    def tables(self) -> Iterator[Section]:
        """The named tables in this one; what is no table, or badly named, becomes a fault."""
        for name, raw in self.raw.items():
            try:
                inner = table(raw)
                check_name(name)
            except Wrong as wrong:
                hint = wrong.hint or ("" if isinstance(raw, dict) else f"write [{self.name}.NAME] above its keys")
                self.fault(name, wrong.message, hint)
                if not isinstance(raw, dict):
                    continue
            yield Section(self.document, self.faults, (*self.path, name), inner)

    def read_key(self, key: Key) -> None:
        if key.name not in self.raw:
            if key.default is REQUIRED:
                self.fault(key.name, "missing", key.meaning)
            else:
                self.values[key.name] = key.default
            return
        try:
            self.values[key.name] = key.read(self.raw[key.name])
        except Wrong as wrong:
            self.fault(key.name, wrong.message, wrong.hint, *wrong.below)
