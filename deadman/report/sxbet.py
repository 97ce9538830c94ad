"""SX Bet: the venue cancels every order when the lease runs out. Renewing it for a dead bot defeats it.

Source: docs.sx.bet, "Heartbeat". Deaths count from the last *attempted* renewal: the venue may have heard it.
"""

from __future__ import annotations

from deadman.config.schema import OnTrip, SxBetAccount
from deadman.duty import means
from deadman.guard import Phase
from deadman.report.fate import Case, Fate


def if_bot_dies(case: Case, account: SxBetAccount) -> Fate:
    """Our own cancel while we can; else the lease's end, if anything makes us stop renewing."""
    if settled := _settled(case):
        return settled
    if case.phase is Phase.TRIPPING:
        return _tripping(case, account)
    if not account.watches and not account.observe and case.phase is not Phase.TRIPPED:
        return Fate("stay", None, 'watch is "none": deadman goes on renewing the lease though the bot is dead.')
    if case.unmet and not case.bots:
        why = f"{' and '.join(case.unmet)} has not checked in yet: deadman goes on renewing the lease as before."
        return Fate("stay", None, why)
    if not case.trips or case.guard.awaited or case.phase is Phase.TRIPPED:
        return if_host_dies(case)
    return _tripped_by_silence(case, account)


def if_host_dies(case: Case) -> Fate:
    """Nobody is left to renew."""
    if settled := _settled(case):
        return settled
    until = case.guard.lease_end
    if case.account.observe:
        return Fate("unknown", None, "deadman only observes here: it holds no lease, and sees nobody else's.")
    if case.stands and until is not None:
        return Fate(
            "gone", round(until - case.now, 3), "SX Bet cancels when the lease ends, with a delay it does not document."
        )
    if until is not None and until > case.now:
        return Fate(
            "unknown", None, f"A renewal was tried and not answered: a lease may run until {case.times.told(until)}."
        )
    return _bare(case)


def _settled(case: Case) -> Fate | None:
    """The phases that decide both deaths at once."""
    if case.phase is Phase.DISARMED:
        return _disarmed(case)
    if case.cleared:
        presumed = case.guard.trip is not None and case.guard.trip.presumed
        how = "presumed so since the lease's end" if presumed else "SX Bet listed no open order"
        return Fate("gone", 0.0, f"Already cancelled: {how}.")
    if case.found_off:
        return Fate("stay", None, "By SX Bet's last word there is no lease as asked for.")
    return None


def _tripping(case: Case, account: SxBetAccount) -> Fate:
    trip, until = case.guard.trip, case.guard.lease_end
    if trip is not None and _cancels(case, means(account, trip.cause)):
        return Fate("cancelling", None, "Being cancelled now, until SX Bet lists no open order.")
    if case.stands and until is not None:
        why = "Renewals have stopped, and SX Bet cancels when the lease ends, with a delay it does not document."
        return Fate("cancelling", round(until - case.now, 3), why)
    return if_host_dies(case)


def _tripped_by_silence(case: Case, account: SxBetAccount) -> Fate:
    if _cancels(case, account.on_trip):
        return Fate("gone", case.bound(), f"deadman cancels once {case.names} is silent.")
    if case.stands:
        why = f"Renewals stop once {case.names} is silent, and SX Bet cancels when the lease ends."
        return Fate("gone", case.lapse_bound(), why)
    return if_host_dies(case)


def _cancels(case: Case, means_of_trip: OnTrip) -> bool:
    """Whether an active cancel can leave now."""
    match means_of_trip:
        case "cancel":
            return case.guard.can_cancel and not case.account.observe
        case "expire":
            return case.guard.session_at is not None and not case.account.observe
    return False


def _disarmed(case: Case) -> Fate:
    if case.guard.disarm_confirmed:
        return Fate("stay", None, "Disarmed: SX Bet holds no lease, deadman cancels nothing.")
    until = case.guard.lease_end
    if until is not None and until > case.now:
        told = case.times.told(until)
        return Fate("unknown", None, f"Disarmed, but SX Bet has not confirmed it: a lease may run until {told}.")
    return Fate("stay", None, "Disarmed: deadman renews nothing and cancels nothing.")


def _bare(case: Case) -> Fate:
    """No lease stands and none can."""
    if case.guard.awaited:
        return Fate("stay", None, f"No lease is taken before {case.names} checks in: orders open now stay.")
    if case.guard.proof is not None:
        ended = case.times.told(case.guard.proof.expiry)
        return Fate(
            "stay", None, f"The lease ran out at {ended}: orders open then are presumed cancelled, later ones stay."
        )
    return Fate("unknown", None, "No lease is proven yet.")
