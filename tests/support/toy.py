"""A third venue, small and whole: a lease that is asked for in lines of JSON. All of a venue's folder in one file."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import KW_ONLY, dataclass
from math import inf
from random import Random
from typing import Any, ClassVar, Literal
from urllib.parse import urlsplit

import pytest
import trio

from deadman.model import facts
from deadman.model.account import Tally
from deadman.model.clock import Clock
from deadman.model.errors import NotFired, Reason, Refused, Setback, SwitchOff, Unavailable
from deadman.model.facts import Round
from deadman.model.fate import Case, Fate
from deadman.model.keys import key, settings
from deadman.model.proof import Coverage, Proof
from deadman.model.readers import address, choice, one_or_several, seconds
from deadman.model.secret import SecretSource, key_of
from deadman.model.settings import Account, Backoff, OnTrip, Timers
from deadman.transport.dial import Dialler, held
from deadman.venues import VENUES
from deadman.venues.venue import Fired, Look, Post, ReadSecret, Venue, VenueMetric
from tests.support.toy_exchange import TOY_HOST, ToyExchange
from tests.swarm.world import market


@settings
class ToyAccount(Account):
    venue: ClassVar[str] = "toy"
    example: ClassVar[str] = "\n[accounts.toy]\n{keys}\n"

    network: Literal["play"] = key(choice("play"), "which exchange", example='"play"')
    url: str = key(address("https", "http"), "where it is", example='"https://toy.localhost"')
    token: SecretSource = key(key_of(is_account=True), "where its key lives", example='{ env = "TOY" }', unique=True)
    _: KW_ONLY
    length: float = key(seconds(5, 60), "the lease: the venue cancels when it ends", default=20.0)
    watches: tuple[str, ...] = key(one_or_several, "whose silence trips this account", name="watch", default=())
    on_trip: OnTrip = key(choice("cancel", "lapse"), "what a trip does", default="cancel")

    @property
    def timers(self) -> Timers:
        return Timers(
            renew_interval=self.length / 4,
            reply_timeout=2.0,
            probe_interval=self.length / 4,
            probe_timeout=2.0,
            vouch=self.length,
            overdue_after=self.length / 4 + 2.0,
            retry=Backoff(0.5, 2.0),
            patient_after=60.0,
            look_interval=30.0,
            rearm=2.0,
        )

    @property
    def place(self) -> str:
        return f"{self.venue} {self.url}"

    @property
    def credential(self) -> tuple[str | None, ...]:
        return (self.name,)

    @property
    def lease(self) -> float:
        return self.length

    @property
    def what_stays(self) -> str:
        return "the toy cancels on time"


@dataclass
class ToySession:
    stream: trio.abc.Stream
    account: ToyAccount
    clock: Clock
    post: Post
    token: str

    async def ask(self, method: str, **params: Any) -> dict[str, Any]:
        asked_at = self.clock.now()
        line = json.dumps({"method": method, "token": self.token, **params}).encode() + b"\n"
        answer = b""
        try:
            with trio.fail_after(self.account.timers.reply_timeout):
                await self.stream.send_all(line)
                while not answer.endswith(b"\n"):
                    more = await self.stream.receive_some()
                    if not more:
                        raise Unavailable(Reason.CLOSED, f"{method}: the venue hung up")
                    answer += more
            said: dict[str, Any] = json.loads(answer)
        except trio.TooSlowError:
            raise Unavailable(Reason.SILENT, f"{method} unanswered") from None
        except trio.BrokenResourceError:
            raise Unavailable(Reason.CLOSED, f"{method}: the connection broke") from None
        except ValueError:
            raise Unavailable(Reason.GARBLED, f"{method}: an answer that is no JSON") from None
        self.post(facts.Answered(self.clock.now(), self.clock.now() - asked_at))
        match said.get("error"):
            case None:
                return said
            case 401:
                raise Refused(Reason.CREDENTIALS, "the venue does not know the key")
            case error:
                self.post(facts.Erred(self.clock.now(), str(error)))
                raise Setback(Reason.VENUE_ERROR, f"{method}: {error}")

    async def take(self, length: float) -> Proof:
        asked_at = self.clock.now()
        self.post(facts.Attempted(asked_at, length))
        try:
            granted = (await self.ask("lease", length=length))["length"]
        except BaseException:
            self.post(facts.LeaseGivenUp(self.clock.now(), asked_at))
            raise
        sure = length if granted == length else None
        self.post(facts.LeaseGranted(self.clock.now(), asked_at, max(length, granted), sure, stands=sure is not None))
        if sure is None:
            raise SwitchOff(Reason.GARBLED, f"asked for a lease of {length} s, the venue answered {granted}")
        return Proof(asked_at, length, Coverage.LEASE)

    async def arm(self) -> Proof:
        return await self.take(self.account.length)

    async def renew(self) -> Proof:
        return await self.take(self.account.length)

    async def disarm(self) -> None:
        await self.take(0.0)

    async def attend(self, until: float) -> None:
        count = await self.count()
        self.post(facts.OrdersCounted(self.clock.now(), count))
        await trio.sleep_until(until)

    def recount(self) -> None:
        """Every attention counts anyway."""

    async def identify(self) -> str | None:
        return None

    async def count(self) -> int:
        return int((await self.ask("count"))["open"])

    async def cancel_orders(self, method: OnTrip) -> Round:
        cancelled = 0 if method == "lapse" else int((await self.ask("cancel"))["cancelled"])
        return Round(cancelled, await self.count())


@dataclass
class ToyDrill:
    door: ToyDoor
    unsettled_until: float = -inf

    async def fire(self) -> Fired:
        async with self.door.look() as session:
            if not await session.count():
                raise Setback(Reason.UNSUPPORTED, "no order is open")
            await session.take(1.0)
            await trio.sleep(2.0)
            if await session.count():
                raise NotFired(Reason.VENUE_ERROR, "they are still listed")
        return Fired(2.0, "gone")

    async def clean_up(self) -> str:
        """Nothing is placed."""
        return ""


@dataclass
class ToyDoor:
    account: ToyAccount
    dialler: Dialler
    clock: Clock
    chance: Random
    post: Post
    read_secret: ReadSecret

    @asynccontextmanager
    async def look(self) -> AsyncIterator[ToySession]:
        token, host = await self.read_secret(), urlsplit(self.account.url).hostname or ""
        context = self.dialler.context(self.account.ca_file)
        async with held(await self.dialler.open(host, 443, context)) as stream:
            yield ToySession(stream, self.account, self.clock, self.post, token.reveal())

    @asynccontextmanager
    async def open_session(self) -> AsyncIterator[ToySession]:
        async with self.look() as session:
            self.post(facts.SessionOpened(self.clock.now(), can_cancel=True))
            yield session

    async def count_orders(self) -> int:
        async with self.look() as session:
            return await session.count()

    def drill(self, label: str) -> ToyDrill:
        return ToyDrill(self)

    async def inspect(self, look: Look) -> None:
        look.said.append(f"open orders: {await self.count_orders()}")


def if_host_dies(case: Case, account: ToyAccount) -> Fate:
    if case.stands and case.guard.lease_end is not None:
        return Fate("gone", case.guard.lease_end - case.now, "The toy cancels when the lease ends.")
    return Fate("unknown", None, "No lease is proven.")


def if_bot_dies(case: Case, account: ToyAccount) -> Fate:
    return Fate("gone", case.bound(), "deadman cancels.") if case.trips else if_host_dies(case, account)


def advice(accounts: Sequence[ToyAccount]) -> Iterator[str]:
    yield from (f"accounts.{account.name}: a toy guards no real orders" for account in accounts)


def _renewals(tally: Tally) -> float:
    return tally.confirmed


TOY = Venue(
    title="The Toy",
    settings=ToyAccount,
    load_door=lambda: ToyDoor,
    if_bot_dies=if_bot_dies,
    if_host_dies=if_host_dies,
    advice=advice,
    metrics=(VenueMetric("counter", "deadman_toy_renewals_total", "Renewals that the toy granted.", _renewals),),
)


def toy_account(name: str = "desk", **changes: Any) -> ToyAccount:
    return ToyAccount(name, "play", f"https://{TOY_HOST}", SecretSource("env", name), **changes)


@contextmanager
def registered() -> Iterator[None]:
    """The toy's line in the registry, and its exchange in every market that opens meanwhile."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(VENUES, "toy", TOY)
        patch.setitem(market.FURTHER, TOY_HOST, ToyExchange)
        yield
