"""A key of the config is declared once: at the field of a settings dataclass, with its reader, default and meaning.

From that the config is read, faults are told, and `init`, `config` and `config --reference` are printed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from inspect import get_annotations
from typing import Any, Final, TypeVar, dataclass_transform

from deadman.model.readers import Reader, Wrong
from deadman.model.text import kind, suggestion

T = TypeVar("T")
S = TypeVar("S")

KeyPath = tuple[str, ...]

REQUIRED: Final = object()


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a table.

    Attributes:
        name: as the file has it.
        attribute: the field that holds its value.
        default: REQUIRED, or what a missing key stands for; None where `otherwise` tells what it is then.
        missing: the hint where the key is missing, if that is not its meaning; a key that has one is required.
        otherwise: in words, what takes the place of a missing key.
        example: the value that `init` shows, as TOML; without it the default is shown.
        active: whether `init` shows the key without a comment sign.
        unique: whether no two accounts may have the same value.
    """

    name: str
    attribute: str
    reader: Reader[Any]
    meaning: str
    default: Any
    missing: str = ""
    otherwise: str = ""
    example: str = ""
    active: bool = False
    unique: bool = False


def key(
    reader: Reader[T],
    meaning: str,
    *,
    default: T = MISSING,  # type: ignore[assignment]
    name: str = "",
    missing: str = "",
    otherwise: str = "",
    example: str = "",
    active: bool = False,
    unique: bool = False,
) -> T:
    """A field of settings. Its type is the reader's, so what is read fits the constructor. See `Key`."""
    known = REQUIRED if missing or default is MISSING else default
    declared = Key(name, "", reader, meaning, None if otherwise else known, missing, otherwise, example, active, unique)
    return field(default=default, metadata={"key": declared})


@dataclass_transform(frozen_default=True, field_specifiers=(key, field))
def settings(cls: type[T]) -> type[T]:
    """A frozen dataclass, whose keys `keys_of` has."""
    return dataclass(frozen=True, slots=True)(cls)


def keys_of(cls: type) -> tuple[Key, ...]:
    """The keys of settings as they are declared, those of the class itself first."""
    declared = {field.name: field.metadata["key"] for field in fields(cls) if "key" in field.metadata}
    order = dict.fromkeys(name for one in cls.__mro__ for name in get_annotations(one) if name in declared)
    return tuple(replace(declared[name], name=declared[name].name or name, attribute=name) for name in order)


NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
LONGEST_NAME = 64


@dataclass(frozen=True, slots=True)
class Table:
    """One table of the file while it is read.

    Attributes:
        raw: what TOML gave.
        values: what is right so far, by attribute; what was wrong is missing there.
        report: takes the key path, the message and the hint of a fault.
    """

    path: KeyPath
    raw: Mapping[str, Any]
    report: Callable[[KeyPath, str, str], None]
    values: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.path[-1]

    def given(self, name: str) -> bool:
        return name in self.raw

    def fault(self, name: str, message: str, hint: str = "", *below: str) -> None:
        """Report a fault of one key, or of the table itself where `name` is empty."""
        self.report((*self.path, name, *below) if name else self.path, message, hint)

    def read(self, keys: tuple[Key, ...], elsewhere: Mapping[str, str] | None = None) -> None:
        """Read the table by `keys`; `elsewhere` has the hints for keys that belong to another kind of table."""
        known = [key.name for key in keys]
        for name in self.raw.keys() - set(known):
            near, home = suggestion(name, known), (elsewhere or {}).get(name, "")
            dotted = self._dotted(name) if isinstance(self.raw[name], dict) else ""
            self.fault(name, "unknown key", (near or home if self.path else home or near) or dotted)
        for key in keys:
            self.read_key(key)

    def read_key(self, key: Key) -> None:
        if key.name not in self.raw:
            if key.default is REQUIRED:
                self.fault(key.name, "missing", key.missing or key.reader.hint or key.meaning)
            else:
                self.values[key.attribute] = key.default
            return
        try:
            value = key.reader.read(self.raw[key.name])
        except Wrong as wrong:
            self.fault(key.name, wrong.message, wrong.hint, *wrong.below)
            return
        if key.reader.table is not None:
            inner = self.below(key.name)
            inner.read(keys_of(key.reader.table))
            value = inner.build(key.reader.table)
        self.values[key.attribute] = value

    def below(self, name: str) -> Table:
        """The table under key `name`; an empty one where there is none, or none that could be read."""
        raw = self.raw.get(name)
        return Table((*self.path, name), raw if isinstance(raw, dict) else {}, self.report)

    def tables(self) -> Iterator[Table]:
        """The named tables in this one; what is no table, or badly named, becomes a fault.

        Names end in socket paths and metric labels, hence the narrow alphabet.
        """
        for name, raw in self.raw.items():
            if not isinstance(raw, dict):
                self.fault(name, f"must be a table, not {kind(raw)}", f"write [{self.name}.NAME] above its keys")
                continue
            if raw and all(isinstance(inner, dict) for inner in raw.values()):
                for inner in raw:
                    self.below(name).fault(inner, "a table in one without keys", self.below(name)._dotted(inner))
                continue
            if not NAME.fullmatch(name):
                self.fault(name, "a name is of a-z, 0-9 and . _ - and starts with a letter or digit")
            elif len(name) > LONGEST_NAME:
                self.fault(name, f"a name has {LONGEST_NAME} characters at most, not {len(name)}")
            yield self.below(name)

    def _dotted(self, name: str) -> str:
        """The hint for a table in a table: TOML takes a dot in a name for a step down."""
        *above, own = self.path or ("",)
        return f'if {own}.{name} is one name, write [{".".join((*above, ""))}"{own}.{name}"]' if above else ""

    def build(self, cls: Callable[..., S], **further: object) -> S:
        """The settings that these values make; the declarations have the type checker see that they fit."""
        return cls(**further, **self.values)
