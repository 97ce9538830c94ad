"""How an account stands, judged at the scrape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import assert_never

from deadman.model.account import Standing, Tally
from deadman.model.clock import Clock
from deadman.model.duty import trip_ready
from deadman.model.errors import Reason
from deadman.model.facts import Cause
from deadman.model.guard import Phase
from deadman.model.settings import Account
from deadman.telemetry.family import Family, counter, counters, from_zero, gauge, gauges, histogram, info
from deadman.venues.venue import VenueMetric

LABELS = ("account",)


@dataclass(frozen=True, slots=True)
class Sight:
    """One account as a scrape sees it: its standing as of now, and how it is configured."""

    config: Account
    standing: Standing
    clock: Clock

    @property
    def protected(self) -> bool:
        return self.standing.guard.protected(self.standing.seen_at)

    @property
    def wanted(self) -> bool:
        return self.standing.guard.wanted(self.standing.seen_at)

    @property
    def margin(self) -> float:
        return self.standing.guard.margin(self.standing.seen_at)

    @property
    def trip_unfinished(self) -> bool:
        trip = self.standing.guard.trip
        return trip is not None and trip.done_at is None

    def since(self) -> float:
        return self._timestamp_of(self.standing.since)

    def asked(self) -> float:
        proof = self.standing.guard.proof
        return self._timestamp_of(proof.asked_at) if proof else 0.0

    def expiry(self) -> float:
        proof = self.standing.guard.proof
        return self._timestamp_of(proof.expiry) if proof else 0.0

    def counted(self) -> float | None:
        guard = self.standing.guard
        if guard.open_orders is None or guard.open_orders_at is None:
            return None
        return self._timestamp_of(guard.open_orders_at)

    def _timestamp_of(self, at: float) -> float:
        """To the millisecond: a value that trembles below it would be a new one at every scrape."""
        return round(self.clock.timestamp_of(at), 3)


def _info(sight: Sight) -> Mapping[str, str]:
    return {"venue": sight.config.venue, "network": sight.config.network}


def _phases(sight: Sight) -> Mapping[str, float]:
    return {phase: float(phase is sight.standing.phase) for phase in Phase}


ACCOUNTS: tuple[Family[Sight], ...] = (
    info("deadman_account", "What is guarded, and where.", _info),
    gauges("deadman_account_phase", "1 for the phase the account is in, 0 for all others.", "phase", _phases),
    gauge(
        "deadman_account_phase_since_timestamp_seconds",
        "When the account entered the phase it is in.",
        Sight.since,
    ),
    gauge(
        "deadman_account_protected",
        "1 while a venue's own answer proves that the switch is armed, judged at the scrape.",
        lambda sight: sight.protected,
    ),
    gauge(
        "deadman_account_wanted",
        "1 while protection is meant to stand: 0 when disarmed, tripped, or waiting for a bot.",
        lambda sight: sight.wanted,
    ),
    gauge(
        "deadman_account_can_cancel",
        "1 while a live session may cancel the account's orders.",
        lambda sight: sight.standing.guard.can_cancel,
    ),
    gauge(
        "deadman_account_trip_ready",
        "1 while a trip could be carried out now as configured, also where it would send nothing.",
        lambda sight: trip_ready(sight.standing.guard, sight.config),
    ),
    gauge(
        "deadman_account_margin_seconds",
        "Seconds until the standing proof runs out, judged at the scrape; 0 when there is none.",
        lambda sight: sight.margin,
    ),
    gauge(
        "deadman_account_proof_timestamp_seconds",
        "When the venue was asked for the last answer that proved the switch; 0 when there is none.",
        Sight.asked,
    ),
    gauge(
        "deadman_account_proof_expiry_timestamp_seconds",
        "When the last proof runs out; 0 when there is none.",
        Sight.expiry,
    ),
    gauge(
        "deadman_account_open_orders",
        "Open orders as the venue last listed them; no series where it never did.",
        lambda sight: sight.standing.guard.open_orders,
    ),
    gauge(
        "deadman_account_open_orders_timestamp_seconds",
        "When the venue last listed the open orders; no series where it never did.",
        Sight.counted,
    ),
    counter(
        "deadman_account_unprotected_seconds_total",
        "Seconds in which protection was wanted and not proven.",
        lambda sight: sight.standing.tally.unprotected,
    ),
    counters(
        "deadman_account_transitions_total",
        "Times the account entered the phase.",
        "phase",
        lambda sight: from_zero(Phase, sight.standing.tally.transitions),
    ),
    gauge(
        "deadman_trip_unfinished",
        "1 while a trip has begun and the orders are not yet known to be gone.",
        lambda sight: sight.trip_unfinished,
    ),
)


TALLIES: tuple[Family[Tally], ...] = (
    counter(
        "deadman_renewals_attempted_total",
        "Renewals sent or read-backs asked for.",
        lambda tally: tally.attempted,
    ),
    counter(
        "deadman_renewals_confirmed_total",
        "Renewals and read-backs that the venue confirmed.",
        lambda tally: tally.confirmed,
    ),
    histogram(
        "deadman_renewal_margin_seconds",
        "Seconds that were left of the proof when its renewal was confirmed.",
        lambda tally: tally.margins,
    ),
    histogram(
        "deadman_round_trip_seconds",
        "Seconds from a request to the venue's answer.",
        lambda tally: tally.round_trips,
    ),
    counter(
        "deadman_test_requests_total",
        "Test requests of the venue that were answered.",
        lambda tally: tally.test_requests,
    ),
    histogram(
        "deadman_test_request_reply_seconds",
        "Seconds from reading a test request to having written the answer.",
        lambda tally: tally.replies,
    ),
    counter(
        "deadman_sessions_opened_total",
        "Sessions that the venue accepted.",
        lambda tally: tally.opened,
    ),
    counters(
        "deadman_sessions_lost_total",
        "Sessions that ended, by reason.",
        "reason",
        lambda tally: from_zero(Reason, tally.lost),
    ),
    counters(
        "deadman_venue_errors_total",
        "Error answers of the venue, by its own code.",
        "code",
        lambda tally: tally.errors,
    ),
    gauge(
        "deadman_token_expiry_timestamp_seconds",
        "When the session's token runs out by the venue's word; 0 while there is none.",
        lambda tally: tally.token_expiry_timestamp,
    ),
    gauge(
        "deadman_venue_clock_offset_seconds",
        "The venue's clock less this host's, in seconds, by the quickest answer of the last minutes.",
        lambda tally: tally.clock_offset,
    ),
    counters(
        "deadman_trips_total",
        "Times the switch was pulled, by cause.",
        "cause",
        lambda tally: from_zero(Cause, tally.trips),
    ),
    counter(
        "deadman_orders_cancelled_total",
        "Orders that the venue said it cancelled for a trip.",
        lambda tally: tally.orders_cancelled,
    ),
    histogram(
        "deadman_trip_seconds",
        "Seconds from a trip's cause to the orders being gone.",
        lambda tally: tally.trip_spans,
    ),
    counter(
        "deadman_venue_fired_orders_total",
        "Orders that the venue cancelled by itself, because a connection dropped or a lease ran out.",
        lambda tally: tally.fired,
    ),
    counter(
        "deadman_orders_gone_unseen_total",
        "Orders that were open before a lost session or lease and are not after it, cancelled by nobody we know.",
        lambda tally: tally.gone_unseen,
    ),
)


def of_venue(metric: VenueMetric) -> Family[Tally]:
    """How a metric that only one venue's accounts have is drawn."""
    match metric.kind:
        case "gauge":
            one, each = gauge, gauges
        case "counter":
            one, each = counter, counters
        case _:
            assert_never(metric.kind)
    if metric.label:
        return each(metric.name, metric.help, metric.label, metric.read)
    return one(metric.name, metric.help, lambda tally: metric.read(tally)[""])
