"""Scrapes at the same time, and of many accounts."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from deadman.telemetry.scrape import Scrapes, registry
from tests.support.boards import deribit, hand, sxbet


class Slow(Collector):
    """Counts how often it was asked, and answers only once it may."""

    def __init__(self) -> None:
        self.asked = 0
        self.may_answer = threading.Event()
        self.was_asked = threading.Event()

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        self.asked += 1
        self.was_asked.set()
        assert self.may_answer.wait(10)
        yield GaugeMetricFamily("asked", "How often.", value=self.asked)


def test_a_crowd_of_scrapers_shares_one_rendering_begun_after_they_asked() -> None:
    slow, ours = Slow(), CollectorRegistry()
    ours.register(slow)
    scrapes = Scrapes(ours)
    with ThreadPoolExecutor(21) as pool:
        first = pool.submit(scrapes.answer, "")
        assert slow.was_asked.wait(10)
        crowd = [pool.submit(scrapes.answer, "") for _ in range(20)]
        while threading.active_count() < 22:
            pass
        slow.may_answer.set()
        assert b"asked 1.0" in first.result(10).body
        assert b"asked 1.0" not in {answer.result(10).body.splitlines()[-1] for answer in crowd}
    assert slow.asked <= 5


def test_a_format_is_never_answered_in_the_other() -> None:
    scrapes = Scrapes(registry(hand(deribit("desk")).board))
    for accept, ends in (("", False), ("application/openmetrics-text", True)) * 2:
        rendering = scrapes.answer(accept)
        assert rendering.content_type.startswith("application/openmetrics-text") is ends
        assert rendering.body.endswith(b"# EOF\n") is ends


def test_a_thousand_accounts_are_a_thousand_of_each_series() -> None:
    accounts = (sxbet(f"maker-{number}") if number % 2 else deribit(f"desk-{number}") for number in range(1000))
    body = Scrapes(registry(hand(*accounts).board)).answer("").body
    assert body.count(b"\ndeadman_account_protected{") == 1000
    assert body.count(b"\ndeadman_cancel_on_disconnect_repairs_total{") == 500
