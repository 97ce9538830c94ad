"""The order of a drill: the smallest, far below every price that is named, or none at all."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deadman.model.errors import Refused
from deadman.venues.deribit.drill import resting
from deadman.venues.deribit.settings import DrillOrder

MARKET = {"min_trade_amount": 10.0, "tick_size": 0.5}
QUOTED = {"best_bid_price": 99_999.5, "mark_price": 100_001.2, "last_price": 99_000.0, "index_price": 100_000.0}

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*MARKET, *QUOTED]), inner, max_size=6),
    max_leaves=12,
)


def test_it_bids_half_of_the_lowest_price_and_may_only_rest() -> None:
    order = resting(MARKET, QUOTED, DrillOrder())
    assert (order["amount"], order["price"]) == (10.0, 49_500.0)
    assert order["post_only"] is order["reject_post_only"] is True


def test_it_fits_the_coarsest_tick_and_the_percentage_that_is_configured() -> None:
    market = MARKET | {"tick_size": 0.0001, "tick_size_steps": [{"above_price": 0.005, "tick_size": 0.0005}]}
    order = resting(market, {"mark_price": 0.0512, "index_price": 100_000.0}, DrillOrder(percent=30))
    assert order["price"] == 0.015


@pytest.mark.parametrize(("market", "quoted"), [({}, QUOTED), (MARKET, {}), (MARKET, {"mark_price": 0.6}), (None, [])])
def test_where_the_venue_names_too_little_nothing_is_placed(market: Any, quoted: Any) -> None:
    with pytest.raises(Refused):
        resting(market, quoted, DrillOrder())


@given(anything, anything)
def test_whatever_the_venue_names_it_bids_below_it_or_is_refused(market: Any, quoted: Any) -> None:
    try:
        order = resting(market, quoted, DrillOrder())
    except Refused:
        return
    named = [price for name in QUOTED if isinstance(price := quoted.get(name), int | float) and 1e-12 < price < 1e15]
    assert 0 < order["price"] <= 0.5 * min(named) * (1 + 1e-9)
