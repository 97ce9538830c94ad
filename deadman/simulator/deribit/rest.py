"""The same methods over HTTP: a GET with a query, or a POST of the JSON-RPC request; nothing dies with the connection.

Sources: docs.deribit.com, "JSON-RPC 2.0 Protocol" (HTTP REST Requests) and "Authentication" (Basic, Bearer, and the
signature in `Authorization: deri-hmac-sha256 id=…,ts=…,nonce=…,sig=…`). Errors were recorded as HTTP 400 and 401, with
the JSON-RPC error as their body.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from email.utils import formatdate
from typing import Any

import trio

from deadman.simulator.deribit.access import Key, RpcError, Session, invalid_token
from deadman.simulator.deribit.connection import HTTP, Connection, Timers, new_connection
from deadman.simulator.deribit.ledger import Ledger
from deadman.simulator.deribit.methods import METHODS
from deadman.simulator.deribit.requests import Call, admitted, answer, is_ignored, note, outcome_of, parse
from deadman.simulator.faults import Link, address_of, lateness, strikes, tardiness
from deadman.simulator.http import HttpConnection, Request, Response

UNAUTHORIZED = (13004, 13009)

NUMBERS = {
    *("amount", "contracts", "price", "trigger_price", "trigger_offset", "timestamp", "valid_until", "interval"),
    *("count", "depth", "display_amount", "max_show", "subaccount_id"),
}
"""Parameters that are numbers: a query has only text."""


HEAD_ENDS, LONGEST_HEAD = b"\r\n\r\n", 65_536


async def converse(venue: Ledger, link: Link) -> bool:
    """Answer plain requests, for as long as the venue lets a connection live; True when what comes next is none."""
    address, peer = address_of(link.inner), HttpConnection(link)
    crowded = venue.at(address) >= venue.settings.connections
    venue.callers[address] += 1
    try:
        with trio.move_on_after(venue.settings.keep_alive):
            while is_plain(await link.peek(HEAD_ENDS, LONGEST_HEAD)):
                request = await peer.next_request()
                if request is None:
                    return False
                if not await peer.answer(turned_away(venue) if crowded else await respond(venue, request, address)):
                    return False
            return True
    finally:
        venue.callers[address] -= 1
    return False


def is_plain(head: bytes) -> bool:
    """Whether it is a request that wants no WebSocket; one that is cut short may still."""
    return head.startswith((b"GET ", b"POST ")) and HEAD_ENDS in head and b"upgrade: websocket" not in head.lower()


def turned_away(venue: Ledger) -> Response:
    return Response(429, b"", date=now(venue))


def now(venue: Ledger) -> str:
    return formatdate(venue.timestamp(), usegmt=True)


async def respond(venue: Ledger, request: Request, address: str) -> Response:
    if not request.path.startswith(venue.settings.http_path):
        return Response(404, b"<html>not found</html>", content_type="text/html", date=now(venue))
    arrived, connection = venue.timestamp(), caller(venue, address)
    asked: Mapping[str, Any] = {}
    try:
        asked = read(request, request.path.removeprefix(venue.settings.http_path))
        identify(venue, connection, request)
        call = Call(venue, connection, asked["method"], asked.get("params") or {})
        for gate in connection.gates:
            await gate.passed()
        note(call)
        if is_ignored(call):
            return Response(200, b"", date=now(venue), manner="never")
        outcome = await carried_out(call)
    except RpcError as error:
        outcome = {"error": error.as_json()}
    return await written(venue, connection, asked, answer(venue, arrived, asked, outcome))


def caller(venue: Ledger, address: str) -> Connection:
    """What stands for whoever asks, for as long as he does."""
    return new_connection(HTTP, address, Timers(venue.settings, trio.current_time()), venue.faults)


def read(request: Request, method: str) -> Mapping[str, Any]:
    """The JSON-RPC request: of the body where there is one, else of the query.

    Raises:
        RpcError: what `parse` raises.
    """
    if request.body:
        return parse(request.body.decode(errors="replace")) | {"method": method}
    return {"method": method, "params": {name: typed(name, text) for name, text in request.query.items()}}


def typed(name: str, text: str) -> Any:
    if text in ("true", "false") or text.startswith("[") or name in NUMBERS:
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text


def identify(venue: Ledger, connection: Connection, request: Request) -> None:
    """Put whoever the header `Authorization` names on the connection; nobody where there is none.

    Raises:
        RpcError: 13004 or 13009, where it names nobody we know.
    """
    kind, _, credentials = request.headers.get("authorization", "").partition(" ")
    match kind.lower():
        case "bearer":
            session = venue.vault.check(venue.vault.find(credentials.strip()), HTTP, trio.current_time())
        case "basic":
            session = grant(venue, venue.login.key_for(basic(credentials), venue.timestamp()))
        case "deri-hmac-sha256":
            session = grant(venue, venue.login.key_for(signed(credentials, request), venue.timestamp()))
        case _:
            return
    connection.sign_in(venue.accounts[session.key.account], session)


def grant(venue: Ledger, key: Key) -> Session:
    return venue.vault.standing(key, HTTP) or venue.vault.open(key, "", HTTP, trio.current_time())


def basic(credentials: str) -> dict[str, str]:
    try:
        client_id, _, secret = base64.b64decode(credentials).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise invalid_token() from None
    return {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}


def signed(credentials: str, request: Request) -> dict[str, str]:
    """What is signed goes on, after time and nonce, with the method, the target and the body, a line each."""
    given = dict(part.strip().partition("=")[::2] for part in credentials.split(","))
    data = f"{request.method}\n{request.target}\n{request.body.decode(errors='replace')}\n"
    proof = {"client_id": given.get("id", ""), "timestamp": given.get("ts", ""), "nonce": given.get("nonce", "")}
    return {"grant_type": "client_signature", **proof, "data": data, "signature": given.get("sig", "")}


async def carried_out(call: Call) -> dict[str, Any]:
    method = admitted(call, METHODS)
    await trio.sleep(tardiness(call.connection.levels, call.method))
    return outcome_of(call, method) or {}


async def written(
    venue: Ledger, connection: Connection, asked: Mapping[str, Any], message: Mapping[str, Any]
) -> Response:
    """The answer as the faults let it out."""
    levels, method = connection.levels, str(asked.get("method"))
    await trio.sleep(lateness(levels, venue.random))
    code = message.get("error", {}).get("code")
    status = 200 if code is None else 401 if code in UNAUTHORIZED else 400
    response = Response(status, json.dumps(message).encode(), date=now(venue))
    if strikes(levels, lambda faults: faults.silent, method):
        return Response(status, b"", date=now(venue), manner="never")
    if strikes(levels, lambda faults: faults.garbled, method):
        return Response(status, b"<html>", content_type="text/html", date=now(venue))
    return response
