"""Talking to the daemon: one question, one answer, by a plain blocking socket and always with a deadline."""

from __future__ import annotations

import grp
import json
import os
import re
import sys
import time
import tomllib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from socket import AF_UNIX, SHUT_RDWR, SOCK_STREAM, socket
from typing import Any

from deadman import __version__
from deadman.cli.parser import CONFIG, Complaint, Misused, NotDone, Unreachable
from deadman.config.document import Faults
from deadman.config.load import load_daemon, runtime_directory_of_client
from deadman.control.rpc import INVALID_PARAMS, TOO_MANY, UNKNOWN_NAME, begun
from deadman.model.text import plain, suggestion
from deadman.status.schema import Mismatch, StatusReport, from_json

TIMEOUT = 5.0
"""Seconds until an answer that needs no venue."""

_BEGUN_NOTICE = begun(1)
_LONGEST_ANSWER = 64 * 2**20
"""Bytes."""


def ask(path: Path, method: str, params: Mapping[str, Any], timeout: float = TIMEOUT) -> dict[str, Any]:
    """The daemon's result. Raises Unreachable, or what became of the question as NotDone or Misused.

    When we give up, what the daemon has not begun is not done, and what it has begun is.
    """
    request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params, "notice": True}
    try:
        with socket(AF_UNIX, SOCK_STREAM) as sock:
            answer = _converse(sock, path, json.dumps(request).encode() + b"\n", time.monotonic() + timeout)
    except TimeoutError:
        hang = "it may hang, and nothing is done; see its log"
        raise Unreachable(f"the daemon at {path} did not answer within {timeout:.0f} s: {hang}") from None
    except OSError as error:
        raise unreachable(path, error, "talk to the daemon") from None
    if answer == _BEGUN_NOTICE:
        raise NotDone(f"{method}: begun; see status: the daemon at {path} ended before it answered")
    if answer is None:
        raise NotDone(f"{method}: begun; see status: the daemon at {path} has not answered within {timeout:.0f} s")
    return _result(path, answer.removeprefix(_BEGUN_NOTICE))


def _converse(sock: socket, path: Path, request: bytes, deadline: float) -> bytes | None:
    """One line there, and what comes back; None when it was begun and not answered. Raises OSError, TimeoutError."""

    def await_socket() -> None:
        sock.settimeout(max(deadline - time.monotonic(), 0.001))

    received = bytearray()
    try:
        await_socket()
        sock.connect(str(path))
        sock.sendall(request)
        while not _is_answer(received) and len(received) < _LONGEST_ANSWER:
            await_socket()
            part = sock.recv(65536)
            if not part:
                break
            received += part
    except TimeoutError:
        # Hang up, and only then look whether it was begun: from here on the daemon can begin nothing for us.
        with suppress(OSError):
            sock.shutdown(SHUT_RDWR)
            while part := sock.recv(65536):
                received += part
        if not _is_answer(received):
            if not received.startswith(_BEGUN_NOTICE):
                raise
            return None
    return bytes(received)


def _is_answer(received: bytearray) -> bool:
    """A whole line that is not only the notice that the request was begun."""
    return received.endswith(b"\n") and received != _BEGUN_NOTICE


_COMPLAINTS: Mapping[int, type[Complaint]] = {
    TOO_MANY: Unreachable,  # it passes: whoever waits for an account asks again
    UNKNOWN_NAME: Misused,
    INVALID_PARAMS: Misused,
}


