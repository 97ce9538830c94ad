"""Where the facts are tried: the simulated venues, or the test networks that a config names."""

from __future__ import annotations

import os
import ssl
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import trio

TEST_NETWORKS = {"deribit": "wss://test.deribit.com/ws/api/v2", "sxbet": "https://api.toronto.sx.bet"}
"""There is no other address in here. Coinbase's gateway has no test network."""

LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True)
class Place:
    """An account on a test network. `key`: client id and secret, or for SX Bet the generation and the key."""

    url: str
    key: tuple[str, str]
    requestor: str = ""
    ca_file: str | None = None

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        return urlsplit(self.url).port or 443

    async def dial(self) -> trio.abc.Stream:
        context = ssl.create_default_context(cafile=self.ca_file)
        return await trio.open_ssl_over_tcp_stream(self.host, self.port, ssl_context=context, https_compatible=True)


def live() -> Path | None:
    """The config to take accounts from; None where the venues are simulated."""
    return Path(os.environ["DEADMAN_LIVE"]) if os.environ.get("DEADMAN_LIVE") else None


def place_of(config: Path, venue: str, api: str | None = None) -> Place | None:
    """The config's first account on the venue's test network, of that generation; None where it has none."""
    for account in tomllib.loads(config.read_text())["accounts"].values():
        url = address(account)
        if account.get("venue") != venue or url is None or account.get("api") != api:
            continue
        if venue == "sxbet":
            key = (str(account["api"]), secret(account["api_key"]))
            return Place(url, key, account.get("requestor", ""), account.get("ca_file"))
        if "client_secret" in account:
            return Place(url, (account["client_id"], secret(account["client_secret"])), "", account.get("ca_file"))
    return None


def address(account: Mapping[str, Any]) -> str | None:
    """The test network's, or another on this very machine; None for every other, a mainnet's among them."""
    if account.get("network") != "testnet":
        return None
    url = account.get("url", TEST_NETWORKS.get(account.get("venue", "")))
    if url in TEST_NETWORKS.values() or urlsplit(url or "").hostname in LOOPBACK:
        return str(url)
    return None


def secret(source: Mapping[str, str]) -> str:
    match source:
        case {"file": path}:
            return Path(path).read_text().strip()
        case {"env": name}:
            return os.environ[name]
        case {"credential": name}:
            return (Path(os.environ["CREDENTIALS_DIRECTORY"]) / name).read_text().strip()
        case _:
            raise ValueError("a secret is a file, a credential or an environment variable")
