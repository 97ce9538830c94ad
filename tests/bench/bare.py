"""Bare clients of the libraries we stand on, doing the same on the wire.

`python -m tests.bench.bare websockets|renewals URL CA_FILE COUNT`. They judge nothing, keep no record, notice no death
and never come back: what a hand-written loop costs at least.
"""

from __future__ import annotations

import json
import ssl
import sys
from itertools import count
from typing import Any

import httpx
import trio
import trio_websocket

GREETING: tuple[tuple[str, dict[str, Any]], ...] = (
    ("public/set_heartbeat", {"interval": 10}),
    ("public/auth", {"grant_type": "client_credentials", "client_id": "bare", "client_secret": "bare"}),
    ("private/get_cancel_on_disconnect", {"scope": "connection"}),
    ("private/get_cancel_on_disconnect", {"scope": "account"}),
)


async def websockets(url: str, context: ssl.SSLContext, sessions: int) -> None:
    """So many sessions, eight dialled at once, that answer test_requests."""
    slots = trio.CapacityLimiter(8)
    async with trio.open_nursery() as nursery:
        for number in range(sessions):
            nursery.start_soon(answer_tests, f"{url}/{number}", context, slots)


async def answer_tests(url: str, context: ssl.SSLContext, slots: trio.CapacityLimiter) -> None:
    async with trio.open_nursery() as nursery:
        async with slots:
            socket = await trio_websocket.connect_websocket_url(nursery, url, context)
        ids = count(1)
        for method, params in GREETING:
            await socket.send_message(
                json.dumps({"jsonrpc": "2.0", "id": next(ids), "method": method, "params": params})
            )
            await socket.get_message()
        while True:
            frame = json.loads(await socket.get_message())
            if frame.get("method") == "heartbeat" and frame["params"]["type"] == "test_request":
                asked = {"jsonrpc": "2.0", "id": next(ids), "method": "public/test", "params": {}}
                await socket.send_message(json.dumps(asked))


async def renewals(url: str, context: ssl.SSLContext, accounts: int) -> None:
    """One client for each account with the shared context, renewing every ten seconds."""
    async with trio.open_nursery() as nursery:
        for number in range(accounts):
            nursery.start_soon(renew, url, context, f"bare-{number}")


async def renew(url: str, context: ssl.SSLContext, key: str) -> None:
    async with httpx.AsyncClient(verify=context, trust_env=False, headers={"x-sx-api-key": key}, timeout=60) as client:
        while True:
            due = trio.current_time() + INTERVAL
            answer = await client.post(f"{url}/heartbeat/v3", json={"timeoutSeconds": 30})
            assert answer.json()["status"] == "success"
            await trio.sleep_until(due)


INTERVAL = 1.0
"""Seconds between two renewals, here and in the daemon's config."""

if __name__ == "__main__":
    kind, url, ca_file, accounts = sys.argv[1:]
    clients = {"websockets": websockets, "renewals": renewals}
    trio.run(clients[kind], url, ssl.create_default_context(cafile=ca_file), int(accounts))
