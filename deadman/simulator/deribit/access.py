"""The grants of `public/auth`: whose key it is, and whether the proof holds."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from deadman.simulator.deribit.settings import FULL, Settings, lifetime, narrow

MESSAGES = {
    10001: "error",
    10004: "order_not_found",
    10028: "too_many_requests",
    10030: "must_be_websocket_request",
    10040: "retry",
    10041: "settlement_in_progress",
    10049: "cancel_on_disconnect_failed",
    11044: "not_open_order",
    11050: "bad_request",
    11051: "system_maintenance",
    11055: "post_only_not_allowed",
    12003: "login_over_limit",
    13004: "invalid_credentials",
    13009: "unauthorized",
    13021: "forbidden",
    13028: "temporarily_unavailable",
    13778: "raw_subscriptions_not_available_for_unauthorized",
    13888: "timed_out",
    -32600: "request entity too large",
    -32601: "Method not found",
    -32602: "Invalid params",
}


class RpcError(Exception):
    """Answered to the caller as a JSON-RPC error. `data` is left out when None."""

    def __init__(self, code: int, data: Any = None) -> None:
        super().__init__(code)
        self.code = code
        self.data = data

    def as_json(self) -> dict[str, Any]:
        error = {"code": self.code, "message": MESSAGES.get(self.code, "error")}
        return error if self.data is None else error | {"data": self.data}


def invalid_params(param: str, reason: str = "invalid value") -> RpcError:
    return RpcError(-32602, {"reason": reason, "param": param})


def invalid_token() -> RpcError:
    return RpcError(13009, {"reason": "invalid_token"})


def expired_token() -> RpcError:
    return RpcError(13009, {"reason": "token has expired", "param": "access_token"})


@dataclass(frozen=True, slots=True)
class Key:
    """An API key. `scope` is the most it may ever do; `public_key` is PEM, for Ed25519, RSA and Coinbase's keys."""

    client_id: str
    account: str
    secret: str | None = field(default=None, repr=False)
    public_key: bytes | None = None
    scope: str = FULL


@dataclass(slots=True, eq=False)
class Session:
    """A grant and its current pair of tokens. Of connection scope unless it has a name."""

    key: Key
    scope: frozenset[str]
    connection: int
    access_token: str
    refresh_token: str
    lifetime: int
    refreshed_at: float

    @property
    def name(self) -> str | None:
        return next((word[8:] for word in self.scope if word.startswith("session:")), None)

    @property
    def expires_at(self) -> float:
        return self.refreshed_at + self.lifetime


@dataclass(slots=True)
class Vault:
    """All keys and all tokens that still mean something."""

    settings: Settings
    random: Random
    keys: dict[str, Key] = field(default_factory=dict)
    sessions: list[Session] = field(default_factory=list)

    def open(self, key: Key, requested: str, connection: int, now: float) -> Session:
        """Start a session; a 17th named one of a key silently costs the least recently refreshed."""
        scope = frozenset(key.scope.split()) if self.settings.words else narrow(requested, key.scope)
        seconds = lifetime(requested, self.settings.token_lifetime)
        session = Session(key, scope, connection, self._token(), self._token(), seconds, now)
        self.sessions.append(session)
        named = sorted((s for s in self.sessions if s.name and s.key is key), key=lambda s: s.refreshed_at)
        for oldest in named[: -self.settings.sessions]:
            self.sessions.remove(oldest)
        return session

    def refresh(self, refresh_token: str, connection: int, now: float) -> Session:
        """Renew the pair; the old one is void from here on.

        Raises:
            RpcError: 13009 where the token is unknown, used, or of another connection.
        """
        for session in self.sessions:
            if session.refresh_token == refresh_token and self.reaches(session, connection):
                session.access_token, session.refresh_token = self._token(), self._token()
                session.refreshed_at = now
                return session
        raise RpcError(13009, {"reason": "invalid_token", "param": "refresh_token"})

    def check(self, session: Session | None, connection: int, now: float) -> Session:
        """That session, if it still holds here and now; else the venue's 13009."""
        if session is None or session not in self.sessions or not self.reaches(session, connection):
            raise invalid_token()
        if now >= session.expires_at:
            raise expired_token()
        return session

    def find(self, access_token: object) -> Session | None:
        return next((s for s in self.sessions if s.access_token == access_token), None)

    def standing(self, key: Key, connection: int) -> Session | None:
        """An unnamed session that this key has on that connection already."""
        return next((s for s in self.sessions if (s.key, s.connection, s.name) == (key, connection, None)), None)

    def revoke(self, session: Session) -> None:
        """Log out: every token of the session's name goes with it."""
        gone = [
            s for s in self.sessions if s is session or (s.key is session.key and s.name and s.name == session.name)
        ]
        self.sessions = [s for s in self.sessions if s not in gone]

    def forget_connection(self, connection: int) -> None:
        self.sessions = [s for s in self.sessions if s.name or s.connection != connection]

    def expire(self, account: str, now: float) -> None:
        """A fault: let every token of an account run out this moment."""
        for session in self.sessions:
            if session.key.account == account:
                session.lifetime = min(session.lifetime, int(now - session.refreshed_at))

    def reaches(self, session: Session, connection: int) -> bool:
        return session.name is not None or session.connection == connection

    def _token(self) -> str:
        return f"{self.random.getrandbits(128):032x}"


Params = Mapping[str, Any]


class Login:
    """Judges credentials. Nonces and JWTs are good for one use, timestamps for `clock_tolerance` seconds."""

    def __init__(self, keys: Mapping[str, Key], settings: Settings) -> None:
        self.keys = keys
        self.tolerance = settings.clock_tolerance
        self.bad_signature = settings.bad_signature
        self.failed = FailedLogins(settings.failed_logins)
        self._used: set[str] = set()

    def key_for(self, params: Params, timestamp: float) -> Key:
        """The key these credentials prove.

        Raises:
            RpcError: 13004 for credentials that do not hold, `bad_signature` for such a one, -32602.
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
            raise RpcError(self.bad_signature)
        message = f"{moment}\n{nonce}\n{params.get('data', '')}".encode()
        if not self._signed(key, message, str(params.get("signature"))):
            raise RpcError(self.bad_signature)
        self._use_once(f"{key.client_id} {moment} {nonce}", self.bad_signature)
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
        self._use_once(signature, 13004)
        return key

    def _key(self, client_id: object) -> Key:
        if not isinstance(client_id, str) or client_id not in self.keys:
            raise RpcError(13004)
        return self.keys[client_id]

    def _use_once(self, proof: str, refusal: int) -> None:
        if proof in self._used:
            raise RpcError(refusal)
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
        if self.is_shut(address, now):
            raise RpcError(12003)

    def is_shut(self, address: str, now: float) -> bool:
        recent = [at for at in self._failed.get(address, []) if at > now - 60]
        self._failed[address] = recent
        return len(recent) > self.limit

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
