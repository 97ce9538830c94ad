"""Which orders a trip is to cancel, by the venue's documents."""

from __future__ import annotations

from deadman.model.settings import Account
from deadman.simulator.exchange import Order
from deadman.venues.deribit.settings import DeribitAccount

TRIGGERS = {"stop", "take", "trailing_stop"}


def is_selected(account: Account, order: Order) -> bool:
    """Deribit: currency, kind and label exactly; `type` as private/cancel_all_by_kind_or_type has it. SX Bet: all."""
    if not isinstance(account, DeribitAccount):
        return True
    chosen = account.cancel
    exact = (
        (chosen.currency, order.currency),
        (chosen.kind, order.kind),
        (chosen.label, order.label),
    )
    return all(wanted in (None, is_) for wanted, is_ in exact) and is_of_type(chosen.type, order.type)


def is_of_type(wanted: str | None, kind: str) -> bool:
    match wanted:
        case None | "all":
            return True
        case "trigger_all":
            return kind in TRIGGERS
        case _:
            return kind == wanted
