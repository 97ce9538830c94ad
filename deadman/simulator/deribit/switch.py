"""Cancel-on-disconnect, as session-management documents it: what each scope reaches, and what it does not."""

from __future__ import annotations

from typing import Any

from .errors import invalid_params
from .requests import Call, Method


def get_cancel_on_disconnect(call: Call) -> Any:
    scope = switch_scope(call)
    enabled = call.account.cancel_on_disconnect if scope == "account" else call.connection.cancel_on_disconnect
    if any(faults.wrong_echo for faults in call.connection.levels):
        scope = "connection" if scope == "account" else "account"
    return {"scope": scope, "enabled": enabled}


def enable_cancel_on_disconnect(call: Call) -> Any:
    return set_switch(call, True)


def disable_cancel_on_disconnect(call: Call) -> Any:
    return set_switch(call, False)


def set_switch(call: Call, enabled: bool) -> Any:
    """Connection scope reaches this connection; account scope those opened from now on, as the venue documents it."""
    scope = switch_scope(call)
    if scope == "account":
        call.venue.switch(call.account.name, on=enabled)
    if scope == "connection" or call.venue.settings.account_scope_covers_current:
        call.connection.cancel_on_disconnect = enabled
    return "ok"


def switch_scope(call: Call) -> str:
    scope = call.params.get("scope", "connection")
    if scope not in ("connection", "account"):
        raise invalid_params("scope")
    return str(scope)


SWITCH: dict[str, Method] = {
    "private/get_cancel_on_disconnect": Method(get_cancel_on_disconnect, "account:read"),
    "private/enable_cancel_on_disconnect": Method(enable_cancel_on_disconnect, "account:read_write"),
    "private/disable_cancel_on_disconnect": Method(disable_cancel_on_disconnect, "account:read_write"),
}
