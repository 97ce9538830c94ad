"""What Prometheus would have scraped of a desk, as promtool takes it.

A series' values are promtool's: `a+bxn` is a, and then n times b more, STEP seconds apart. Time begins at 0 = 1970.
"""

from __future__ import annotations

from collections.abc import Mapping

Series = Mapping[str, str]

STEP = 15
TURN = 600 // STEP  # the round of minute 10
ROUNDS = 900 // STEP


def flat(value: float) -> str:
    return f"{value}+0x{ROUNDS}"


def growing(start: float, step: float) -> str:
    return f"{start}+{step}x{ROUNDS}"


def then(before: float, after: float) -> str:
    """One value, and another from minute 10 on."""
    return f"{before}+0x{TURN - 1} {after}+0x{ROUNDS - TURN}"


def steps(*held: tuple[float, int]) -> str:
    """Each value for so many rounds, and then no more."""
    return " ".join(f"{value}+0x{rounds - 1}" for value, rounds in held)


def now(ahead: float) -> str:
    """An instant that stays so many seconds ahead."""
    return growing(ahead, STEP)


DESK = 'account="desk"'
MAKER = 'account="maker"'
PHASES = [
    "connecting",
    "waiting",
    "arming",
    "armed",
    "degraded",
    "expired",
    "unverified",
    "exposed",
    "refused",
    "tripping",
    "tripped",
    "disarmed",
]


def phase(account: str, *, armed: str = flat(0), **others: str) -> Series:
    shown = {"armed": armed} | others
    return {f'deadman_account_phase{{{account},phase="{name}"}}': shown.get(name, flat(0)) for name in PHASES}


def account(name: str, ttl: float, margin: float) -> Series:
    """An account that is armed, and renewed at every round."""
    return {
        f"deadman_account_info{{{name}}}": flat(1),
        f"deadman_account_wanted{{{name}}}": flat(1),
        f"deadman_account_protected{{{name}}}": flat(1),
        f"deadman_account_can_cancel{{{name}}}": flat(1),
        f"deadman_account_trip_ready{{{name}}}": flat(1),
        f"deadman_account_margin_seconds{{{name}}}": flat(margin),
        f"deadman_account_proof_timestamp_seconds{{{name}}}": now(margin - ttl),
        f"deadman_account_proof_expiry_timestamp_seconds{{{name}}}": now(margin),
        f"deadman_account_unprotected_seconds_total{{{name}}}": flat(2),
        f"deadman_renewals_attempted_total{{{name}}}": growing(1, 1),
        f"deadman_renewals_confirmed_total{{{name}}}": growing(1, 1),
        f"deadman_trip_unfinished{{{name}}}": flat(0),
        f"deadman_drill_failed{{{name}}}": flat(0),
        f"deadman_drill_success_timestamp_seconds{{{name}}}": flat(0),
        f'deadman_trips_total{{{name},cause="silence"}}': flat(0),
        f"deadman_venue_clock_offset_seconds{{{name}}}": flat(0.1),
        f"deadman_venue_fired_orders_total{{{name}}}": flat(0),
        f"deadman_orders_gone_unseen_total{{{name}}}": flat(0),
        f'deadman_sessions_lost_total{{{name},reason="closed"}}': flat(1),
        f'deadman_sessions_lost_total{{{name},reason="silent"}}': flat(0),
        **phase(name, armed=flat(1)),
        **margins(name, margin),
    }


def margins(name: str, margin: float) -> Series:
    """The histogram of an account whose renewals are all confirmed with this margin."""
    buckets = ("0.0", "1.0", "2.0", "3.0", "5.0", "7.5", "10.0", "15.0", "20.0", "30.0", "45.0", "60.0", "+Inf")
    return {
        f'deadman_renewal_margin_seconds_bucket{{{name},le="{le}"}}': growing(0, float(margin <= float(le)))
        for le in buckets
    }


def verified(ahead: float) -> Series:
    return {f"deadman_cancel_on_disconnect_verified_timestamp_seconds{{{DESK}}}": now(ahead)}


def bot(alive: float) -> Series:
    return {'deadman_watch_alive{watch="quoter"}': then(1, alive)}


FINE: Series = {
    **account(DESK, ttl=65, margin=34.9),
    **account(MAKER, ttl=30, margin=19.9),
    f'deadman_cancel_on_disconnect_enabled{{{DESK},scope="account"}}': flat(1),
    f"deadman_cancel_on_disconnect_verified_timestamp_seconds{{{DESK}}}": now(-30),
    f"deadman_cancel_on_disconnect_repairs_total{{{DESK}}}": flat(0),
    f'deadman_venue_errors_total{{{MAKER},code="429"}}': flat(3),
    'deadman_watch_alive{watch="quoter"}': flat(1),
    'deadman_watch_held{watch="quoter"}': flat(0),
    'deadman_watch_stopped{watch="quoter"}': flat(0),
    "deadman_event_loop_tick_age_seconds": flat(0.4),
    "deadman_clock_jumps_total": flat(1),
    "deadman_config_last_reload_successful": flat(1),
    "deadman_state_written": flat(1),
    "deadman_log_dropped_total": flat(0),
    "deadman_build_info": flat(1),
    "process_start_time_seconds": flat(-1000),
    "up": flat(1),
}
"""A desk and a maker, both armed, with one bot, for hours."""


def unable(account: str) -> Series:
    """No session by which a trip could be carried out, from minute 10 on."""
    return {
        f"deadman_account_can_cancel{{{account}}}": then(1, 0),
        f"deadman_account_trip_ready{{{account}}}": then(1, 0),
    }


def stands(account: str, wanted: float, protected: float, **shown: str) -> Series:
    """An account that was armed and is something else from the minute on in which every case is judged."""
    return {
        f"deadman_account_wanted{{{account}}}": then(1, wanted),
        f"deadman_account_protected{{{account}}}": then(1, protected),
        **phase(account, armed=then(1, 0), **shown),
    }


NEWS = then(0, 1)
"""A series that has just become 1."""
