"""Which orders a trip selects × how many there are × those that the venue will not cancel × how slow it is.

What is printed of a death must hold for each: `Printed` judges it, the stuck orders apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product

import trio

from deadman.model.settings import Account, Selection, WatchConfig
from deadman.simulator.exchange import Order
from deadman.venues.deribit.settings import DeribitAccount
from tests.swarm.laws.printed import Printed
from tests.swarm.plays.stage import Cell, Stage, Story
from tests.swarm.world.accounts import DERIBIT_HOST, SXBET_HOST, deribit_account, sxbet_account
from tests.swarm.world.bot import Bot

QUOTER = WatchConfig("quoter", 2.0)
DESK = deribit_account("desk", watches=("quoter",), on_trip="cancel")
MAKER = sxbet_account("maker", watches=("quoter",), on_trip="cancel", timeout_seconds=15, renew_interval=5.0)
LEGACY = sxbet_account("legacy", "v2", watches=("quoter",), on_trip="expire", timeout_seconds=15, renew_interval=5.0)

ACCOUNTS: dict[str, Account] = {
    "all": DESK,
    "currency": replace(DESK, cancel=Selection(currency="BTC")),
    "label": replace(DESK, cancel=Selection(label="quotes")),
    "type": replace(DESK, cancel=Selection(type="limit")),
    "stops": replace(DESK, cancel=Selection(type="stop")),
    "triggers": replace(DESK, cancel=Selection(type="trigger_all")),
    "kind": replace(DESK, cancel=Selection(kind="option")),
    "label and kind": replace(DESK, cancel=Selection(label="quotes", kind="option")),
    "label and type": replace(DESK, cancel=Selection(label="quotes", type="limit")),
    "v3": MAKER,
    "v3, expire": replace(MAKER, on_trip="expire"),
    "v3, lapse": replace(MAKER, on_trip="lapse"),
    "v2": LEGACY,
}

BURDENS = ((5, 1.0), (1, 0.0), (60, 0.15), (400, 0.15))
"""How many orders, and seconds each way."""

STUCK = {"one stuck": (1, 11044), "no stuck": (0, 0), "one unknown": (1, 99999), "three slow": (3, 10041)}
"""How many resist, and what the venue says of each: closed already, a code that nobody knows, settlement."""

LONG = 66.0
"""Seconds after which a trip that goes on is told in other words."""

OTHERS = 3
"""Orders of each kind that is not selected."""


@dataclass(frozen=True)
class Shape:
    """An order as the selections tell them apart."""

    instrument: str = "BTC-PERPETUAL"
    currency: str = "BTC"
    kind: str = "future"
    type: str = "limit"
    label: str = "quotes"


SHAPES = (
    Shape(),
    Shape(label="hedge"),
    Shape(type="stop"),
    Shape(type="trailing_stop"),
    Shape("BTC-27MAR26-90000-C", kind="option"),
    Shape("ETH-PERPETUAL", "ETH"),
)
SELECTED = {"kind": SHAPES[4], "label and kind": SHAPES[4], "stops": SHAPES[2], "triggers": SHAPES[2]}
"""The shape of most orders, where it is not the usual one."""


def place(stage: Stage, bot: Bot, account: Account, shape: Shape, number: int) -> list[Order]:
    exchange = stage.desk.market.exchange(account)
    if not isinstance(account, DeribitAccount):
        return bot.place(account, number=number)
    connection = bot.connect(account).id
    return [
        exchange.place(
            account.name,
            connection=connection,
            instrument=shape.instrument,
            currency=shape.currency,
            kind=shape.kind,
            type=shape.type,
            label=shape.label,
        )
        for _ in range(number)
    ]


def bot_dies(which: str, number: int, stuck: tuple[int, int], latency: float) -> Story:
    """Silent from one moment on, with its sockets alive: only our own cancel ends its orders."""

    async def story(stage: Stage) -> None:
        account, desk = ACCOUNTS[which], stage.desk
        await desk.start()
        bot = await stage.trading(account, number=0)
        for shape in SHAPES:
            place(stage, bot, account, shape, OTHERS)
        orders = place(stage, bot, account, SELECTED.get(which, SHAPES[0]), number)
        resisting = [order.order_id for order in orders[: stuck[0]]]
        desk.market.faults(account).stuck = dict.fromkeys(resisting, stuck[1])
        desk.network.delay(host_of(account), latency, latency)
        await trio.sleep(8.0)
        bot.hang()
        printed = stage.audit.law(Printed.name)
        assert isinstance(printed, Printed)
        printed.bot_dies(account, bot.beats[-1], frozenset(resisting))
        await trio.sleep(20.0 + number / 5 if number > 1 else LONG)
        desk.market.faults(account).stuck = {}
        await trio.sleep(15.0)

    return story


def host_of(account: Account) -> str:
    return DERIBIT_HOST if isinstance(account, DeribitAccount) else SXBET_HOST


def cells() -> Iterator[Cell]:
    """On every run five orders of each selection, one of which resists where any can."""
    for which, (number, latency), stuck in product(ACCOUNTS, BURDENS, STUCK):
        account, how = ACCOUNTS[which], STUCK[stuck]
        if isinstance(account, DeribitAccount) or how == (0, 0):
            name = f"{which} / {number} orders / {stuck} / {latency:g} s"
            story = bot_dies(which, number, how, latency)
            yield Cell("scale", name, which, story, (account,), (QUOTER,))
