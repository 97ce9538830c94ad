"""What `status` answers, from the board: all that is known and claimed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import cast

from deadman import __version__
from deadman.model.account import Standing
from deadman.model.board import Board
from deadman.model.duty import duty, in_force, trip_ready
from deadman.model.fate import Case
from deadman.model.guard import Guard
from deadman.model.promise import SLOW_START, start_length
from deadman.model.rescue import of_witness, with_witnesses
from deadman.model.settings import Account
from deadman.model.sight import Sight, Witness
from deadman.model.text import Times
from deadman.model.watch import Watch
from deadman.status.schema import (
    AccountReport,
    ClusterReport,
    DisarmReport,
    DrillReport,
    DutyName,
    GoneReport,
    HoldReport,
    SightReport,
    StatusReport,
    TripReport,
    TroubleReport,
    WatchReport,
    WitnessReport,
)
from deadman.venues import VENUES

LATEST = 20
"""So many events are told of with a status unless another number is asked for."""


def report(
    board: Board,
    watch_directory: Path | None = None,
    is_gone: Callable[[int], bool] = lambda pid: False,
    events: int = LATEST,
) -> StatusReport:
    """The answer of `status` with so many of the latest events, safe from any thread.

    `watch_directory` is where the watches' sockets are, None: not told. `is_gone` says of a process id whether
    it is known to have ended; the safe side is False.
    """
    watches = board.watches()
    times, standings = Times.of(board.clock), board.standings()
    accounts = {
        name: account_report(board.configs[name], standing.guard, standing.since, watches, times)
        for name, standing in standings.items()
        if name in board.configs
    }
    bots = {name: watch_report(watch, times, watch_directory, is_gone) for name, watch in sorted(watches.items())}
    line = board.lines.get("")
    cluster = None
    if line is not None:
        since, foreign_at = times.timestamp_or_none(line.failing_since), times.timestamp_or_none(line.foreign_at)
        cluster = ClusterReport(since, line.because, foreign_at)
    now, latest = times.timestamp(times.now), board.events[-events:] if events else ()
    start = start_progress(board, standings)
    faults = (board.state_fault, board.state_lost if times.now < board.begun_at + 3600.0 else None)  # told for an hour
    return StatusReport(__version__, board.name, now, *faults, start, cluster, accounts, bots, latest)


def start_progress(board: Board, standings: Mapping[str, Standing]) -> str | None:
    """How far a start is that takes long, in words; None while it is young, and once every account has an outcome."""
    early = [board.configs[name] for name, one in standings.items() if one.is_early and name in board.configs]
    if not early or board.clock.now() < board.begun_at + SLOW_START:
        return None
    seconds, because = start_length(early, begun=True)
    told = f"{len(standings) - len(early):,} of {len(standings):,} proven"
    return f"{told}, about {seconds:.0f} s to go: {because}" if seconds else told


def standing_report(board: Board, account: str, standing: Standing) -> AccountReport:
    """One account as it stood when it was last judged, which may be some time ago."""
    times = Times(standing.seen_at, Times.of(board.clock).offset)
    return account_report(board.configs[account], standing.guard, standing.since, board.watches(), times)


def account_report(
    config: Account, guard: Guard, since: float, watches: Mapping[str, Watch], times: Times
) -> AccountReport:
    """Everything about one account, judged at `times.now`; `since` dates its phase (monotonic)."""
    account = in_force(config, guard)
    venue = VENUES[account.venue]
    case = Case(account, guard, {name: watches[name] for name in account.watches if name in watches}, times)
    at, at_or_none = times.timestamp, times.timestamp_or_none
    proof, gone, trouble, disarm = guard.proof, guard.book.gone, guard.trouble, guard.disarm
    missed = GoneReport(at(gone.at), gone.orders, at(gone.listed_at), gone.lapsed) if gone else None
    told = TroubleReport(trouble.reason and str(trouble.reason), trouble.detail, at(trouble.at)) if trouble else None
    withheld = None
    if disarm:
        until, confirmed = at_or_none(disarm.until), guard.disarm_confirmed
        withheld = DisarmReport(at(disarm.at), disarm.by, disarm.reason, until, confirmed)
    count, counted_at = _counted(guard)
    if_bot_dies, if_host_dies = venue.if_bot_dies(case, account), venue.if_host_dies(case, account)
    if account.witness_of is None:
        if_host_dies = with_witnesses(case, if_host_dies)
    elif guard.sight is not None:
        if_bot_dies, if_host_dies = of_witness(case, guard.sight)
    drills, drilled = guard.drills, guard.drills.last
    undone_until = guard.leases.undone_until(account.lease or 0.0)
    return AccountReport(
        venue=account.venue,
        venue_title=venue.title,
        network=account.network,
        observe=account.observe,
        on_trip=account.on_trip,
        cancels_only=account.selection.words or None,
        phase=guard.phase(times.now),
        duty=cast(DutyName, duty(guard, account).name.lower()),
        protected=guard.protected(times.now),
        wanted=guard.wanted(times.now),
        can_cancel=guard.can_cancel,
        trip_ready=trip_ready(guard, account),
        connected=guard.session_at is not None,
        margin=round(guard.margin(times.now), 3),
        since=at(since),
        last_proof=at(proof.asked_at) if proof else None,
        expiry=at(proof.expiry) if proof else None,
        coverage=proof.coverage if proof else None,
        covered_since=at_or_none(guard.covered_since),
        lease_end=at_or_none(guard.lease_end),
        undone_until=at(undone_until) if undone_until > times.now else None,
        open_orders=count,
        open_orders_at=at_or_none(counted_at),
        orders_unsure=guard.book.is_unsure,
        gone_unseen=missed,
        trouble=told,
        trip=_trip(guard, times),
        disarm=withheld,
        set_aside=_set_aside(guard),
        drill=None if drilled is None else DrillReport(at(drilled.at), drilled.passed, drilled.seconds, drilled.why),
        drilling=drills.under_way.by if drills.under_way else None,
        drill_left=drills.left.remains if drills.left else None,
        watches=account.watches,
        unmet=case.unmet,
        outliving=account.outliving,
        witness_of=account.witness_of,
        sight=_sight(guard.sight, times) if guard.sight is not None else None,
        witnesses=tuple(_witness(one, times) for one in guard.witnesses),
        if_bot_dies=if_bot_dies,
        if_host_dies=if_host_dies,
    )


def _sight(sight: Sight, times: Times) -> SightReport:
    heard_at, blind_since = times.timestamp_or_none(sight.heard_at), times.timestamp_or_none(sight.blind_since)
    return SightReport(
        sight.desk, sight.timeout, heard_at, blind_since, sight.blind_because, sight.awaits, sight.faults
    )


def _witness(witness: Witness, times: Times) -> WitnessReport:
    return WitnessReport(
        name=witness.name,
        heard_at=times.timestamp_or_none(witness.echoed_at),
        heard=witness.is_heard(times.now),
        can_cancel=witness.proven(times.now),
        phase=witness.phase,
        stopped=witness.stopped,
        cancelled=witness.cancelled,
        because=witness.because,
        faults=witness.faults,
    )


def _counted(guard: Guard) -> tuple[int | None, float | None]:
    """As the venue listed them last, and when; nobody knows while it cannot be reached, unless it told meanwhile."""
    trouble, counted_at = guard.trouble, guard.open_orders_at
    lost = guard.session_at is None and trouble is not None and (counted_at is None or counted_at <= trouble.at)
    return (None, None) if lost or guard.open_orders is None else (guard.open_orders, counted_at)


def _trip(guard: Guard, times: Times) -> TripReport | None:
    trip = guard.trip
    if trip is None:
        return None
    return TripReport(
        at=times.timestamp(trip.at),
        cause=trip.cause,
        by=trip.by,
        reason=trip.reason,
        rounds=trip.rounds,
        cancelled=trip.cancelled,
        remaining=trip.remaining,
        done_at=times.timestamp_or_none(trip.done_at),
        presumed=trip.presumed,
        resisting=trip.resisting,
        resists_because=trip.words or None,
        placed=trip.placed,
        placed_at=times.timestamp_or_none(trip.placed_at),
        fed=trip.is_fed(times.now),
    )


def _set_aside(guard: Guard) -> str | None:
    aside = guard.aside
    if aside is None:
        return None
    kept = "a disarm" if aside.disarm else "what was proven of it"
    if aside.trip is not None:
        kept = "a trip not carried to zero" if aside.trip.under_way else "a trip"
    return f"kept from when this name stood for another key, not acted upon: {kept}"


def watch_report(watch: Watch, times: Times, directory: Path | None, is_gone: Callable[[int], bool]) -> WatchReport:
    sender, up = watch.sender, watch.counted_from is not None and watch.goodbye_at is None
    heard = watch.last_check_in_at if watch.last_check_in_at is not None else watch.counted_from
    hold = watch.hold if watch.held(times.now) else None
    return WatchReport(
        host=watch.seen_until is not None,
        alive=watch.alive(times.now),
        up=up,
        silent=up and watch.stopping_at is None and not watch.alive(times.now),
        goodbye_at=times.timestamp_or_none(watch.goodbye_at),
        silence=None if heard is None else round(max(0.0, times.now - heard), 3),
        timeout=watch.timeout,
        last_check_in=times.timestamp_or_none(watch.last_check_in_at),
        check_ins=watch.check_ins,
        ignored=watch.ignored,
        pid=sender.pid if sender else None,
        uid=sender.uid if sender else None,
        process_gone=sender is not None and is_gone(sender.pid),
        status=watch.status,
        held=watch.held(times.now),
        hold=HoldReport(times.timestamp(hold.until), hold.by, hold.reason) if hold else None,
        path=str(directory / f"{watch.name}.sock") if directory and watch.seen_until is None else None,
    )
