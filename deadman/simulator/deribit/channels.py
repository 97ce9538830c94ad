"""Subscriptions: which channels there are, and what is said on them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from deadman.simulator.deribit.access import RpcError, invalid_params
from deadman.simulator.deribit.connection import Cause, Connection
from deadman.simulator.deribit.instruments import PRICES, Instrument, instruments
from deadman.simulator.deribit.ledger import Ledger
from deadman.simulator.deribit.market import holdings, ticker_of
from deadman.simulator.deribit.orders import as_json
from deadman.simulator.deribit.requests import Call, Method
from deadman.simulator.exchange import Order

INTERVALS = {"raw": 0.0, "100ms": 0.1, "agg2": 2.0}
"""Seconds over which news is gathered. Source: docs.deribit.com, "Notifications", Notification Intervals."""

INTERVAL = r"(raw|100ms|agg2)"
PUBLIC = re.compile(
    rf"platform_state(\.public_methods_state)?|(ticker|book)\.[^.]+\.{INTERVAL}|book\.[^.]+\.[^.]+\.\d+\.{INTERVAL}|"
    r"quote\.[^.]+"
)
PRIVATE = re.compile(rf"user\.(orders|changes)\.[^.]+(\.[^.]+)?\.{INTERVAL}|user\.portfolio\.[^.]+")
"""Only what is ever spoken on here: a channel that would stay silent for ever is none."""


def subscribe(call: Call) -> Any:
    """Add what channels there are, and name them: the others are dropped without a word."""
    may_be_private = call.method.startswith("private/")
    asked = channels(call)
    if call.connection.session is None and any(name.endswith(".raw") for name in asked):
        raise RpcError(13778)
    accepted = [name for name in asked if exists(call.venue, name, may_be_private)]
    call.connection.channels.update(accepted)
    for name in accepted:
        tell_at_first(call.venue, call.connection, name)
    return accepted


def exists(venue: Ledger, channel: str, may_be_private: bool) -> bool:
    subject = channel.split(".")
    if may_be_private and PRIVATE.fullmatch(channel):
        return subject[1] != "portfolio" or subject[2].upper() in (*PRICES, "ANY")
    of_market = subject[0] in ("ticker", "book", "quote")
    return bool(PUBLIC.fullmatch(channel)) and (not of_market or subject[1] in instruments(venue.timestamp()))


def unsubscribe(call: Call) -> Any:
    known = [name for name in channels(call) if name in call.connection.channels]
    call.connection.channels.difference_update(known)
    return known


def unsubscribe_all(call: Call) -> Any:
    call.connection.channels.clear()
    return "ok"


def channels(call: Call) -> list[str]:
    named = call.params.get("channels")
    if not isinstance(named, list):
        raise invalid_params("channels", "value is required")
    return [channel for channel in named if isinstance(channel, str)]


def tell_at_first(venue: Ledger, connection: Connection, channel: str) -> None:
    """What a channel says once at its beginning; markets say nothing more, for they never move."""
    topic, *rest = channel.split(".")
    if topic == "user" and rest[0] == "portfolio":
        push(venue, connection, channel, holdings("BTC" if rest[1] == "any" else rest[1].upper()), 0.1)
    if topic in ("ticker", "quote", "book"):
        market = instruments(venue.timestamp())[rest[0]]
        push(venue, connection, channel, snapshot(venue, topic, market, grouped=len(rest) > 2), 0.1)


def snapshot(venue: Ledger, topic: str, market: Instrument, grouped: bool) -> dict[str, Any]:
    shown = ticker_of(venue, market)
    if topic == "ticker":
        return shown
    best = {name: shown[f"best_{name}"] for name in ("bid_price", "bid_amount", "ask_price", "ask_amount")}
    said = {"instrument_name": market.name, "timestamp": shown["timestamp"]}
    if topic == "quote":
        return said | {f"best_{name}": value for name, value in best.items()}
    new = [] if grouped else ["new"]
    levels = {f"{side}s": [[*new, best[f"{side}_price"], best[f"{side}_amount"]]] for side in ("bid", "ask")}
    return said | levels | {"change_id": 1} | ({} if grouped else {"type": "snapshot"})


def publish(venue: Ledger, channel: str, data: Any) -> None:
    for connection in venue.connections_of():
        if channel in connection.channels:
            push(venue, connection, channel, data)


def tell(venue: Ledger, order: Order) -> None:
    """Tell the connections of an order's account what became of it."""
    for connection in venue.connections_of(order.account):
        for channel in sorted(connection.channels):
            if covers(channel, order):
                note(venue, connection, channel, order)


def note(venue: Ledger, connection: Connection, channel: str, order: Order) -> None:
    """At once on a raw channel, alone; else with whatever else its interval brings, in a list."""
    _, topic, *_, interval = channel.split(".")
    data = as_json(venue, order)
    if interval == "raw":
        push(venue, connection, channel, data if topic == "orders" else changes(order.instrument, [data]))
        return
    instrument = order.instrument if topic == "changes" else ""
    gathered = connection.gathered.setdefault((channel, instrument), [])
    gathered.append(data)
    if len(gathered) == 1:
        connection.post_text(Gathering(connection, channel, instrument), INTERVALS[interval])
        cut_off(venue, connection)


@dataclass(frozen=True, slots=True)
class Gathering:
    """What an interval has brought on a channel, of one instrument or of all; written down when it is over."""

    connection: Connection
    channel: str
    instrument: str

    def __call__(self) -> str:
        orders = self.connection.gathered.pop((self.channel, self.instrument))
        return text(self.channel, changes(self.instrument, orders) if self.instrument else orders)


def changes(instrument: str, orders: list[dict[str, Any]]) -> dict[str, Any]:
    return {"instrument_name": instrument, "orders": orders, "trades": [], "positions": []}


def push(venue: Ledger, connection: Connection, channel: str, data: Any, after: float = 0.0) -> None:
    connection.post_text(text(channel, data), after)
    cut_off(venue, connection)


def text(channel: str, data: Any) -> str:
    message = {"jsonrpc": "2.0", "method": "subscription", "params": {"channel": channel, "data": data}}
    return json.dumps(message, separators=(",", ":"))


def cut_off(venue: Ledger, connection: Connection) -> None:
    """Drop a peer that leaves too much unread."""
    if len(connection.outbox) > venue.settings.outbox:
        venue.end(connection, Cause.SLOW)


def covers(channel: str, order: Order) -> bool:
    match channel.split("."):
        case ["user", "orders" | "changes", kind, currency, _]:
            return kind in ("any", order.kind) and currency in ("any", order.currency)
        case ["user", "orders" | "changes", instrument, _]:
            return instrument in ("any", order.instrument)
        case _:
            return False


CHANNELS: dict[str, Method] = {
    "public/subscribe": Method(subscribe, on_a_socket=True),
    "public/unsubscribe": Method(unsubscribe, on_a_socket=True),
    "public/unsubscribe_all": Method(unsubscribe_all, on_a_socket=True),
    "private/subscribe": Method(subscribe, "account:read", on_a_socket=True),
    "private/unsubscribe": Method(unsubscribe, "account:read", on_a_socket=True),
    "private/unsubscribe_all": Method(unsubscribe_all, "account:read", on_a_socket=True),
}
