"""The state's file: whole, durable, private, and one daemon's alone."""

from __future__ import annotations

import errno
import os
import random
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
import trio

from deadman.daemon.state import FileStore, StateInUse

WRITER = """
import sys
from pathlib import Path
from deadman.daemon.state import FileStore
store, size = FileStore(Path(sys.argv[1])), 0
print("ready", flush=True)
while True:
    size = (size + 77_777) % 1_000_000
    store.replace(b"%07d" % size + b"x" * size)
"""


async def test_it_reads_what_was_written_last(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    assert store.read() is None
    await store.write(b"one")
    await store.write(b"two")
    assert store.read() == b"two"
    assert os.listdir(tmp_path) == ["state.toml"]


async def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        (tmp_path / "state.new").write_text("left by a crash")
        (tmp_path / "state.new").chmod(0o666)
        await FileStore(tmp_path).write(b"one")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "state.toml").stat().st_mode) == 0o600


@pytest.mark.parametrize("step", ["os.open", "os.fsync", "pathlib.Path.replace"])
async def test_when_a_step_fails_the_last_one_stands_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    store = FileStore(tmp_path)
    await store.write(b"one")

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(step, full)
        with pytest.raises(OSError, match="No space left"):
            await store.write(b"two")
    assert store.read() == b"one"
    assert os.listdir(tmp_path) == ["state.toml"], "half a file on a full disk helps nobody"


async def test_the_directory_is_synced_after_the_rename(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    fsync = os.fsync

    def note(descriptor: int) -> None:
        synced.append("directory" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else os.listdir(tmp_path)[0])
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    await FileStore(tmp_path).write(b"one")
    assert synced == ["state.new", "directory"]


def test_killed_at_any_moment_it_leaves_one_whole_file(tmp_path: Path) -> None:
    chance = random.Random(1)
    for _ in range(8):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE)
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(chance.uniform(0.02, 0.1))
        writer.send_signal(signal.SIGKILL)
        writer.communicate()
        data = FileStore(tmp_path).read()
        assert data is not None
        assert len(data) == 7 + int(data[:7])


async def test_a_write_given_up_is_not_overtaken_by_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, at_once, most_at_once = FileStore(tmp_path), 0, 0
    replace = FileStore.replace

    def slow(self: FileStore, data: bytes) -> None:
        nonlocal at_once, most_at_once
        at_once += 1
        most_at_once = max(most_at_once, at_once)
        time.sleep(0.2)
        replace(self, data)
        at_once -= 1

    monkeypatch.setattr(FileStore, "replace", slow)
    with trio.move_on_after(0.05) as scope:
        await store.write(b"old")
    assert scope.cancelled_caught
    await store.write(b"new")
    assert store.read() == b"new"
    assert most_at_once == 1


def test_a_damaged_one_is_kept_under_its_date(tmp_path: Path) -> None:
    (tmp_path / "state.toml").write_bytes(b"\x00")
    aside = FileStore(tmp_path).set_aside(1_800_000_000.0)
    assert aside == str(tmp_path / "state.toml.damaged-20270115T080000Z")
    assert Path(aside).read_bytes() == b"\x00"
    assert FileStore(tmp_path).set_aside(1_800_000_001.0) == aside, "once, however often we start before it is replaced"
    assert FileStore(tmp_path).read() == b"\x00", "until a sound one takes its place"
    FileStore(tmp_path).replace(b"sound")
    assert Path(aside).read_bytes() == b"\x00"
    assert FileStore(tmp_path).read() == b"sound"


def test_a_second_daemon_is_told_so(tmp_path: Path) -> None:
    directory = tmp_path / "deadman"
    with FileStore(directory).lock():
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
        with pytest.raises(StateInUse, match="another deadman is running"), FileStore(directory).lock():
            pass
    with FileStore(directory).lock():
        pass


def test_the_lock_dies_with_its_daemon(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from deadman.daemon.state import FileStore\n"
        "with FileStore(Path(sys.argv[1])).lock(): print('locked', flush=True); time.sleep(60)"
    )
    daemon = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE)
    assert daemon.stdout is not None
    daemon.stdout.readline()
    with pytest.raises(StateInUse), FileStore(tmp_path).lock():
        pass
    daemon.kill()
    daemon.communicate()
    with FileStore(tmp_path).lock():
        pass


def test_a_directory_that_cannot_be_had_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StateInUse, match="no state can be kept there"), FileStore(tmp_path / "file" / "x").lock():
        pass


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_what_root_writes_the_service_may_read_again(tmp_path: Path) -> None:
    os.chown(tmp_path, 12345, 12346)
    FileStore(tmp_path).replace(b"state")
    written = (tmp_path / "state.toml").stat()
    assert (written.st_uid, written.st_gid, written.st_mode & 0o777) == (12345, 12346, 0o600)
