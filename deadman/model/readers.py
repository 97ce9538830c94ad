"""Readers of single config values: each makes of what TOML gave what the config holds, or raises `Wrong` in words."""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar, cast
from urllib.parse import SplitResult, urlsplit

from deadman.model.text import host_and_port, kind, shown, suggestion

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
Number = TypeVar("Number", int, float)

MASK = "***"


class Wrong(Exception):
    """A value that will not do. `below` leads from the key to the part to blame, if that is not the key itself."""

    def __init__(self, message: str, hint: str = "", *below: str) -> None:
        super().__init__(message)
        self.message, self.hint, self.below = message, hint, below


def as_toml(value: object) -> Any:
    """What a reader made, as TOML writes it."""
    match value:
        case Path():
            return str(value)
        case tuple():
            return list(value)
    return value


@dataclass(frozen=True, slots=True)
class Reader(Generic[T_co]):
    """Reads one kind of value.

    Attributes:
        read: raises Wrong for what will not do.
        form: which values will do, for people.
        bounds: the range or the choice, where there is one.
        hint: told where a required key is missing, in place of its meaning.
        write: the way back, for `deadman config`: secrets are masked.
        table: the settings whose keys a table has, where that is what is read.
    """

    read: Callable[[object], T_co]
    form: str
    bounds: str = ""
    hint: str = ""
    write: Callable[[Any], Any] = as_toml
    table: type | None = None


def reader(form: str, write: Callable[[Any], Any] = as_toml) -> Callable[[Callable[[object], T]], Reader[T]]:
    """Makes a reader of the function that reads."""
    return lambda read: Reader(read, form, write=write)


@reader("true or false")
def boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise Wrong(f"must be true or false, not {kind(value)}", _unquoted(value))


def _unquoted(value: object) -> str:
    """The hint for a number or a truth value that was given as text."""
    return "write it without quotes" if isinstance(value, str) else ""


def integer(low: int, high: int, unit: str) -> Reader[int]:
    def read(value: object) -> int:
        if isinstance(value, int) and not isinstance(value, bool):
            return _within(value, low, high, unit)
        raise Wrong(f"must be a whole number of {unit}, not {kind(value)}", _unquoted(value))

    return Reader(read, f"a whole number of {unit}, {low} to {high}", f"a whole number, {low} to {high}")


def seconds(low: float, high: float) -> Reader[float]:
    def read(value: object) -> float:
        match value:
            case bool():
                pass
            case int():
                return float(_within(value, low, high, "seconds"))
            case float() if math.isfinite(value):
                return _within(value, low, high, "seconds")
        raise Wrong(f"must be a number of seconds, not {kind(value)}", _unquoted(value))

    return Reader(read, f"seconds, {low:g} to {high:g}", f"{low:g} to {high:g}")


def _within(value: Number, low: float, high: float, unit: str) -> Number:
    if low <= value <= high:
        return value
    slip = unit == "seconds" and high < value <= 1000 * high and value >= 1000 * low
    hint = f"if milliseconds were meant: {value / 1000:g}" if slip else ""
    raise Wrong(f"must be {low:g} to {high:g} {unit}, not {shown(value)}", hint)


def choice(*allowed: str) -> Reader[Any]:
    """One of a closed set; `Any`, since the field's own `Literal` says it to the type checker."""

    def read(value: object) -> str:
        if not isinstance(value, str):
            raise Wrong(f"must be one of {', '.join(allowed)}, not {kind(value)}")
        if value not in allowed:
            raise Wrong(f"must be one of {', '.join(allowed)}, not {shown(value)}", suggestion(value, allowed))
        return value

    return Reader(read, _either(allowed), " | ".join(allowed), _either(allowed))


def subset(*allowed: str) -> Reader[tuple[str, ...]]:
    one = choice(*allowed)

    def read(value: object) -> tuple[str, ...]:
        if not isinstance(value, list) or not value:
            raise Wrong(f"must be a list of at least one of {', '.join(allowed)}, not {kind(value)}")
        return tuple(dict.fromkeys(one.read(item) for item in value))

    return Reader(read, f"a list of {_either(allowed)}", ", ".join(allowed))


def _either(allowed: Sequence[str]) -> str:
    quoted = [f'"{word}"' for word in allowed]
    return " or ".join(part for part in (", ".join(quoted[:-1]), quoted[-1]) if part)


