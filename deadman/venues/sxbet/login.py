"""How an account shows SX Bet who it is: a key in a header, V2 also its address."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from deadman.model.settings import Secret
from deadman.venues.sxbet.settings import SxBetAccount

_HEADERS = {"v2": "x-api-key", "v3": "x-sx-api-key"}


@dataclass(frozen=True, slots=True)
class Grant:
    """What the key opens; V3 cancels by key alone, V2 wants the wallet's signature, which we never hold."""

    key: Secret
    api: Literal["v2", "v3"]
    requestor: str | None

    @classmethod
    def of(cls, account: SxBetAccount, key: Secret) -> Grant:
        return cls(key, account.api, account.requestor)

    @property
    def can_cancel(self) -> bool:
        return self.api == "v3"

    def headers(self) -> dict[str, str]:
        return {_HEADERS[self.api]: self.key.reveal()}

    def without_key(self, text: bytes) -> bytes:
        """What a venue complains of, fit for people even where it repeats the key it was shown."""
        return text.replace(self.key.reveal().encode(), b"***")

    def lease_request(self, seconds: int) -> tuple[str, dict[str, Any]]:
        """Path and body that ask for a lease of so many seconds; 0 disarms without cancelling."""
        if self.api == "v2":
            return "/heartbeat", {"requestor": self.requestor, "timeoutSeconds": seconds}
        return "/heartbeat/v3", {"timeoutSeconds": seconds}
