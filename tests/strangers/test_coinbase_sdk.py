"""coinbase-advanced-py's client of Coinbase's gateway."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.strangers.conftest import Desk

sdk = pytest.importorskip("coinbase.deribit.ws_client", reason="needs coinbase-advanced-py: see the README, Developing")

pytestmark = pytest.mark.filterwarnings("ignore")

ACCOUNT = "gate-desk"
LIMIT = {"instrument_name": "BTC-PERPETUAL", "amount": 10, "price": 100.0}


@pytest.fixture
def client(desk: Desk) -> Iterator[Any]:
    key_name = desk.accounts[ACCOUNT]["key_name"]
    desk.command(f"switch {ACCOUNT} on")
    opened = sdk.DeribitRetailWSClient(
        api_key=key_name, api_secret=desk.secret(ACCOUNT), url=desk.url(ACCOUNT, "wss"), timeout=5
    )
    with opened:
        yield opened


def test_it_logs_in_by_jwt_places_hears_of_its_orders_and_cancels(desk: Desk, client: Any) -> None:
    heard: list[Any] = []
    client.subscribe(["user.orders.any.any.raw"], lambda data, channel: heard.append(data["order_state"]))
    client.private_buy(**LIMIT)
    assert desk.open_orders(ACCOUNT) == 1
    assert client.call("private/get_cancel_on_disconnect")["result"] == {"scope": "connection", "enabled": True}
    assert client.call("private/cancel_all")["result"] == 1
    client.call("public/test")
    assert heard == ["open", "cancelled"]


def test_cut_off_its_orders_go_and_logged_out_they_stay(desk: Desk, client: Any) -> None:
    client.private_buy(**LIMIT)
    desk.command(f"drop {ACCOUNT}")
    assert desk.open_orders(ACCOUNT) == 0
    time.sleep(2)  # its first reconnect
    client.private_buy(**LIMIT)
    client.private_logout()
    assert desk.open_orders(ACCOUNT) == 1


def test_it_answers_heartbeats_and_lives(desk: Desk, client: Any) -> None:
    client.public_set_heartbeat(interval=10)
    client.private_buy(**LIMIT)
    time.sleep(3)
    assert desk.open_orders(ACCOUNT) == 1
