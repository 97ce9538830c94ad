"""What a crash of ours must not forget of silent bots: the small file beside the state, and who keeps it true."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from deadman.checkins.rounds import Watches
from deadman.checkins.silences import BLOCK, NAME, Notebook, SilenceFiles
from deadman.model.settings import WatchConfig
from deadman.model.watch import Watch
from deadman.transport.blocking import OffLoop, in_thread
from tests.support.watching import deribit, watch_desk

T = TypeVar("T")
names = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,20}", fullmatch=True)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("state")


def write(silences: Mapping[str, float], *directories: Path, off_loop: OffLoop = in_thread) -> None:
    """As one run does: it reads what the last one left, then writes."""

    async def main() -> None:
        files = SilenceFiles(directories, off_loop)
        files.read()
        await files.write(silences)

    trio.run(main)


def read(*directories: Path) -> Mapping[str, float]:
    return SilenceFiles(directories).read()


@settings(deadline=None)
@given(st.lists(st.dictionaries(names, st.floats(0.0, 86400.0), max_size=200), min_size=1, max_size=3))
def test_what_was_written_last_is_read_whatever_was_longer_before(
    directory: Path, written: list[dict[str, float]]
) -> None:
    for silences in written:
        write(silences, directory)
    assert read(directory) == written[-1]
    assert (directory / NAME).stat().st_size % BLOCK == 0, "room for all but many bots is taken at once"


def test_a_new_desk_knows_of_no_silence(tmp_path: Path) -> None:
    assert read(tmp_path) == {}


@given(st.binary(max_size=200))
def test_a_damaged_file_is_not_believed(directory: Path, data: bytes) -> None:
    (directory / NAME).write_bytes(data)
    assert read(directory) == {}


def test_it_is_written_in_place_so_that_a_full_disk_takes_it(tmp_path: Path) -> None:
    write({}, tmp_path)
    before = (tmp_path / NAME).stat()
    write({"quoter": 3.0}, tmp_path)
    after = (tmp_path / NAME).stat()
    assert (after.st_ino, after.st_blocks, after.st_size) == (before.st_ino, before.st_blocks, before.st_size)
    assert os.listdir(tmp_path) == [NAME]


def test_where_the_first_place_fails_or_hangs_the_next_one_counts_and_then_the_first_again(tmp_path: Path) -> None:
    state, runtime = tmp_path / "state", tmp_path / "run"
    state.mkdir()
    runtime.mkdir()
    write({"quoter": 1.0}, state, runtime)

    async def hangs(work: Callable[..., T], *arguments: Any, limiter: trio.CapacityLimiter | None = None) -> T:
        if arguments[0].parent == state:
            await trio.sleep(60.0)
        return work(*arguments)

    write({"quoter": 2.0}, state, runtime, off_loop=hangs)  # type: ignore[arg-type]
    assert read(state, runtime) == {"quoter": 2.0}
    write({}, state, runtime)
    assert read(state, runtime) == {}
    (state / NAME).unlink()
    (state / NAME).mkdir()
    write({"quoter": 4.0}, state, runtime)
    assert read(state, runtime) == {"quoter": 4.0}
    (runtime / NAME).unlink()
    (runtime / NAME).mkdir()
    with pytest.raises(OSError, match="neither"):
        write({"quoter": 5.0}, state, runtime)


@dataclass
class Store:
    """`seconds` a write takes."""

    content: Mapping[str, float] = field(default_factory=lambda: {"left": 1.0})
    seconds: float = 0.0
    full: bool = False
    writes: int = 0

    def read(self) -> Mapping[str, float]:
        return self.content

    async def write(self, silences: Mapping[str, float]) -> None:
        self.writes += 1
        await trio.sleep(self.seconds)
        if self.full:
            raise OSError(errno.EIO, "Input/output error")
        self.content = silences


async def test_what_is_noted_is_written_soon_and_only_when_it_changes(autojump_clock: MockClock) -> None:
    store = Store()
    notebook = Notebook(store)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(notebook.keep)
        await trio.sleep(0.01)
        assert store.content == {}, "what an earlier run left counts no more"
        for _ in range(100):
            notebook.note({"quoter": 1.0})
            await trio.sleep(0.01)
        assert store.content == {"quoter": 1.0}
        assert store.writes == 2
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("trouble", ["full", "hung"])
async def test_a_disk_that_fails_is_told_of_once_and_tried_again(
    trouble: str, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    store = Store(full=trouble == "full", seconds=60.0 if trouble == "hung" else 0.0)
    notebook = Notebook(store)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(notebook.keep)
        for step in range(100):
            notebook.note({"quoter": float(step)})
            await trio.sleep(0.1)
        assert store.writes <= 11
        told = [record.getMessage() for record in caplog.records]
        why = {"full": "Input/output error", "hung": "the disk does not answer"}[trouble]
        assert told == [f"the silences of bots cannot be noted: {why}; a restart would give the dead more time"]
        store.full, store.seconds = False, 0.0
        await trio.sleep(3.0)
        assert store.content == {"quoter": 99.0}
        nursery.cancel_scope.cancel()


def test_what_is_written_before_anything_was_read_is_read_again(tmp_path: Path) -> None:
    trio.run(SilenceFiles([tmp_path]).write, {"quoter": 2.5})
    assert read(tmp_path) == {"quoter": 2.5}


@pytest.mark.parametrize(("seconds", "taken_by"), [(0.0, "state"), (0.2, "state"), (0.3, "run")])
async def test_a_disk_counts_as_hung_after_a_quarter_of_a_second(
    seconds: float, taken_by: str, tmp_path: Path, autojump_clock: MockClock
) -> None:
    places = [tmp_path / "state", tmp_path / "run"]
    for place in places:
        place.mkdir()

    async def slow(work: Callable[..., T], *arguments: Any, limiter: trio.CapacityLimiter | None = None) -> T:
        if arguments[0].parent == places[0]:
            await trio.sleep(seconds)
        return work(*arguments)

    await SilenceFiles(places, slow).write({"quoter": 2.0})  # type: ignore[arg-type]
    assert [place.name for place in places if (place / NAME).exists()] == [taken_by]


@pytest.mark.parametrize(
    ("limit", "spent", "noted"),
    [(600.0, 1.0, 1.1), (5.0, 1.0, 1.05), (1.0, 0.5, 0.515), (5.0, 4.99, 5.0), (5.0, 5.0, 5.0)],
)
async def test_what_a_bot_that_is_not_heard_has_spent_is_noted_as_of_our_next_look_until_it_is_heard(
    limit: float, spent: float, noted: float, autojump_clock: MockClock
) -> None:
    desk, store = watch_desk(deribit("a", "quoter")), Store()
    watches = Watches(desk.hand.board, desk.inboxes, lambda: desk.hand.now, lambda pid: True, store)
    watches.apply({"quoter": WatchConfig("quoter", limit)})
    desk.hand.board.put_watch(Watch("quoter", limit).resumed(desk.hand.now, spent))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(watches.run)
        await trio.sleep(0.01)
        assert store.content == {"quoter": pytest.approx(noted)}
        desk.beat("quoter")
        await trio.sleep(0.2)
        assert store.content == {}
        nursery.cancel_scope.cancel()


async def test_a_place_that_failed_is_left_alone_for_a_second_and_then_tried_again(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    places = [tmp_path / "state", tmp_path / "run"]
    for place in places:
        place.mkdir()
    asked: list[tuple[float, str]] = []

    async def work(work: Callable[..., T], *arguments: Any, limiter: trio.CapacityLimiter | None = None) -> T:
        asked.append((trio.current_time(), arguments[0].parent.name))
        if arguments[0].parent == places[0] and trio.current_time() < 1.5:
            raise OSError(errno.EIO, "Input/output error")
        return work(*arguments)

    files = SilenceFiles(places, work)  # type: ignore[arg-type]
    for _ in range(5):
        await files.write({"quoter": 2.0})
        await trio.sleep(0.5)
    assert asked == [
        (0.0, "state"),
        (0.0, "run"),
        (0.5, "run"),
        (1.0, "state"),
        (1.0, "run"),
        (1.5, "run"),
        (2.0, "state"),
    ]
