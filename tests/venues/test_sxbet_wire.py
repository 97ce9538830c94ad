"""SX Bet's answers: the documented ones, the observed ones, and whatever a proxy may put in their place."""

from __future__ import annotations

import json
from math import isnan
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from deadman.transport.http import Answer
from deadman.venues.sxbet import wire
from deadman.venues.sxbet.wire import Lease
from tests.support import garbage

HTML = b"<!DOCTYPE html><html><title>502 Bad Gateway</title></html>"
DATE = "Tue, 12 Nov 2024 14:34:56 GMT"
AT = 1731422096.0

GRANTED = {
    "status": "success",
    "data": {"requestor": "0xAbC", "timeoutSeconds": 10, "expiresAt": "2024-11-12T14:35:06.614Z"},
}
FAILURE = {"status": "failure", "errorCode": "BAD_AUTH"}
NEST = {"error": "Bad Request", "message": "OrderBook V2 is no longer supported", "statusCode": 400}
NEST_LIST = {
    "error": "Bad Request",
    "message": ["timeoutSeconds must be an integer", "it must not be negative"],
    "statusCode": 400,
}


def answer(content: Any, status: int = 200, **headers: str) -> Answer:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return Answer(status, headers, body)


def test_a_granted_lease_is_read_whole() -> None:
    assert wire.lease(answer(GRANTED, date=DATE)) == Lease("0xAbC", 10.0, AT + 10.614, AT)


@pytest.mark.parametrize("content", [HTML, b"", b"null", [], FAILURE, {"status": "success"}, {"data": "ok"}])
def test_an_answer_that_tells_no_lease_reads_as_knowing_nothing(content: Any) -> None:
    assert wire.lease(answer(content)) == Lease(None, None, None, None)


@pytest.mark.parametrize(
    "text",
    [None, "", "soon", 1731422106, "2024-11-12", "2024-11-12T14:35:06", "2024-13-40T00:00:00Z", ["2024"], {}],
)
def test_an_expiry_without_an_offset_or_no_date_at_all_names_no_instant(text: Any) -> None:
    assert wire.lease(answer({"data": {"expiresAt": text}})).expiry_timestamp is None


def test_an_expiry_is_taken_in_any_offset() -> None:
    said = {"expiresAt": "2024-11-12T16:35:06+02:00"}
    assert wire.lease(answer({"data": said})).expiry_timestamp == AT + 10


@pytest.mark.parametrize("timeout", ["10", True, None, [10]])
def test_a_timeout_that_is_no_number_is_no_echo(timeout: Any) -> None:
    assert wire.lease(answer({"data": {"timeoutSeconds": timeout}})).timeout is None


@pytest.mark.parametrize("timeout", [garbage.HUGE, float("inf"), float("nan"), 1e300])
def test_a_timeout_of_absurd_size_is_an_echo_that_never_matches(timeout: float) -> None:
    assert wire.lease(answer({"data": {"timeoutSeconds": timeout}})).timeout == float("inf")


@pytest.mark.parametrize("date", ["", "yesterday", "Tue, 99 Nov 2024 14:34:56 GMT", "Tue, 12 Nov " + "9" * 30, "0"])
def test_a_date_nobody_can_read_is_none(date: str) -> None:
    assert wire.lease(answer(GRANTED, date=date)).answered_timestamp is None


dates = st.text(max_size=40) | st.builds(
    "{}, {} {} {} {} {}".format,
    st.sampled_from(["Tue", ""]),
    st.integers(),
    st.sampled_from(["Nov", "Foo"]),
    st.integers(),
    st.sampled_from(["14:34:56", "99:99", "-1:0:0"]),
    st.sampled_from(["GMT", "-0000", "+9999999", "+99999999999999999999"]),
)
bodies = garbage.texts.map(lambda text: text.encode("utf-8", "replace")) | st.binary(max_size=40)
successes = garbage.objects("requestor", "timeoutSeconds", "expiresAt", "nextKey", "orders", "cancelledCount").map(
    lambda data: json.dumps({"status": "success", "data": data}).encode()
)
cancels = garbage.objects(
    "cancelledCount", "orders", "notCancelled", "unconfirmed", "cancelledSubmitted", "hasMore", "message", "errorCode"
).map(lambda data: json.dumps({"data": data, **data}).encode())


@given(bodies | successes | cancels, dates, st.integers(100, 999))
@example(b'{"data":{"expiresAt":"0001-01-01T00:00:00+23:59"}}', DATE, 200)
@example(b'{"data":{"expiresAt":"9999-12-31T23:59:59-23:59"}}', DATE, 200)
@example(b'{"data":{"cancelledCount":null,"orders":7}}', DATE, 200)
def test_no_answer_whatever_it_holds_raises(body: bytes, date: str, status: int) -> None:
    given_ = Answer(status, {"date": date}, body)
    content = wire.body(given_)
    lease = wire.lease(given_)
    assert lease.timeout is None or not isnan(lease.timeout)
    assert lease.expiry_timestamp is None or abs(lease.expiry_timestamp) < 1e12
    assert wire.succeeded(given_) in (True, False)
    assert wire.readable(given_) <= (200 <= status < 300)
    assert len(wire.complaint(given_).splitlines()) == 1
    assert wire.orders(content) is None or isinstance(content, dict)
    assert isinstance(wire.next_key(content), str | None)
    told = wire.cancelled(content)
    assert told.count >= 0
    assert told.unsure is None or told.unsure >= 0


