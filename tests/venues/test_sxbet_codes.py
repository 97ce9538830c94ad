"""What each kind of failure of SX Bet asks of us: ask again, or tell a human."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deadman.model.errors import Reason, Refused, Unavailable, VenueError
from deadman.transport.http import Answer
from deadman.venues.sxbet.wire import LONGEST_PAUSE, failure
from tests.support import garbage

WHAT = "POST /heartbeat/v3"
HTML = "<html><title>Just a moment</title></html>"
NO_V2 = "OrderBook V2 is no longer supported"


def fail(status: int, content: Any, **headers: str) -> VenueError:
    text = content if isinstance(content, str) else json.dumps(content)
    return failure(WHAT, Answer(status, headers, text.encode()))


def failed(code: str) -> dict[str, Any]:
    """The documented shape."""
    return {"status": "failure", "errorCode": code}


def nest(status: int, message: Any) -> dict[str, Any]:
    """The shape that clients have seen."""
    return {"error": "Bad Request", "message": message, "statusCode": status}


CASES: dict[str, tuple[int, Any, type[VenueError], Reason]] = {
    "the documented shape": (400, failed("BAD_REQUEST"), Refused, Reason.UNSUPPORTED),
    "the observed shape": (400, nest(400, ["timeoutSeconds must be …"]), Refused, Reason.UNSUPPORTED),
    "a key unknown, documented": (401, failed("BAD_AUTH"), Refused, Reason.CREDENTIALS),
    "a key unknown, observed": (401, nest(401, "BAD_AUTH"), Refused, Reason.CREDENTIALS),
    "a key unknown, by a page": (401, HTML, Refused, Reason.CREDENTIALS),
    "not allowed": (403, nest(403, "Forbidden"), Refused, Reason.FORBIDDEN),
    "not allowed, by a CDN": (403, HTML, Refused, Reason.FORBIDDEN),
    "no such route": (404, nest(404, "Cannot POST /heartbeat"), Refused, Reason.RETIRED),
    "a route that is gone": (410, "", Refused, Reason.RETIRED),
    "V2 retired": (400, nest(400, NO_V2), Refused, Reason.RETIRED),
    "V2 retired, documented shape": (403, failed(NO_V2), Refused, Reason.RETIRED),
    "V2 retired, with a 200": (200, failed(NO_V2), Refused, Reason.RETIRED),
    "V2 retired, with a 503": (503, nest(503, NO_V2), Refused, Reason.RETIRED),
    "too many requests": (429, failed("TOO_MANY"), Unavailable, Reason.RATE_LIMITED),
    "too many requests, by a page": (429, HTML, Unavailable, Reason.RATE_LIMITED),
    "a crash": (500, nest(500, "Internal server error"), Unavailable, Reason.VENUE_ERROR),
    "a bad gateway": (502, HTML, Unavailable, Reason.VENUE_ERROR),
    "maintenance": (503, "", Unavailable, Reason.VENUE_ERROR),
    "a CDN's own status": (525, HTML, Unavailable, Reason.VENUE_ERROR),
    "a timeout on the way": (408, HTML, Unavailable, Reason.VENUE_ERROR),
    "too early": (425, "", Unavailable, Reason.VENUE_ERROR),
    "a redirect": (301, HTML, Refused, Reason.UNSUPPORTED),
    "a status nobody lists": (499, "", Refused, Reason.UNSUPPORTED),
    "a page with a 200": (200, HTML, Unavailable, Reason.GARBLED),
    "nothing with a 200": (200, "", Unavailable, Reason.GARBLED),
    "half an answer": (200, '{"status":"succ', Unavailable, Reason.GARBLED),
    "a failure with a 200": (200, failed("INVALID_USER"), Refused, Reason.UNSUPPORTED),
    "another word with a 200": (200, {"status": "ok", "data": {}}, Unavailable, Reason.GARBLED),
    "nothing to tell": (204, "", Unavailable, Reason.GARBLED),
}


@pytest.mark.parametrize("case", CASES)
def test_each_failure_has_one_consequence(case: str) -> None:
    status, content, kind, reason = CASES[case]
    error = fail(status, content)
    assert type(error) is kind
    assert error.reason is reason
    assert WHAT in error.detail


def test_a_retired_api_is_told_with_what_to_do() -> None:
    assert 'api = "v3"' in fail(400, nest(400, NO_V2)).detail


def test_a_rejected_key_is_told_with_what_it_may_be() -> None:
    assert "V2 keys are not V3 keys" in fail(401, failed("BAD_AUTH")).detail


@pytest.mark.parametrize(
    ("after", "pause"),
    [("7", 7.0), ("0", 0.0), ("3600", LONGEST_PAUSE), ("-5", 0.0), ("inf", LONGEST_PAUSE), ("nan", 0.0), ("", 0.0)],
)
def test_the_venues_own_pause_is_kept_but_never_for_so_long_that_a_lease_is_left_to_lapse(
    after: str, pause: float
) -> None:
    assert fail(429, "", **{"retry-after": after}).pause == pause


def test_a_pause_given_as_a_date_is_none() -> None:
    assert fail(429, "", **{"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}).pause == 0.0


@given(st.integers(100, 999), garbage.texts, st.text(max_size=10))
def test_no_answer_whatever_it_holds_raises_anything_else(status: int, text: str, after: str) -> None:
    error = failure(WHAT, Answer(status, {"retry-after": after}, text.encode("utf-8", "replace")))
    assert isinstance(error, Refused | Unavailable)
    assert 0.0 <= error.pause <= LONGEST_PAUSE
    assert len(error.detail.splitlines()) == 1