def text(longest: int, *, trimmed: bool = True) -> Reader[str]:
    """Text that prints; `trimmed` where blanks around it can only be a slip."""

    def read(value: object) -> str:
        if not isinstance(value, str):
            raise Wrong(f"must be a string, not {kind(value)}")
        if not value.strip() or not value.isprintable():
            raise Wrong("must be plain text and not empty")
        if len(value) > longest:
            raise Wrong(f"is {len(value)} characters long, {longest} at most are possible")
        if trimmed and value != value.strip():
            raise Wrong("begins or ends with blanks", "leave them out")
        return value

    return Reader(read, f"text of at most {longest} characters")


def pattern(shape: str, description: str) -> Reader[str]:
    def read(value: object) -> str:
        if isinstance(value, str) and re.fullmatch(shape, value):
            return value
        raise Wrong(f"must be {description}, not {shown(value) if isinstance(value, str) else kind(value)}")

    return Reader(read, description)


@reader("a list of strings")
def texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise Wrong(f'must be a list of strings such as ["alice"], not {kind(value)}')
    return tuple(dict.fromkeys(text(256).read(item) for item in value))


@reader("a string or a list of them")
def one_or_several(value: object) -> tuple[str, ...]:
    return texts.read(value if isinstance(value, list) else [value])


def several(one: Reader[str]) -> Reader[tuple[str, ...]]:
    """A list of at least one."""

    def read(value: object) -> tuple[str, ...]:
        if not isinstance(value, list) or not value:
            raise Wrong(f"must be a list of at least one {one.form}, not {kind(value)}")
        return tuple(dict.fromkeys(one.read(item) for item in value))

    return Reader(read, f"a list of {one.form}")


@reader("a table")
def table(value: object) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    raise Wrong(f"must be a table, not {kind(value)}")


def table_of(cls: type[T]) -> Reader[T]:
    """A table with the keys of some settings, which `Table` makes of it."""
    return Reader(cast(Callable[[object], T], table.read), table.form, table=cls)


def address(secure: str, plain: str) -> Reader[str]:
    """A venue's address: `secure` anywhere, `plain` only on this host. Never shown: it may hold a password."""

    def read(value: object) -> str:
        parts = _url(value, secure, plain)
        if parts.query or parts.fragment:
            raise Wrong("must have no ? and no #")
        return str(value)

    return Reader(read, f"{secure}:// URL; {plain}:// only to this host itself")


@reader(
    "https:// URL; http:// only to this host itself", lambda url: url and re.sub("(://[^/?#]*).*", rf"\1/{MASK}", url)
)
def hook(value: object) -> str:
    """A URL that we call. Whoever knows its path may call it too, so it is never shown."""
    _url(value, "https", "http")
    return str(value)


def _url(value: object, secure: str, plain: str) -> SplitResult:
    if not isinstance(value, str) or not re.fullmatch(r"[!-~]+", value):
        raise Wrong(f"must be a {secure}:// URL", "without blanks")
    try:
        parts = urlsplit(value)
        port_is_wrong = parts.port == 0
    except ValueError:
        raise Wrong(f"must be a {secure}:// URL", "its host or port cannot be read") from None
    if not parts.hostname or port_is_wrong:
        raise Wrong(f"must be a {secure}:// URL with a host")
    if "@" in parts.netloc:
        raise Wrong("must hold no user name and no password")
    if parts.scheme not in (secure, plain):
        raise Wrong(f"must be a {secure}:// URL")
    if parts.scheme == plain and not is_loopback(parts.hostname):
        raise Wrong(f"{plain}:// is only for a loopback address: it would send keys in the clear", f"use {secure}://")
    return parts


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@reader("host:port", lambda given: "" if given is None else host_and_port(*given))
def listen(value: object) -> tuple[str, int] | None:
    """Port 0 lets the kernel choose."""
    if not isinstance(value, str):
        raise Wrong(f'must be a string such as "127.0.0.1:9847", not {kind(value)}')
    if not value:
        return None
    host, _, port = value.rpartition(":")
    host = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not re.fullmatch(r"[A-Za-z0-9.:_-]+", host) or not re.fullmatch(r"[0-9]{1,5}", port) or int(port) > 65535:
        raise Wrong(
            f"must be host:port, not {shown(value)}", 'for instance "127.0.0.1:9847" or "[::1]:9847"; "" turns it off'
        )
    return host, int(port)


@reader("a path")
def path(value: object) -> Path:
    if not isinstance(value, str):
        raise Wrong(f"must be a path, not {kind(value)}")
    if not value or not value.isprintable():
        raise Wrong("is no path a file can have" if not value or "\0" in value else "must be plain text")
    check_expanded(value)
    return Path(value)


def check_expanded(path: str) -> None:
    """Raises Wrong for what only a shell would make a path of."""
    if path[0] in "~$":
        raise Wrong(f"begins with {path[0]}, which only a shell expands", "write the whole path, or one from this file")
