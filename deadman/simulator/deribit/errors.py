"""The venue's way of saying no."""

from __future__ import annotations

from typing import Any

MESSAGES = {
    10001: "error",
    10004: "order_not_found",
    10028: "too_many_requests",
    10040: "retry",
    10041: "settlement_in_progress",
    10049: "cancel_on_disconnect_failed",
    11044: "not_open_order",
    11050: "bad_request",
    11051: "system_maintenance",
    12003: "login_over_limit",
    13004: "invalid_credentials",
    13009: "unauthorized",
    13021: "forbidden",
    13028: "temporarily_unavailable",
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
