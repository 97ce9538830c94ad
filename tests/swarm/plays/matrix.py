"""What we are at × each method that is really sent then × every class of answers to it, once or for a while.

Which methods are sent is listed, and each act is also played without any trouble: one that is not listed fails.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from zlib import crc32

import trio

from deadman.model.settings import Account, Selection, WatchConfig
from deadman.simulator.exchange import Received
from deadman.simulator.faults import Faults
from deadman.venues.deribit.settings import DeribitAccount
from deadman.venues.sxbet.settings import SxBetAccount
from tests.swarm.plays.stage import Cell, Stage, Story
from tests.swarm.troubles.answers import ANSWERS, WHOLE, Answer, answers, group
from tests.swarm.world.accounts import deribit_account, host_of, sxbet_account
from tests.swarm.world.bot import Bot
from tests.swarm.world.life import Refused

QUOTER = WatchConfig("quoter", 2.0)

LABEL = "quotes"

KINDS: Mapping[str, Account] = {
    "deribit": deribit_account("desk", watches=("quoter",), on_trip="cancel", verify_interval=10.0),
    "deribit, one by one": deribit_account(
        "desk",
        watches=("quoter",),
        on_trip="cancel",
        verify_interval=10.0,
        cancel=Selection(label=LABEL, type="limit"),
    ),
    "v3": sxbet_account("maker", watches=("quoter",), on_trip="cancel", timeout_seconds=15, renew_interval=5.0),
    "v3, lapse": sxbet_account("maker", watches=("quoter",), on_trip="lapse", timeout_seconds=15, renew_interval=5.0),
    "v2": sxbet_account("maker", "v2", watches=("quoter",), on_trip="expire", timeout_seconds=15, renew_interval=5.0),
}

TOKEN = 20
"""Seconds of a token's life at Deribit, so that one is renewed in every act that lasts."""

ONCE, PASSING, LASTING = 12.0, 25.0, 75.0
"""Seconds of an act under trouble: the first such answer alone, longer than a lease, longer than a trip is patient."""

AFTERWARDS = 24.0
"""Seconds for which the world goes on when all is well again: longer than any promise of being back."""

DYING = 7.0
"""Seconds for which it goes on when the bot has died at last."""

Act = Callable[[Stage, Bot], Awaitable[None]]


async def goes_on(stage: Stage, bot: Bot) -> None:
    """Renewals, counts, tokens."""


async def drifts(stage: Stage, bot: Bot) -> None:
    account = next(iter(stage.desk.accounts.values()))
    assert isinstance(account, DeribitAccount)
    stage.desk.market.drift(account)


async def dies(stage: Stage, bot: Bot) -> None:
    bot.hang()


async def dies_over_an_empty_book(stage: Stage, bot: Bot) -> None:
    for account in stage.desk.accounts.values():
        exchange = stage.desk.market.exchange(account)
        exchange.cancel(exchange.open_orders(account.name), "by its bot")
    bot.hang()


async def comes_back(stage: Stage, bot: Bot) -> None:
    """Dead before, and tripped; up again now."""
    bot.beating = True


async def is_disarmed_and_armed(stage: Stage, bot: Bot) -> None:
    await say(stage, "disarm")
    await trio.sleep(2.0)
    await say(stage, "arm")


