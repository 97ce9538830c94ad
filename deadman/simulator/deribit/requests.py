"""From a text to its answer: the envelope, who may ask, and the faults that come between."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import trio

from deadman.simulator.deribit.access import RpcError, invalid_params, invalid_token
from deadman.simulator.deribit.connection import HTTP, Account, Cause, Connection
from deadman.simulator.deribit.ledger import Ledger
from deadman.simulator.deribit.settings import allows
from deadman.simulator.exchange import Received
from deadman.simulator.faults import failure, lateness, strikes, tardiness

LARGEST = 32 * 1024  # bytes of one request
NO_FRAME = b"\xff\xff\xff\xff no frame begins like this"


@dataclass(frozen=True, slots=True)
class Call:
    """One request being answered."""

    venue: Ledger
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
    """What a method does and what it needs: None means nobody has to log in for it.

    `on_a_socket`: over HTTP it is answered 10030.
    """

    run: Callable[[Call], Any]
    need: str | None = None
    on_a_socket: bool = False


def handle(
    venue: Ledger, connection: Connection, text: str, methods: Mapping[str, Method], later: trio.Nursery
) -> None:
    """Answer one text, or not, as the faults will have it; `later` outlives the connection."""
    arrived = venue.timestamp()
    connection.timers.heard_at = trio.current_time()
    try:
        request = parse(text)
    except RpcError as error:
        connection.post(envelope(venue, arrived, {"error": error.as_json()}))
        return
    call = Call(venue, connection, request["method"], request.get("params") or {})
    note(call)
    if is_ignored(call):
        return
    try:
        method, wait = admitted(call, methods), tardiness(connection.levels, call.method)
    except RpcError as error:
        respond(call, arrived, request, {"error": error.as_json()})
        return
    if wait:
        later.start_soon(carry_out_late, wait, call, arrived, request, method)
    else:
        respond(call, arrived, request, outcome_of(call, method))


async def carry_out_late(wait: float, call: Call, arrived: float, request: Mapping[str, Any], method: Method) -> None:
    await trio.sleep(wait)
    respond(call, arrived, request, outcome_of(call, method))


def respond(call: Call, arrived: float, request: Mapping[str, Any], outcome: dict[str, Any] | None) -> None:
    """Answer, where there is anything to answer."""
    if outcome is None:
        return
    reply(call, answer(call.venue, arrived, request, outcome))
    if outcome.get("error", {}).get("code") == 10028:  # the documents: answered, and the session terminated
        call.venue.end(call.connection, Cause.RATE)


def is_ignored(call: Call) -> bool:
    levels = call.connection.levels
    return any(faults.dead for faults in levels) or strikes(levels, lambda faults: faults.ignored, call.method)


def outcome_of(call: Call, method: Method) -> dict[str, Any] | None:
    """What comes of a call that was let in: a result or an error; None where nothing is answered."""
    try:
        return {"result": method.run(call)}
    except RpcError as error:
        return {"error": error.as_json()}
    except NoReply:
        return None


def pay(call: Call) -> None:
    connection = call.connection
    owner = connection.account.name if connection.account else connection.address
    if not call.venue.credits.spend(owner, pool_of(call), trio.current_time()):
        raise RpcError(10028)


MATCHING = frozenset(
    {
        "buy",
        "sell",
        "edit",
        "cancel",
        "cancel_all_by_currency",
        "cancel_all_by_currency_pair",
        "cancel_all_by_instrument",
    }
)


def pool_of(call: Call) -> str:
    """Who pays for what. Source: docs.deribit.com, "Rate Limits", Cost per Request and Cancel Method Logic."""
    match call.method.partition("/")[2]:
        case "subscribe" | "unsubscribe" | "unsubscribe_all":
            return "subscribe"
        case "get_instruments":
            return "instruments"
        case "cancel_all":
            return "cancel_all"
        case "cancel_by_label" | "cancel_all_by_kind_or_type":
            return "cancel_all" if call.params.get("currency", "any") == "any" else "matching"
        case method:
            return "matching" if method in MATCHING else "any"


def required(call: Call, name: str) -> str:
    """A parameter that has to be there, as text that is not empty."""
    value = call.params.get(name)
    if value is None:
        raise invalid_params(name, "value is required")
    if not isinstance(value, str) or not value:
        raise invalid_params(name)
    return value


def admitted(call: Call, methods: Mapping[str, Method]) -> Method:
    """The method, if its caller may call it.

    Raises:
        RpcError: 11051, 10028, -32601, 13009, 13021, or what it is to fail with.
    """
    if any(faults.maintenance for faults in call.connection.levels):
        raise RpcError(11051)
    pay(call)
    code = failure(call.connection.levels, call.method)
    if code is not None:
        raise RpcError(code)
    method = methods.get(call.method)
    if method is None:
        raise RpcError(-32601)
    if method.on_a_socket and call.connection.id == HTTP:
        raise RpcError(10030)
    if method.need is not None:
        authorise(call, method.need)
    return method


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


def reply(call: Call, message: dict[str, Any]) -> None:
    connection, levels, method = call.connection, call.connection.levels, call.method
    if strikes(levels, lambda faults: faults.silent, method):
        return
    delay = lateness(levels, call.venue.random)
    if strikes(levels, lambda faults: faults.garbled, method):
        connection.post_text('{"jsonrpc":"2.0","id":', delay)
    elif strikes(levels, lambda faults: faults.no_frame, method):
        connection.post_text(NO_FRAME, delay)
    elif strikes(levels, lambda faults: faults.wrong_id, method):
        connection.post(message | {"id": 999_999_999}, delay)
    else:
        connection.post(message, delay)


def note(call: Call) -> None:
    account = call.connection.account.name if call.connection.account else None
    call.venue.received.append(Received(trio.current_time(), account, call.connection.id, call.method, call.params))


def parse(text: str) -> dict[str, Any]:
    """One JSON-RPC request with named parameters.

    Raises:
        RpcError: 11050 for what is not JSON or no request, -32600 for what is too large, -32602.
    """
    if len(text.encode()) > LARGEST:
        raise RpcError(-32600)
    try:
        request = json.loads(text)
    except ValueError:
        raise RpcError(11050, "invalid json") from None
    if not isinstance(request, dict) or not isinstance(request.get("method"), str):  # batches too, which it takes not
        raise RpcError(11050)
    if not isinstance(request.get("params", {}), dict | None):
        raise RpcError(-32602, {"reason": "parameters must be named", "param": "params"})
    return request


def answer(venue: Ledger, arrived: float, request: Mapping[str, Any], outcome: dict[str, Any]) -> dict[str, Any]:
    return envelope(venue, arrived, ({"id": request["id"]} if "id" in request else {}) | outcome)


def envelope(venue: Ledger, arrived: float, content: dict[str, Any]) -> dict[str, Any]:
    us_in, us_out = int(arrived * 1e6), int(venue.timestamp() * 1e6)
    times = {"usIn": us_in, "usOut": us_out, "usDiff": us_out - us_in, "testnet": venue.settings.testnet}
    return {"jsonrpc": "2.0"} | content | times
