"""Coinbase's gateway to Deribit: a fresh JSON Web Token a login, no refresh token, and never silent for long."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from random import Random

import jwt
import pytest
import trio
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from trio.testing import MockClock

from deadman.config.document import Faults
from deadman.config.load import load
from deadman.daemon.keeper import Keeper
from deadman.model.board import Board
from deadman.model.clock import Clock
from deadman.model.guard import Phase
from deadman.model.secret import Secret, SecretSource
from deadman.simulator.deribit.settings import COINBASE
from deadman.simulator.deribit.venue import Deribit as Exchange
from deadman.simulator.network import open_network
from deadman.transport.dial import Dialler
from deadman.venues.deribit.conversation import web_token
from deadman.venues.deribit.session import Deribit
from deadman.venues.deribit.settings import DeribitAccount

NAME = "organizations/1/apiKeys/2"
SCOPE = "wallet:user:read wallet:accounts:read wallet:transactions:read wallet:buys:create"
PEM = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def keys() -> dict[str, tuple[str, bytes]]:
    """A private key as each kind of file has it, and the public half the gateway knows."""
    ed, ec = Ed25519PrivateKey.generate(), generate_private_key(SECP256R1())
    public = {
        kind: key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        for kind, key in (("ed", ed), ("ec", ec))
    }
    raw = base64.b64encode(ed.private_bytes_raw() + ed.public_key().public_bytes_raw()).decode()
    return {
        "PEM of EC P-256": (ec.private_bytes(*PEM).decode(), public["ec"]),
        "PEM of Ed25519": (ed.private_bytes(*PEM).decode(), public["ed"]),
        "base64 of Ed25519": (raw, public["ed"]),
    }


@dataclass
class Gate:
    exchange: Exchange
    board: Board

    @property
    def phase(self) -> Phase:
        return self.board.standing("desk").phase

    @property
    def detail(self) -> str:
        trouble = self.board.standing("desk").guard.trouble
        return trouble.detail if trouble is not None else ""


@asynccontextmanager
async def gate(private: str, public: bytes, lifetime: int = 900, ahead: float = 0.0) -> AsyncIterator[Gate]:
    """The keeper of one account at the gateway; our clock goes `ahead` of the gateway's."""
    clock = Clock(trio.current_time, lambda: 1_700_000_000 + ahead + trio.current_time())
    board = Board.new(clock)
    settings = replace(COINBASE, token_lifetime=lifetime)
    exchange = Exchange(settings, random=Random(1), timestamp=lambda: 1_700_000_000 + trio.current_time())
    exchange.add_key(NAME, "desk", public_key=public, scope=SCOPE)
    source = SecretSource("file", "key.pem")
    account = DeribitAccount("desk", "coinbase", "ws://gate.localhost/ws/api/v2", key_name=NAME, private_key=source)

    async def read_secret() -> Secret:
        return Secret(private)

    board.add(account)
    async with open_network(Random(1)) as network, trio.open_nursery() as nursery:
        network.add("gate.localhost", 80, exchange.serve)
        dialler = Dialler(network.open_stream)
        door = Deribit(account, dialler, clock, Random(1), lambda fact: board.post("desk", fact), read_secret)
        nursery.start_soon(Keeper(account, board, door.open_session, Random(1)).run)
        yield Gate(exchange, board)
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("kind", sorted(keys()))
async def test_every_kind_of_key_arms_the_account(autojump_clock: MockClock, kind: str) -> None:
    async with gate(*keys()[kind]) as seen:
        await trio.sleep(3)
        assert seen.phase is Phase.ARMED
        assert seen.exchange.inherits("desk")


def longest_silence(instants: Sequence[float]) -> float:
    return max(later - earlier for earlier, later in pairwise(instants))


async def test_one_session_outlives_many_short_tokens_and_is_never_silent_for_long(autojump_clock: MockClock) -> None:
    async with gate(*keys()["PEM of EC P-256"], lifetime=20) as seen:
        await trio.sleep(5)
        [session] = seen.exchange.connections_of("desk")
        await trio.sleep(120)
        assert [one.id for one in seen.exchange.connections_of("desk")] == [session.id]
        assert seen.phase is Phase.ARMED
        ours = [one for one in seen.exchange.received if one.connection == session.id]
        assert longest_silence([one.at for one in ours]) < 15
        logins = [one.at for one in ours if one.method == "public/auth"]
        proofs = [one.at for one in ours if one.method == "private/get_cancel_on_disconnect"]
        assert len(logins) >= 6
        assert all(any(login <= proof < login + 1 for proof in proofs) for login in logins)


def test_a_token_is_good_also_where_our_clock_goes_a_little_ahead_or_behind() -> None:
    private, _ = keys()["PEM of EC P-256"]
    token = web_token(Secret(private), NAME, 1_700_000_000.9, "nonce")
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["nbf"] <= 1_700_000_000 - 20
    assert claims["exp"] >= 1_700_000_000 + 60
    assert claims["exp"] - claims["nbf"] <= 120


async def test_a_wrong_key_is_refused_in_words(autojump_clock: MockClock) -> None:
    other, known = keys(), keys()
    async with gate(other["PEM of EC P-256"][0], known["PEM of EC P-256"][1]) as seen:
        await trio.sleep(3)
        assert seen.phase is Phase.REFUSED
        assert "invalid credentials" in seen.detail


async def test_a_clock_that_makes_every_token_expired_is_named_with_what_to_do(autojump_clock: MockClock) -> None:
    async with gate(*keys()["PEM of Ed25519"], ahead=-600.0) as seen:
        await trio.sleep(3)
        assert seen.phase is Phase.REFUSED
        assert "this host's clock is 600 s behind the venue's: set it" in seen.detail


@pytest.mark.parametrize("private", ["not a key", "-----BEGIN PRIVATE KEY-----\nnothing\n-----END PRIVATE KEY-----"])
async def test_what_is_no_key_is_told_without_showing_it(autojump_clock: MockClock, private: str) -> None:
    async with gate(private, keys()["PEM of Ed25519"][1]) as seen:
        await trio.sleep(3)
        assert seen.phase is Phase.REFUSED
        assert "private_key" in seen.detail
        assert private not in seen.detail


CONFIG = """
[accounts.desk]
venue = "deribit"
network = "coinbase"
key_name = "organizations/1/apiKeys/2"
private_key = { file = "key.pem" }
"""


def test_a_missing_extra_ends_in_a_sentence_that_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "config.toml").write_text(CONFIG)
    assert load(tmp_path / "config.toml", {}).accounts["desk"].network == "coinbase"
    monkeypatch.setattr("deadman.venues.deribit.settings.find_spec", lambda name: None)
    with pytest.raises(Faults, match=r"config.toml:4: .*pip install 'deadman\[coinbase\]'"):
        load(tmp_path / "config.toml", {})
