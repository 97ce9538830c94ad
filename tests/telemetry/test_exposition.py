"""HTTP as scrapers, probes and people use it: over real sockets."""

from __future__ import annotations

import gzip
import http.client
import socket
from collections.abc import Iterator

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from deadman.model import facts
from deadman.model.errors import Unable
from deadman.model.facts import Cause
from deadman.telemetry.http import Exposition
from tests.support.boards import Hand, deribit, hand, sxbet

PROMETHEUS = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)


class Reply:
    """One answer, read whole."""

    def __init__(self, address: tuple[str, int], path: str, method: str = "GET", **headers: str) -> None:
        connection = http.client.HTTPConnection(*address, timeout=30)
        connection.request(method, path, headers=headers)
        response = connection.getresponse()
        self.status, self.headers, self.text = response.status, response.headers, response.read().decode()
        connection.close()


@pytest.fixture
def desk() -> Hand:
    return hand(deribit("desk"), sxbet("maker"))


@pytest.fixture
def address(desk: Hand) -> Iterator[tuple[str, int]]:
    exposition = Exposition(desk.board, ("127.0.0.1", 0))
    yield exposition.start()
    exposition.close()


def test_a_scrape_in_prometheus_own_words_is_answered_in_openmetrics(address: tuple[str, int]) -> None:
    reply = Reply(address, "/metrics", Accept=PROMETHEUS)
    assert reply.status == 200
    assert reply.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
    assert "deadman_account" in {family.name for family in parse_openmetrics(reply.text)}  # type: ignore[no-untyped-call]


def test_a_plain_scrape_is_answered_in_text(address: tuple[str, int]) -> None:
    reply = Reply(address, "/metrics")
    assert reply.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert "deadman_account_protected" in {family.name for family in parse_text(reply.text)}


def test_health_follows_the_loops_tick_and_metrics_answer_all_the_same(desk: Hand, address: tuple[str, int]) -> None:
    desk.stall(2.0)
    assert Reply(address, "/healthz").status == 200
    desk.stall(1.5)
    stalled = Reply(address, "/healthz")
    assert (stalled.status, stalled.text) == (503, "the event loop hangs: it last ticked 3.5 s ago\n")
    assert "\ndeadman_event_loop_tick_age_seconds 3.5\n" in Reply(address, "/metrics").text
    assert "event loop last ticked 3 s ago" in Reply(address, "/").text
    desk.advance(0.1)
    assert Reply(address, "/healthz").status == 200


def test_readiness_names_who_is_wanted_and_not_protected(desk: Hand, address: tuple[str, int]) -> None:
    desk.arm("maker")
    desk.expose("desk")
    reply = Reply(address, "/readyz")
    assert (reply.status, reply.text) == (503, "not protected:\ndesk: exposed\n")
    desk.arm("desk")
    assert Reply(address, "/readyz").status == 200


def test_readiness_notices_an_expiry_that_a_stalled_loop_did_not(desk: Hand, address: tuple[str, int]) -> None:
    desk.arm("desk", ttl=65.0)
    desk.arm("maker", ttl=30.0)
    assert Reply(address, "/readyz").status == 200
    desk.stall(31.0)
    assert Reply(address, "/readyz").text == "not protected:\nmaker: expired\n"


def test_an_account_that_is_disarmed_waiting_or_tripped_does_not_keep_us_unready(
    desk: Hand, address: tuple[str, int]
) -> None:
    desk.post("maker", facts.Awaited(desk.now))
    desk.post("desk", facts.Disarmed(desk.now, "alice"))
    assert Reply(address, "/readyz").status == 200
    desk.post("desk", facts.Tripped(desk.now, Cause.OPERATOR, "alice"))
    assert Reply(address, "/readyz").text == "not protected:\ndesk: tripping\n"
    desk.post("desk", facts.TripDone(desk.now, False))
    assert Reply(address, "/readyz").status == 200


@pytest.mark.parametrize("path", ["/metrics", "/healthz", "/readyz", "/"])
def test_head_has_the_same_headers_and_no_body(address: tuple[str, int], path: str) -> None:
    reply, whole = Reply(address, path, "HEAD"), Reply(address, path)
    assert (reply.status, reply.text) == (whole.status, "")
    assert reply.headers["Content-Type"] == whole.headers["Content-Type"]
    assert int(whole.headers["Content-Length"]) == len(whole.text.encode())
    assert int(reply.headers["Content-Length"]) > 0


@pytest.mark.parametrize("path", ["/nope", "/metrics/", "/healthz2", "//", "/../etc/passwd", "/metrics%00", "*"])
def test_anything_else_is_404(address: tuple[str, int], path: str) -> None:
    assert Reply(address, path).status == (200 if path == "//" else 404)


def test_a_query_is_ignored(address: tuple[str, int]) -> None:
    assert Reply(address, "/healthz?verbose=1").status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "BREW"])
def test_other_methods_are_405(address: tuple[str, int], method: str) -> None:
    reply = Reply(address, "/metrics", method)
    assert (reply.status, reply.headers["Allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("path", ["/metrics", "/", "/nope"])
def test_no_answer_tells_what_serves_it_or_may_be_kept(address: tuple[str, int], path: str) -> None:
    headers = Reply(address, path).headers
    assert headers["Server"] == "deadman"
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("host", ["::1", "::", "", "localhost"])
def test_it_listens_on_ipv6_on_everything_and_on_names(desk: Hand, host: str) -> None:
    exposition = Exposition(desk.board, (host, 0))
    _, port = exposition.start()
    reach = "::1" if ":" in host else "127.0.0.1" if host == "" else host
    assert Reply((reach, port), "/healthz").status == 200
    exposition.close()


def test_a_port_in_use_is_told_in_words(desk: Hand) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(Unable) as told:
            Exposition(desk.board, ("127.0.0.1", port)).start()
    assert str(told.value) == (
        f"cannot listen on 127.0.0.1:{port} (key daemon.listen): another program does already; "
        "stop it (`ss -ltnp` shows which) or choose another port"
    )


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("192.0.2.1", "this host has no such address"),
        ("2001:db8::1", "cannot listen on [2001:db8::1]:0"),
        ("no-such-name.invalid", "the name has no address"),
        ("a" * 64 + ".invalid", "the name has no address"),
    ],
)
def test_an_address_that_cannot_be_had_is_told_in_words(desk: Hand, host: str, words: str) -> None:
    with pytest.raises(Unable, match=r"daemon\.listen") as told:
        Exposition(desk.board, (host, 0)).start()
    assert words in str(told.value)


def test_the_runbook_is_a_page_with_an_anchor_an_alert_and_nothing_that_runs(address: tuple[str, int]) -> None:
    reply = Reply(address, "/runbook")
    assert reply.status == 200
    assert reply.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert (
        '<section id="deadmantripped"><h2>DeadmanTripped</h2><p>The switch was pulled: <em>silence</em>' in reply.text
    )
    assert "\\n" not in reply.text


@pytest.mark.parametrize(("asked", "given"), [("gzip, deflate", True), ("gzip;q=0", False), ("br", False), ("", False)])
def test_a_long_answer_is_compressed_for_who_takes_that(address: tuple[str, int], asked: str, given: bool) -> None:
    connection = http.client.HTTPConnection(*address, timeout=30)
    connection.request("GET", "/metrics", headers={"Accept-Encoding": asked})
    response = connection.getresponse()
    body = response.read()
    connection.close()
    assert (response.headers.get("Content-Encoding") == "gzip") is given
    assert (gzip.decompress(body) if given else body).count(b"\ndeadman_account_protected{") == 2
