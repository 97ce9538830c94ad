"""The log as its readers get it: through real pipes, terminals and sockets."""

from __future__ import annotations

import errno
import json
import logging
import os
import pty
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Literal

import pytest
import trio
from trio.testing import MockClock

from deadman.model.settings import DaemonConfig
from deadman.telemetry.log import Writer, as_text, is_journal, logging_set_up, stream

Format = Literal["auto", "journal", "text", "json"]
log = logging.getLogger("deadman.test")


def config(log_format: Format = "auto", level: Literal["debug", "info", "warning", "error"] = "info") -> DaemonConfig:
    return DaemonConfig(Path("/run"), Path("/var"), log_format=log_format, log_level=level)


class Pipe:
    """What was written to a descriptor, read to its end."""

    def __init__(self) -> None:
        self.reader, self.writer = os.pipe()

    def lines(self) -> list[str]:
        os.close(self.writer)
        with os.fdopen(self.reader, encoding="utf-8") as reader:
            return reader.read().splitlines()


@pytest.fixture
def pipe() -> Pipe:
    return Pipe()


@pytest.fixture
def terminal() -> Iterator[tuple[int, Callable[[], str]]]:
    """A descriptor that is a terminal, and what was shown on it."""
    master, slave = pty.openpty()
    yield slave, lambda: os.read(master, 65536).decode()
    os.close(master)
    os.close(slave)


def test_a_pipe_gets_one_json_object_a_line(pipe: Pipe) -> None:
    with logging_set_up(config(), pipe.writer, {}):
        log.warning("the %s is\noff", "switch", extra={"event": "drift", "account": "desk", "at": 1_800_000_000.5})
    (line,) = map(json.loads, pipe.lines())
    assert line == {
        "timestamp": "2027-01-15T08:00:00.500Z",
        "level": "warning",
        "logger": "deadman.test",
        "event": "drift",
        "account": "desk",
        "message": "the switch is\noff",
    }


def test_a_terminal_gets_one_readable_line_in_colour(terminal: tuple[int, Callable[[], str]]) -> None:
    descriptor, shown = terminal
    with logging_set_up(config(), descriptor, {}):
        log.error("desk: switch off", extra={"at": 1_800_000_000.5})
    assert shown() == "\x1b[31m2027-01-15 08:00:00Z  ERROR    desk: switch off\x1b[0m\r\n"


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_no_colour_where_none_is_wanted(
    terminal: tuple[int, Callable[[], str]], environment: Mapping[str, str]
) -> None:
    descriptor, shown = terminal
    with logging_set_up(config(), descriptor, environment):
        log.error("desk: switch off")
    assert "\x1b" not in shown()


def test_a_message_cannot_forge_a_line_or_play_with_the_terminal() -> None:
    record = logging.makeLogRecord({"msg": "ok\n2027-01-15 ERROR forged\x1b[2J\u202e", "levelname": "INFO"})
    assert as_text(record).endswith(r"ok\n2027-01-15 ERROR forged\x1b[2J\u202e")


def test_a_bug_keeps_its_traceback(pipe: Pipe) -> None:
    with logging_set_up(config("json"), pipe.writer, {}):
        try:
            raise KeyError("no such session")
        except KeyError:
            log.exception("a bug")
    (line,) = map(json.loads, pipe.lines())
    assert line["traceback"].startswith("Traceback")
    assert line["traceback"].endswith("KeyError: 'no such session'")


def test_what_was_logged_before_a_crash_is_written(pipe: Pipe) -> None:
    def crash() -> None:
        with logging_set_up(config("text"), pipe.writer, {}):
            for number in range(1000):
                log.info("line %d", number)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        crash()
    assert [line.rpartition("line ")[2] for line in pipe.lines()] == [str(number) for number in range(1000)]


def test_everything_is_as_before_afterwards(pipe: Pipe) -> None:
    root, chatty = logging.getLogger(), logging.getLogger("httpx")
    before = (list(root.handlers), root.level, chatty.level, threading.excepthook)
    with logging_set_up(config(level="debug"), pipe.writer, {}):
        assert root.level == logging.DEBUG
    assert (list(root.handlers), root.level, chatty.level, threading.excepthook) == before
    assert "log-writer" not in {thread.name for thread in threading.enumerate()}
    pipe.lines()


