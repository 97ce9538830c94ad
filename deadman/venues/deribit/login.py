"""How an account logs in to Deribit, and what a login grants.

Source: docs.deribit.com, public/auth.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, cast

from deadman.model.errors import Reason, Refused
from deadman.model.settings import Secret
from deadman.venues.deribit.settings import DeribitAccount
from deadman.venues.deribit.wire import scopes

READING = "account:read"
SWITCHING = "account:read_write"
LISTING = "trade:read"
TRADING = "trade:read_write"
COINBASE = frozenset({"rat#trade", "wallet:buys:create"})
"""Any one of these does all of it on Coinbase's gateway."""

REFRESH_AT = 0.8
"""Of a token's life: early enough for several tries."""

REFRESH_AGAIN = 0.05
"""Of a token's life, between two tries."""

REFRESH_CAP = 60.0
"""Seconds between two tries at most."""

REFRESH_FLOOR = 5.0
"""Seconds between two refreshes at least, whatever lifetime the venue tells."""

ENDLESS = 1e9
"""Seconds; the venue's own longest figure is a third of it, and what is longer may not even fit a float."""

LIFETIME = 900.0
"""Seconds assumed where the venue tells none: the shortest one ever seen in a client's fixture."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What a login gave. `lifetime` in seconds, the venue's own figure."""

    access_token: Secret
    refresh_token: Secret | None
    lifetime: float
    scopes: frozenset[str]

    @property
    def can_cancel(self) -> bool:
        return bool(self.scopes & {TRADING, *COINBASE})

    @property
    def can_list_orders(self) -> bool:
        return bool(self.scopes & {LISTING, TRADING, *COINBASE})

    def token_params(self) -> dict[str, str]:
        """The token goes with every private request, a named session's too: the venue's reference asks for it.

        Coinbase's gateway knows the connection and wants none.
        """
        return {} if self.scopes & COINBASE else {"access_token": self.access_token.reveal()}

    def refresh_due(self, granted_at: float) -> float:
        return granted_at + max(REFRESH_AT * self.lifetime, REFRESH_FLOOR)

    def refresh_pause(self) -> float:
        """Seconds to the next try after a refresh that failed: several fit into what is left of the token's life."""
        return min(max(REFRESH_AGAIN * self.lifetime, REFRESH_FLOOR), REFRESH_CAP)


def login_params(
    account: DeribitAccount, secret: Secret, scope: str, timestamp: float, chance: Random
) -> dict[str, Any]:
    """`public/auth` by the configured method, asking for `scope`."""
    nonce = f"{chance.getrandbits(64):016x}"
    if account.network == "coinbase":
        token = web_token(secret, str(account.key_name), timestamp, nonce)
        return {"grant_type": "coinbase_cdp", "token": token}
    asked = {"client_id": account.client_id, "scope": scope}
    if account.auth == "secret" and account.private_key is None:
        return {"grant_type": "client_credentials", "client_secret": secret.reveal(), **asked}
    milliseconds = int(timestamp * 1000)
    sign = hmac_signature if account.private_key is None else ed25519_signature
    signature = sign(secret, f"{milliseconds}\n{nonce}\n")
    signed = {"timestamp": milliseconds, "nonce": nonce, "data": "", "signature": signature}
    return {"grant_type": "client_signature", **signed, **asked}


def asked_scope(account: DeribitAccount, session: str) -> str:
    """No more than the work needs, in a session name of our own."""
    wanted = (READING, LISTING) if account.observe else (SWITCHING, TRADING)
    return " ".join((f"session:{session}", *wanted, "wallet:none"))


def refresh_params(token: Secret) -> dict[str, Any]:
    return {"grant_type": "refresh_token", "refresh_token": token.reveal()}


def hmac_signature(secret: Secret, message: str) -> str:
    """Lower-case hex HMAC-SHA256 of `timestamp\\nnonce\\ndata`; both newlines stay where nonce or data are empty.

    Source: the venue's Authentication article.
    """
    return hmac.new(secret.reveal().encode(), message.encode(), hashlib.sha256).hexdigest()


