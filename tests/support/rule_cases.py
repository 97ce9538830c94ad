"""Desks in all sorts of states, and the alerts that each must raise: these and no others."""

from __future__ import annotations

from dataclasses import dataclass

from tests.support.rule_series import (
    DESK,
    FINE,
    MAKER,
    NEWS,
    ROUNDS,
    STEP,
    TURN,
    Series,
    account,
    bot,
    flat,
    growing,
    margins,
    phase,
    stands,
    steps,
    then,
    unable,
    verified,
)


@dataclass(frozen=True, slots=True)
class Case:
    """`firing`: all alerts raised at `at`, a promtool span, by series whose samples are `interval` apart."""

    claim: str
    series: Series
    firing: frozenset[str]
    at: str = "10m"
    interval: str = f"{STEP}s"


def case(claim: str, changed: Series, *firing: str, at: str = "10m") -> Case:
    """What changes of FINE; a series changed to "" is missing."""
    merged = {name: values for name, values in {**FINE, **changed}.items() if values}
    return Case(claim, merged, frozenset(firing), at)


def hours(claim: str, series: Series, *firing: str, at: str) -> Case:
    """Nothing but these series, minutes apart."""
    return Case(claim, {"up": flat(1), **series}, frozenset(firing), at, "5m")


CASES: tuple[Case, ...] = (
    case("a desk where all is well", {}),
    case("an expired lease", stands(MAKER, 1, 0, expired=NEWS), "DeadmanAccountUnprotected"),
    case("a claim given up", stands(DESK, 1, 0, unverified=NEWS), "DeadmanAccountUnprotected"),
    case("an account waiting for its bot", stands(MAKER, 0, 0, waiting=NEWS)),
    case("a disarmed account", stands(DESK, 0, 0, disarmed=NEWS)),
    case("an account that was never armed", stands(DESK, 1, 0, arming=NEWS), "DeadmanAccountUnprotected"),
    case(
        "a daemon that has just begun to arm",
        {**stands(DESK, 1, 0, arming=NEWS), "process_start_time_seconds": then(-1000, 590)},
    ),
    case(
        "a daemon that still arms after fifteen seconds",
        {**stands(DESK, 1, 0, arming=NEWS), "process_start_time_seconds": then(-1000, 584)},
        "DeadmanAccountUnprotected",
    ),
    case(
        "a daemon that has just begun and is told that the switch is off",
        {**stands(DESK, 1, 0, exposed=NEWS), "process_start_time_seconds": then(-1000, 590)},
        "DeadmanAccountUnprotected",
        "DeadmanSwitchOff",
    ),
    case("a switch found off", stands(DESK, 1, 0, exposed=NEWS), "DeadmanAccountUnprotected", "DeadmanSwitchOff"),
    case("a rejected key under a standing lease", stands(MAKER, 1, 1, refused=NEWS), "DeadmanRejected"),
    case(
        "a rejected key and no lease",
        stands(MAKER, 1, 0, refused=NEWS),
        "DeadmanRejected",
        "DeadmanAccountUnprotected",
    ),
    case(
        "a lease with a quarter left",
        {f"deadman_account_margin_seconds{{{MAKER}}}": then(19.9, 7)},
        "DeadmanProofRunningOut",
    ),
    case("a lease with half of it left", {f"deadman_account_margin_seconds{{{MAKER}}}": then(19.9, 15)}),
    case("a lease renewed in its last seconds", margins(MAKER, 4), "DeadmanMarginLow"),
    case("a lease of five seconds renewed in time", {**account(MAKER, ttl=5, margin=3.3)}),
    case("a read-back every ten minutes", {**account(DESK, ttl=1205, margin=605), **verified(-600)}),
    case(
        "renewals that came late before the account was disarmed",
        {**margins(MAKER, 4), **stands(MAKER, 0, 0, disarmed=NEWS)},
    ),
    case(
        "a claim beyond the proof's end",
        {f"deadman_account_proof_expiry_timestamp_seconds{{{DESK}}}": flat(584)},
        "DeadmanProofStale",
    ),
    case(
        "clocks ten seconds apart",
        {f"deadman_account_proof_expiry_timestamp_seconds{{{DESK}}}": flat(590), **verified(-10)},
    ),
    case("a read-back older than its proof lasts", verified(-81), "DeadmanReadBackStale"),
    case("a read-back as old as its proof lasts", verified(-65)),
    case("no read-back yet", {f"deadman_cancel_on_disconnect_verified_timestamp_seconds{{{DESK}}}": flat(0)}),
    case("an old read-back of a disarmed account", {**verified(-900), **stands(DESK, 0, 0, disarmed=NEWS)}),
    case(
        "a switch that had come undone",
        {f"deadman_cancel_on_disconnect_repairs_total{{{DESK}}}": NEWS},
        "DeadmanSwitchDrift",
    ),
    case(
        "a failing renewal after fifteen seconds",
        stands(DESK, 1, 1, degraded=NEWS),
        "DeadmanDegraded",
        at="10m15s",
    ),
    case("a failing renewal after ten seconds", stands(DESK, 1, 1, degraded=NEWS), at="10m10s"),
    case(
        "renewals without an answer",
        {f"deadman_renewals_confirmed_total{{{MAKER}}}": flat(1)},
        "DeadmanRenewalsUnconfirmed",
    ),
    case("a renewal under way", {f"deadman_renewals_attempted_total{{{MAKER}}}": growing(2, 1)}),
    case(
        "four sessions lost in a quarter of an hour",
        {f'deadman_sessions_lost_total{{{DESK},reason="closed"}}': steps((1, 10), (3, 10), (4, 30))}
        | {f'deadman_sessions_lost_total{{{DESK},reason="silent"}}': steps((0, 12), (1, 40))},
        "DeadmanSessionFlapping",
    ),
    case("one session lost", {f'deadman_sessions_lost_total{{{DESK},reason="closed"}}': then(1, 2)}),
    case(
        "the same error again and again",
        {f'deadman_venue_errors_total{{{MAKER},code="429"}}': growing(0, 1)},
        "DeadmanVenueErrors",
    ),
    case(
        "an error now and then", {f'deadman_venue_errors_total{{{MAKER},code="429"}}': steps((3, 16), (4, 16), (5, 30))}
    ),
    case("a minute without the means to cancel", unable(DESK), "DeadmanCannotCancel", at="11m"),
    case("seconds without the means to cancel", unable(DESK), at="10m50s"),
    case("a disarmed account without a session", {**unable(DESK), **stands(DESK, 0, 0, disarmed=NEWS)}, at="12m"),
    case(
        "a daemon too old to say whether a trip is ready",
        {f"deadman_account_can_cancel{{{DESK}}}": flat(0), f"deadman_account_trip_ready{{{DESK}}}": ""},
        "DeadmanCannotCancel",
    ),
    case(
        "an account whose trip cuts its lease, which needs no leave to cancel",
        {f"deadman_account_can_cancel{{{MAKER}}}": flat(0)},
        at="12m",
    ),
    case("the same without a session", unable(MAKER), "DeadmanCannotCancel", at="12m"),
    case(
        "a clock two seconds behind", {f"deadman_venue_clock_offset_seconds{{{MAKER}}}": flat(2)}, "DeadmanClockOffset"
    ),
    case(
        "a clock two seconds ahead", {f"deadman_venue_clock_offset_seconds{{{MAKER}}}": flat(-2)}, "DeadmanClockOffset"
    ),
    case(
        "a minute of the last hour unprotected",
        {f"deadman_account_unprotected_seconds_total{{{DESK}}}": steps((0, 20), (15, 1), (30, 1), (45, 1), (60, 40))},
        "DeadmanUnprotectedTooOften",
    ),
    case(
        "three seconds of the last minutes unprotected",
        {f"deadman_account_unprotected_seconds_total{{{DESK}}}": steps((0, 20), (3, 40))},
    ),
    hours("an account disarmed since four hours", phase(DESK, disarmed=flat(1)), "DeadmanDisarmedTooLong", at="4h"),
    hours("an account disarmed since three hours", phase(DESK, disarmed=flat(1)), at="3h"),
    case(
        "an account that left the config",
        {f"deadman_account_info{{{DESK}}}": steps((1, 20))},
        "DeadmanAccountMissing",
        at="11m",
    ),
    case(
        "a daemon that is gone with all its accounts",
        {f"deadman_account_info{{{DESK}}}": steps((1, 20)), "deadman_build_info": steps((1, 20)), "up": then(1, 0)},
        "DeadmanDown",
        at="11m",
    ),
    case(
        "a silent bot, its orders gone",
        {**stands(DESK, 0, 0, tripped=NEWS), f'deadman_trips_total{{{DESK},cause="silence"}}': NEWS, **bot(0)},
        "DeadmanTripped",
        "DeadmanWatchDead",
    ),
    case("a trip an hour ago", {f'deadman_trips_total{{{DESK},cause="silence"}}': flat(1)}),
    case(
        "a trip that does not end",
        {**stands(DESK, 1, 0, tripping=NEWS), f"deadman_trip_unfinished{{{DESK}}}": NEWS},
        "DeadmanTripUnfinished",
        "DeadmanAccountUnprotected",
        at="10m15s",
    ),
    case("a trip under way", {f"deadman_trip_unfinished{{{DESK}}}": NEWS}, at="10m10s"),
    case("a switch that did not fire in a drill", {f"deadman_drill_failed{{{DESK}}}": NEWS}, "DeadmanDrillFailed"),
    case("a drill that has just passed", {f"deadman_drill_success_timestamp_seconds{{{DESK}}}": then(0, 590)}),
    case(
        "a drill that passed a month ago",
        {f"deadman_drill_success_timestamp_seconds{{{DESK}}}": flat(-30 * 86_400)},
        "DeadmanDrillOverdue",
    ),
    case(
        "a venue that cancelled by itself",
        {f"deadman_venue_fired_orders_total{{{DESK}}}": then(0, 3)},
        "DeadmanVenueCancelled",
    ),
    case(
        "orders that went while nobody looked",
        {f"deadman_orders_gone_unseen_total{{{MAKER}}}": then(0, 39)},
        "DeadmanOrdersGoneUnseen",
    ),
    case("orders that went unseen an hour ago", {f"deadman_orders_gone_unseen_total{{{MAKER}}}": flat(39)}),
    case("a bot that said that it stops", {**bot(0), 'deadman_watch_stopped{watch="quoter"}': NEWS}),
    case("a bot on hold", {**bot(0), 'deadman_watch_held{watch="quoter"}': flat(1)}),
    case("a bot that never was up", {'deadman_watch_alive{watch="quoter"}': flat(0)}),
    hours("a bot dead since a day", {'deadman_watch_alive{watch="quoter"}': steps((1, 1), (0, 59))}, at="2h"),
    hours(
        "a hold of more than an hour",
        {'deadman_watch_held{watch="quoter"}': flat(1)},
        "DeadmanWatchHeldTooLong",
        at="1h",
    ),
    hours("a hold of less than an hour", {'deadman_watch_held{watch="quoter"}': flat(1)}, at="55m"),
    case("a daemon that does not answer", {"up": then(1, 0)}, "DeadmanDown"),
    case("no daemon at all", dict.fromkeys(FINE, ""), "DeadmanAbsent"),
    case("a stalled loop", {"deadman_event_loop_tick_age_seconds": then(0.4, 2.5)}, "DeadmanEventLoopStalled"),
    case("a loop between two ticks", {"deadman_event_loop_tick_age_seconds": then(0.4, 1.1)}),
    case("a suspend", {"deadman_clock_jumps_total": then(1, 2)}, "DeadmanClockJumped"),
    case(
        "three restarts in half an hour",
        {"process_start_time_seconds": steps((0, 10), (150, 10), (300, 10), (450, 30))},
        "DeadmanRestarting",
    ),
    case("one restart", {"process_start_time_seconds": steps((0, 10), (150, 50))}),
    case(
        "three restarts of something else",
        {"process_start_time_seconds": steps((0, 10), (150, 10), (300, 10), (450, 30)), "deadman_build_info": ""},
    ),
    case("a bad config", {"deadman_config_last_reload_successful": then(1, 0)}, "DeadmanReloadFailed"),
    case(
        "a witness that took its desk's host for dead",
        {**stands(DESK, 0, 0, tripped=NEWS), f'deadman_trips_total{{{DESK},cause="host"}}': NEWS},
        "DeadmanHostLost",
    ),
    case("a witness that is blind", stands(DESK, 1, 0, degraded=NEWS), "DeadmanAccountUnprotected"),
    case(
        "a witness that stands by no more",
        {f"deadman_witness_proven{{{DESK}}}": steps((1, TURN), (0, ROUNDS - TURN))},
        "DeadmanWitnessLost",
        at="11m15s",
    ),
    case("a witness that was restarted", {f"deadman_witness_proven{{{DESK}}}": then(1, 0)}, at="10m45s"),
    case("a desk that nobody watches over", {f"deadman_witness_proven{{{DESK}}}": flat(0)}),
    case(
        "an etcd that does not answer",
        {
            'deadman_cluster_beats_total{outcome="ok"}': flat(9),
            'deadman_cluster_beats_total{outcome="failed"}': growing(0, 5),
        },
        "DeadmanClusterUnreachable",
    ),
    case(
        "an etcd that fails now and then",
        {
            'deadman_cluster_beats_total{outcome="ok"}': growing(9, 5),
            'deadman_cluster_beats_total{outcome="failed"}': growing(0, 1),
        },
    ),
    case("a state that cannot be written", {"deadman_state_written": then(1, 0)}, "DeadmanStateNotWritten"),
    case("lost log lines", {"deadman_log_dropped_total": then(0, 9)}, "DeadmanLogDropped"),
)
