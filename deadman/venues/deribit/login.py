"""How an account logs in to Deribit, and what a login grants (protocol, section 2)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from deadman.config.schema import DeribitAccount
from deadman.errors import Reason, Refused
from deadman.secret import Secret
from deadman.venues.deribit.wire import scopes

NEEDED = "account:read_write"
TRADING = "trade:read_write"

REFRESH_AT = 0.8
"""Of a token's life: early enough for several tries."""

REFRESH_FLOOR = 5.0
"""Seconds between two refreshes at least, whatever lifetime the venue tells."""

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
        return TRADING in self.scopes

    @property
    def can_list_orders(self) -> bool:
        return bool(self.scopes & {"trade:read", TRADING})

    def token_params(self) -> dict[str, str]:
        """A connection's token goes with every private request; a named session needs none."""
        named = any(word.startswith("session:") for word in self.scopes)
        return {} if named else {"access_token": self.access_token.reveal()}

    def refresh_due(self, granted_at: float) -> float:
        return granted_at + max(REFRESH_AT * self.lifetime, REFRESH_FLOOR)


def login_params(
    account: DeribitAccount, secret: Secret, session: str, timestamp: float, chance: Random
) -> dict[str, Any]:
    """`public/auth` by the configured method, asking for no more than the work needs, in a session name of our own."""
    wanted = {"client_id": account.client_id, "scope": f"session:{session} {NEEDED} {TRADING} wallet:none"}
    if account.auth == "secret":
        return {"grant_type": "client_credentials", "client_secret": secret.reveal(), **wanted}
    milliseconds, nonce = int(timestamp * 1000), f"{chance.getrandbits(64):016x}"
    signed = {"timestamp": milliseconds, "nonce": nonce, "data": "", "signature": sign(secret, milliseconds, nonce, "")}
    return {"grant_type": "client_signature", **signed, **wanted}


def refresh_params(token: Secret) -> dict[str, Any]:
    return {"grant_type": "refresh_token", "refresh_token": token.reveal()}


def sign(secret: Secret, milliseconds: int, nonce: str, data: str) -> str:
    """Lower-case hex HMAC-SHA256; both newlines stay where nonce or data are empty (venue's Authentication article)."""
    message = f"{milliseconds}\n{nonce}\n{data}"
    return hmac.new(secret.reveal().encode(), message.encode(), hashlib.sha256).hexdigest()


def read_grant(result: Any) -> Grant:
    """What the venue granted. Raises Refused for a login without the scope the switch needs, in words."""
    if not isinstance(result, Mapping) or not isinstance(result.get("access_token"), str):
        raise Refused(Reason.UNSUPPORTED, "public/auth: an answer without an access token")
    granted = scopes(result.get("scope"))
    if NEEDED not in granted:
        raise Refused(
            Reason.SCOPE, f"the key lacks {NEEDED}, which turning the switch on needs; it grants: {told(granted)}"
        )
    refresh, lifetime = result.get("refresh_token"), result.get("expires_in")
    return Grant(
        Secret(result["access_token"]),
        Secret(refresh) if isinstance(refresh, str) else None,
        float(lifetime) if isinstance(lifetime, int | float) and lifetime > 0 else LIFETIME,
        granted,
    )


def told(granted: frozenset[str]) -> str:
    return " ".join(sorted(granted)) or "nothing"
