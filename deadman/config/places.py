"""Readers of values that point elsewhere: URLs, listen addresses, paths, secrets, wallets."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Literal, cast
from urllib.parse import SplitResult, urlsplit

from deadman.checksum import checksum_address
from deadman.config.schema import SecretSource
from deadman.config.values import Read, Wrong
from deadman.config.words import kind, listed, shown, suggestion

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