def _result(path: Path, line: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(line)
        if "error" in answer:
            complaint = _COMPLAINTS.get(answer["error"]["code"], NotDone)
            raise complaint(plain(answer["error"]["message"]))
        result: dict[str, Any] = answer["result"]
    except (ValueError, KeyError, TypeError):
        raise Unreachable(f"what listens at {path} broke off, or is no deadman: see the daemon's log") from None
    return result


START = "`systemctl start deadman`, or in a terminal `deadman run`"


def unreachable(path: Path, error: OSError, what: str) -> Unreachable:
    """Why nobody can be reached at `path`, and what to do; `what` was attempted."""
    match error:
        case FileNotFoundError():
            words = f"no daemon at {path}: start it ({START}), or name its config with --config"
        case ConnectionRefusedError():
            words = f"the daemon that listened at {path} is gone: start it ({START}) and see its log"
        case BlockingIOError():
            words = f"the daemon at {path} is too busy to answer, or hangs: see its log"
        case PermissionError():
            words = f"you may not {what} at {path}: {_who_may(path)}"
        case _:
            words = f"cannot {what} at {path}: {error.strerror or error}"
    return Unreachable(words)


_KEY = re.compile(r"""^[^#\n]*?\bruntime_directory["']?\s*=\s*(?P<value>[^\n]*)""", re.MULTILINE)
_LARGEST = 2**20
"""Bytes of a broken config that are looked through."""


def control_socket(config: Path) -> Path:
    """Raises Faults as `runtime_directory` does."""
    return runtime_directory(config) / "control.sock"


def runtime_directory(config: Path) -> Path:
    """Where the daemon's sockets are. Raises Faults only for a config that cannot be read at all.

    A daemon goes on with the config that was in force while the one on disk is broken: who cannot find it then lets a
    living bot look dead, and cannot trip. So a faulty config is searched for the one line that matters, and that is
    told. The usual config may be missing, or a bot shut out from it: then the usual directory is the best guess. One
    that was named and is not there is a mistake of who named it.
    """
    found, why = runtime_directory_of_client(os.environ), ""
    if config == CONFIG and not os.access(config, os.R_OK):
        try:
            config.stat()
        except FileNotFoundError:
            why = f"{config}: no such file"
        except OSError:
            pass  # out of our sight, which does not mean missing
    else:
        try:
            return load_daemon(config, os.environ).runtime_directory
        except Faults as faults:
            named = _named_in(config)
            if named is None:
                raise
            places, why = [*named, found], str(faults.faults[0])
            # The first in which a daemon has made a socket, else the first.
            found = next((place for place in places if os.path.exists(place / "control.sock")), places[0])
    if why:
        sys.stderr.write(f"deadman: {why}\ndeadman: looking for the daemon in {plain(str(found))}\n")
    return found


def _named_in(config: Path) -> list[Path] | None:
    """The directories that lines of a broken config name, each read by itself; None where nothing can be read."""
    try:
        if not config.is_file():
            return None
        with config.open("rb") as file:
            text = file.read(_LARGEST).decode("utf-8", "replace")
    except OSError:
        return None
    values = [_value(match["value"]) for match in _KEY.finditer(text)]
    return [Path(value) for value in values if value and "\0" not in value]


def _value(given: str) -> str:
    """A string as TOML writes it, with whatever stands behind it; what is not even that, up to a quote or comment."""
    quoted = re.match(r"""("(?:[^"\\]|\\.)*"|'[^']*')""", given)
    with suppress(tomllib.TOMLDecodeError):
        if quoted:
            return str(tomllib.loads(f"value = {quoted[0]}")["value"])
    return re.split(r"""["'#]""", given.strip().lstrip("\"'"))[0].strip()


def _who_may(path: Path) -> str:
    """Which group opens the way to `path`: its own, or where we cannot even see it, the closed directory's."""
    for place in (path, *path.parents):
        try:
            group = place.stat().st_gid
        except OSError:
            continue
        with suppress(KeyError):
            return f"join the group {grp.getgrgid(group).gr_name}, or be root"
        return f"join the group {group}, or be root"
    return "be root"


def status_of(
    path: Path, accounts: Sequence[str] = (), timeout: float = TIMEOUT, events: int | None = None
) -> StatusReport:
    """These accounts and their bots alone, all if none is named, and so many of the latest events.

    Raises as `ask`, and NotDone for another version.
    """
    answer = ask(path, "status", {} if events is None else {"events": events}, timeout)
    try:
        return only(from_json(StatusReport, answer), accounts)
    except Mismatch as error:
        other = plain(str(answer.get("version", "?")))
        told = f"the daemon at {path} is deadman {other}, this is {__version__}, and does not understand it: {error}"
        raise NotDone(f"{told}; restart the daemon (`systemctl restart deadman`), or use its own `deadman`") from None


def only(report: StatusReport, accounts: Sequence[str]) -> StatusReport:
    """Raises Misused for an account that is not known."""
    if not accounts:
        return report
    known = report.accounts
    for name in accounts:
        if name not in known:
            hint = suggestion(name, known) or f"known are {', '.join(known)}"
            raise Misused(f'no account "{name}"; {hint}')
    chosen = {name: account for name, account in known.items() if name in accounts}
    bots = {name for account in chosen.values() for name in account.watches}
    watches = {name: watch for name, watch in report.watches.items() if name in bots}
    events = tuple(event for event in report.events if event.account in chosen or event.watch in bots)
    return replace(report, accounts=chosen, watches=watches, events=events)


def exit_code(report: StatusReport) -> int:
    """1 when something wanted is not protected."""
    return 1 if any(account.alarming for account in report.accounts.values()) else 0
