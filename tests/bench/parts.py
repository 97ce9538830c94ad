"""What is measured, and what of it is aimed at: each part yields rows of the table."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from threading import Event, Thread
from typing import Any

from tests.bench.bare import INTERVAL
from tests.bench.rig import Process, Rig, rig

ROUNDS = 5
"""Pairs of one measurement, of which the median counts: what the machine does besides strikes both."""


@dataclass(frozen=True)
class Row:
    """One line of the table; `ratio` to the bare client of the same run, where there is one."""

    figure: str
    measured: str
    ratio: float | None = None
    goal: str = ""


def quantile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] if values else float("nan")


def sessions(count: int) -> Iterator[Row]:
    """The start, memory, the idle cost and the hot path of so many sessions, beside as many bare ones."""
    with ExitStack() as stack:
        here = stack.enter_context(rig())
        few = _memory_of_one(here) if count > 1 else None
        bare = stack.enter_context(here.bare("websockets", count))
        bare_at = here.venue.wait_for("bare", count, bare)["last"] - here.started["bare"]
        ours = stack.enter_context(here.daemon(here.deribit(count)))
        ours_at = here.venue.wait_for("ours", count, ours)["last"] - here.started["ours"]
        goal = {60: "≤ 1 s", 1: "≤ 0.3 s", 2: "≤ 0.3 s"}.get(count, "")
        spent = ours.cpu()
        yield Row(f"start → {count} proven", f"{ours_at:.2f} s, CPU {spent:.2f} s", ours_at / bare_at, goal)
        time.sleep(2)
        if few is None:
            yield Row("memory of the first session", f"{ours.memory() / 1024:.1f} MiB", goal="≤ 36 MiB")
        else:
            each, theirs = (ours.memory() - few[0]) / (count - 1), (bare.memory() - few[1]) / (count - 1)
            yield Row(f"memory a session, of {count}", f"{each:.0f} KiB", each / theirs, "≤ 72 KiB")
        idle = ours.spent_in(5 if count < 500 else 10)
        goal = {300: "≤ 60", 1000: "≤ 200"}.get(count, "")
        yield Row(f"idle, {count} accounts", f"{idle * 1e3:.0f} ms/s, {idle * 1e3 / count:.3f} each", goal=goal)
        cost = _bursts(here, bare, ours, count, idle)
        yield Row(f"answered test_request, {count} sessions", f"{cost[0]:.2f} ms", cost[1], "≤ 1.25 ×")


def _memory_of_one(here: Rig) -> tuple[float, float]:
    """KiB of the daemon and of the bare client with one session, which comes off the memory of many."""
    with here.daemon(here.deribit(1)) as ours, here.bare("websockets", 1) as bare:
        here.venue.wait_for("ours", 1, ours)
        here.venue.wait_for("bare", 1, bare)
        time.sleep(2)
        memory = ours.memory(), bare.memory()
    here.venue.ask("forget")
    return memory


def _bursts(here: Rig, bare: Process, ours: Process, count: int, idle: float) -> tuple[float, float]:
    """Milliseconds of CPU an answer beyond what idling costs, and the ratio to the bare client."""
    answers, window = (1000 if count < 10 else 2000), min(count, 16)

    def spent(whose: str, process: Process, idle: float) -> float:
        before, began = process.cpu(), time.monotonic()
        here.venue.ask("burst", whose=whose, answers=answers, window=window)
        return (process.cpu() - before - idle * (time.monotonic() - began)) / answers

    pairs = [(spent("ours", ours, idle), spent("bare", bare, 0.0)) for _ in range(ROUNDS)]
    return median(mine for mine, _ in pairs) * 1e3, median(mine / theirs for mine, theirs in pairs)


def scrapes(count: int) -> Iterator[Row]:
    """What a scrape costs, and what it does to the answers of a venue that asks for 66 a second."""
    with rig() as here, here.daemon(here.deribit(count)) as ours:
        here.venue.wait_for("ours", count, ours)
        time.sleep(3)
        idle, seconds = ours.spent_in(5), 8.0
        quiet = here.venue.ask("pace", whose="ours", rate=66, seconds=seconds)["took"]
        size, done, times = len(here.scrape()), Event(), list[float]()

        def scrape() -> None:
            while not done.wait(1.0):
                here.scrape()
                times.append(time.monotonic())

        scraper = Thread(target=scrape)
        scraper.start()
        busy = here.venue.ask("pace", whose="ours", rate=66, seconds=seconds)["took"]
        done.set()
        scraper.join()
        before, began = ours.cpu(), time.monotonic()
        for _ in range(5):
            here.scrape()
        cost = (ours.cpu() - before - idle * (time.monotonic() - began)) / 5
        goal = "≤ 50 ms" if count >= 1000 else ""
        yield Row(f"scrape of {count} accounts, CPU", f"{cost * 1e3:.0f} ms, {size / 1e3:.0f} kB", goal=goal)
        p99 = quantile(quiet, 0.99), quantile(busy, 0.99)
        told = f"p99 {p99[0] * 1e3:.1f} → {p99[1] * 1e3:.1f} ms"
        yield Row(f"reply while scraped each second, {count}", told, p99[1] / p99[0], "≤ 1.5 × quiet")


def leases(count: int) -> Iterator[Row]:
    """From exec to so many leases taken; the ratio is of CPU, to one httpx client an account that takes one."""
    with rig() as here, here.bare("renewals", count) as bare:
        here.venue.wait_for("bare", count, bare)
        theirs = bare.cpu()
    with rig() as here, here.daemon(here.sxbet(count)) as ours:
        goal = {500: "≤ 3 s", 1000: "≤ 6 s"}.get(count, "")
        at = here.venue.wait_for("ours", count, ours)["last"] - here.started["ours"]
        yield Row(f"start → {count} leases", f"{at:.2f} s, CPU {ours.cpu():.2f} s", ours.cpu() / theirs, goal)


def renewals(count: int) -> Iterator[Row]:
    """CPU of renewals beside one httpx client an account."""
    with ExitStack() as stack:
        here = stack.enter_context(rig())
        bare = stack.enter_context(here.bare("renewals", count))
        ours = stack.enter_context(here.daemon(here.sxbet(count, renew_interval=INTERVAL)))
        here.venue.wait_for("bare", count, bare)
        here.venue.wait_for("ours", count, ours)
        time.sleep(2)

        def state() -> list[float]:
            renewed = [here.venue.ask("count", whose=whose)["renewals"] for whose in ("ours", "bare")]
            return [*renewed, ours.cpu(), bare.cpu()]

        before = state()
        time.sleep(10)
        ours_done, bare_done, ours_cpu, bare_cpu = (b - a for a, b in zip(before, state(), strict=True))
        each = ours_cpu / ours_done
        yield Row(
            f"renewal of a lease, {count} accounts", f"{each * 1e3:.2f} ms", each / (bare_cpu / bare_done), "≤ 1.3 ×"
        )


def watch() -> Iterator[Row]:
    """From a check-in to the board, and from a bot's last word to the cancel."""
    with rig() as here:
        with here.daemon(here.deribit(2, watch=["bot"]), {"bot": {"timeout": 5}}) as ours:
            here.venue.wait_for("ours", 2, ours)
            time.sleep(1)
            for number in range(60):
                here.say("bot", b"WATCHDOG=1")
                time.sleep(0.03 + number / 1000)
            sent_at = here.say("bot", b"WATCHDOG=trigger")
            time.sleep(1)
            took = here.venue.ask("count", whose="ours")["cancelled_at"] - sent_at
        seen = json.loads((here.directory / "seen.json").read_text())
        told = f"p50 {quantile(seen, 0.5) * 1e3:.0f}, max {max(seen) * 1e3:.0f} ms"
        yield Row("check-in → board", told, goal="≤ 20 ms")
        yield Row("trigger → cancel at the venue", f"{took * 1e3:.0f} ms", goal="≤ 300 ms")