@pytest.mark.parametrize("name", ["httpx", "httpcore.http11", "trio-websocket", "trio_websocket", "wsproto", "h11"])
def test_libraries_that_tell_headers_are_never_heard_below_warning(pipe: Pipe, name: str) -> None:
    with logging_set_up(config("text", "debug"), pipe.writer, {}):
        logging.getLogger(name).info("x-sx-api-key: 123")
        logging.getLogger(name).warning("slow")
        log.debug("ours")
    assert [line.split()[-1] for line in pipe.lines()] == ["slow", "ours"]


@pytest.mark.parametrize("name", ["httpx", "deadman.test"])
def test_a_level_above_warning_holds_for_everybody(pipe: Pipe, name: str) -> None:
    with logging_set_up(config("text", "error"), pipe.writer, {}):
        logging.getLogger(name).warning("quiet")
    assert pipe.lines() == []


def test_a_reader_that_hangs_blocks_nobody_and_the_loss_is_counted(pipe: Pipe) -> None:
    writer = Writer(stream(pipe.writer, lambda record: "x" * 200_000), room=10)
    for _ in range(100):
        writer.put(logging.makeLogRecord({}))
    assert writer.dropped() >= 89
    writer.close(patience=0.05)
    os.close(pipe.reader)  # now the thread is told that nobody reads, and ends
    writer.close(patience=10.0)
    assert writer.dropped() == 100
    os.close(pipe.writer)


def test_a_stderr_that_went_away_is_counted_and_stops_nothing(pipe: Pipe) -> None:
    os.close(pipe.reader)
    with logging_set_up(config("json"), pipe.writer, {}) as writer:
        log.info("nobody reads this")
        log.info("nor this")
    assert writer.dropped() == 2
    os.close(pipe.writer)


def test_a_line_larger_than_a_non_blocking_pipe_is_written_whole(pipe: Pipe) -> None:
    os.set_blocking(pipe.writer, False)
    received: list[str] = []

    def read() -> None:
        with os.fdopen(pipe.reader, encoding="utf-8") as reader:
            received.append(reader.read())

    thread = threading.Thread(target=read)
    thread.start()
    with logging_set_up(config("json"), pipe.writer, {}):
        log.info("x" * 500_000)
    os.close(pipe.writer)
    thread.join(10)
    assert len(json.loads(received[0])["message"]) == 500_000


async def test_a_daemon_out_of_descriptors_says_so_in_a_line_and_floods_no_log(
    pipe: Pipe, autojump_clock: MockClock
) -> None:
    class Full(trio.abc.Listener[trio.abc.Stream]):
        async def accept(self) -> trio.abc.Stream:
            raise OSError(errno.EMFILE, "Too many open files")

        async def aclose(self) -> None:
            pass

    async def serve(stream: trio.abc.Stream) -> None: ...

    with logging_set_up(config("text"), pipe.writer), trio.move_on_after(5):
        await trio.serve_listeners(serve, [Full()])
    (line,) = pipe.lines()
    assert "Too many open files" in line


def test_what_kills_a_thread_is_logged(pipe: Pipe) -> None:
    with logging_set_up(config("json"), pipe.writer, {}):
        thread = threading.Thread(target=lambda: [][0])
        thread.start()
        thread.join()
    (line,) = map(json.loads, pipe.lines())
    assert (line["level"], line["event"]) == ("critical", "thread_died")
    assert "IndexError" in line["traceback"]


def test_only_a_journal_that_is_this_very_descriptor_counts(pipe: Pipe) -> None:
    status = os.fstat(pipe.writer)
    assert is_journal(pipe.writer, f"{status.st_dev}:{status.st_ino}")
    assert not is_journal(pipe.writer, f"{status.st_dev}:{status.st_ino + 1}")
    assert not is_journal(pipe.writer, "")
    pipe.lines()
    assert not is_journal(pipe.writer, f"{status.st_dev}:{status.st_ino}")


def test_a_journal_gets_datagrams_and_stderr_gets_levels_while_it_is_away(
    pipe: Pipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deadman.telemetry.log.JOURNAL", tmp_path / "socket")
    status = os.fstat(pipe.writer)
    with logging_set_up(config(), pipe.writer, {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}):
        log.error("to stderr")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journald:
        journald.bind(str(tmp_path / "socket"))
        with logging_set_up(config("journal"), pipe.writer, {}):
            log.error("to the journal", extra={"event": "drift", "account": "desk"})
        fields = journald.recv(65536).decode().splitlines()
    assert {"MESSAGE=to the journal", "PRIORITY=3", "DEADMAN_EVENT=drift", "DEADMAN_ACCOUNT=desk"} <= set(fields)
    (line,) = pipe.lines()
    assert line.startswith("<3>")
    assert line.endswith("to stderr")
