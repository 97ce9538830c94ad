"""One set of demands, walked through every door: what a keeper may rely on, whatever the venue."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from deadman.model import facts
from deadman.model.errors import Reason, Refused, Setback, SwitchOff, Unavailable
from deadman.model.proof import Coverage
from tests.support.doors import DOORS, Doorway, doorway

EVERY = pytest.mark.parametrize("name", [*DOORS, "toy"])


def is_lease(way: Doorway) -> bool:
    return way.account.lease is not None


@EVERY
async def test_arming_turns_the_switch_on_and_proves_it_from_the_asking(name: str, autojump_clock: MockClock) -> None:
    async with doorway(name, latency=0.05) as way:
        assert not way.market.would_cancel(way.account)
        async with way.open() as session:
            began = trio.current_time()
            proof = await session.arm()
            assert way.market.would_cancel(way.account)
            assert began <= proof.asked_at < trio.current_time(), "it may end a round trip early, never late"
            assert proof.ttl == way.timers.vouch
            assert proof.coverage is (Coverage.LEASE if is_lease(way) else Coverage.INHERITED)


@EVERY
async def test_a_session_tells_that_it_is_open_and_what_was_attempted(name: str, autojump_clock: MockClock) -> None:
    async with doorway(name) as way, way.open() as session:
        await session.arm()
        await session.renew()
        opened = way.told(facts.SessionOpened)
        assert len(opened) == 1
        assert opened[0].can_cancel is (name != "sxbet-v2")
        assert len(way.told(facts.Attempted)) >= 2
        assert way.told(facts.Answered) != []


@EVERY
async def test_a_renewal_is_a_younger_proof(name: str, autojump_clock: MockClock) -> None:
    async with doorway(name, latency=0.05) as way, way.open() as session:
        first = await session.arm()
        await session.attend(trio.current_time() + 3.0)
        second = await session.renew()
        assert second.asked_at >= first.asked_at + 3.0
        assert second.expiry > first.expiry


@EVERY
async def test_attending_ends_when_told_and_counts_what_is_open(name: str, autojump_clock: MockClock) -> None:
    async with doorway(name) as way, way.open() as session:
        await session.arm()
        way.place(4)
        until = trio.current_time() + 7.0
        await session.attend(until)
        assert trio.current_time() == pytest.approx(until)
        assert [fact.count for fact in way.told(facts.OrdersCounted)] == [4]


@EVERY
async def test_facts_are_told_in_the_order_in_which_they_became_true(name: str, autojump_clock: MockClock) -> None:
    async with doorway(name, latency=0.05) as way, way.open() as session:
        await session.arm()
        await session.attend(trio.current_time() + 3.0)
        await session.cancel_orders("expire")
        told = [fact.at for fact in way.facts]
        assert told == sorted(told), "a late answer must not be dated from its asking"


@EVERY
async def test_a_disarm_turns_the_switch_off_and_leaves_the_orders(name: str, autojump_clock: MockClock) -> None:
    async with doorway(name) as way, way.open() as session:
        await session.arm()
        way.place(3)
        await session.disarm()
        assert not way.market.would_cancel(way.account)
        await session.attend(trio.current_time() + 60.0)
        assert len(way.market.open_orders(way.account)) == 3


@EVERY
async def test_leaving_says_nothing_that_disarms(name: str, autojump_clock: MockClock) -> None:
    async with doorway(name) as way:
        async with way.open() as session:
            await session.arm()
            heard = len(way.received)
        assert way.market.would_cancel(way.account)
        await trio.sleep(1.0)
        assert len(way.received) == heard


@EVERY
async def test_a_round_of_cancelling_ends_with_what_the_venue_still_lists(name: str, autojump_clock: MockClock) -> None:
    async with doorway(name) as way, way.open() as session:
        await session.arm()
        way.place(5)
        done = await session.cancel_orders("expire" if name == "sxbet-v2" else "cancel")
        assert (done.remaining, way.market.open_orders(way.account)) == (0, [])
        assert done.cancelled == (0 if name == "sxbet-v2" else 5)


@pytest.mark.parametrize("name", [door for door in DOORS if door != "sxbet-v2"])
async def test_orders_that_a_cancel_leaves_are_not_called_gone(name: str, autojump_clock: MockClock) -> None:
    async with doorway(name) as way, way.open() as session:
        way.place(5)
        way.faults.cancel_leaves = 2
        done = await session.cancel_orders("cancel")
        assert (done.cancelled, done.remaining) == (3, 2)


@EVERY
@pytest.mark.parametrize("call", ["arm", "renew", "disarm"])
@pytest.mark.parametrize("knob", ["dead", "silent", "garbled"])
async def test_an_answer_that_does_not_come_is_unavailable_within_the_reply_timeout(
    name: str, call: str, knob: str, autojump_clock: MockClock
) -> None:
    async with doorway(name) as way:
        began = -1.0

        async def converse() -> None:
            nonlocal began
            async with way.open() as session:
                await session.arm()
                setattr(way.faults, knob, True if knob == "dead" else {"*"})
                began = trio.current_time()
                await getattr(session, call)()

        with pytest.raises(Unavailable) as caught:
            await converse()
        assert not isinstance(caught.value, Setback)
        assert caught.value.reason in (Reason.SILENT, Reason.GARBLED, Reason.CLOSED)
        assert trio.current_time() - began <= way.timers.reply_timeout + 0.1


@EVERY
async def test_a_lost_connection_is_unavailable_at_the_next_request_at_the_latest(
    name: str, autojump_clock: MockClock
) -> None:
    async with doorway(name) as way:

        async def converse() -> None:
            async with way.open() as session:
                await session.arm()
                way.market.network.refuse(way.host)
                way.market.network.cut(way.host)
                await session.renew()

        with pytest.raises(Unavailable):
            await converse()


@EVERY
@pytest.mark.parametrize("weather", ["refuse", "freeze"])
async def test_a_venue_that_lets_nobody_in_is_unavailable_in_time(
    name: str, weather: str, autojump_clock: MockClock
) -> None:
    async with doorway(name) as way:
        getattr(way.market.network, weather)(way.host)
        with pytest.raises(Unavailable) as caught, trio.fail_after(4.01):
            async with way.open() as session:
                await session.arm()
        assert caught.value.reason in (Reason.CONNECT, Reason.SILENT)


@EVERY
async def test_a_wrong_key_is_refused_in_words(name: str, autojump_clock: MockClock) -> None:
    async with doorway(name) as way:
        way.spoil_key()
        with pytest.raises(Refused) as caught:
            async with way.open() as session:
                await session.arm()
        assert caught.value.reason in (Reason.CREDENTIALS, Reason.FORBIDDEN)
        assert "key" in caught.value.detail
        assert way.secret not in str(caught.value)


@EVERY
async def test_a_missing_secret_is_refused_before_anything_is_asked_of_the_switch(
    name: str, autojump_clock: MockClock
) -> None:
    async with doorway(name) as way:
        way.market.hidden.add(way.account.name)
        with pytest.raises(Refused) as caught:
            async with way.open() as session:
                await session.arm()
        assert caught.value.reason is Reason.SECRET
        assert way.told(facts.Attempted) == []


@EVERY
async def test_a_switch_that_reads_wrong_is_never_a_proof(name: str, autojump_clock: MockClock) -> None:
    async with doorway(name) as way, way.open() as session:
        await session.arm()
        way.faults.wrong_echo = True
        with pytest.raises((SwitchOff, Unavailable)):
            await session.renew()


@EVERY
async def test_a_passing_failure_is_told_and_the_next_call_succeeds(name: str, autojump_clock: MockClock) -> None:
    async with doorway(name) as way, way.open() as session:
        way.faults.fail["*"] = 500 if is_lease(way) else 10041
        with pytest.raises(Unavailable):
            await session.arm()
        way.faults.clear()
        await session.arm()
        assert way.told(facts.Erred)[0].code == ("500" if is_lease(way) else "10041")
        assert way.market.would_cancel(way.account)


@EVERY
async def test_a_look_changes_nothing(name: str, autojump_clock: MockClock) -> None:
    async with doorway(name) as way:
        way.place(2)
        assert await way.door.count_orders() == 2
        assert not way.market.would_cancel(way.account)
        assert way.told(facts.Attempted) == []


@pytest.mark.parametrize("name", ["deribit", "coinbase"])
async def test_an_address_and_an_account_spend_less_than_the_venue_grants_them(
    name: str, autojump_clock: MockClock
) -> None:
    async with doorway(name) as way, way.open():
        url, key = way.account.url, way.door.account.client_id
        address, account = way.door.dialler.pace(url, 1, 1), way.door.dialler.pace(f"{url} {key}", 1, 1)
        assert (address.burst, address.rate) == (80.0, 15.0), "of the 100 and 20 that the venue grants an address"
        assert (account.burst, account.rate) == (15.0, 5.0), "of the 20 and 5 of the lowest tier"
