"""How a mended defect is put back: a small edit of our own code, for as long as a world is played.

An edit whose text has gone, or is there twice, fails loudly: whoever changes that code says in `plants` what the
defect would look like now.
"""

from __future__ import annotations

import importlib
import inspect
import textwrap
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any
from unittest.mock import patch


class Withered(AssertionError):
    """A plant whose place has changed: it must be written anew."""


@dataclass(frozen=True)
class Edit:
    """In the function at `where` ("module:Class.method") each text of `changes` reads otherwise."""

    where: str
    changes: tuple[tuple[str, str], ...]

    @contextmanager
    def planted(self) -> Iterator[None]:
        """The function itself is changed, so that whoever has imported it has the old one too."""
        function = found_function(self.where)
        sound = function.__code__
        function.__code__ = self._compiled(function)
        try:
            yield
        finally:
            function.__code__ = sound

    def _compiled(self, function: FunctionType) -> CodeType:
        lines = textwrap.dedent(self._changed(inspect.getsource(function))).splitlines(keepends=True)
        start = next(number for number, line in enumerate(lines) if line.startswith(("def ", "async def ")))
        text = "from __future__ import annotations\n" + "".join(lines[start:])
        made: dict[str, FunctionType] = {}
        exec(compile(text, self.where, "exec"), made)  # noqa: S102  it is our own source
        return made[function.__name__].__code__

    def _changed(self, source: str) -> str:
        for old, new in self.changes:
            if source.count(old) != 1:
                raise Withered(f"{self.where}: {source.count(old)} times in it: {old!r}")
            source = source.replace(old, new)
        return source


@dataclass(frozen=True)
class Value:
    """The attribute at `where` ("module:NAME") is another."""

    where: str
    value: object

    @contextmanager
    def planted(self) -> Iterator[None]:
        holder, name = found(self.where)
        with patch.object(holder, name, self.value):
            yield


def found(where: str) -> tuple[Any, str]:
    """Who has the attribute, and its name."""
    module, _, path = where.partition(":")
    holder: Any = importlib.import_module(module)
    *outer, name = path.split(".")
    for part in outer:
        holder = getattr(holder, part)
    if not hasattr(holder, name):
        raise Withered(f"there is no {where}")
    return holder, name


def found_function(where: str) -> FunctionType:
    """Raises Withered where there is none."""
    holder, name = found(where)
    attribute = inspect.getattr_static(holder, name)
    if isinstance(attribute, property):
        attribute = attribute.fget
    elif isinstance(attribute, classmethod | staticmethod):
        attribute = attribute.__func__
    function = inspect.unwrap(attribute)
    if not isinstance(function, FunctionType):
        raise Withered(f"{where} is no function")
    return function


@dataclass(frozen=True)
class Plant:
    """`item`: which of the mended defects it puts back. `play` and `cell`: where it is found soonest ("seeds" and a
    number, or a play and a cell's name), by the law that must break."""

    name: str
    item: str
    play: str
    cell: str
    law: str
    edits: tuple[Edit | Value, ...]

    @contextmanager
    def planted(self) -> Iterator[None]:
        with ExitStack() as stack:
            for one in self.edits:
                stack.enter_context(one.planted())
            yield


def edit(where: str, *changes: tuple[str, str]) -> Edit:
    return Edit(where, changes)


def plant(name: str, item: str, play: str, cell: str, law: str, *edits: Edit | Value) -> Plant:
    return Plant(name, item, play, cell, law, edits)
