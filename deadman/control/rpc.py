"""JSON-RPC 2.0, one object a line, read with distrust. Source: jsonrpc.org/specification."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
NO_SUCH_METHOD = -32601
INVALID_PARAMS = -32602
FORBIDDEN = -32001
UNKNOWN_NAME = -32002
TOO_MANY = -32003
GIVEN_UP = -32004


class Failure(Exception):
    """A request that is answered with an error, in words for people."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


@dataclass(frozen=True, slots=True)
class Request:
    """`wants_answer` is false for a notification, which had no id at all.

    `wants_notice`: the client is to be told when a change is begun (a member of ours, `notice`), so that it knows
    what became of one whose answer it did not wait for.
    """

    id: str | int | float | None
    method: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    wants_answer: bool = True
    wants_notice: bool = False


def request_of(message: Mapping[str, Any]) -> Request:
    """Raises Failure unless it is a request of JSON-RPC 2.0 with parameters by name."""
    params = message.get("params", {})
    if message.get("jsonrpc") != "2.0" or not isinstance(message.get("method"), str):
        raise Failure(INVALID_REQUEST, 'a request needs "jsonrpc": "2.0" and a "method"')
    if not isinstance(params, dict):
        raise Failure(INVALID_PARAMS, "params must be given by name, in an object")
    return Request(id_of(message), message["method"], params, "id" in message, message.get("notice") is True)


def id_of(message: Mapping[str, Any]) -> str | int | float | None:
    """The id, null where it is none that JSON-RPC allows."""
    given = message.get("id")
    return given if isinstance(given, str | int | float) and not isinstance(given, bool) else None


def decode(line: bytes) -> dict[str, Any]:
    """One line as an object; raises Failure for anything else, however deep, long or odd."""
    try:
        message = json.loads(line.decode("utf-8"), parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise Failure(PARSE_ERROR, "not a line of JSON") from None
    if not isinstance(message, dict):
        raise Failure(INVALID_REQUEST, "one object a line is understood, no batches")
    return message


def answer(request_id: object, result: Mapping[str, Any]) -> bytes:
    return _line({"jsonrpc": "2.0", "id": request_id, "result": result})


def begun(request_id: object) -> bytes:
    """A notification to the client: from here on what it asked for is done, whether or not it waits."""
    return _line({"jsonrpc": "2.0", "method": "begun", "params": {"id": request_id}})


def refusal(request_id: object, failure: Failure) -> bytes:
    return _line({"jsonrpc": "2.0", "id": request_id, "error": {"code": failure.code, "message": failure.message}})


def _line(message: Mapping[str, Any]) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)
