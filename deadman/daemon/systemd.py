"""What systemd and we tell each other: sd_notify(3), sd_watchdog_enabled(3), sd_listen_fds(3).

Everything here is a pure function of the environment and its arguments but `ServiceManager.send` and `watch_sockets`.
Outside systemd nobody listens, and all of it does nothing.
"""

from __future__ import annotations

import gc
import logging
import os
import socket
from collections import Counter
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from math import inf
from pathlib import PurePath

import trio

from deadman.model.account import Standing
from deadman.model.board import Board
from deadman.status.report import start_progress

READY = "READY=1"
STOPPING = "STOPPING=1"
WATCHDOG = "WATCHDOG=1"

_MICROSECONDS = 1_000_000


def status(text: str) -> str:
    """One line for `systemctl status`; a second line would be a field of its own."""
    return "STATUS=" + " ".join(text.split())


def extend_timeout(seconds: float) -> str:
    """Ask that start, reload or stop may last this much longer from now on."""
    return f"EXTEND_TIMEOUT_USEC={round(seconds * _MICROSECONDS)}"


def reloading(monotonic: float) -> str:
    """A reload begins; READY ends it. `monotonic` is CLOCK_MONOTONIC (`time.monotonic()`), not a run loop's clock.

    Type=notify-reload waits in vain for a RELOADING without its instant; Type=notify does not mind it.
    """
    return f"RELOADING=1\nMONOTONIC_USEC={int(monotonic * _MICROSECONDS)}"


def watchdog_interval(environment: Mapping[str, str], pid: int) -> float | None:
    """Seconds between two WATCHDOG=1, half of what the unit allows; None where no watchdog waits for this process."""
    allowed = _number(environment, "WATCHDOG_USEC")
    if not allowed or _number(environment, "WATCHDOG_PID") not in (None, pid):
        return None
    return allowed / _MICROSECONDS / 2


@dataclass(frozen=True, slots=True)
class ServiceManager:
    """Whoever started us and is told how we do; `address` None where nobody is."""

    address: str | None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> ServiceManager:
        given = environment.get("NOTIFY_SOCKET", "")
        # An abstract address is written with @, and begins with a zero byte. Others (vsock) are not for services.
        return cls("\0" + given[1:] if given.startswith("@") else given if given.startswith("/") else None)

    def send(self, *lines: str) -> bool:
        """Send one datagram; never blocks, never raises.

        False when the manager's queue is full or its socket gone: what must arrive (READY) is to be said again.
        """
        if self.address is None:
            return True
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as out:
                out.sendto("\n".join(lines).encode(), self.address)
        except OSError:
            return False
        return True


def inherited(environment: Mapping[str, str], pid: int) -> list[tuple[int, str]]:
    """The descriptors of the sockets handed to this process, each with its FileDescriptorName=."""
    count = _number(environment, "LISTEN_FDS") or 0
    if _number(environment, "LISTEN_PID") != pid:
        return []
    names = environment.get("LISTEN_FDNAMES", "").split(":")
    if len(names) != count:
        names = [""] * count
    return list(enumerate(names, 3))  # SD_LISTEN_FDS_START: after stdin, stdout and stderr


def watch_sockets(given: Collection[tuple[int, str]]) -> dict[str, socket.socket]:
    """The check-in sockets among them by watch, non-blocking and kept from children; the caller owns them.

    One socket unit has one name for all its ListenDatagram= lines: a name `watch-NAME` that only one socket has says
    the watch, else the file's name does. What is no Unix datagram socket is none of ours and stays untouched.
    """
    times = Counter(name for _, name in given)
    found: dict[str, socket.socket] = {}
    for descriptor, name in given:
        try:
            opened = socket.socket(fileno=descriptor)
        except OSError:
            continue
        if opened.family != socket.AF_UNIX or opened.type != socket.SOCK_DGRAM:
            opened.detach()
            continue
        opened.set_inheritable(False)
        opened.setblocking(False)
        if name.startswith("watch-") and times[name] == 1:
            found[name.removeprefix("watch-")] = opened
        else:
            found[PurePath(os.fsdecode(opened.getsockname())).name.removesuffix(".sock")] = opened
    return found


