"""What becomes of orders after a death, where a witness watches over them. Pure."""

from __future__ import annotations

from deadman.model.fate import Case, Fate
from deadman.model.guard import Phase
from deadman.model.promise import NOTICE
from deadman.model.settings import Account
from deadman.model.sight import Sight, noticed_within


def gone_within(account: Account, host_timeout: float, orders: int | None) -> float | None:
    """Seconds from a host's death to so many orders gone, by a witness that stands by; None where nothing bounds it."""
    timers, noticed = account.timers, noticed_within(host_timeout) + NOTICE
    if not account.selection.one_by_one:
        return noticed + timers.reply_timeout
    if orders is None:
        return None
    return noticed + timers.listing_timeout + timers.reply_timeout + orders / timers.cancels_per_second


def with_witnesses(case: Case, alone: Fate) -> Fate:
    """What becomes of a desk's orders if its host dies, where `alone` is what becomes of them without a witness."""
    account, guard = case.account, case.guard
    standing_by = [one for one in guard.witnesses if one.proven(case.now)]
    if not standing_by or account.observe or guard.disarm is not None or alone.within is not None:
        return alone
    within = gone_within(account, standing_by[0].timeout, guard.open_orders)
    names, only = " and ".join(one.name for one in standing_by), account.selection.words
    cancels = f"Witness {names} cancels{f' only {only}' if only else ''} once this host is not heard."
    return Fate("partly" if only or within is None else "gone", within, cancels)


def of_witness(case: Case, sight: Sight) -> tuple[Fate, Fate]:
    """What becomes of the orders that a witness watches over, if their bot dies, and if their host does."""
    guard, phase = case.guard, case.phase
    if phase is Phase.TRIPPING and guard.can_cancel:
        under_way = Fate("cancelling", None, "Being cancelled now, by this witness.")
        return under_way, under_way
    if phase is not Phase.ARMED or case.account.observe:
        unable = Fate("unknown", None, f"This witness does not stand by: it is for {sight.desk} alone to cancel.")
        return unable, unable
    within, only = gone_within(case.account, sight.timeout, guard.open_orders), case.account.selection.words
    bot = Fate("unknown", None, f"{sight.desk} cancels; this witness does too, once {sight.desk} says that it is dead.")
    selected = f" only {only}" if only else ""
    host = Fate("partly" if only or within is None else "gone", within, f"Cancelled{selected} here, once not heard.")
    return bot, host
