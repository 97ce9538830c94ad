"""The two heartbeats, and what their answers say."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ..faults import Levels
from .errors import HttpError
from .ledger import Account, Ledger


def heartbeat_v2(venue: Ledger, account: Account, params: Mapping[str, Any], levels: Levels) -> dict[str, Any]:
    requestor = params.get("requestor")
    if not isinstance(requestor, str):
        raise HttpError(400, ["requestor must be an Ethereum address"])
    if requestor.lower() != account.address.lower():
        raise HttpError(403, "FORBIDDEN")
    counts = requestor == account.address and venue.settings.v2 == "live"
    if requestor != account.address and venue.settings.lower_case == "rejected":
        raise HttpError(400, ["requestor must be a checksummed address"])
    named = f"0x{0:040x}" if any(faults.wrong_echo for faults in levels) else requestor
    return {"requestor": named} | heartbeat(venue, account if counts else None, params, levels)


def heartbeat(venue: Ledger, account: Account | None, params: Mapping[str, Any], levels: Levels) -> dict[str, Any]:
    """Grant a lease; to nobody when `account` is None, though the answer reads the same.

    Source: docs.sx.bet, "Heartbeat": 0 to 3600 s, and 0 stops the guarding without cancelling.
    """
    seconds = params.get("timeoutSeconds")
    if isinstance(seconds, bool) or not isinstance(seconds, int):
        raise HttpError(400, ["timeoutSeconds must be an integer number"])
    if not 0 <= seconds <= 3600:
        raise HttpError(400, ["timeoutSeconds must not be less than 0", "timeoutSeconds must not be greater than 3600"])
    granted = next((faults.granted for faults in levels if faults.granted is not None), seconds)
    if account is not None:
        venue.leases.grant(account.name, granted)
    echoed = granted + 1 if any(faults.wrong_echo for faults in levels) else granted
    return {"timeoutSeconds": echoed} | expiry(venue, granted, levels)


def expiry(venue: Ledger, seconds: int, levels: Levels) -> dict[str, str]:
    said = next((faults.expires_at for faults in levels if faults.expires_at), None)
    if said == "missing":
        return {}
    moment = venue.timestamp() + venue.settings.clock_skew + (-60 if said == "past" else seconds)
    return {"expiresAt": datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")}
