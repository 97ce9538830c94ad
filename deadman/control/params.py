"""What came with a request: checked, or refused in words before anything is done."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from deadman.config.words import listed, suggestion
from deadman.control.rpc import INVALID_PARAMS, UNKNOWN_NAME, Failure
from deadman.spoken import plain

LONGEST_SPAN = 30 * 86400.0
"""Seconds; whoever wants a longer hold or disarm wants another config."""

LONGEST_REASON = 200


def expect(params: Mapping[str, Any], allowed: Iterable[str]) -> None:
    """A misspelt parameter must not change what is done: `fro` for `for` would disarm without end."""
    known = tuple(allowed)
    for name in params:
        if name not in known:
            raise Failure(INVALID_PARAMS, _unknown("parameter", name, known))


def accounts(params: Mapping[str, Any], known: Collection[str]) -> tuple[str, ...]:
    """The named accounts, each once; "all" is every one. An empty list is nobody's wish."""
    given = params.get("accounts")
    if given == "all":
        return tuple(known)
    if not isinstance(given, list) or not given or not all(isinstance(name, str) for name in given):
        raise Failure(INVALID_PARAMS, 'accounts must be a list of names, or "all"')
    for name in given:
        check_known("account", name, known)
    return tuple(dict.fromkeys(given))


def watch(params: Mapping[str, Any], known: Collection[str]) -> str:
    name = params.get("watch")
    if not isinstance(name, str):
        raise Failure(INVALID_PARAMS, "watch must be a name")
    check_known("watch", name, known)
    return name


def check_known(kind: str, name: str, known: Collection[str]) -> None:
    if name not in known:
        raise Failure(UNKNOWN_NAME, _unknown(kind, name, known))


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
    hint = suggestion(name, known) or f"known are {listed(known) or 'none'}"
    return f'no {kind} "{_shown(name)}"; {hint}'


def _shown(text: str, longest: int = 64) -> str:
    words = plain(" ".join(text.split()))
    return words if len(words) <= longest else f"{words[: longest - 1]}…"
