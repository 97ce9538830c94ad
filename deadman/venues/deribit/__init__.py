"""Deribit, and Coinbase's gateway to it: cancel-on-disconnect, a setting of the account."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from deadman.venues.deribit.fate import if_bot_dies, if_host_dies
from deadman.venues.deribit.settings import DeribitAccount, advice
from deadman.venues.venue import Door, Venue, VenueMetric


def _load_door() -> Callable[..., Door]:
    door: Callable[..., Door] = import_module("deadman.venues.deribit.session").Deribit
    return door


VENUE = Venue(
    title="Deribit",
    settings=DeribitAccount,
    load_door=_load_door,
    if_bot_dies=if_bot_dies,
    if_host_dies=if_host_dies,
    advice=advice,
    metrics=(
        VenueMetric(
            "gauge",
            "deadman_cancel_on_disconnect_enabled",
            "1 when the venue last read back cancel-on-disconnect as on, by scope.",
            lambda tally: {scope: float(tally.switch_enabled.get(scope, False)) for scope in ("account", "connection")},
            label="scope",
        ),
        VenueMetric(
            "gauge",
            "deadman_cancel_on_disconnect_verified_timestamp_seconds",
            "When cancel-on-disconnect was last read back; 0 before that.",
            lambda tally: tally.switch_timestamp,
        ),
        VenueMetric(
            "counter",
            "deadman_cancel_on_disconnect_repairs_total",
            "Times cancel-on-disconnect was found off and turned on again.",
            lambda tally: tally.repairs,
        ),
        VenueMetric(
            "counter",
            "deadman_test_requests_total",
            "Test requests of the venue that were answered.",
            lambda tally: tally.test_requests,
        ),
        VenueMetric(
            "histogram",
            "deadman_test_request_reply_seconds",
            "Seconds from reading a test request to having written the answer.",
            lambda tally: tally.replies,
        ),
    ),
)