async def is_disarmed_and_armed_at_once(stage: Stage, bot: Bot) -> None:
    """The second word before the first is carried out."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(say, stage, "disarm")
        await trio.sleep(1.0)
        nursery.start_soon(say, stage, "arm")


async def is_disarmed_later(stage: Stage, bot: Bot) -> None:
    """When a renewal, or a reading, is under way; and stays so."""
    await trio.sleep(6.0)
    await say(stage, "disarm")


async def is_tripped_and_armed(stage: Stage, bot: Bot) -> None:
    await say(stage, "trip")
    await trio.sleep(2.0)
    await say(stage, "arm")


async def say(stage: Stage, method: str) -> None:
    with suppress(Refused):
        await stage.desk.command(method, *stage.desk.accounts)


async def restarts(stage: Stage, bot: Bot) -> None:
    await stage.desk.crash()
    await stage.desk.start()


async def loses_its_connections(stage: Stage, bot: Bot) -> None:
    for account in stage.desk.accounts.values():
        stage.desk.network.cut(host_of(account))


ACTS: Mapping[str, Act] = {
    "goes on": goes_on,
    "drifts": drifts,
    "dies": dies,
    "dies over an empty book": dies_over_an_empty_book,
    "comes back": comes_back,
    "disarmed, armed": is_disarmed_and_armed,
    "disarmed, armed at once": is_disarmed_and_armed_at_once,
    "disarmed later": is_disarmed_later,
    "tripped, armed": is_tripped_and_armed,
    "restarts": restarts,
    "reconnects": loses_its_connections,
}
ABOUT_TRIPS = ("dies", "tripped, armed")


_AT_REST = ("private/get_cancel_on_disconnect", "private/get_open_orders", "public/auth", "public/test")
_AT_DIALS = (*_AT_REST, "private/subscribe", "public/set_heartbeat")

_V3 = ("GET /orders-v3", "POST /heartbeat/v3")
_V2 = ("GET /orders", "POST /heartbeat")

SENT: Mapping[str, tuple[str, ...]] = {
    "deribit goes on": _AT_REST,
    "deribit drifts": (*_AT_REST, "private/enable_cancel_on_disconnect"),
    "deribit dies": (*_AT_REST, "private/cancel_all"),
    "deribit dies over an empty book": (*_AT_REST, "private/cancel_all"),
    "deribit comes back": _AT_REST,
    "deribit disarmed, armed": (
        *_AT_DIALS,
        "private/disable_cancel_on_disconnect",
        "private/enable_cancel_on_disconnect",
    ),
    "deribit disarmed, armed at once": (
        *_AT_DIALS,
        "private/disable_cancel_on_disconnect",
        "private/enable_cancel_on_disconnect",
    ),
    "deribit disarmed later": (*_AT_REST, "public/set_heartbeat", "private/disable_cancel_on_disconnect"),
    "deribit tripped, armed": (*_AT_REST, "private/cancel_all"),
    "deribit restarts": _AT_DIALS,
    "deribit reconnects": _AT_DIALS,
    "deribit, one by one dies": (*_AT_REST, "private/cancel"),
    "deribit, one by one tripped, armed": (*_AT_REST, "private/cancel"),
    "v3 goes on": _V3,
    "v3 dies": ("DELETE /orders-v3/all", "GET /orders-v3"),
    "v3 dies over an empty book": ("DELETE /orders-v3/all", "GET /orders-v3"),
    "v3 comes back": _V3,
    "v3 disarmed, armed": _V3,
    "v3 disarmed, armed at once": _V3,
    "v3 disarmed later": _V3,
    "v3 tripped, armed": ("DELETE /orders-v3/all", *_V3),
    "v3 restarts": _V3,
    "v3 reconnects": _V3,
    "v3, lapse dies": ("GET /orders-v3",),
    "v3, lapse tripped, armed": ("DELETE /orders-v3/all", *_V3),
    **{f"v2 {act}": _V2 for act in ACTS},
}
"""What we send in each act when all is well."""


def acts_of(kind: str) -> Iterator[str]:
    for act in ACTS:
        if (act != "drifts" or kind == "deribit") and (", " not in kind or act in ABOUT_TRIPS):
            yield act


async def opened(stage: Stage, act: str) -> Bot:
    """Armed with orders resting, and where the act is a return, tripped before."""
    for venue in (stage.desk.market.deribit, stage.desk.market.coinbase):
        venue.vault.settings = replace(venue.settings, token_lifetime=TOKEN)
    await stage.desk.start()
    bot = stage.desk.bot("quoter")
    await stage.armed()
    for account in stage.desk.accounts.values():
        bot.place(account, LABEL, 3)
    await trio.sleep(3.0)
    if act == "comes back":
        bot.hang()
        await trio.sleep(5.0)
    return bot


async def ended(stage: Stage, bot: Bot) -> None:
    """All is well, and the bot lives for a while if it does; then it dies."""
    await trio.sleep(AFTERWARDS)
    bot.hang()
    await trio.sleep(DYING)


Begin = Callable[[Stage], Callable[[], None]]
"""Make trouble; what is returned ends it."""


def under(act: str, begin: Begin, seconds: float) -> Story:
    async def story(stage: Stage) -> None:
        bot = await opened(stage, act)
        with stage.trouble(ANSWERS):
            heal = begin(stage)
            with trio.move_on_after(seconds):
                await ACTS[act](stage, bot)
                await trio.sleep_forever()
            heal()
        await ended(stage, bot)

    return story


def slow(answer: Answer) -> Story:
    """A venue that takes as long as it may is none that hinders us: a trip is carried to zero over it."""

    async def story(stage: Stage) -> None:
        account = next(iter(stage.desk.accounts.values()))
        bot = await opened(stage, "dies")
        with stage.trouble(ANSWERS):
            answer.begin(faults_of(stage), "*")
            bot.hang()
            await trio.sleep(LASTING)
            left = stage.desk.market.open_orders(account)
            stage.record.expect(not left, f"{len(left)} orders rest after {LASTING:.0f} s of slow answers")
            faults_of(stage).clear()
        await ended(stage, bot)

    return story


def answered(method: str, answer: Answer) -> Begin:
    def begin(stage: Stage) -> Callable[[], None]:
        faults = faults_of(stage)
        answer.begin(faults, method)
        return faults.clear

    return begin


def answered_once(method: str, answer: Answer) -> Begin:
    """All is well from the second such request on."""

    def begin(stage: Stage) -> Callable[[], None]:
        faults, heard = faults_of(stage), []

        def hear(received: Received) -> None:
            if received.method == method:
                heard.append(received)
            if len(heard) > 1:
                faults.clear()

        answer.begin(faults, method)
        stage.desk.market.readers.append(hear)
        return faults.clear

    return begin


def faults_of(stage: Stage) -> Faults:
    return stage.desk.market.venue(next(iter(stage.desk.accounts.values()))).faults


@dataclass(frozen=True)
class Way:
    """Trouble on the way to the venue. `seconds`: what a dial takes, or a name."""

    name: str
    dial: float = 0.0
    lookup: float = 0.0
    failing: bool = False

    def begin(self, stage: Stage) -> Callable[[], None]:
        host, names = host_of(next(iter(stage.desk.accounts.values()))), stage.desk.host.names
        stage.desk.network.slow_dials(host, self.dial)
        names.seconds, names.failing = self.lookup, self.failing

        def heal() -> None:
            stage.desk.network.slow_dials(host, 0.0)
            names.seconds, names.failing = 0.0, False

        return heal


WAYS = (
    Way("dials of 3 s", dial=3.0),
    Way("dials of 9 s", dial=9.0),
    Way("names of 3 s", lookup=3.0),
    Way("names hang", lookup=60.0),
    Way("names fail", failing=True),
)


def cells() -> list[Cell]:
    """In an order in which the first of each class are of different acts and methods."""
    return sorted((*rehearsals(), *by_method(), *by_venue()), key=lambda cell: crc32(cell.name.encode()))


def rehearsals() -> Iterator[Cell]:
    for kind in KINDS:
        for act in acts_of(kind):
            yield Cell(
                "matrix", f"{kind} {act} / rehearsed", "rehearsed", rehearsed(kind, act), (KINDS[kind],), (QUOTER,)
            )


def rehearsed(kind: str, act: str) -> Story:
    """All goes well, and what is sent is what is listed."""

    async def story(stage: Stage) -> None:
        bot, methods = await opened(stage, act), set[str]()
        stage.desk.market.readers.append(lambda received: methods.add(received.method))
        with trio.move_on_after(PASSING):
            await ACTS[act](stage, bot)
            await trio.sleep_forever()
        more, fewer = methods - {*sent(kind, act)}, {*sent(kind, act)} - methods
        stage.record.expect(not more, f"{more} are sent, and nobody answers them badly: list them in SENT")
        stage.record.expect(not fewer, f"{fewer} are listed in SENT, and not sent")

    return story


def sent(kind: str, act: str) -> tuple[str, ...]:
    """The methods that are sent in an act when all is well."""
    return SENT[f"{kind} {act}"]


def by_method() -> Iterator[Cell]:
    for kind in KINDS:
        for act in acts_of(kind):
            for method in sent(kind, act):
                for answer in answers(venue_of(kind), method):
                    yield from of_answer(kind, act, method, answer)


def of_answer(kind: str, act: str, method: str, answer: Answer) -> Iterator[Cell]:
    yield made(kind, act, f"{method}: {answer.name}, once", answered_once(method, answer), ONCE, group(answer))
    yield made(kind, act, f"{method}: {answer.name}", answered(method, answer), PASSING, group(answer))
    if act.startswith("dies"):
        yield made(kind, act, f"{method}: {answer.name}, lasting", answered(method, answer), LASTING, group(answer))


def by_venue() -> Iterator[Cell]:
    for kind in KINDS:
        answer = WHOLE[venue_of(kind)][0]
        name = f"{kind} dies / {answer.name}, lasting"
        yield Cell("matrix", name, f"{venue_of(kind)} slow", slow(answer), (KINDS[kind],), (QUOTER,))
        for act in acts_of(kind):
            for answer in WHOLE[venue_of(kind)]:
                yield made(kind, act, answer.name, answered("*", answer), PASSING, answer.name)
            for way in WAYS if act in ("restarts", "reconnects", "dies") else ():
                yield made(kind, act, way.name, way.begin, PASSING, way.name)


def made(kind: str, act: str, what: str, begin: Begin, seconds: float, group: str) -> Cell:
    story = under(act, begin, seconds)
    return Cell("matrix", f"{kind} {act} / {what}", f"{venue_of(kind)} {group}", story, (KINDS[kind],), (QUOTER,))


def venue_of(kind: str) -> str:
    return "sxbet" if isinstance(KINDS[kind], SxBetAccount) else "deribit"
