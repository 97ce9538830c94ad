"""SX Bet: the venue cancels every order when the lease runs out. Renewing it for a dead bot defeats it.

Source: docs.sx.bet, "Heartbeat". Deaths count from the last *attempted* renewal: the venue may have heard it.
"""

from __future__ import annotations

from deadman.model.duty import can_send, means
from deadman.model.fate import Case, Fate, rounded_up
from deadman.model.guard import Phase
from deadman.venues.sxbet.settings import SxBetAccount


def if_bot_dies(case: Case, account: SxBetAccount) -> Fate:
    """Our own cancel while we can; else the lease's end, if anything makes us stop renewing."""
    if case.phase is Phase.TRIPPING:
        return _tripping(case, account)
    if settled := _settled(case):
        return settled
    if not account.watches and not account.observe and case.phase is not Phase.TRIPPED:
        return Fate("stay", None, 'watch is "none": deadman goes on renewing the lease though the bot is dead.')
    if case.unmet and not case.bots:
        why = f"{' and '.join(case.unmet)} has not checked in yet: deadman goes on renewing the lease as before."
        return Fate("stay", None, why)
    if not case.trips or case.guard.awaited or case.phase is Phase.TRIPPED:
        return if_host_dies(case, account)
    if can_send(case.guard, account.on_trip):
        within = case.bound()
        if within is not None and account.on_trip == "expire" and case.guard.leases.heard_until > case.now:
            within = max(within, _left(case))
        fate = Fate("gone", within, f"deadman cancels once {case.names} is silent.")
        return fate if account.on_trip == "cancel" else case.as_drilled(fate)
    if case.stands:
        why = f"Renewals stop once {case.names} is silent, and SX Bet cancels when the lease ends."
        return case.as_drilled(Fate("gone", max(case.bound("lapse") or 0.0, _left(case)), why))
    return if_host_dies(case, account)


def if_host_dies(case: Case, account: SxBetAccount) -> Fate:
    """Nobody is left to renew."""
    if settled := _settled(case):
        return settled
    if account.observe:
        return Fate("unknown", None, "deadman only observes here: it holds no lease, and sees nobody else's.")
    if case.stands and case.guard.lease_end is not None:
        why = "SX Bet cancels when the lease ends, with a delay it does not document."
        return case.as_drilled(Fate("gone", _left(case), why))
    if case.guard.may_be_leased(case.now):
        return Fate("unknown", None, f"No lease is proven, but one that is not may run until {_until(case)}.")
    if case.guard.awaited:
        return Fate("stay", None, f"No lease is taken before {case.names} checks in: orders open now stay.")
    if case.guard.proof is not None:
        ended = case.times.told(case.guard.proof.expiry)
        why = f"The lease ran out at {ended}: orders open then are presumed cancelled, later ones stay."
        return Fate("stay", None, why)
    return Fate("unknown", None, "No lease is proven yet.")


def _settled(case: Case) -> Fate | None:
    """The phases that decide both deaths at once."""
    leased = case.guard.may_be_leased(case.now)
    if case.phase is Phase.DISARMED:
        confirmed = case.guard.disarm_confirmed
        if leased:
            told = "Disarmed" if confirmed else "Disarmed, but SX Bet has not confirmed it"
            return Fate("unknown", None, f"{told}: a lease may run until {_until(case)}.")
        does = "SX Bet holds no lease, deadman cancels" if confirmed else "deadman renews nothing and cancels"
        return Fate("stay", None, f"Disarmed: {does} nothing.")
    if case.cleared:
        presumed = case.guard.trip is not None and case.guard.trip.presumed
        how = "presumed so since the lease's end" if presumed else "SX Bet listed no open order"
        later = f" A lease may run until {_until(case)}: orders placed before that go when it ends."
        return Fate("gone", 0.0, f"Already cancelled: {how}.{later if leased else ''}")
    if case.found_off and leased:
        return Fate("unknown", None, f"SX Bet did not grant the lease we asked for: one may run until {_until(case)}.")
    if case.found_off:
        return Fate("stay", None, "By SX Bet's last word there is no lease as asked for.")
    return None


def _tripping(case: Case, account: SxBetAccount) -> Fate:
    trip = case.guard.trip
    if trip is not None and can_send(case.guard, means(account, trip.cause)):
        return Fate("cancelling", None, "Being cancelled now, until SX Bet lists no open order.")
    if case.stands and case.guard.lease_end is not None:
        why = "Renewals have stopped, and SX Bet cancels when the lease ends, with a delay it does not document."
        return Fate("cancelling", _left(case), why)
    if case.guard.may_be_leased(case.now):
        why = f"No lease is proven, but one that is not may run until {_until(case)}: SX Bet cancels when it ends."
        return Fate("unknown", _left(case), why)
    why = "Tripped: deadman goes on until SX Bet lists no open order, or a lease has ended them."
    return Fate("cancelling", None, why)


def _until(case: Case) -> str:
    """The latest end of any lease that SX Bet may hold, for people."""
    return case.times.told(case.guard.lease_end or case.now)


def _left(case: Case) -> float:
    """Seconds to the latest end of any lease: a renewal that is carried out late undoes a cut, and lasts longer."""
    return rounded_up((case.guard.lease_end or case.now) - case.now)
