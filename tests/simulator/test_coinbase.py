"""Coinbase's gateway and asymmetric keys, held to what their documents say."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
import trio
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from trio.testing import MockClock

from deadman.simulator.deribit.settings import COINBASE
from tests.support.deribit_caller import ENABLE, READ, World, world

NAME = "organizations/o/apiKeys/k"
SCOPE = "wallet:user:read wallet:accounts:read wallet:transactions:read wallet:buys:create"
CURVE = ec.generate_private_key(ec.SECP256R1())
EDWARDS = ed25519.Ed25519PrivateKey.generate()


def pem(key: Any) -> bytes:
    return bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


@pytest.fixture
async def gateway() -> AsyncIterator[World]:
    async with world(COINBASE) as made:
        made.venue.add_key(NAME, "desk", public_key=pem(CURVE), scope=SCOPE)
        yield made


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token(now: float, claims: Mapping[str, Any] = {}, key: Any = CURVE) -> str:
    algorithm = "ES256" if isinstance(key, ec.EllipticCurvePrivateKey) else "EdDSA"
    header = {"alg": algorithm, "typ": "JWT", "kid": NAME, "nonce": "n"}
    body = {"iss": "cdp", "sub": NAME, "nbf": int(now), "exp": int(now) + 120} | dict(claims)
    text = ".".join(encoded(json.dumps(part).encode()) for part in (header, body))
    return f"{text}.{encoded(proof(key, text.encode()))}"


def proof(key: Any, message: bytes) -> bytes:
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(message)
    r, s = decode_dss_signature(key.sign(message, ec.ECDSA(SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def grant(text: str) -> dict[str, str]:
    return {"grant_type": "coinbase_cdp", "token": text}


async def test_a_signed_token_logs_in_once_and_gives_nothing_to_refresh_with(
    autojump_clock: MockClock, gateway: World
) -> None:
    client, text = await gateway.connect(), token(gateway.venue.timestamp())
    granted = await client.call("public/auth", **grant(text))
    assert "refresh_token" not in granted
    assert (granted["expires_in"], set(granted["scope"].split())) == (3600, set(SCOPE.split()))
    assert await client.call(ENABLE, scope="account") == "ok"
    assert await client.call(READ, scope="account") == {"scope": "account", "enabled": True}
    assert await client.code("public/auth", **grant(text)) == 13004


async def test_an_edwards_key_signs_as_well(autojump_clock: MockClock, gateway: World) -> None:
    gateway.venue.add_key(NAME, "desk", public_key=pem(EDWARDS), scope=SCOPE)
    client = await gateway.connect()
    assert await client.call("public/auth", **grant(token(gateway.venue.timestamp(), key=EDWARDS)))


@pytest.mark.parametrize("claims", [{"uri": "GET x"}, {"exp": 1}, {"iss": "me"}, {"sub": "other"}, {"nbf": 2e9}])
async def test_a_token_with_wrong_claims_is_13004(autojump_clock: MockClock, gateway: World, claims: Any) -> None:
    client = await gateway.connect()
    assert await client.code("public/auth", **grant(token(gateway.venue.timestamp(), claims))) == 13004


@pytest.mark.parametrize("text", ["", "a.b.c", "e30.e30.e30", "…"])
async def test_a_token_that_is_none_is_13004(autojump_clock: MockClock, gateway: World, text: str) -> None:
    assert await (await gateway.connect()).code("public/auth", **grant(text)) == 13004


async def test_a_token_of_another_key_is_13004(autojump_clock: MockClock, gateway: World) -> None:
    client = await gateway.connect()
    assert await client.code("public/auth", **grant(token(gateway.venue.timestamp(), key=EDWARDS))) == 13004


async def test_deribits_own_grants_do_not_work_here(autojump_clock: MockClock, gateway: World) -> None:
    client = await gateway.connect()
    params = {"grant_type": "client_credentials", "client_id": "id", "client_secret": "hush"}
    assert await client.code("public/auth", **params) == -32602


async def test_reading_is_not_enough_to_enable(autojump_clock: MockClock, gateway: World) -> None:
    gateway.venue.add_key(NAME, "desk", public_key=pem(CURVE), scope="wallet:accounts:read")
    client = await gateway.connect()
    await client.call("public/auth", **grant(token(gateway.venue.timestamp())))
    assert await client.call(READ)
    assert await client.code(ENABLE) == 13021
    assert await client.code("private/cancel_all") == 13021


async def test_thirty_seconds_without_an_application_message_close_with_1011(
    autojump_clock: MockClock, gateway: World
) -> None:
    client = await gateway.connect()
    await trio.sleep(20)
    await client.call("public/test")
    begun = trio.current_time()
    await trio.sleep(20)
    await client.socket.ping()  # does not count
    assert await client.close_code() == 1011
    assert trio.current_time() - begun == pytest.approx(30)


async def test_an_asymmetric_key_signs_in_at_deribit(autojump_clock: MockClock) -> None:
    async with world() as desk:
        desk.venue.add_key("edwards", "desk", public_key=pem(EDWARDS))
        client, now = await desk.connect(), int(desk.venue.timestamp() * 1000)
        message = f"{now}\nnonce\n".encode()
        params = {"grant_type": "client_signature", "client_id": "edwards", "timestamp": now, "nonce": "nonce"}
        assert await client.call("public/auth", **params, signature=encoded(EDWARDS.sign(message)))
        assert await client.code("public/auth", **params, signature=encoded(EDWARDS.sign(b"other"))) == 13009
