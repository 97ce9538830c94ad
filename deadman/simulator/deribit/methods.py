"""What the venue can be asked of sessions: logins, heartbeats, cancel-on-disconnect; and all that it can be asked."""

from __future__ import annotations

from typing import Any

import trio

from deadman.simulator.deribit.access import RpcError, Session, invalid_params
from deadman.simulator.deribit.channels import CHANNELS
from deadman.simulator.deribit.connection import HTTP, Cause
from deadman.simulator.deribit.market import MARKET
from deadman.simulator.deribit.requests import Call, Method, NoReply
from deadman.simulator.deribit.trading import TRADING


def hello(call: Call) -> Any:
    for name in ("client_name", "client_version"):
        if not isinstance(call.params.get(name), str):
            raise invalid_params(name)
    return {"version": call.venue.settings.version}


def test(call: Call) -> Any:
    if call.params.get("expected_result") == "exception":
        raise RpcError(10001, {"reason": "expected_result"})
    call.connection.timers.tested()
    return {"version": call.venue.settings.version}


def get_time(call: Call) -> Any:
    return int(call.venue.timestamp() * 1000)


def status(call: Call) -> Any:
    return {"locked": "false", "locked_indices": []}


def auth(call: Call) -> Any:
    """Log in, or renew. Too many failures from one address within a minute close the door for that minute."""
    failed, connection, now = call.venue.login.failed, call.connection, trio.current_time()
    if str(call.params.get("grant_type")) not in call.venue.settings.grants:
        raise invalid_params("grant_type", "unsupported grant type")
    failed.check(connection.address, now)
    try:
        session = granted(call, now)
    except RpcError:
        failed.add(connection.address, now)
        raise
    connection.sign_in(call.venue.accounts[session.key.account], session)
    echo = {"state": call.params["state"]} if "state" in call.params else {}
    return tokens(call, session) | echo


def granted(call: Call, now: float) -> Session:
    venue, connection, params = call.venue, call.connection, call.params
    if params["grant_type"] == "refresh_token":
        return venue.vault.refresh(str(params.get("refresh_token")), connection.id, now)
    key = venue.login.key_for(params, venue.timestamp())
    return venue.vault.open(key, str(params.get("scope", "")), connection.id, now)


def tokens(call: Call, session: Session) -> dict[str, Any]:
    renewal = {"refresh_token": session.refresh_token} if call.venue.settings.refresh_tokens == "given" else {}
    return renewal | {
        "access_token": session.access_token,
        "token_type": "bearer",
        "expires_in": session.lifetime,
        "scope": " ".join(sorted(session.scope)),
        "enabled_features": [],
    }


def logout(call: Call) -> Any:
    session = call.connection.session
    if call.params.get("invalidate_token", True) and session is not None:
        call.venue.vault.revoke(session)
    call.venue.end(call.connection, Cause.LOGOUT)
    raise NoReply


def set_heartbeat(call: Call) -> Any:
    interval = call.params.get("interval")
    if isinstance(interval, bool) or not isinstance(interval, int | float) or interval < 10:
        raise invalid_params("interval", "must be at least 10")
    call.connection.timers.set_heartbeat(interval, trio.current_time())
    call.connection.reschedule()
    return "ok"


def disable_heartbeat(call: Call) -> Any:
    call.connection.timers.disable_heartbeat()
    call.connection.reschedule()
    return "ok"


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
    if scope == "connection" and call.connection.id == HTTP:
        raise RpcError(10030)
    return str(scope)


METHODS: dict[str, Method] = {
    "public/hello": Method(hello, on_a_socket=True),
    "public/test": Method(test),
    "public/get_time": Method(get_time),
    "public/status": Method(status),
    "public/auth": Method(auth),
    "public/set_heartbeat": Method(set_heartbeat, on_a_socket=True),
    "public/disable_heartbeat": Method(disable_heartbeat, on_a_socket=True),
    "private/logout": Method(logout, "account:read", on_a_socket=True),
    "private/get_cancel_on_disconnect": Method(get_cancel_on_disconnect, "account:read"),
    "private/enable_cancel_on_disconnect": Method(enable_cancel_on_disconnect, "account:read_write"),
    "private/disable_cancel_on_disconnect": Method(disable_cancel_on_disconnect, "account:read_write"),
    **CHANNELS,
    **MARKET,
    **TRADING,
}
