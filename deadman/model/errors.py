"""What a venue can do to us, split by what happens next."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

from deadman.model.text import plain

LONGEST_DETAIL = 500
"""Characters: a venue may say what it likes, and each of its words ends in logs, pages and webhooks."""


class Reason(StrEnum):
    """Why a session or a request ended. A closed set, fit for a metric label."""

    DNS = "dns"
    CONNECT = "connect"
    TLS = "tls"
    UPGRADE = "upgrade"
    CLOSED = "closed"
    SILENT = "silent"
    GARBLED = "garbled"
    RATE_LIMITED = "rate_limited"
    MAINTENANCE = "maintenance"
    VENUE_ERROR = "venue_error"
    CREDENTIALS = "credentials"
    SCOPE = "scope"
    FORBIDDEN = "forbidden"
    RETIRED = "retired"
    UNSUPPORTED = "unsupported"
    SECRET = "secret"  # noqa: S105 - the name of a reason
    CRASH = "crash"


class VenueError(Exception):
    """A venue did not do what we asked. Never raised itself; raise one of its leaves.

    Attributes:
        reason: fit for a metric label.
        detail: a sentence for people, free of secrets; one printable line, whatever a venue had to say.
        pause: seconds to leave the venue alone at least, 0 when it asked for nothing.
    """

    def __init__(self, reason: Reason, detail: str = "", pause: float = 0.0) -> None:
        self.reason = reason
        line = plain(" ".join(detail[: 2 * LONGEST_DETAIL].split()))
        self.detail = line if len(line) <= LONGEST_DETAIL else f"{line[: LONGEST_DETAIL - 1]}…"
        super().__init__(f"{reason}: {self.detail}" if detail else str(reason))
        self.pause = pause


class Unavailable(VenueError):
    """No answer, or one that may be better next time: wait, then try again."""


class Setback(Unavailable):
    """The venue answered that it could not, this time; the session lives, so ask again on it."""


class Refused(VenueError):
    """The venue understood and said no: tell a human, retry slowly, for ever (13004 can be a passing ban)."""


class SwitchOff(VenueError):
    """The venue answered, and by its own word the switch is off or not ours: never to be shown as protected."""


class NotFired(VenueError):
    """A drill made the switch fire, and the venue was not seen to cancel by it."""


class Unable(Exception):
    """The daemon cannot have what it needs: what that is, and what to do about it, in a sentence."""


@contextmanager
def ungrouped() -> Iterator[None]:
    """Let a lone kind of venue failure leave a nursery as itself.

    A group that holds anything besides venue errors (a bug, a cancellation) leaves without them: they were its
    echo. Of several venue errors the first is told.
    """
    try:
        yield
    except BaseExceptionGroup as group:
        strangers = group.split(VenueError)[1]
        raise strangers if strangers is not None else innermost(group) from None


def innermost(error: BaseException) -> BaseException:
    """The first error that is no group, however deep it lies; an error that is none is itself."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
