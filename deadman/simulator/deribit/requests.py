"""From a text to its answer: the envelope, who may ask, and the faults that come between."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import trio

from ..faults import failure, lateness, strikes
from ..received import Received
from .connection import Account, Cause, Connection
from .errors import RpcError, invalid_token
from .scope import allows

if TYPE_CHECKING:
    from .venue import Deribit

LARGEST = 32 * 1024  # bytes of one request


@dataclass(frozen=True, slots=True)
class Call:
    """One request being answered."""

    venue: Deribit
    connection: Connection
    method: str
    params: Mapping[str, Any]

    @property
    def account(self) -> Account:
        if self.connection.account is None:
            raise invalid_token()
        return self.connection.account


class NoReply(Exception):
    """This method answers nothing, as `private/logout` does."""


@dataclass(frozen=True, slots=True)
class Method:
    """What a method does and what it needs: None means nobody has to log in for it."""

    run: Callable[[Call], Any]
    need: str | None = None


def handle(venue: Deribit, connection: Connection, text: str, methods: Mapping[str, Method]) -> None:
    """Answer one text, or not, as the faults will have it."""
    arrived = venue.timestamp()
    connection.timers.heard_at = trio.current_time()
    try:
        request = parse(text)
    except RpcError as error:
        connection.post(envelope(venue, arrived, {"error": error.as_json()}))
        return
    method, params = request["method"], request.get("params") or {}
    note(venue, connection, method, params)
    levels = connection.levels
    if any(faults.dead for faults in levels) or strikes(levels, lambda faults: faults.ignored, method):
        return
    owner = connection.account.name if connection.account else connection.address
    if not venue.credits.spend(owner, pool_of(method), trio.current_time()):
        connection.post(answer(venue, arrived, request, {"error": RpcError(10028).as_json()}))
        venue.end(connection, Cause.RATE)
        return
    try:
        outcome = {"result": run(Call(venue, connection, method, params), methods)}
    except RpcError as error:
        outcome = {"error": error.as_json()}
    except NoReply:
        return
    reply(venue, connection, method, answer(venue, arrived, request, outcome))


def pool_of(method: str) -> str:
    match method.partition("/")[2]:
        case "subscribe" | "unsubscribe":
            return "subscribe"
        case "buy" | "sell" | "cancel" | "cancel_all_by_currency" | "cancel_all_by_instrument":
            return "matching"
        case "cancel_all" | "cancel_by_label" | "cancel_all_by_kind_or_type":
            return "cancel_all"
        case _:
            return "any"


def parse(text: str) -> dict[str, Any]:
    """One JSON-RPC request with named parameters.

    Raises:
        RpcError: 11050 for what is not JSON, -32600 for what is too large or no request, -32602.
    """
    if len(text.encode()) > LARGEST:
        raise RpcError(-32600)
    try:
        request = json.loads(text)
    except ValueError:
        raise RpcError(11050, "invalid json") from None
    if not isinstance(request, dict) or not isinstance(request.get("method"), str):
        raise RpcError(-32600, {"reason": "not a request"})
    if not isinstance(request.get("params", {}), dict | None):
        raise RpcError(-32602, {"reason": "parameters must be named", "param": "params"})
    return request


def run(call: Call, methods: Mapping[str, Method]) -> Any:
    """Carry out a call whose caller may make it.

    Raises:
        RpcError: -32601, 13009, 13021, or the method's own.
    """
    code = failure(call.connection.levels, call.method)
    if code is not None:
        raise RpcError(code)
    method = methods.get(call.method)
    if method is None:
        raise RpcError(-32601)
    if method.need is not None:
        authorise(call, method.need)
    return method.run(call)


def authorise(call: Call, need: str) -> None:
    vault, connection, token = call.venue.vault, call.connection, call.params.get("access_token")
    session = connection.session if token is None else vault.find(token)
    session = vault.check(session, connection.id, trio.current_time())
    if token is None and session.name is None and call.venue.settings.token_in_every_request:
        raise invalid_token()
    if not allows(session.scope, need, call.venue.settings.words):
        raise RpcError(13021, {"reason": f"scope {need} is missing"})
    if connection.account is None:  # a named session reaches every connection that shows its token
        connection.sign_in(call.venue.accounts[session.key.account], session)


def reply(venue: Deribit, connection: Connection, method: str, message: dict[str, Any]) -> None:
    levels = connection.levels
    if strikes(levels, lambda faults: faults.silent, method):
        return
    delay = lateness(levels, venue.random)
    if strikes(levels, lambda faults: faults.garbled, method):
        connection.post_text('{"jsonrpc":"2.0","id":', delay)
        return
    if strikes(levels, lambda faults: faults.wrong_id, method):
        message = message | {"id": 999_999_999}
    connection.post(message, delay)


def note(venue: Deribit, connection: Connection, method: str, params: Mapping[str, Any]) -> None:
    account = connection.account.name if connection.account else None
    venue.received.append(Received(trio.current_time(), account, connection.id, method, params))


def answer(venue: Deribit, arrived: float, request: Mapping[str, Any], outcome: dict[str, Any]) -> dict[str, Any]:
    return envelope(venue, arrived, ({"id": request["id"]} if "id" in request else {}) | outcome)


def envelope(venue: Deribit, arrived: float, content: dict[str, Any]) -> dict[str, Any]:
    us_in, us_out = int(arrived * 1e6), int(venue.timestamp() * 1e6)
    times = {"usIn": us_in, "usOut": us_out, "usDiff": us_out - us_in, "testnet": venue.settings.testnet}
    return {"jsonrpc": "2.0"} | content | times
