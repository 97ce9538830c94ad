"""One scrape: the registry in the format the scraper asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from threading import Lock

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector


@dataclass(frozen=True, slots=True)
class Rendering:
    """A finished answer. `begun` orders it among the requests, by ticket."""

    begun: int
    content_type: str
    body: bytes


class Scrapes:
    """Answers scrapes from any thread, one at a time: a crowd of scrapers must not starve the event loop of the GIL.

    Who waited for a rendering that began after they asked shares it: it is as fresh as their own would be.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._tickets = count()
        self._rendering = Lock()
        self._last = Rendering(-1, "", b"")

    def answer(self, accept: str) -> Rendering:
        """The metrics in Prometheus' text format, or in OpenMetrics where the `Accept` header prefers it."""
        ticket = next(self._tickets)
        encode, content_type = _encoder(accept)
        with self._rendering:
            if self._last.begun < ticket or self._last.content_type != content_type:
                self._last = Rendering(next(self._tickets), content_type, encode(self._registry))
            return self._last


def _encoder(accept: str) -> tuple[Callable[[Collector], bytes], str]:
    """The library compares whatever version it is sent and echoes it in a header: neither may hurt."""
    try:
        return choose_encoder(" ".join(accept.split()))
    except TypeError:
        return choose_encoder("")
