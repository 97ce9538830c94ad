"""What `check` found out, and how it is told."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from deadman.config.fault import Fault, Faults
from deadman.config.schema import Config


class Look(Protocol):
    """What a venue says of one account: whether all is well, and in sentences."""

    @property
    def fine(self) -> bool: ...

    @property
    def sentences(self) -> tuple[str, ...]: ...


@dataclass(frozen=True, slots=True)
class Verdict:
    """`config` is None when it is not valid; `promises` and `looks` are by account."""

    path: Path
    config: Config | None = None
    faults: tuple[Fault, ...] = ()
    unverifiable: tuple[Fault, ...] = ()
    warnings: tuple[str, ...] = ()
    promises: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    looks: Mapping[str, Look] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        if self.faults:
            return Faults(self.faults).exit_code
        return 0 if all(look.fine for look in self.looks.values()) else 1


def complaints(verdict: Verdict) -> Iterator[str]:
    """Lines for stderr."""
    yield from map(str, verdict.faults)
    yield from (f"not verifiable here: {fault}" for fault in verdict.unverifiable)
    yield from (f"warning: {warning}" for warning in verdict.warnings)


def report(verdict: Verdict) -> Iterator[str]:
    """Lines for stdout; none while anything is wrong with the file."""
    if verdict.faults or verdict.config is None:
        return
    yield f"{verdict.path} is valid"
    for name, account in verdict.config.accounts.items():
        yield ""
        yield f"{name} ({account.venue}, {account.network})"
        yield from (f"  {sentence}" for sentence in verdict.promises[name])
        if look := verdict.looks.get(name):
            yield f"  {'fine' if look.fine else 'ACT'}"
            yield from (f"    {sentence}" for sentence in look.sentences)


def as_json(verdict: Verdict) -> str:
    told = {
        "path": str(verdict.path),
        "valid": not verdict.faults,
        "exit_code": verdict.exit_code,
        "faults": [_fault(fault) for fault in verdict.faults],
        "unverifiable": [_fault(fault) for fault in verdict.unverifiable],
        "warnings": verdict.warnings,
        "promises": verdict.promises,
        "online": {name: {"fine": look.fine, "sentences": look.sentences} for name, look in verdict.looks.items()},
    }
    return json.dumps(told, indent=2)


def _fault(fault: Fault) -> dict[str, Any]:
    return {
        "path": str(fault.path),
        "line": fault.line,
        "key": fault.key,
        "message": fault.message,
        "hint": fault.hint,
        "exit_code": fault.exit_code,
        "text": str(fault),
    }
