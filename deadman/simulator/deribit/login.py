"""The grants of `public/auth`: whose key it is, and whether the proof holds."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from .errors import RpcError, invalid_params
from .settings import Settings
from .vault import Key

Params = Mapping[str, Any]


class Login:
    """Judges credentials. Nonces and JWTs are good for one use, timestamps for `clock_tolerance` seconds."""

    def __init__(self, keys: Mapping[str, Key], settings: Settings) -> None:
        self.keys = keys
        self.tolerance = settings.clock_tolerance
        self.failed = FailedLogins(settings.failed_logins)
        self._used: set[str] = set()

    def key_for(self, params: Params, timestamp: float) -> Key:
        """The key these credentials prove.

        Raises:
            RpcError: 13004 for credentials that do not hold, 13009 for a stale or reused signature, -32602.
        """
        match params.get("grant_type"):
            case "client_credentials":
                return self._by_secret(params)
            case "client_signature":
                return self._by_signature(params, timestamp)
            case "coinbase_cdp":
                return self._by_jwt(params, timestamp)
            case _:
                raise invalid_params("grant_type", "unsupported grant type")

    def _by_secret(self, params: Params) -> Key:
        key = self._key(params.get("client_id"))
        if key.secret is None or not hmac.compare_digest(key.secret, str(params.get("client_secret"))):
            raise RpcError(13004)
        return key

    def _by_signature(self, params: Params, timestamp: float) -> Key:
        key, moment, nonce = self._key(params.get("client_id")), params.get("timestamp"), params.get("nonce", "")
        if not isinstance(moment, int | str) or not str(moment).isdigit():
            raise invalid_params("timestamp")
        if abs(int(moment) / 1000 - timestamp) > self.tolerance:
            raise RpcError(13004)  # as clients report it; the documents name no code for a clock that is off
        message = f"{moment}\n{nonce}\n{params.get('data', '')}".encode()
        if not self._signed(key, message, str(params.get("signature"))):
            raise RpcError(13004)
        self._use_once(f"{key.client_id} {moment} {nonce}")
        return key

    def _by_jwt(self, params: Params, timestamp: float) -> Key:
        try:
            head, body, signature = str(params.get("token")).split(".")
            header, claims = (json.loads(decoded(part)) for part in (head, body))
        except ValueError:
            raise RpcError(13004) from None
        key = self._key(header.get("kid"))
        in_time = claims.get("nbf", 0) - self.tolerance <= timestamp < claims.get("exp", 0) <= timestamp + 180
        if claims.get("iss") != "cdp" or claims.get("sub") != key.client_id or "uri" in claims or not in_time:
            raise RpcError(13004)
        if not self._signed(key, f"{head}.{body}".encode(), signature):
            raise RpcError(13004)
        self._use_once(signature)
        return key

    def _key(self, client_id: object) -> Key:
        if not isinstance(client_id, str) or client_id not in self.keys:
            raise RpcError(13004)
        return self.keys[client_id]

    def _use_once(self, proof: str) -> None:
        if proof in self._used:
            raise RpcError(13004)
        self._used.add(proof)

    def _signed(self, key: Key, message: bytes, signature: str) -> bool:
        if key.public_key is not None:
            return verified(key.public_key, message, signature)
        expected = hmac.new((key.secret or "").encode(), message, hashlib.sha256).hexdigest()
        return hmac.compare_digest(expected, signature)


class FailedLogins:
    """Counts failures by address. More than `limit` within a minute close the door for as long: 12003."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._failed: dict[str, list[float]] = {}

    def check(self, address: str, now: float) -> None:
        recent = [at for at in self._failed.get(address, []) if at > now - 60]
        self._failed[address] = recent
        if len(recent) > self.limit:
            raise RpcError(12003)

    def add(self, address: str, now: float) -> None:
        self._failed.setdefault(address, []).append(now)


def verified(public_key: bytes, message: bytes, signature: str) -> bool:
    """Whether the holder of the private key signed it. ES256 as JWTs have it: r and s, 32 bytes each."""
    try:
        raw, key = decoded(signature), load_pem_public_key(public_key)
        match key:
            case ed25519.Ed25519PublicKey():
                key.verify(raw, message)
            case rsa.RSAPublicKey():
                key.verify(raw, message, padding.PKCS1v15(), SHA256())
            case ec.EllipticCurvePublicKey():
                r, s = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
                key.verify(encode_dss_signature(r, s), message, ec.ECDSA(SHA256()))
            case _:
                return False
    except (InvalidSignature, ValueError):
        return False
    return True


def decoded(text: str) -> bytes:
    """Base64 in either alphabet, padded or not: JWTs have the URL-safe one, for signatures nothing settles it."""
    try:
        return base64.b64decode(text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4), validate=True)
    except binascii.Error as error:
        raise ValueError(text) from error
