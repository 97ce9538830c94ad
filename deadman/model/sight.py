"""What a host and its witnesses tell each other, and the bounds that follow. Pure. Instants are monotonic
and of whoever holds them, so that no beat carries one: only spans travel.

A *desk* is a daemon whose accounts others watch over. It writes a *beat* again and again; a *witness* reads it, writes
one of its own, in which it echoes what it read, and counts the desk's silence by its own clock.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from deadman.model.identity import Identity
from deadman.model.settings import Terms

LOOK_INTERVAL = 1.0
"""Seconds between two looks of a witness at a desk's beat."""

BEATS = 5
"""Beats of a desk in one `host_timeout`."""

MEMBER_TIMEOUT = 1.5
"""Seconds that one member of the register may take to answer."""

TRIES = 2
"""Members that are asked before a look, or a beat, counts as failed."""

CONTINUOUS = 2 * LOOK_INTERVAL + 1.0
"""Seconds between two looks from which on we were away, or blind, in between."""


def beat_interval(host_timeout: float) -> float:
    return host_timeout / BEATS


def noticed_within(host_timeout: float) -> float:
    """Seconds at most from a host's death until a witness that sees takes it for dead."""
    return host_timeout + 2 * LOOK_INTERVAL + TRIES * MEMBER_TIMEOUT


def false_alarm_after(host_timeout: float) -> float:
    """Seconds without a beat that gets through, before which no living host is taken for dead."""
    return host_timeout - beat_interval(host_timeout) - LOOK_INTERVAL - MEMBER_TIMEOUT


BotState = Literal["alive", "dead", "held", "released", "gone"]
"""`dead`: silent, or tripped by its own goodbye; `released`: said goodbye, nothing follows; `gone`: never up."""


@dataclass(frozen=True, slots=True)
class BotTold:
    """A trading process as its desk knows it. `heard`: seconds since its last check-in in that run; None: not yet."""

    state: BotState
    heard: float | None = None


@dataclass(frozen=True, slots=True)
class AccountTold:
    """One of a desk's accounts.

    Attributes:
        watches: the bots it hangs on.
        terms: how a trip of it would cancel.
        left_alone: why nobody is to cancel: "disarmed", or "observed"; empty where nothing speaks against it.
        key: a fingerprint of the API key.
        holder: a fingerprint of the account at the venue; empty while the venue has not told it.
    """

    watches: tuple[str, ...]
    terms: Terms
    left_alone: str = ""
    key: str = ""
    holder: str = ""


@dataclass(frozen=True, slots=True)
class DeskBeat:
    """`run` tells one start of the daemon from another, `number` counts its beats. `timeout` is its host_timeout.

    `stopped`: the daemon was stopped while its host was not shutting down: no silence follows. `machine`: a
    fingerprint of the host.
    """

    run: str
    number: int
    timeout: float
    stopped: bool = False
    machine: str = ""
    bots: Mapping[str, BotTold] = field(default_factory=dict)
    accounts: Mapping[str, AccountTold] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WitnessTold:
    """What a witness says of one of the desk's accounts.

    Attributes:
        can: it stands by: it hears the desk, and holds a session that may cancel.
        phase: its account's, in a word.
        cancelled: orders that it cancelled in the last trip; None where there was none, or it is over.
        because: what pulled that trip, for people.
        key, holder: as of `AccountTold`.
    """

    can: bool
    phase: str
    cancelled: int | None = None
    because: str = ""
    key: str = ""
    holder: str = ""


@dataclass(frozen=True, slots=True)
class WitnessBeat:
    """`run` is the witness's; `echo_run` and `echo` are run and number of the desk's beat that it read last."""

    run: str
    number: int
    echo_run: str = ""
    echo: int = 0
    stopped: bool = False
    machine: str = ""
    accounts: Mapping[str, WitnessTold] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sight:
    """What a witness's account knows of the one it watches over, as of the last look.

    Attributes:
        desk: whose account it is.
        timeout: the desk's own host_timeout, seconds; 0 while nothing of it has been read.
        seen_at: when the register was last asked and answered; None before that.
        heard_at: the last beat that was seen to come in; None while none was, in this run.
        blind_since: since when looks fail; None while they go through. `blind_because`: why, for people.
        awaits: why nothing would follow from the desk's death now, though we see; empty where it would.
        faults: what is wrong with the pair, for people; nothing hangs on it.
        terms: how the desk's trip would cancel; None while it has not told.
    """

    desk: str
    timeout: float = 0.0
    seen_at: float | None = None
    heard_at: float | None = None
    blind_since: float | None = None
    blind_because: str = ""
    awaits: str = ""
    faults: tuple[str, ...] = ()
    terms: Terms | None = None

    @property
    def is_blind(self) -> bool:
        return self.blind_since is not None


@dataclass(frozen=True, slots=True)
class Witness:
    """A witness as its desk knows it. It is believed for as long as the desk's own word, echoed, is fresh.

    Attributes:
        echoed_at: when we sent the youngest beat of this run that it has read; None: none.
        timeout: our host_timeout, seconds.
        can_cancel: what it said then.
        stopped: it was stopped by somebody.
        cancelled: orders that it cancelled in a trip that is not over for it; None where there is none. `because`: why.
        faults: what is wrong with the pair, for people.
    """

    name: str
    echoed_at: float | None
    timeout: float
    can_cancel: bool
    phase: str = ""
    stopped: bool = False
    cancelled: int | None = None
    because: str = ""
    faults: tuple[str, ...] = ()

    def is_heard(self, now: float) -> bool:
        return self.echoed_at is not None and not self.stopped and now < self.echoed_at + self.timeout

    def proven(self, now: float) -> bool:
        """Whether it would cancel if this host died now."""
        return self.is_heard(now) and self.can_cancel


@dataclass(frozen=True, slots=True)
class Line:
    """How our words to the register fare, in one of our parts: as a desk, or as the witness of one.

    `timestamp`: Unix seconds of the last that went through, 0 before that; `failing_since`: monotonic, None while the
    last went through; `because`: why it did not. `foreign_at`: when another daemon of our name was last seen to write.
    """

    ok: int = 0
    failed: int = 0
    timestamp: float = 0.0
    failing_since: float | None = None
    because: str = ""
    foreign_at: float | None = None

    def went_through(self, timestamp: float) -> Line:
        return replace(self, ok=self.ok + 1, timestamp=timestamp, failing_since=None, because="")

    def went_wrong(self, at: float, because: str) -> Line:
        since = at if self.failing_since is None else self.failing_since
        return replace(self, failed=self.failed + 1, failing_since=since, because=because)


def holder_of(identity: Identity | None) -> str:
    """A fingerprint of the account at its venue, the same on every host; empty where the venue has not told it."""
    if identity is None or identity.account is None:
        return ""
    return fingerprint(f"{identity.place}\n{identity.account}")


def fingerprint(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
