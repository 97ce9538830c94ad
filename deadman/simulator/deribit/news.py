"""Notifications: who subscribed hears, and who does not read is cut off."""

from __future__ import annotations

from typing import Any

from ..exchange import Order
from .connection import Cause, Connection
from .ledger import Ledger
from .orders import as_json


def publish(venue: Ledger, channel: str, data: Any) -> None:
    for connection in venue.connections_of():
        if channel in connection.channels:
            push(venue, connection, channel, data)


def tell(venue: Ledger, order: Order) -> None:
    """Tell the connections of an order's account what became of it."""
    for connection in venue.connections_of(order.account):
        for channel in sorted(connection.channels):
            if covers(channel, order):
                push(venue, connection, channel, as_json(order))


def push(venue: Ledger, connection: Connection, channel: str, data: Any) -> None:
    connection.post({"jsonrpc": "2.0", "method": "subscription", "params": {"channel": channel, "data": data}})
    if len(connection.outbox) > venue.settings.outbox:
        venue.end(connection, Cause.SLOW)


def covers(channel: str, order: Order) -> bool:
    match channel.split("."):
        case ["user", "orders", kind, currency, _]:
            return kind in ("any", order.kind) and currency in ("any", order.currency)
        case ["user", "orders", instrument, _]:
            return instrument == order.instrument
        case _:
            return False