def verbs() -> Iterator[Row]:
    """CPU of what is run again and again from scripts."""
    with rig() as here, here.daemon(here.deribit(2, watch=["bot"]), {"bot": {"timeout": 60}}) as ours:
        here.venue.wait_for("ours", 2, ours)
        config = ["--config", str(here.directory / "config.toml")]
        python = _cpu([sys.executable, "-c", "pass"])
        yield Row("python alone, CPU", f"{python * 1e3:.0f} ms")
        for verb, goal in ((["beat", "bot"], "≤ 27 ms"), (["status"], ""), (["--help"], "")):
            arguments = [*verb, *([] if verb == ["--help"] else config)]
            spent = _cpu([sys.executable, "-m", "deadman", *arguments])
            yield Row(f"`{verb[0]}`, CPU", f"{spent * 1e3:.0f} ms = {spent / python:.1f} × python alone", goal=goal)


def _cpu(command: list[str]) -> float:
    """Seconds of CPU of one command: the least of many, since the first ones compile and read."""

    def once() -> float:
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        _, _, usage = os.wait4(child.pid, 0)
        child.returncode = 0
        return usage.ru_utime + usage.ru_stime

    return sorted(once() for _ in range(12))[3]


def outage() -> Iterator[Row]:
    """A venue that falls silent: after how long it is dialled anew, by default and when asked to look sooner."""
    for told, keys, goal in (("", {}, "≤ 8 s"), *_sooner()):
        with rig() as here, here.daemon(here.deribit(1, **keys)) as ours:
            here.venue.wait_for("ours", 1, ours)
            time.sleep(3)
            dials = here.venue.ask("freeze", seconds=10)["dials"]
            noticed = f"{dials[0]:.1f} s" if dials else "not within 10 s"
            yield Row(f"dead venue dialled anew{told}", noticed, goal=goal)
    with rig() as here, here.daemon(here.deribit(1)) as ours:
        here.venue.wait_for("ours", 1, ours)
        time.sleep(12)  # a session that has lasted
        dials = here.venue.ask("refuse", seconds=120)["dials"]
        waits = [later - one for one, later in pairwise(dials) if one >= 60]
        told = f"{len(dials)}, the first after {dials[0]:.2f} s, at last every {min(waits):.1f} to {max(waits):.1f} s"
        yield Row("dials in an outage of 120 s", told, goal="≤ 32, then every 4–5 s")