def read_grant(result: Any, account: DeribitAccount) -> Grant:
    """What the venue granted. Raises Refused for a login without the scope the switch needs, in words."""
    if not isinstance(result, Mapping) or not isinstance(result.get("access_token"), str):
        raise Refused(Reason.UNSUPPORTED, "public/auth: an answer without an access token")
    granted = scopes(result.get("scope"))
    needed = needed_for(account)
    if not granted & needed:
        told = " ".join(sorted(granted)) or "nothing"
        raise Refused(Reason.SCOPE, f"the key lacks {' or '.join(sorted(needed))}; it grants: {told}")
    refresh, lifetime = result.get("refresh_token"), result.get("expires_in")
    return Grant(
        Secret(result["access_token"]),
        Secret(refresh) if isinstance(refresh, str) else None,
        float(min(lifetime, ENDLESS)) if isinstance(lifetime, int | float) and lifetime > 0 else LIFETIME,
        granted,
    )


def needed_for(account: DeribitAccount) -> frozenset[str]:
    """The scopes any one of which the switch needs: to turn it on, or where we only observe, to read it."""
    if account.network == "coinbase":
        return COINBASE | {SWITCHING}
    return frozenset({READING, SWITCHING} if account.observe else {SWITCHING})


HARMLESS = frozenset({SWITCHING, READING, TRADING, LISTING, "mainaccount", "connection", "rat#view"})


def excess(granted: frozenset[str], needed: frozenset[str]) -> list[str]:
    """The scopes by which a thief of the key could do more than we do. Reading is none of them."""
    return sorted(word for word in granted - HARMLESS - needed if not word.endswith((":none", ":read")))


TOKEN_LIFE = 120
"""Seconds a JSON Web Token of ours is good for: the most that Coinbase takes."""

BACKDATED = 30
"""Seconds before our now from which it is good: a clock that goes a little ahead must not make it one of the future."""

MISSING = "Coinbase's login needs an extra package: pip install 'deadman[coinbase]'"


def ed25519_signature(secret: Secret, message: str) -> str:
    """URL-safe base64 without padding, as Deribit's article on asymmetric keys has it. Raises Refused in words."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = _private_key(secret)
    if not isinstance(key, Ed25519PrivateKey):
        raise Refused(Reason.SECRET, "private_key: Deribit keys are signed with as Ed25519 here; this is another kind")
    return base64.urlsafe_b64encode(key.sign(message.encode())).decode().rstrip("=")


def web_token(secret: Secret, key_name: str, timestamp: float, nonce: str) -> str:
    """A fresh token for one login at Coinbase: ES256 or EdDSA by the kind of key, and no `uri`. Raises Refused."""
    try:
        import jwt
    except ImportError:
        raise Refused(Reason.UNSUPPORTED, MISSING) from None
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key, good_from = _private_key(secret), int(timestamp) - BACKDATED
    claims = {"sub": key_name, "iss": "cdp", "nbf": good_from, "exp": good_from + TOKEN_LIFE}
    header = {"kid": key_name, "nonce": nonce}
    match key:
        case Ed25519PrivateKey():
            return jwt.encode(claims, key, algorithm="EdDSA", headers=header)
        case EllipticCurvePrivateKey() if isinstance(key.curve, SECP256R1):
            return jwt.encode(claims, key, algorithm="ES256", headers=header)
        case _:
            raise Refused(Reason.SECRET, "private_key: neither an EC P-256 nor an Ed25519 key")


def _private_key(secret: Secret) -> Any:
    """PEM, or Coinbase's base64 of an Ed25519 seed with its public half."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    text = secret.reveal().replace("\\n", "\n")
    try:
        if "-----BEGIN" in text:
            return cast(Any, load_pem_private_key(text.encode(), password=None))
        return Ed25519PrivateKey.from_private_bytes(base64.b64decode(text, validate=True)[:32])
    except (ValueError, TypeError, binascii.Error):
        raise Refused(Reason.SECRET, "private_key: neither PEM (unencrypted) nor base64 of an Ed25519 key") from None
