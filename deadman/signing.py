"""Signs with private keys: Ed25519 for Deribit, JSON Web Tokens for Coinbase. Loaded only by accounts that use one."""

from __future__ import annotations

import base64
import binascii
from typing import Any, cast

from deadman.errors import Reason, Refused
from deadman.secret import Secret

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
