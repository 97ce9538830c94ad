"""Beats as they stand in the register: JSON, which people can read. A stranger's is `Unreadable`. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, get_args

from deadman.model.keys import NAME, keys_of
from deadman.model.readers import Wrong
from deadman.model.settings import Selection, Terms
from deadman.model.sight import AccountTold, BotState, BotTold, DeskBeat, WitnessBeat, WitnessTold

VERSION = 1


class Unreadable(Exception):
    """What stands there is no beat of ours."""


def desk_key(prefix: str, desk: str) -> str:
    return f"{prefix}desks/{desk}/beat"


def witness_keys(prefix: str, desk: str) -> str:
    """Where the witnesses of a desk write: each to its own key below it."""
    return f"{prefix}witnesses/{desk}/"


def encode_desk(beat: DeskBeat) -> bytes:
    return _json(
        v=VERSION,
        run=beat.run,
        beat=beat.number,
        timeout=beat.timeout,
        stopped=beat.stopped or None,
        machine=beat.machine or None,
        watches={
            name: _set(state=bot.state, heard=None if bot.heard is None else round(bot.heard, 1))
            for name, bot in beat.bots.items()
        },
        accounts={name: _account(account) for name, account in beat.accounts.items()},
    )


def encode_witness(beat: WitnessBeat) -> bytes:
    return _json(
        v=VERSION,
        run=beat.run,
        beat=beat.number,
        echo={"run": beat.echo_run, "beat": beat.echo} if beat.echo_run else None,
        stopped=beat.stopped or None,
        machine=beat.machine or None,
        accounts={name: _set(**asdict(told)) for name, told in beat.accounts.items()},
    )


def _json(**values: object) -> bytes:
    return json.dumps(_set(**values), separators=(",", ":")).encode()


def _set(**values: object) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in (None, "")}


def _account(account: AccountTold) -> dict[str, Any]:
    selection = _set(**asdict(account.terms.cancel))
    return _set(
        watches=list(account.watches),
        on_trip=account.terms.on_trip,
        cancel=selection,
        left_alone=account.left_alone,
        key=account.key,
        holder=account.holder,
    )


def decode_desk(value: bytes) -> DeskBeat:
    """Raises Unreadable."""
    read = _Reader(value)
    timeout = read.number("timeout")
    if not 1 <= timeout <= 86400:
        raise Unreadable(f"its timeout is {timeout:g} s")
    return DeskBeat(
        run=read.text("run"),
        number=int(read.number("beat")),
        timeout=timeout,
        stopped=read.flag("stopped"),
        machine=read.text("machine", ""),
        bots={name: _bot_of(one) for name, one in read.tables("watches")},
        accounts={name: _account_of(one) for name, one in read.tables("accounts")},
    )


def decode_witness(value: bytes) -> WitnessBeat:
    """Raises Unreadable."""
    read = _Reader(value)
    echo = read.table("echo")
    return WitnessBeat(
        run=read.text("run"),
        number=int(read.number("beat")),
        echo_run=echo.text("run", ""),
        echo=int(echo.number("beat", 0)),
        stopped=read.flag("stopped"),
        machine=read.text("machine", ""),
        accounts={name: _witness_of(one) for name, one in read.tables("accounts")},
    )


def _bot_of(read: _Reader) -> BotTold:
    state, heard = read.text("state"), read.number("heard", -1)
    if state not in get_args(BotState):
        raise Unreadable(f'a bot is "{state}"')
    return BotTold(state, None if heard < 0 else heard)  # type: ignore[arg-type]


def _account_of(read: _Reader) -> AccountTold:
    cancel, on_trip = read.table("cancel").values, read.text("on_trip")
    try:
        selection = Selection(**{name: _SELECTED[name].read(value) for name, value in cancel.items()})
    except (KeyError, Wrong):
        selection = None
    if on_trip not in ("cancel", "none") or selection is None:
        # Nothing is guessed of which orders are meant: too many would go, or none.
        raise Unreadable("what a trip cancels is told in words that are not known here")
    return AccountTold(
        watches=tuple(read.texts("watches")),
        terms=Terms("cancel" if on_trip == "cancel" else "none", selection),
        left_alone=read.text("left_alone", ""),
        key=read.text("key", ""),
        holder=read.text("holder", ""),
    )


_SELECTED = {key.name: key.reader for key in keys_of(Selection)}


def _witness_of(read: _Reader) -> WitnessTold:
    cancelled = read.number("cancelled", -1)
    return WitnessTold(
        can=read.flag("can"),
        phase=read.text("phase"),
        cancelled=None if cancelled < 0 else int(cancelled),
        because=read.text("because", ""),
        key=read.text("key", ""),
        holder=read.text("holder", ""),
    )


class _Reader:
    """A table of JSON. Every method raises Unreadable for what is of another kind, or missing without a default."""

    def __init__(self, value: bytes | Mapping[str, Any]) -> None:
        if isinstance(value, bytes):
            try:
                value = json.loads(value)
            except (ValueError, RecursionError):
                raise Unreadable("it is no JSON") from None
            if not isinstance(value, Mapping) or value.get("v") != VERSION:
                raise Unreadable(f"it is not of version {VERSION}")
        self.values = value

    def text(self, name: str, default: str | None = None) -> str:
        value = self.values.get(name, default)
        if not isinstance(value, str) or len(value) > 500 or not value.isprintable():
            raise Unreadable(f'its "{name}" is not as it should be')
        return value

    def number(self, name: str, default: float | None = None) -> float:
        value = self.values.get(name, default)
        # Compared this way round, what is no number is not small enough either; and one may be too great for a float.
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= 1e15:
            raise Unreadable(f'its "{name}" is no number')
        return value

    def flag(self, name: str) -> bool:
        return self.values.get(name, False) is True

    def texts(self, name: str) -> list[str]:
        value = self.values.get(name, [])
        if not isinstance(value, list) or not all(isinstance(one, str) and NAME.fullmatch(one) for one in value):
            raise Unreadable(f'its "{name}" is no list of names')
        return value

    def table(self, name: str) -> _Reader:
        value = self.values.get(name, {})
        if not isinstance(value, dict):
            raise Unreadable(f'its "{name}" is no table')
        return _Reader(value)

    def tables(self, name: str) -> list[tuple[str, _Reader]]:
        """Those below `name`; their names end in logs, pages and orders to cancel."""
        inner = self.table(name)
        if not all(NAME.fullmatch(key) for key in inner.values):
            raise Unreadable(f'its "{name}" holds what is no name')
        return [(key, inner.table(key)) for key in inner.values]
