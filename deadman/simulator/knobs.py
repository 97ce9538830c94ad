"""Turning a knob by its name, as a person types it."""

from __future__ import annotations

from dataclasses import fields
from difflib import get_close_matches

from .faults import Faults

SWITCHES = ("frozen", "refuse", "dead", "wrong_echo", "lying", "reauth_disarms")
SECONDS = ("delay", "jitter", "drip")
NUMBERS = ("cancel_leaves", "granted")
METHODS = ("ignored", "silent", "garbled", "no_frame", "wrong_id")
WORDS = {
    "upgrade": ("reset", "eof", "hang"),
    "expires_at": ("missing", "past"),
    "body": ("hang", "drip", "reset", "eof"),
}
MANY = {
    "fail": "METHOD=CODE, such as private/cancel_all=10028 or 'POST /heartbeat/v3=503'",
    "late": "METHOD=SECONDS, such as private/cancel_all=7 or 'POST /heartbeat/v3=7'",
    "stuck": "ORDER=CODE, such as BTC-1=11044",
}
KNOBS = (*SWITCHES, *SECONDS, *NUMBERS, *METHODS, *WORDS, *MANY)


class BadCommand(Exception):
    """What a person typed makes no sense; the text says what would."""


def turn(faults: Faults, knob: str, value: str) -> None:
    """Set one knob: on/off, seconds, a number, methods with commas between, a word, or NAME=FIGURE.

    `none` unsets it.

    Raises:
        BadCommand: there is no such knob, or it does not take this value.
    """
    match knob:
        case _ if knob in SWITCHES:
            setattr(faults, knob, switched(value))
        case _ if knob in SECONDS:
            setattr(faults, knob, number(value))
        case _ if knob in NUMBERS:
            setattr(faults, knob, default(knob) if value == "none" else int(number(value)))
        case _ if knob in METHODS:
            setattr(faults, knob, set() if value == "none" else set(value.split(",")))
        case _ if knob in MANY:
            one_of_many(faults, knob, value)
        case _ if knob in WORDS:
            setattr(faults, knob, word(knob, value))
        case _:
            raise BadCommand(f"no knob {knob!r}; {suggestion(knob, KNOBS)}")


def switched(value: str) -> bool:
    if value not in ("on", "off"):
        raise BadCommand(f"{value!r} is neither on nor off")
    return value == "on"


def number(value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise BadCommand(f"{value!r} is not a number") from None


def one_of_many(faults: Faults, knob: str, value: str) -> None:
    """`none` forgets them all."""
    known: dict[str, float] = getattr(faults, knob)
    if value == "none":
        known.clear()
        return
    name, equals, figure = value.rpartition("=")
    if not equals:
        raise BadCommand(f"{knob} takes {MANY[knob]}")
    known[name] = number(figure) if knob == "late" else int(number(figure))


def word(knob: str, value: str) -> str | int | None:
    if value == "none":
        return None
    if knob == "upgrade" and value.isdigit():
        return int(value)
    if value not in WORDS[knob]:
        raise BadCommand(f"{knob} is one of {', '.join(WORDS[knob])}, none")
    return value


def default(knob: str) -> object:
    return next(field.default for field in fields(Faults) if field.name == knob)


def suggestion(name: str, known: tuple[str, ...]) -> str:
    close = get_close_matches(name, known, 1)
    return f"did you mean {close[0]!r}?" if close else f"there are {', '.join(known)}"
