"""A secret that can be used but not printed."""

from __future__ import annotations

from typing import NoReturn


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
