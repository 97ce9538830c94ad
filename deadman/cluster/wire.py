"""What etcd's JSON gateway says, and what each of its errors asks of us. Pure.

Whole numbers are strings, bytes are base64, and what is zero, false or empty is left out. Errors go by `code` and not
by the HTTP status. Source: etcd.io, "gRPC gateway", and measured with 3.4.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from deadman.model.errors import Reason, Refused, Setback, Unavailable, VenueError

PASSING = frozenset({1, 2, 4, 8, 10, 14})
"""Codes of gRPC that another member, or a later try, may not give: cancelled, unknown, deadline exceeded, resource
exhausted (a full database), aborted, unavailable. Sources: grpc.io, "Status codes"; etcd, rpctypes/error.go."""

UNAUTHENTICATED, NOT_ALLOWED = 16, 7

STALE_LOGIN = "revision of auth store is old"
"""What etcd says to a token that is older than a change of its users or roles: log in again."""

COMPACTED = 11
"""Out of range: also what a read of a revision gets that has been compacted."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A value as it stood when it was read. `revision`: of its last change; whoever wrote it."""

    key: str
    value: bytes
    revision: int


class LoggedOut(Setback):
    """Our token is good no more."""


class Compacted(Refused):
    """The revision asked for is kept no more."""


def read_answer(status: int, body: bytes) -> Mapping[str, Any]:
    """Raises Unavailable or Refused by the code in the answer, whatever its HTTP status."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        raise _stranger(status, body)
    if status == 200 and "code" not in told:
        return told
    raise failure(told.get("code"), str(told.get("message") or told.get("error") or f"HTTP {status}"))


def failure(code: object, words: str) -> VenueError:
    """What an error answer asks of us: to log in again, to go elsewhere or come later, or that people mend it."""
    if code == UNAUTHENTICATED or STALE_LOGIN in words:
        return LoggedOut(Reason.CREDENTIALS, f"etcd: {words}")
    if code in PASSING or not isinstance(code, int):
        return Unavailable(Reason.VENUE_ERROR, f"etcd: {words}")
    if code == COMPACTED and "compacted" in words:
        return Compacted(Reason.UNSUPPORTED, f"etcd: {words}")
    if "user name is empty" in words:
        return Refused(Reason.CREDENTIALS, "etcd asks for a user: set cluster.user and cluster.password")
    return Refused(Reason.FORBIDDEN if code == NOT_ALLOWED else Reason.CREDENTIALS, f"etcd: {words}")


def _stranger(status: int, body: bytes) -> VenueError:
    """What is no JSON comes from no gateway, or from one that refuses the connection itself, in plain words."""
    words = body[:200].decode("utf-8", "replace").strip()
    if status in (400, 404):
        hint = " (is this etcd 3.4 or newer, with its gRPC gateway on?)" if status == 404 else ""
        return Refused(Reason.UNSUPPORTED, f"etcd: HTTP {status} {words}{hint}")
    return Unavailable(Reason.GARBLED, f"etcd: HTTP {status} {words}")


@contextmanager
def garbled() -> Iterator[None]:
    """The wall at which an answer that lacks something becomes an error of ours."""
    try:
        yield
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise Unavailable(Reason.GARBLED, f"etcd: an answer that cannot be read: {error!r}") from error


def read_request(name: str) -> dict[str, dict[str, str]]:
    """A range request: of one key, or of all below a name that ends in "/"."""
    asked = {"key": encoded(name.encode())}
    if name.endswith("/"):
        asked["range_end"] = encoded(name[:-1].encode() + b"0")  # the byte after "/"
    return {"request_range": asked}


def entries_of(answer: Mapping[str, Any]) -> list[Entry]:
    """What the gateway leaves out is empty."""
    return [
        Entry(_plain(kv["key"]).decode("utf-8", "replace"), _plain(kv.get("value", "")), int(kv["mod_revision"]))
        for kv in answer.get("kvs", [])
    ]


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _plain(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
