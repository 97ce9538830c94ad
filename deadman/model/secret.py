"""Secrets: where one lives, and one that was read. Pure: whoever reads them is `config.secrets`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Literal, NoReturn, cast

from deadman.model.readers import MASK, Reader, Wrong, check_expanded, reader
from deadman.model.text import kind, suggestion

KeyKind = Literal["line", "base64", "ed25519", "p256"]
"""A line of text, a line that is base64 of an Ed25519 key, and private keys in PEM form."""


@dataclass(frozen=True, slots=True)
class KeyForm:
    """What the key at a place must be, in `words` too, and the `hint` where another kind of key is there."""

    kinds: frozenset[KeyKind]
    words: str
    hint: str


@dataclass(frozen=True, slots=True)
class SecretSource:
    """Where a secret lives; read anew at every login, so that a replaced file is a rotated key."""

    kind: Literal["credential", "file", "env"]
    name: str
    line: int | None = field(default=None, compare=False, repr=False)
    """Where the config says so, for faults; a line that moved is no other source."""
    is_account: bool = field(default=False, compare=False, repr=False)
    """Whether the venue knows the account by this secret alone, so that no two accounts may hold the same."""
    form: KeyForm | None = field(default=None, compare=False, repr=False)
    """None: text of any kind, as passwords are."""


_SOURCES = {
    "credential": ("a credential", r"(?!\.{1,2}$)[^/\x00-\x1f\x7f]{1,255}"),
    "file": ("a file", r"[^\x00-\x1f\x7f]{1,4096}"),
    "env": ("an environment variable", r"[A-Za-z_][A-Za-z0-9_]{0,255}"),
}
_FORMS = '{ credential = "NAME" }, { file = "PATH" } or { env = "NAME" }'


@reader(_FORMS, lambda source: source and MASK)
def secret(value: object) -> SecretSource:
    """What was given instead is never shown: it may be the secret itself."""
    hint = f"write {_FORMS}"
    if isinstance(value, str):
        raise Wrong("a secret is never written into the config itself", hint)
    if not isinstance(value, dict):
        raise Wrong(f"must say where the secret lives, not be {kind(value)}", hint)
    for name in value:
        if name not in _SOURCES:
            raise Wrong("unknown key", suggestion(name, _SOURCES) or hint, name)
    if len(value) != 1:
        raise Wrong(f"must have exactly one of {', '.join(_SOURCES)}", hint)
    ((source, name),) = value.items()
    what, shape = _SOURCES[source]
    if not isinstance(name, str) or not re.fullmatch(shape, name):
        raise Wrong(f"is not the name of {what}", "", source)
    if source == "file":
        check_expanded(name)
    return SecretSource(cast(Literal["credential", "file", "env"], source), name)


def key_of(form: KeyForm | None = None, *, is_account: bool = False) -> Reader[SecretSource]:
    """Where a key of this form lives; `is_account` where the venue knows the account by nothing else."""
    return replace(secret, read=lambda value: replace(secret.read(value), form=form, is_account=is_account))


class Secret:
    """Holds a credential; `reveal()` is the only way out.

    `repr`, `str`, `format`, f-strings, tracebacks with locals and JSON show `***` or fail; pickling fails.
    """

    __slots__ = ("__value",)

    def __init__(self, value: str) -> None:
        self.__value = value

    def reveal(self) -> str:
        return self.__value

    def __repr__(self) -> str:
        return "***"

    def __format__(self, spec: str) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self.__value == other.__value

    def __hash__(self) -> int:
        return hash(self.__value)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not pickled")
