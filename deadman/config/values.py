"""Readers of single values: what TOML gave in, what the config holds out, or `Wrong` in words."""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, TypeVar, cast
from urllib.parse import SplitResult, urlsplit

from deadman.config.fault import kind, listed, shown, suggestion
from deadman.model.settings import SecretSource

_RATE = 136  # bytes absorbed between permutations, for a digest of 256 bits
_KECCAK_PADDING = 0x01  # FIPS 202's SHA-3 has 0x06 here, and nothing else differs
_MASK = (1 << 64) - 1


def checksum_address(address: str) -> str:
    """The EIP-55 spelling of `address`, which must be 0x and 40 hexadecimal digits in any case."""
    digits = address[2:].lower()
    digest = sponge(digits.encode(), _KECCAK_PADDING).hex()
    return "0x" + "".join(
        digit.upper() if int(nibble, 16) >= 8 else digit for digit, nibble in zip(digits, digest, strict=False)
    )


def sponge(message: bytes, padding: int) -> bytes:
    """The 256-bit digest of `message`; `padding` tells Keccak (0x01) from SHA-3 (0x06)."""
    padded = bytearray(message) + bytes(_RATE - len(message) % _RATE)
    padded[len(message)] ^= padding
    padded[-1] ^= 0x80
    lanes = [0] * 25
    for start in range(0, len(padded), _RATE):
        for lane in range(_RATE // 8):
            lanes[lane] ^= int.from_bytes(padded[start + 8 * lane : start + 8 * lane + 8], "little")
        lanes = _permuted(lanes)
    return b"".join(lane.to_bytes(8, "little") for lane in lanes[:4])


def _permuted(lanes: list[int]) -> list[int]:
    """Keccak-f[1600]: 24 rounds over 5 × 5 lanes; lane (x, y) stands at x + 5 y."""
    register = 1
    for _ in range(24):
        lanes = _chi(_rho_and_pi(_theta(lanes)))
        for bit in range(7):
            register = (register << 1) ^ (register >> 7) * 0x171  # the LFSR that the round constants come from
            lanes[0] ^= (register >> 1 & 1) << (1 << bit) - 1
    return lanes


def _theta(lanes: list[int]) -> list[int]:
    columns = [lanes[x] ^ lanes[x + 5] ^ lanes[x + 10] ^ lanes[x + 15] ^ lanes[x + 20] for x in range(5)]
    return [lane ^ columns[(at + 4) % 5] ^ _rotated(columns[(at + 1) % 5], 1) for at, lane in enumerate(lanes)]


def _rho_and_pi(lanes: list[int]) -> list[int]:
    moved = list(lanes)
    x, y = 1, 0
    for step in range(24):
        source = lanes[x + 5 * y]
        x, y = y, (2 * x + 3 * y) % 5
        moved[x + 5 * y] = _rotated(source, (step + 1) * (step + 2) // 2)
    return moved


def _chi(lanes: list[int]) -> list[int]:
    return [
        lanes[at] ^ (~lanes[at - at % 5 + (at + 1) % 5] & lanes[at - at % 5 + (at + 2) % 5]) & _MASK for at in range(25)
    ]


def _rotated(lane: int, by: int) -> int:
    by %= 64
    return (lane << by | lane >> 64 - by) & _MASK


Read = Callable[[object], Any]
Number = TypeVar("Number", int, float)

NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
LONGEST_NAME = 64


class Wrong(Exception):
    """A value that will not do. `below` leads from the key to the part to blame, if that is not the key itself."""

    def __init__(self, message: str, hint: str = "", *below: str) -> None:
        super().__init__(message)
        self.message, self.hint, self.below = message, hint, below


def boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise Wrong(f"must be true or false, not {kind(value)}")


def integer(low: int, high: int, unit: str = "") -> Read:
    def read(value: object) -> int:
        if isinstance(value, int) and not isinstance(value, bool):
            return _within(value, low, high, unit)
        raise Wrong(f"must be a whole number{unit and ' of ' + unit}, not {kind(value)}")

    return read


def seconds(low: float, high: float) -> Read:
    def read(value: object) -> float:
        match value:
            case bool():
                pass
            case int():
                return float(_within(value, low, high, "seconds"))
            case float() if math.isfinite(value):
                return _within(value, low, high, "seconds")
        raise Wrong(f"must be a number of seconds, not {kind(value)}")

    return read


def lease(value: object) -> int:
    """SX Bet's `timeoutSeconds`; 0 has a meaning there that nobody wants from a switch."""
    if value == 0 and not isinstance(value, bool):
        raise Wrong("0 is refused: at the venue it disarms the switch and cancels nothing", "give 5 to 3600 seconds")
    return int(integer(5, 3600, "seconds")(value))


def choice(*allowed: str) -> Read:
    def read(value: object) -> str:
        if not isinstance(value, str):
            raise Wrong(f"must be one of {listed(allowed)}, not {kind(value)}")
        if value not in allowed:
            raise Wrong(f"must be one of {listed(allowed)}, not {shown(value)}", suggestion(value, allowed))
        return value

    return read


def subset(*allowed: str) -> Read:
    one = choice(*allowed)

    def read(value: object) -> tuple[str, ...]:
        if not isinstance(value, list) or not value:
            raise Wrong(f"must be a list of at least one of {listed(allowed)}, not {kind(value)}")
        return tuple(dict.fromkeys(one(item) for item in value))

    return read


def text(longest: int) -> Read:
    def read(value: object) -> str:
        if not isinstance(value, str):
            raise Wrong(f"must be a string, not {kind(value)}")
        if not value.strip() or not value.isprintable():
            raise Wrong("must be plain text and not empty")
        if len(value) > longest:
            raise Wrong(f"is {len(value)} characters long, {longest} at most are possible")
        return value

    return read


def pattern(shape: re.Pattern[str], description: str) -> Read:
    def read(value: object) -> str:
        if isinstance(value, str) and shape.fullmatch(value):
            return value
        raise Wrong(f"must be {description}, not {shown(value) if isinstance(value, str) else kind(value)}")

    return read


def texts(value: object) -> tuple[str, ...]:
    """A list of strings, each once."""
    if not isinstance(value, list):
        raise Wrong(f'must be a list of strings such as ["alice"], not {kind(value)}')
    return tuple(dict.fromkeys(text(256)(item) for item in value))


def one_or_several(value: object) -> tuple[str, ...]:
    """One string or a list of them."""
    return texts(value if isinstance(value, list) else [value])


def table(value: object) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    raise Wrong(f"must be a table, not {kind(value)}")


def check_name(name: str) -> None:
    """Names end in socket paths and metric labels, hence the narrow alphabet."""
    if not NAME.fullmatch(name):
        raise Wrong("a name is of a-z, 0-9 and . _ - and starts with a letter or digit")
    if len(name) > LONGEST_NAME:
        raise Wrong(f"a name has {LONGEST_NAME} characters at most, not {len(name)}")


def _within(value: Number, low: float, high: float, unit: str) -> Number:
    if low <= value <= high:
        return value
    raise Wrong(f"must be {low:g} to {high:g}{unit and ' ' + unit}, not {shown(value)}")


_SOURCES = {"credential": "a credential", "file": "a file", "env": "an environment variable"}
_SHAPES = {
    "credential": re.compile(r"(?!\.{1,2}$)[^/\x00-\x1f\x7f]{1,255}"),
    "file": re.compile(r"[^\x00-\x1f\x7f]{1,4096}"),
    "env": re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,255}"),
}
_HOW_TO_SAY_IT = 'write { credential = "NAME" }, { file = "PATH" } or { env = "NAME" }'


def secret(value: object) -> SecretSource:
    """Where a secret lives. What was given instead is never shown: it may be the secret itself."""
    if isinstance(value, str):
        raise Wrong("a secret is never written into the config itself", _HOW_TO_SAY_IT)
    if not isinstance(value, dict):
        raise Wrong(f"must say where the secret lives, not be {kind(value)}", _HOW_TO_SAY_IT)
    for name in value:
        if name not in _SOURCES:
            raise Wrong("unknown key", suggestion(name, _SOURCES) or _HOW_TO_SAY_IT, name)
    if len(value) != 1:
        raise Wrong(f"must have exactly one of {listed(_SOURCES)}", _HOW_TO_SAY_IT)
    ((source, name),) = value.items()
    if not isinstance(name, str) or not _SHAPES[source].fullmatch(name):
        raise Wrong(f"is not the name of {_SOURCES[source]}", "", source)
    return SecretSource(cast(Literal["credential", "file", "env"], source), name)


def address(secure: str, plain: str) -> Read:
    """A venue's address: `secure` anywhere, `plain` only on this host. Never shown: it may hold a password."""

    def read(value: object) -> str:
        parts = _split(value, secure)
        _check_scheme(parts, secure, plain)
        if parts.query or parts.fragment:
            raise Wrong("must have no ? and no #")
        return str(value)

    return read


def hook(value: object) -> str:
    """A URL that we call; such URLs often are secrets, so it is never shown."""
    _check_scheme(_split(value, "https"), "https", "http")
    return str(value)


def listen(value: object) -> tuple[str, int] | None:
    """`host:port`; port 0 lets the kernel choose; "" is None."""
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


def path(value: object) -> Path:
    if not isinstance(value, str):
        raise Wrong(f"must be a path, not {kind(value)}")
    if not value or "\0" in value:
        raise Wrong("is no path a file can have")
    return Path(value)


def wallet(value: object) -> str:
    """An address in its EIP-55 spelling: SX Bet takes any other spelling for a wallet without orders."""
    if not isinstance(value, str) or not re.fullmatch(r"0x[0-9a-fA-F]{40}", value):
        raise Wrong("must be a wallet address: 0x and 40 hexadecimal digits")
    right = checksum_address(value)
    if value != right:
        raise Wrong(
            "fails its EIP-55 checksum; the venue tells upper from lower case, so a mistyped one would protect nothing",
            f"if the digits are right it is spelled {right}",
        )
    return value


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _split(value: object, secure: str) -> SplitResult:
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
    return parts


def _check_scheme(parts: SplitResult, secure: str, plain: str) -> None:
    if parts.scheme == secure:
        return
    if parts.scheme != plain:
        raise Wrong(f"must be a {secure}:// URL")
    if not is_loopback(parts.hostname or ""):
        raise Wrong(f"{plain}:// is only for a loopback address: it would send keys in the clear", f"use {secure}://")
