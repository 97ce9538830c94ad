"""Talking to the daemon: one question, one answer, by a plain blocking socket and always with a deadline."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from socket import AF_UNIX, SHUT_RDWR, SOCK_STREAM, socket
from typing import Any

from deadman.cli.complaint import Complaint, Failed, Misused, Unreachable
from deadman.cli.reach import who_may
from deadman.control.rpc import INVALID_PARAMS, TOO_MANY, UNKNOWN_NAME, begun
from deadman.spoken import plain

QUICK = 5.0
"""Seconds until an answer that needs no venue."""

BEGUN_NOTICE = begun(1)

_LONGEST_ANSWER = 64 * 2**20


def ask(path: Path, method: str, params: Mapping[str, Any], patience: float = QUICK) -> dict[str, Any]:
    """The daemon's result. Raises Unreachable, or what became of the question as Failed or Misused.

    When we give up, what the daemon has not begun is not done, and what it has begun is.
    """
    request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params, "notice": True}
    try:
        with socket(AF_UNIX, SOCK_STREAM) as sock:
            answer = _converse(sock, path, json.dumps(request).encode() + b"\n", time.monotonic() + patience)
    except OSError as error:
        raise Unreachable(_explained(path, error, patience)) from None
    if answer is None:
        raise Failed(f"{method}: begun; see status: the daemon at {path} has not answered within {patience:.0f} s")
    return _result(path, answer)


def _converse(sock: socket, path: Path, request: bytes, deadline: float) -> bytes | None:
    """One line there and one line back; None when it was begun and not answered. Raises OSError, TimeoutError."""
    _await(sock, deadline)
    sock.connect(str(path))
    sock.sendall(request)
    received = bytearray()
    try:
        while not _is_answer(received) and len(received) < _LONGEST_ANSWER:
            _await(sock, deadline)
            part = sock.recv(65536)
            if not part:
                break
            received += part
    except TimeoutError:
        return _give_up(sock, received)
    return _answer_in(received)


def _give_up(sock: socket, received: bytearray) -> bytes | None:
    """Hang up, and only then look whether it was begun: from here on the daemon can begin nothing for us."""
    with suppress(OSError):
        sock.shutdown(SHUT_RDWR)
        while part := sock.recv(65536):
            received += part
    if _is_answer(received):
        return _answer_in(received)
    if not _is_begun(received):
        raise TimeoutError
    return None


def _is_answer(received: bytes | bytearray) -> bool:
    return received.endswith(b"\n") and bool(_answer_in(received))


def _answer_in(received: bytes | bytearray) -> bytes:
    """What was received, less the notice that the request was begun."""
    return bytes(received).partition(b"\n")[2] if _is_begun(received) else bytes(received)


def _is_begun(received: bytes | bytearray) -> bool:
    return received.startswith(BEGUN_NOTICE)


def _await(sock: socket, deadline: float) -> None:
    sock.settimeout(max(deadline - time.monotonic(), 0.001))


def _result(path: Path, line: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(line)
        if "error" in answer:
            raise _refusal(answer["error"]["code"], plain(answer["error"]["message"]))
        result: dict[str, Any] = answer["result"]
    except (ValueError, KeyError, TypeError):
        raise Unreachable(f"what listens at {path} broke off, or is no deadman: see the daemon's log") from None
    return result


def _refusal(code: int, message: str) -> Complaint:
    if code == TOO_MANY:  # it passes: whoever waits for an account asks again
        return Unreachable(message)
    return Misused(message) if code in (UNKNOWN_NAME, INVALID_PARAMS) else Failed(message)


def _explained(path: Path, error: OSError, patience: float) -> str:
    match error:
        case TimeoutError():
            hang = "it may hang, and nothing is done; see its log"
            return f"the daemon at {path} did not answer within {patience:.0f} s: {hang}"
        case FileNotFoundError():
            return f"no daemon at {path}: start it (`systemctl start deadman`), or name its config with --config"
        case ConnectionRefusedError():
            return f"the daemon that listened at {path} is gone: start it (`systemctl start deadman`) and see its log"
        case BlockingIOError():
            return f"the daemon at {path} is too busy to answer, or hangs: see its log"
        case PermissionError():
            return f"you may not talk to the daemon at {path}: {who_may(path)}"
    return f"cannot talk to the daemon at {path}: {error.strerror or error}"