def _number(environment: Mapping[str, str], name: str) -> int | None:
    value = environment.get(name, "")
    return int(value) if value.isascii() and value.isdigit() else None


SYSTEMD = "/run/systemd/system"
"""Exists where systemd is the system's manager: sd_booted(3)."""

ASK_TIMEOUT = 1.0
"""Seconds that the manager may take to tell what it does."""


async def is_shutting_down() -> bool:
    """Whether the host goes down, and not this service alone; also where its manager does not tell."""
    if not _has_systemd():
        return False
    with trio.move_on_after(ASK_TIMEOUT), suppress(OSError):
        command = ["systemctl", "is-system-running"]
        done = await trio.run_process(command, capture_stdout=True, capture_stderr=True, check=False)
        return done.stdout.decode().strip() not in ("initializing", "starting", "running", "degraded", "maintenance")
    return True


def _has_systemd() -> bool:
    return os.path.exists(SYSTEMD)


log = logging.getLogger(__name__)

PROGRESS_INTERVAL = 10.0
"""Seconds between two lines in the log about a start that takes long."""

STATUS_INTERVAL = 1.0
"""Seconds between two looks at what to tell."""

ARMING_TIMEOUT = 30.0
"""Seconds after which we supervise, whatever the venues say: one bad key must not hold up the boot."""


@dataclass
class Service:
    """The unit's side of one run. Outside systemd nobody listens, and nothing happens."""

    board: Board
    manager: ServiceManager
    interval: float | None
    _fed_at: float = 0.0
    _logged_at: float = -inf

    def feed(self) -> None:
        """To be called by the task that judges the guards, and by nobody else: a stalled loop starves the watchdog."""
        now = self.board.clock.now()
        if self.interval is not None and now >= self._fed_at + self.interval / 2:
            self._fed_at = now
            self.manager.send(WATCHDOG)

    async def run(self) -> None:
        """READY once every account has a first outcome, then what changes."""
        began, told, told_at = self.board.clock.now(), "", -inf
        while any(self.board.standing(name).is_early for name in self.board.configs):
            if (now := self.board.clock.now()) >= began + ARMING_TIMEOUT:
                break
            if now >= told_at + STATUS_INTERVAL:
                told_at = now
                self.manager.send(extend_timeout(ARMING_TIMEOUT), status(self._words()))
            await trio.sleep(STATUS_INTERVAL / 4)
        while not self.manager.send(READY, status(summary(self.board.standings()))):
            await trio.sleep(STATUS_INTERVAL)
        gc.freeze()  # what lives by now lives on, and need not be gone through again
        while True:
            words = self._words()
            if words != told and self.manager.send(status(words)):
                told = words
            await trio.sleep(STATUS_INTERVAL)

    def _words(self) -> str:
        """What to tell; of a start that takes long, how far it is, in the log now and then too."""
        standings, now = self.board.standings(), self.board.clock.now()
        starting = start_progress(self.board, standings)
        if starting and now >= self._logged_at + PROGRESS_INTERVAL:
            self._logged_at = now
            log.info("starting: %s", starting, extra={"event": "starting"})
        return starting or summary(standings)


def summary(standings: Mapping[str, Standing]) -> str:
    """`3/4 protected; least margin 21 s (alpha); NOT protected: beta`, of the wanted accounts."""
    wanted = {name: one for name, one in standings.items() if one.guard.wanted(one.seen_at)}
    margins = {name: one.guard.margin(one.seen_at) for name, one in wanted.items() if not one.alarming}
    told = [f"{len(margins)}/{len(wanted)} protected"]
    if margins:
        least = min(margins, key=lambda name: margins[name])
        told.append(f"least margin {margins[least]:.0f} s ({least})")
    alarming = [name for name, one in wanted.items() if one.alarming]
    if alarming:
        told.append(f"NOT protected: {', '.join(alarming[:5])}{' …' if len(alarming) > 5 else ''}")
    return "; ".join(told)