def faults(minutes: float) -> Iterator[Row]:
    """What lost connections, silences and outages without end do to the memory of 40 accounts."""
    with rig() as here, here.daemon({**here.deribit(20), **here.sxbet(20)}) as ours:
        here.venue.wait_for("ours", 40, ours)
        memories, ends = list[float](), time.monotonic() + 60 * minutes
        while time.monotonic() < ends:
            for fault, seconds in (("refuse", 0.1), ("refuse", 6.0), ("freeze", 8.0)):
                here.venue.ask(fault, seconds=seconds)
                time.sleep(6)
            here.scrape()
            memories.append(ours.memory() / 1024)
        quarter = max(1, len(memories) // 4)
        first, last = median(memories[quarter : 2 * quarter]), median(memories[-quarter:])
        told = f"{memories[0]:.1f} MiB after the first round, {first:.1f} in the second quarter, {last:.1f} in the last"
        yield Row(f"memory in {minutes:g} minutes of faults, {3 * len(memories)} of them", told, goal="no growth")


def _sooner() -> Iterator[tuple[str, dict[str, Any], str]]:
    from deadman.venues.deribit.settings import DeribitAccount

    if "probe_interval" in {field for one in DeribitAccount.__mro__ for field in vars(one).get("__annotations__", {})}:
        yield ", probe_interval = 1", {"probe_interval": 1}, "≤ 4 s"


def flood() -> Iterator[Row]:
    """What test_requests without end on one session do to the answers of 20 others."""
    with rig() as here, here.daemon(here.deribit(21)) as ours:
        here.venue.wait_for("ours", 21, ours)
        time.sleep(2)
        quiet = here.venue.ask("pace", whose="ours", rate=40, seconds=5)["took"]
        busy = here.venue.ask("pace", whose="ours", rate=40, seconds=5, spam=2000)["took"]
        later = quantile(busy, 0.5) - quantile(quiet, 0.5)
        told = f"p50 {quantile(quiet, 0.5) * 1e3:.1f} → {quantile(busy, 0.5) * 1e3:.1f} ms ({later * 1e3:+.1f})"
        yield Row("answer beside 2,000 frames a second on another session", told, goal="+ ≤ 5 ms")


PARTS: dict[str, Sequence[Callable[[], Iterator[Row]]]] = {
    "sessions": [lambda count=count: sessions(count) for count in (1, 60, 300, 1000)],  # type: ignore[misc]
    "leases": [lambda: leases(500), lambda: leases(1000), lambda: renewals(100)],
    "scrapes": [lambda: scrapes(60), lambda: scrapes(1000)],
    "watch": [watch],
    "verbs": [verbs],
    "outage": [outage],
    "flood": [flood],
    "faults": [lambda: faults(15)],
}
