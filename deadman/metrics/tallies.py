"""What is counted of an account, and what was last read from its venue."""

from __future__ import annotations

from collections.abc import Mapping

from deadman.errors import Reason
from deadman.facts import Cause
from deadman.metrics.family import Family, counter, counters, from_zero, gauge, gauges, histogram
from deadman.tally import Tally

SCOPES = ("account", "connection")


def _switch(tally: Tally) -> Mapping[str, float]:
    return {scope: float(tally.switch_enabled.get(scope, False)) for scope in SCOPES}


TALLIES: tuple[Family[Tally], ...] = (
    counter(
        "deadman_renewals_attempted_total",
        "Renewals sent (SX Bet) or read-backs asked for (Deribit).",
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

DERIBIT_TALLIES: tuple[Family[Tally], ...] = (
    gauges(
        "deadman_cancel_on_disconnect_enabled",
        "1 when the venue last read back cancel-on-disconnect as on, by scope.",
        "scope",
        _switch,
    ),
    gauge(
        "deadman_cancel_on_disconnect_verified_timestamp_seconds",
        "When cancel-on-disconnect was last read back; 0 before that.",
        lambda tally: tally.switch_timestamp,
    ),
    counter(
        "deadman_cancel_on_disconnect_repairs_total",
        "Times cancel-on-disconnect was found off and turned on again.",
        lambda tally: tally.repairs,
    ),
)
