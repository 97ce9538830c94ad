"""How a venue may answer one method: each documented code of it, one that nobody knows, garbage, late, or never.

Codes come from the venues' tables of errors (protocol, sections 7.2 and 9): only those that the method can give.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from deadman.simulator.faults import Faults

ANSWERS = "answers"
"""What the trouble is called in which a venue answers badly, and all else is well."""

NEVER = 20.0
"""Seconds after which SX Bet carries out what it was late with: whoever asked has long gone."""

_ANY = (10028, 11051, 13028)
"""Any method of Deribit's: over the limit, which ends the session; maintenance; nobody knows whether it was done."""

_PUBLIC = (*_ANY, 11056)
_PRIVATE = (*_ANY, 13009, 13021)

CODES: Mapping[str, tuple[int, ...]] = {
    "public/auth": (10028, 11051, 11094, 12003, 13004, 13009, 13028),
    "public/hello": (*_PUBLIC, 10066),
    "public/test": (*_PUBLIC, 10066),
    "public/set_heartbeat": (*_PUBLIC, -32602),
    "private/get_cancel_on_disconnect": _PRIVATE,
    "private/enable_cancel_on_disconnect": (*_PRIVATE, 10049),
    "private/disable_cancel_on_disconnect": _PRIVATE,
    "private/get_account_summary": (*_PRIVATE, 11098),
    "private/get_open_orders": (*_PRIVATE, 10040),
    "private/get_open_orders_by_currency": (*_PRIVATE, 10040),
    "private/subscribe": (*_PRIVATE, 11052),
    "private/cancel_all": (*_PRIVATE, 10041, 10047),
    "private/cancel_all_by_currency": (*_PRIVATE, 10041, 10047),
    "private/cancel_all_by_kind_or_type": (*_PRIVATE, 10041, 10047),
    "private/cancel_by_label": (*_PRIVATE, 10041, 10047),
    "private/cancel": (*_PRIVATE, 10004, 10010, 10041, 10047, 11044),
    "POST /heartbeat": (400, 401, 403, 404, 429, 500, 503),
    "POST /heartbeat/v3": (400, 401, 403, 429, 500, 503),
    "GET /orders": (400, 429, 500, 503),
    "GET /orders-v3": (400, 401, 403, 429, 500, 503),
    "DELETE /orders-v3/all": (400, 401, 403, 404, 429, 500, 503),
}
"""The documented codes of every method that we send."""

UNLISTED = {"deribit": 99999, "sxbet": 418}

CANCELLING = frozenset(method for method in CODES if "/cancel" in method and "on_disconnect" not in method) | {
    "DELETE /orders-v3/all"
}
"""Methods that cancel orders; whatever they answer, the list can be read."""


@dataclass(frozen=True)
class Answer:
    """One class of answers: what it is called, and how it is turned on for a method."""

    name: str
    begin: Callable[[Faults, str], None]


def code(number: int) -> Answer:
    return Answer(str(number), lambda faults, method: faults.fail.__setitem__(method, number))


def knob(name: str, field: str) -> Answer:
    """A knob that lists methods."""
    return Answer(name, lambda faults, method: getattr(faults, field).add(method))


def late(name: str, seconds: float) -> Answer:
    return Answer(name, lambda faults, method: faults.late.__setitem__(method, seconds))


def setting(name: str, **values: Any) -> Answer:
    """A knob that knows no methods."""

    def begin(faults: Faults, method: str) -> None:
        for field, value in values.items():
            setattr(faults, field, value)

    return Answer(name, begin)


COMMON = (
    knob("garbage", "garbled"),
    knob("not heard", "ignored"),
    knob("carried out, unanswered", "silent"),
)
OF_ITS_OWN: Mapping[str, tuple[Answer, ...]] = {
    "deribit": (
        *COMMON,
        knob("another's id", "wrong_id"),
        late("late, in time", 4.8),
        late("carried out after our patience", 7.0),
    ),
    "sxbet": (
        *COMMON,
        late("late, in time", 2.8),
        late("carried out after our patience", 4.0),
        late("carried out long after", NEVER),
    ),
}
WHOLE: Mapping[str, tuple[Answer, ...]] = {
    "deribit": (
        setting("all 4.9 s late", delay=4.9),
        setting("wrong echo", wrong_echo=True),
        setting("maintenance", maintenance=True),
    ),
    "sxbet": (
        setting("all 2.8 s late", delay=2.8),
        setting("wrong echo", wrong_echo=True),
        setting("another lease granted", granted=5),
        setting("no expiry", expires_at="missing"),
        setting("expiry past", expires_at="past"),
        setting("maintenance", maintenance=True),
    ),
}
"""What concerns no method by itself."""


def answers(venue: str, method: str) -> Iterator[Answer]:
    """All classes for one method. Raises KeyError where nobody has looked up its codes."""
    yield from map(code, CODES[method])
    yield code(UNLISTED[venue])
    yield from OF_ITS_OWN[venue]


def group(answer: Answer) -> str:
    """The class that an answer belongs to: all codes are one."""
    return "a code" if answer.name.lstrip("-").isdigit() else answer.name


def spares_lists(faults: Faults) -> bool:
    """Whether nothing is wrong but the answers to methods that cancel, so that the venue's list can be read.

    10028 ends the session before there is time to.
    """
    methods = {*faults.fail, *faults.late, *faults.ignored, *faults.silent, *faults.garbled, *faults.wrong_id}
    well = Faults(faults.gate, fail=faults.fail, late=faults.late, ignored=faults.ignored, silent=faults.silent)
    well.garbled, well.wrong_id, well.cancel_leaves = faults.garbled, faults.wrong_id, faults.cancel_leaves
    return methods <= CANCELLING and 10028 not in faults.fail.values() and faults == well and not faults.frozen
