"""What an auditor writes down: violations, the story that led there, and proof that every state was reached."""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import trio

from deadman.model import facts
from deadman.model.facts import Fact

ROUTINE = (facts.Answered, facts.ClockCompared, facts.SwitchRead, facts.TestRequestAnswered, facts.OrdersCounted)


@dataclass
class Troubles:
    """What is wrong in the world just now, and since when that has not changed. `met` counts each kind."""

    active: Counter[str] = field(default_factory=Counter)
    changed_at: float = 0.0
    met: Counter[str] = field(default_factory=Counter)
    ended: dict[str, float] = field(default_factory=dict)

    def begin(self, name: str) -> None:
        self.active[name] += 1
        self.met[name] += 1
        self.changed_at = trio.current_time()

    def end(self, name: str) -> None:
        self.active[name] -= 1
        self.changed_at = self.ended[name] = trio.current_time()

    def calm_since(self, at: float) -> bool:
        return not +self.active and self.changed_at <= at


@dataclass(frozen=True, order=True)
class Figure:
    """What took longest in terms of what was promised for it."""

    share: float
    seconds: float
    bound: float


@dataclass
class Record:
    """`digest` is the same for two runs in which the same happened at the same instants; `broken` names the laws."""

    violations: list[str] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)
    reached: Counter[str] = field(default_factory=Counter)
    story: deque[str] = field(default_factory=lambda: deque(maxlen=150))
    worst: dict[str, Figure] = field(default_factory=dict)
    digest: Any = field(default_factory=sha256)

    def tell(self, what: str) -> None:
        line = f"{trio.current_time():9.3f}  {what}"
        self.story.append(line)
        self.digest.update(line.encode())

    def note(self, account: str, fact: Fact) -> None:
        """A fact counts whole; what is routine is not worth telling."""
        if isinstance(fact, ROUTINE):
            self.digest.update(f"{trio.current_time():.6f} {account} {fact!r}".encode())
        else:
            self.tell(f"{account}: {fact!r}")

    def violation(self, what: str, law: str = "") -> None:
        said = f"{law}: {what}" if law else what
        self.tell(f"VIOLATION: {said}")
        self.violations.append(f"{trio.current_time():.3f} s: {said}")
        self.broken.add(law)

    def figure(self, name: str, seconds: float, bound: float) -> None:
        """Something promised within `bound` seconds took so many; the worst is kept."""
        figure = Figure(seconds / bound, seconds, bound)
        self.worst[name] = max(figure, self.worst.get(name, figure))

    def expect(self, held: bool, what: str) -> None:
        if not held:
            self.violation(what)


class LogAudit(logging.Handler):
    """Reads every log record of ours as it would be written, before anything is struck out of it."""

    def __init__(self, record: Record, secrets: Callable[[], Iterable[str]]) -> None:
        super().__init__(logging.DEBUG)
        self.record, self.secrets = record, secrets

    def emit(self, record: logging.LogRecord) -> None:
        text = self.format(record)
        self.record.tell(f"log: {text[:300]}")
        self.record.reached[f"log {record.levelname}"] += 1
        for secret in self.secrets():
            if secret in text:
                self.record.violation("a secret stands in the log")
        if record.exc_info or "bug in deadman" in text:
            self.record.violation(f"a bug was logged: {text}")


@contextmanager
def listening(record: Record, secrets: Callable[[], Iterable[str]]) -> Iterator[None]:
    """All that `deadman` logs, whatever its level, goes to the auditor and nowhere else."""
    audit, logger = LogAudit(record, secrets), logging.getLogger("deadman")
    level, propagate = logger.level, logger.propagate
    logger.addHandler(audit)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(audit)
        logger.setLevel(level)
        logger.propagate = propagate
