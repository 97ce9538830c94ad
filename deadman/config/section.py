"""Reading tables by their keys, and gathering every fault on the way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from deadman.config.document import Document
from deadman.config.fault import Fault
from deadman.config.keys import REQUIRED, Key
from deadman.config.lines import KeyPath
from deadman.config.values import Wrong, check_name, table
from deadman.config.words import suggestion


@dataclass(frozen=True, slots=True)
class Section:
    """One table being read. `values` holds what is right so far: a key that was wrong is missing there."""

    document: Document
    faults: list[Fault]
    path: KeyPath
    raw: Mapping[str, Any]
    values: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.path[-1]

    def given(self, name: str) -> bool:
        return name in self.raw

    def fault(self, name: str, message: str, hint: str = "", *below: str) -> None:
        key = (*self.path, name, *below) if name else self.path
        self.faults.append(self.document.fault(key, message, hint))

    def read(self, keys: tuple[Key, ...], elsewhere: Mapping[str, str] | None = None) -> None:
        """Read the table by `keys`; `elsewhere` has the hints for keys that belong to another kind of table."""
        known = [key.name for key in keys]
        for name in self.raw.keys() - set(known):
            self.fault(name, "unknown key", suggestion(name, known) or (elsewhere or {}).get(name, ""))
        for key in keys:
            self.read_key(key)

    def below(self, name: str) -> Section:
        """The table under key `name`; an empty one where there is none, or none that could be read."""
        return Section(self.document, self.faults, (*self.path, name), self.values.get(name, {}))

    def tables(self) -> Iterator[Section]:
        """The named tables in this one; what is no table, or badly named, becomes a fault."""
        for name, raw in self.raw.items():
            try:
                inner = table(raw)
                check_name(name)
            except Wrong as wrong:
                hint = wrong.hint or ("" if isinstance(raw, dict) else f"write [{self.name}.NAME] above its keys")
                self.fault(name, wrong.message, hint)
                if not isinstance(raw, dict):
                    continue
            yield Section(self.document, self.faults, (*self.path, name), inner)

    def read_key(self, key: Key) -> None:
        if key.name not in self.raw:
            if key.default is REQUIRED:
                self.fault(key.name, "missing", key.meaning)
            else:
                self.values[key.name] = key.default
            return
        try:
            self.values[key.name] = key.read(self.raw[key.name])
        except Wrong as wrong:
            self.fault(key.name, wrong.message, wrong.hint, *wrong.below)
