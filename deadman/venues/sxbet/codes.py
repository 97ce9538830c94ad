"""What each kind of failure of SX Bet asks of us (protocol, sections 9.3, 9.4 and 9.6)."""

from __future__ import annotations

from http import HTTPStatus

from deadman.errors import Reason, Refused, Unavailable, VenueError
from deadman.transport.answer import Answer
from deadman.venues.sxbet.wire import body, complaint

RETIRED = "no longer supported"
"""What the V2 routes have answered since V3 took over."""

LONGEST_PAUSE = 30.0
"""Seconds: whatever Retry-After says, a lease must not be left to lapse for longer."""

_PASSING = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY}
"""4xx by number, and yet only the weather between us and the venue."""

_NEVER_HEARD = {Reason.DNS, Reason.CONNECT, Reason.TLS, Reason.RATE_LIMITED}
"""Ends before the venue took the request, or turned it away unread."""

_ADVICE: dict[int, tuple[Reason, str]] = {
    HTTPStatus.UNAUTHORIZED: (
        Reason.CREDENTIALS,
        "the API key is missing, malformed or revoked; V2 keys are not V3 keys",
    ),
    HTTPStatus.FORBIDDEN: (Reason.FORBIDDEN, "the API key, its address or this host is not allowed"),
    HTTPStatus.NOT_FOUND: (Reason.RETIRED, "no such route: see `api` and `url`"),
    HTTPStatus.GONE: (Reason.RETIRED, "the route is gone: see `api`"),
}


def failure(what: str, answer: Answer) -> VenueError:
    """The exception to raise for an answer that is no success."""
    said = complaint(answer)
    if RETIRED in said:
        return Refused(Reason.RETIRED, f'{what}: {said}; this account needs api = "v3" and a V3 key')
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        return Unavailable(Reason.RATE_LIMITED, f"{what}: {said}", _pause(answer))
    if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR or answer.status in _PASSING:
        return Unavailable(Reason.VENUE_ERROR, f"{what}: {said}")
    if answer.status < HTTPStatus.MULTIPLE_CHOICES:
        return _unreadable(what, answer, said)
    reason, advice = _ADVICE.get(answer.status, (Reason.UNSUPPORTED, "the venue does not take this request"))
    return Refused(reason, f"{what}: {said}: {advice}")


def not_carried_out(error: VenueError) -> bool:
    """Whether the request is known to have done nothing, and never will: refused in words, or it never left us.

    A timeout, a broken connection, a gateway's 5xx or a page that is no answer says nothing of the kind.
    """
    return isinstance(error, Refused) or error.reason in _NEVER_HEARD


def _unreadable(what: str, answer: Answer, said: str) -> VenueError:
    """A 200 that is no success: a failure in words is a no, anything else is no answer at all."""
    content = body(answer)
    if isinstance(content, dict) and content.get("status") == "failure":
        return Refused(Reason.UNSUPPORTED, f"{what}: {said}")
    return Unavailable(Reason.GARBLED, f"{what}: {said}, and no success that we can read")


def _pause(answer: Answer) -> float:
    try:
        return min(LONGEST_PAUSE, max(0.0, float(answer.headers.get("retry-after", "0"))))
    except ValueError:
        return 0.0