@pytest.mark.parametrize("content", [FAILURE, NEST, HTML, b"", {"status": "ok"}, [], None, "success"])
def test_only_a_word_of_success_is_a_success(content: Any) -> None:
    assert not wire.succeeded(answer(content))
    assert wire.succeeded(answer(GRANTED))


@pytest.mark.parametrize(
    ("content", "status", "readable"),
    [(GRANTED, 200, True), ([], 200, True), (FAILURE, 200, False), (HTML, 200, False), (GRANTED, 500, False)],
)
def test_a_listing_needs_no_word_of_success_but_none_of_failure(content: Any, status: int, readable: bool) -> None:
    assert wire.readable(answer(content, status)) is readable


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (FAILURE, "HTTP 400 BAD_AUTH"),
        (NEST, "HTTP 400 OrderBook V2 is no longer supported"),
        (NEST_LIST, "HTTP 400 timeoutSeconds must be an integer; it must not be negative"),
        ({"error": "Forbidden", "statusCode": 403}, "HTTP 400 Forbidden"),
        ({}, "HTTP 400"),
        (HTML, "HTTP 400 without a JSON body"),
        ({"message": "two\nlines\r\nor three"}, "HTTP 400 two lines or three"),
    ],
)
def test_a_complaint_is_one_line_whatever_its_shape(content: Any, words: str) -> None:
    assert wire.complaint(answer(content, 400)) == words


def test_a_long_complaint_is_cut() -> None:
    assert len(wire.complaint(answer({"message": "x" * 10_000}, 400))) <= 200


@pytest.mark.parametrize(
    ("content", "orders"),
    [
        ({"status": "success", "data": [{"orderHash": "0x1"}]}, [{"orderHash": "0x1"}]),
        ({"data": {"orders": [1, 2], "nextKey": "k"}}, [1, 2]),
        ({"data": []}, []),
        ({"data": {}}, None),
        ({"data": None}, None),
        ([], None),
        (None, None),
    ],
)
def test_a_listing_is_found_in_either_place_and_what_is_none_is_not_empty(content: Any, orders: Any) -> None:
    assert wire.orders(content) == orders


@pytest.mark.parametrize(
    ("content", "key"),
    [
        ({"data": {"nextKey": "k"}}, "k"),
        ({"data": [], "nextKey": "k"}, "k"),
        ({"data": {"nextKey": ""}}, None),
        ({"data": {"nextKey": ["k"]}}, None),
        ({"data": {"nextKey": None}}, None),
        ({"data": {}}, None),
        (None, None),
    ],
)
def test_a_long_listing_tells_where_it_goes_on(content: Any, key: str | None) -> None:
    assert wire.next_key(content) == key


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({"cancelledCount": 2, "orders": [{}, {}]}, (2, 0)),
        ({"cancelledCount": 0}, (0, 0)),
        ({"orders": [{}, {}, {}]}, (3, 0)),
        ({"cancelledCount": 1, "notCancelled": [{}], "unconfirmed": [{}, {}]}, (1, 3)),
        ({"cancelledCount": True}, (0, None)),
        ({"cancelledCount": -3}, (0, None)),
        ({"orders": 7}, (0, None)),
        (None, (0, None)),
    ],
)
def test_a_cancel_tells_what_it_took_and_what_it_is_not_sure_of(data: Any, told: tuple[int, int | None]) -> None:
    assert counts({"data": data}) == told


def counts(content: Any) -> tuple[int, int | None]:
    return wire.cancelled(content).count, wire.cancelled(content).unsure


ALL_OF_THEM = {
    "cancelledSubmitted": [{"orderId": "0x11", "commandId": "abc-2"}, {"orderId": "0x12", "commandId": "abc-3"}],
    "notCancelled": [],
    "unconfirmed": [],
    "hasMore": True,
}
NAMED = {"cancelled": [{"orderId": "0x11", "commandId": "abc-1"}], "notCancelled": [], "unconfirmed": []}


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (ALL_OF_THEM, wire.Cancelled(frozenset({"0x11", "0x12"}), 2, None, more=True)),
        ({**ALL_OF_THEM, "hasMore": False}, wire.Cancelled(frozenset({"0x11", "0x12"}), 2, None, more=False)),
        (NAMED, wire.Cancelled(frozenset({"0x11"}), 1, None, more=False)),
        ({**ALL_OF_THEM, "cancelledSubmitted": [], "hasMore": False}, wire.Cancelled(frozenset(), 0, None, more=False)),
    ],
)
def test_what_v3_took_on_to_cancel_is_counted_and_confirms_nothing(data: Any, told: wire.Cancelled) -> None:
    assert wire.cancelled({"status": "success", "data": data}) == told


def test_a_mere_success_which_a_lease_is_answered_with_too_says_nothing_of_orders() -> None:
    assert counts({"status": "success", "data": {"timeoutSeconds": 30}}) == (0, None)
    assert counts({}) == counts([]) == counts("ok") == (0, None)
