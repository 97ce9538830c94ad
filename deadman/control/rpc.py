"""JSON-RPC 2.0, one object a line, read with distrust. Source: jsonrpc.org/specification."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from deadman.model.text import plain, suggestion

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


LONGEST_SPAN = 30 * 86400.0
"""Seconds; whoever wants a longer hold or disarm wants another config."""

LONGEST_REASON = 200


def expect(params: Mapping[str, Any], allowed: Collection[str]) -> None:
    """A misspelt parameter must not change what is done: `fro` for `for` would disarm without end."""
    if strange := [name for name in params if name not in allowed]:
        raise Failure(INVALID_PARAMS, _unknown("parameter", strange[0], allowed))


def accounts(params: Mapping[str, Any], known: Collection[str]) -> tuple[str, ...]:
    """The named accounts, each once; "all" is every one. An empty list is refused."""
    given = params.get("accounts")
    if given == "all":
        return tuple(known)
    if not isinstance(given, list) or not given or not all(isinstance(name, str) for name in given):
        raise Failure(INVALID_PARAMS, 'accounts must be a list of names, or "all"')
    if strange := [name for name in given if name not in known]:
        raise Failure(UNKNOWN_NAME, _unknown("account", strange[0], known))
    return tuple(dict.fromkeys(given))


def count(params: Mapping[str, Any], name: str, most: int, otherwise: int) -> int:
    """How many are wanted, at most `most`."""
    given = params.get(name, otherwise)
    if not isinstance(given, int) or isinstance(given, bool) or not 0 <= given <= most:
        raise Failure(INVALID_PARAMS, f"{name} must be a whole number from 0 to {most}")
    return given


def watch(params: Mapping[str, Any], known: Collection[str]) -> str:
    name = params.get("watch")
    if not isinstance(name, str):
        raise Failure(INVALID_PARAMS, "watch must be a name")
    if name not in known:
        raise Failure(UNKNOWN_NAME, _unknown("watch", name, known))
    return name


def span(params: Mapping[str, Any]) -> float | None:
    """`for` in seconds; None when it was not given."""
    given = params.get("for")
    if given is None:
        return None
    if not isinstance(given, int | float) or isinstance(given, bool) or not 0 < given <= LONGEST_SPAN:
        raise Failure(INVALID_PARAMS, f"for must be a number of seconds, more than 0 and at most {LONGEST_SPAN:.0f}")
    return float(given)


def reason(params: Mapping[str, Any]) -> str:
    """For people and logs: one line, harmless, not long."""
    given = params.get("reason") or ""
    if not isinstance(given, str):
        raise Failure(INVALID_PARAMS, "reason must be text")
    return _shown(given, LONGEST_REASON)


def _unknown(kind: str, name: str, known: Collection[str]) -> str:
    hint = suggestion(name, known) or f"known are {', '.join(known) or 'none'}"
    return f'no {kind} "{_shown(name)}"; {hint}'


def _shown(text: str, longest: int = 64) -> str:
    words = plain(" ".join(text.split()))
    return words if len(words) <= longest else f"{words[: longest - 1]}…"
