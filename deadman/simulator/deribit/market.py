"""What the venue tells everybody of its markets, and each account of what it holds. None of it ever moves."""

from __future__ import annotations

from typing import Any

from deadman.simulator.deribit.access import invalid_params
from deadman.simulator.deribit.instruments import PRICES, Instrument, instruments
from deadman.simulator.deribit.ledger import Ledger
from deadman.simulator.deribit.orders import KINDS, account_id
from deadman.simulator.deribit.requests import Call, Method, required

LOTS = 1000
"""Contracts offered on either side of every price."""


def get_instruments(call: Call) -> Any:
    """ccxt asks without a currency, as one may say "any"."""
    currency, kind = call.params.get("currency", "any"), call.params.get("kind", "any")
    if currency not in (*PRICES, "any"):
        raise invalid_params("currency", "invalid currency")
    if kind not in KINDS:
        raise invalid_params("kind")
    known = [] if call.params.get("expired") is True else instruments(call.venue.timestamp()).values()
    return [
        market.as_json()
        for market in known
        if currency in ("any", market.base, market.settled) and kind in ("any", market.kind)
    ]


def get_instrument(call: Call) -> Any:
    return the_instrument(call).as_json()


def get_currencies(call: Call) -> Any:
    return [
        {"currency": name, "currency_long": name, "coin_type": name, "min_confirmations": 1, "fee_precision": 4}
        | {"withdrawal_fee": 0.0, "min_withdrawal_fee": 0.0, "decimals": 8, "withdrawal_priorities": []}
        for name in PRICES
    ]


def get_index_price(call: Call) -> Any:
    base, _, counter = required(call, "index_name").upper().partition("_")
    if base not in PRICES or counter not in (*PRICES, "USD"):
        raise invalid_params("index_name")
    return {"index_price": PRICES[base], "estimated_delivery_price": PRICES[base]}


def get_order_book(call: Call) -> Any:
    market = the_instrument(call)
    quoted = ticker_of(call.venue, market)
    bids = [[quoted["best_bid_price"], quoted["best_bid_amount"]]]
    return quoted | {"bids": bids, "asks": [[quoted["best_ask_price"], quoted["best_ask_amount"]]], "change_id": 1}


def ticker(call: Call) -> Any:
    return ticker_of(call.venue, the_instrument(call))


def the_instrument(call: Call, name: str | None = None) -> Instrument:
    """The one that is named, or that the call names."""
    name = name or required(call, "instrument_name")
    known = instruments(call.venue.timestamp())
    if name not in known:
        raise invalid_params("instrument_name", "instrument not found")
    return known[name]


def ticker_of(venue: Ledger, market: Instrument) -> dict[str, Any]:
    return {
        "instrument_name": market.name,
        "timestamp": int(venue.timestamp() * 1000),
        "state": "open",
        "stats": {"volume": 0.0, "low": None, "high": None, "price_change": None},
        "open_interest": 0.0,
        "best_bid_price": market.price - market.tick,
        "best_bid_amount": LOTS * market.contract,
        "best_ask_price": market.price + market.tick,
        "best_ask_amount": LOTS * market.contract,
        "index_price": PRICES[market.base],
        "mark_price": market.price,
        "last_price": market.price,
        "min_price": market.price * 0.5,
        "max_price": market.price * 1.5,
    }


def get_account_summary(call: Call) -> Any:
    """In one currency; with `extended`, whose account it is and its limits too."""
    summary = holdings(currency_of(call))
    if call.params.get("extended") is True:
        summary |= identity(call) | {"limits": limits(call)}
    return summary


def get_account_summaries(call: Call) -> Any:
    return identity(call) | {"summaries": [holdings(currency) for currency in PRICES]}


def currency_of(call: Call) -> str:
    if (currency := required(call, "currency")) not in PRICES:
        raise invalid_params("currency", "invalid currency")
    return currency


def identity(call: Call) -> dict[str, Any]:
    name = call.account.name
    return {
        "id": account_id(name),
        "username": name,
        "system_name": name,
        "email": f"{name}@example.com",
        "type": "main",
        "creation_timestamp": 1_534_167_754_000,
    }


def holdings(currency: str) -> dict[str, Any]:
    funds = 1_000_000 / PRICES[currency]
    nothing = ("initial_margin", "maintenance_margin", "total_pl", "session_rpl", "session_upl", "fee_balance")
    held = ("balance", "equity", "margin_balance", "available_funds", "available_withdrawal_funds")
    return {"currency": currency} | dict.fromkeys(held, funds) | dict.fromkeys(nothing, 0.0)


def limits(call: Call) -> dict[str, Any]:
    """Requests at once and a second. Source: docs.deribit.com, "Rate Limits", Limits field."""

    def limit(pool: str) -> dict[str, float]:
        cost, size, refill = call.venue.settings.pools[pool]
        return {"burst": size / cost, "rate": refill / cost}

    engine = {"trading": {"total": limit("matching")}, "cancel_all": limit("cancel_all")}
    return {"non_matching_engine": limit("any"), "limits_per_currency": False, "matching_engine": engine}


def get_subaccounts(call: Call) -> Any:
    return [identity(call)]


def nothing(call: Call) -> Any:
    """Positions: there are none, since nothing trades."""
    return []


def no_trades(call: Call) -> Any:
    return {"trades": [], "has_more": False}


MARKET: dict[str, Method] = {
    "public/get_instruments": Method(get_instruments),
    "public/get_instrument": Method(get_instrument),
    "public/get_currencies": Method(get_currencies),
    "public/get_index_price": Method(get_index_price),
    "public/get_order_book": Method(get_order_book),
    "public/ticker": Method(ticker),
    "private/get_account_summary": Method(get_account_summary, "account:read"),
    "private/get_account_summaries": Method(get_account_summaries, "account:read"),
    "private/get_subaccounts": Method(get_subaccounts, "account:read"),
    "private/get_positions": Method(nothing, "trade:read"),
    "private/get_user_trades_by_currency": Method(no_trades, "trade:read"),
    "private/get_user_trades_by_instrument": Method(no_trades, "trade:read"),
    "private/get_user_trades_by_order": Method(nothing, "trade:read"),
}
