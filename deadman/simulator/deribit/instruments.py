"""What can be traded: perpetuals, the next two quarters' futures, options and spreads, and spot pairs.

Named as the venue names them (docs.deribit.com, "JSON-RPC 2.0 Protocol", Instrument Naming). Nothing here moves: each
market has one price for ever, and nobody trades in it.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import count, islice
from typing import Any

PRICES = {"BTC": 100_000.0, "ETH": 4_000.0, "SOL": 200.0, "XRP": 2.0, "USDC": 1.0, "USDT": 1.0}
"""In US dollars; the currencies there are."""

INVERSE = {"BTC": (0.5, 10.0, 0.1), "ETH": (0.05, 1.0, 1.0)}
"""Tick and contract size in dollars of what is settled in the coin itself, and the contract size of its options."""

LINEAR = {"BTC": (1.0, 0.001), "ETH": (0.05, 0.001), "SOL": (0.01, 0.1), "XRP": (0.0001, 1.0)}
"""The same in coins, of what is settled in USDC."""

SPOT = {"BTC_USDC": (1.0, 0.0001), "ETH_USDC": (0.1, 0.001), "ETH_BTC": (0.00001, 0.001), "USDC_USDT": (0.0001, 1.0)}

FOR_EVER = 32_503_708_800_000  # the year 3000, as the venue says it of what never expires
SINCE = 1_534_167_754_000


@dataclass(frozen=True, slots=True)
class Instrument:
    """One market. `settled` is its settlement currency, for spot the quote; times in milliseconds of Unix time."""

    name: str
    kind: str
    base: str
    settled: str
    tick: float
    contract: float
    price: float
    counter: str = "USD"
    expires: int = FOR_EVER
    strike: float | None = None

    def as_json(self) -> dict[str, Any]:
        shown = {
            "instrument_name": self.name,
            "instrument_id": sum(ord(letter) << (place % 16) for place, letter in enumerate(self.name)),
            "kind": self.kind,
            "base_currency": self.base,
            "quote_currency": self.settled if self.kind.startswith("option") else self.counter,
            "counter_currency": self.counter,
            "price_index": self.index,
            "underlying_type": "crypto",
            "min_trade_amount": self.contract,
            "contract_size": self.contract,
            "tick_size": self.tick,
            "tick_size_steps": [],
            "maker_commission": 0.0,
            "taker_commission": 0.0005,
            "is_active": True,
            "state": "open",
            "creation_timestamp": SINCE,
            "expiration_timestamp": self.expires,
        }
        if self.kind == "spot":
            return shown
        kind = "linear" if self.settled == "USDC" else "reversed"
        period = "perpetual" if self.expires == FOR_EVER else "month"
        shown |= {"settlement_currency": self.settled, "settlement_period": period, "instrument_type": kind}
        if self.strike is not None:
            shown |= {"strike": self.strike, "option_type": "call" if self.name.endswith("C") else "put"}
        return shown | ({"future_type": kind, "max_leverage": 50} if self.kind == "future" else {})

    @property
    def index(self) -> str:
        return f"{self.base}_{self.counter}".lower()


def instruments(timestamp: float) -> dict[str, Instrument]:
    """All there are at that Unix time, by name."""
    return catalogue(datetime.fromtimestamp(timestamp, UTC).date())


@lru_cache(maxsize=8)
def catalogue(today: date) -> dict[str, Instrument]:
    expiries = list(islice((day for day in quarters(today) if day > today), 2))
    return {one.name: one for one in (*perpetuals(), *spot(), *dated(expiries))}


def perpetuals() -> Iterator[Instrument]:
    for coin, (tick, contract, _) in INVERSE.items():
        yield Instrument(f"{coin}-PERPETUAL", "future", coin, coin, tick, contract, PRICES[coin])
    for coin, (tick, contract) in LINEAR.items():
        yield Instrument(f"{coin}_USDC-PERPETUAL", "future", coin, "USDC", tick, contract, PRICES[coin], "USDC")


def spot() -> Iterator[Instrument]:
    for pair, (tick, contract) in SPOT.items():
        base, _, quote = pair.partition("_")
        yield Instrument(pair, "spot", base, quote, tick, contract, PRICES[base] / PRICES[quote], quote)


def dated(expiries: list[date]) -> Iterator[Instrument]:
    for coin, (tick, contract, lot) in INVERSE.items():
        price = PRICES[coin]
        for day in expiries:
            name, expires = f"{coin}-{written(day)}", milliseconds(day)
            yield Instrument(name, "future", coin, coin, tick, contract, price, expires=expires)
            for strike in (0.8 * price, price, 1.2 * price):
                for side in "CP":
                    full = f"{name}-{strike:.0f}-{side}"
                    yield Instrument(full, "option", coin, coin, 0.0005, lot, 0.05, expires=expires, strike=strike)
            spread, calls = f"{coin}-FS-{written(day)}_PERP", f"{coin}-CS-{written(day)}-{price:.0f}_{1.2 * price:.0f}"
            yield Instrument(spread, "future_combo", coin, coin, tick, contract, tick, expires=expires)
            yield Instrument(calls, "option_combo", coin, coin, 0.0005, lot, 0.02, expires=expires)


def quarters(today: date) -> Iterator[date]:
    """The last Fridays of quarters from this year on, on which futures expire at 08:00 UTC."""
    for year in count(today.year):
        for month in (3, 6, 9, 12):
            last = date(year, month, calendar.monthrange(year, month)[1])
            yield last - timedelta(days=(last.weekday() - calendar.FRIDAY) % 7)


def written(day: date) -> str:
    """As the venue writes it in names: 27MAR26."""
    return f"{day.day}{calendar.month_abbr[day.month].upper()}{day.year % 100:02}"


def milliseconds(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, 8, tzinfo=UTC).timestamp() * 1000)


def fits(amount: float, step: float) -> bool:
    """Whether it is a whole number of steps, but for what floats make of it."""
    return abs(amount - round(amount / step) * step) < step / 1e6
