"""Work off the loop, on a host that has no room for it."""

from __future__ import annotations

import errno
import threading
from typing import NoReturn

import pytest
import trio

from deadman.daemon.doors import Doors
from deadman.model.clock import Clock
from deadman.model.errors import Unavailable
from deadman.model.secret import SecretSource
from deadman.transport.blocking import in_thread


def no_room(thread: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


async def test_a_host_without_room_for_a_thread_is_the_environments_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trio.to_thread.run_sync", lambda *_, **__: no_room(threading.current_thread()))
    with pytest.raises(OSError, match="no thread can be started"):
        await in_thread(int)


async def test_a_bug_in_the_work_stays_what_it_is() -> None:
    def work() -> None:
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        await in_thread(work)


async def test_a_secret_that_no_thread_can_read_now_is_tried_again() -> None:
    async def no_room(work: object, *_: object, limiter: object = None) -> NoReturn:
        raise OSError(errno.EAGAIN, "no thread can be started")

    doors = Doors(Clock(trio.current_time, trio.current_time), {}, lambda _: None, no_room)
    with pytest.raises(Unavailable, match="env KEY: cannot be read now: no thread can be started"):
        await doors.read(SecretSource("env", "KEY"))
