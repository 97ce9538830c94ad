"""Dataclasses to JSON and back, by the types of their fields. Keys that are not known are ignored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import is_dataclass
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

T = TypeVar("T")


_SCALARS = frozenset({bool, int, float, str})


class Mismatch(Exception):
    """The JSON is not what the dataclass says: another version wrote it."""


def to_json(value: object) -> Any:
    """What `json.dumps` takes."""
    if value is None or type(value) in _SCALARS:
        return value
    if isinstance(value, Mapping):
        return {key: to_json(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [to_json(item) for item in value]
    if isinstance(value, Enum):
        return value.value
    kind: Any = type(value)
    return {name: to_json(getattr(value, name)) for name in _types_of(kind)}


def from_json(kind: type[T], value: object) -> T:
    """Raises Mismatch, which says where."""
    read: T = _read(kind, value, "the answer")
    return read


@cache
def _types_of(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


def _read(kind: Any, value: Any, where: str) -> Any:
    if type(value) is kind or (kind is float and type(value) is int):
        return value
    origin, parameters = get_origin(kind), get_args(kind)
    if origin is UnionType:  # X | None
        return None if value is None else _read(next(one for one in parameters if one is not NoneType), value, where)
    if is_dataclass(kind) and isinstance(value, dict):
        make: Any = kind
        types = _types_of(make)
        if missing := types.keys() - value.keys():
            raise Mismatch(f"{where} lacks {', '.join(sorted(missing))}")
        return make(**{name: _read(one, value[name], name) for name, one in types.items()})
    if origin is Mapping and isinstance(value, dict):
        return {name: _read(parameters[1], item, name) for name, item in value.items()}
    if origin is tuple and isinstance(value, list):
        return tuple(_read(parameters[0], item, where) for item in value)
    if origin is Literal and value in parameters:
        return value
    if isinstance(kind, type) and issubclass(kind, Enum) and value in [one.value for one in kind]:
        return kind(value)
    raise Mismatch(f"{where} is {value!r:.40}")
