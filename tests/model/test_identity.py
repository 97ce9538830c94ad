"""A guard belongs to an account at the venue, not to a name: what is known of another one is never acted upon."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
import trio
from trio.testing import MockClock

from deadman.model.guard import Phase
from deadman.model.identity import Identity, Relation, identity_of
from deadman.model.secret import SecretSource
from deadman.model.settings import Selection, WatchConfig
from deadman.venues.deribit.settings import DeribitAccount
from deadman.venues.sxbet.settings import SxBetAccount
from tests.swarm.world.desk import Desk, deribit_account, open_desk, sxbet_account
from tests.swarm.world.market import FULL

QUOTER = WatchConfig("quoter", 2.0)
DESK = deribit_account("desk", watches=("quoter",), on_trip="cancel")
KEPT = deribit_account("desk", client_id="id-second", watches=("quoter",), on_trip="cancel")
OTHER = deribit_account("desk", client_id="id-other", watches=("quoter",), on_trip="cancel")
MAKER = sxbet_account("maker", timeout_seconds=6, renew_interval=2.0, watches=("quoter",))

Change = Callable[[Desk, DeribitAccount], Awaitable[None]]


async def by_restart(desk: Desk, account: DeribitAccount) -> None:
    await trio.sleep(0.5)  # the disk's
    await desk.crash()
    desk.accounts = {account.name: account}
    await desk.start()


async def by_reload(desk: Desk, account: DeribitAccount) -> None:
    await desk.reload(account)


CHANGED = pytest.mark.parametrize("change", [by_restart, by_reload])


def let_in(desk: Desk) -> None:
    """Two more keys: `id-second` of the desk's own account, `id-other` of another; all with one secret."""
    secret = desk.market.secrets["desk"].reveal()
    desk.exchange.add_key("id-second", "desk", secret=secret, scope=FULL)
    desk.exchange.add_key("id-other", "other", secret=secret, scope=FULL)


def sent(desk: Desk, method: str) -> int:
    return sum(one.method == method for one in desk.exchange.received)


def theirs(desk: Desk) -> int:
    return len(desk.exchange.exchange.open_orders("other"))


async def armed(desk: Desk, name: str = "desk") -> None:
    let_in(desk)
    desk.bot("quoter")
    await desk.until(Phase.ARMED, within=5, name=name)
    await trio.sleep(1)


@CHANGED
async def test_a_disarm_holds_under_another_client_id_of_the_same_account(
    change: Change, autojump_clock: MockClock
) -> None:
    async with open_desk(DESK, watches=[QUOTER]) as desk:
        await armed(desk)
        await desk.command("disarm", "desk", reason="night")
        await change(desk, KEPT)
        await trio.sleep(60)
        assert desk.phase() is Phase.DISARMED
        assert not desk.standing().guard.withheld
        assert (await desk.command("arm", "desk"))["accounts"]["desk"]["done"]


@CHANGED
async def test_an_operators_trip_holds_under_another_client_id_of_the_same_account(
    change: Change, autojump_clock: MockClock
) -> None:
    async with open_desk(DESK, watches=[QUOTER]) as desk:
        await armed(desk)
        desk.exchange.exchange.place("desk")
        desk.market.network.refuse("deribit.localhost")
        desk.market.network.cut("deribit.localhost")
        await desk.command("trip", "desk")
        await change(desk, KEPT)
        desk.market.network.heal("deribit.localhost")
        await desk.until(Phase.TRIPPED, within=30)
        assert desk.open_orders() == 0


@CHANGED
@pytest.mark.parametrize("word", ["trip", "disarm"])
async def test_an_operators_word_about_another_account_only_withholds(
    word: str, change: Change, autojump_clock: MockClock
) -> None:
    async with open_desk(DESK, watches=[QUOTER]) as desk:
        await armed(desk)
        desk.exchange.exchange.place("other")
        desk.exchange.exchange.place("desk")
        desk.market.network.refuse("deribit.localhost")
        desk.market.network.cut("deribit.localhost")
        await desk.command(word, "desk", reason="stop")
        await change(desk, OTHER)
        desk.market.network.heal("deribit.localhost")
        await trio.sleep(60)
        assert theirs(desk) == 1, "another account's orders must not be cancelled by this one's trip"
        assert not desk.exchange.inherits("other"), "nor is it armed"
        assert sent(desk, "private/disable_cancel_on_disconnect") == 0
        assert desk.phase() is Phase.DISARMED
        assert (await desk.command("arm", "desk"))["accounts"]["desk"]["done"]
        assert desk.exchange.inherits("other")
        assert theirs(desk) == 1


@CHANGED
async def test_a_dead_bots_trip_is_not_carried_on_at_another_account(change: Change, autojump_clock: MockClock) -> None:
    async with open_desk(DESK, watches=[QUOTER]) as desk:
        await armed(desk)
        desk.exchange.exchange.place("other")
        desk.exchange.exchange.place("desk")
        desk.market.network.refuse("deribit.localhost")
        desk.market.network.cut("deribit.localhost")
        desk.bots[0].hang()
        await desk.until(Phase.TRIPPING, within=5)
        await change(desk, OTHER)
        desk.market.network.heal("deribit.localhost")
        await desk.until(Phase.ARMED, within=30)
        await trio.sleep(60)
        assert theirs(desk) == 1
        await by_restart(desk, OTHER)
        await trio.sleep(60)
        assert theirs(desk) == 1, "nor after one more restart, since no bot of it was heard"
        desk.bot("quoter")
        await trio.sleep(3)
        desk.bots[-1].hang()
        await desk.until(Phase.TRIPPED, within=10)
        assert theirs(desk) == 0, "a bot that was heard since is judged as any"


@CHANGED
async def test_a_dead_bots_trip_is_carried_on_under_another_key_of_its_account(
    change: Change, autojump_clock: MockClock
) -> None:
    async with open_desk(DESK, watches=[QUOTER]) as desk:
        await armed(desk)
        desk.exchange.exchange.place("desk")
        desk.market.network.refuse("deribit.localhost")
        desk.market.network.cut("deribit.localhost")
        desk.bots[0].hang()
        await desk.until(Phase.TRIPPING, within=5)
        await change(desk, KEPT)
        desk.market.network.heal("deribit.localhost")
        await desk.gone("desk", within=30)


@CHANGED
async def test_a_disarm_does_not_turn_off_a_switch_that_another_account_turned_on(
    change: Change, autojump_clock: MockClock
) -> None:
    async with open_desk(DESK, watches=[QUOTER]) as desk:
        await armed(desk)
        assert desk.standing().guard.turned_on
        desk.exchange.switch("other", on=True)
        await change(desk, OTHER)
        await desk.until(Phase.ARMED, within=30)
        await desk.command("disarm", "desk")
        assert desk.exchange.inherits("other")


@CHANGED
async def test_where_the_venue_will_not_tell_nothing_kept_is_acted_upon(
    change: Change, autojump_clock: MockClock
) -> None:
    async with open_desk(DESK, watches=[QUOTER]) as desk:
        await armed(desk)
        desk.exchange.exchange.place("other")
        await desk.command("disarm", "desk")
        desk.exchange.faults.fail["private/get_account_summary"] = 13021
        await change(desk, OTHER)
        await trio.sleep(30)
        assert desk.phase() is Phase.DISARMED
        assert not desk.exchange.inherits("other")


async def test_a_changed_client_id_claims_nothing_until_the_venue_has_told_whose_it_is(
    autojump_clock: MockClock,
) -> None:
    async with open_desk(DESK, watches=[QUOTER]) as desk:
        await armed(desk)
        since = desk.standing().guard.covered_since
        await desk.reload(OTHER)
        assert not desk.protected(), "what was proven of the one says nothing of the other"
        await desk.until(Phase.ARMED, within=5)
        await desk.reload(DESK)
        assert not desk.protected()
        await desk.until(Phase.ARMED, within=5)
        await desk.reload(KEPT)
        await desk.until(Phase.ARMED, within=5)
        assert since is not None
        assert desk.standing().guard.covered_since != since, "nobody looked meanwhile"


async def test_the_venue_is_asked_once_for_each_key_whose_account_it_is(autojump_clock: MockClock) -> None:
    async with open_desk(DESK, watches=[QUOTER]) as desk:
        await armed(desk)
        await by_restart(desk, DESK)
        desk.market.network.cut("deribit.localhost")
        await trio.sleep(100)
        assert sent(desk, "private/get_account_summary") == 1


@CHANGED
async def test_an_account_that_is_renamed_is_still_disarmed(change: Change, autojump_clock: MockClock) -> None:
    async with open_desk(DESK, watches=[QUOTER]) as desk:
        await armed(desk)
        await desk.command("disarm", "desk")
        desk.market.secrets["renamed"] = desk.market.secrets["desk"]
        await change(desk, replace(DESK, name="renamed"))
        await trio.sleep(30)
        assert desk.phase("renamed") is Phase.DISARMED
        assert list(desk.board.standings()) == ["renamed"]


SECOND = deribit_account("second", client_id="id-other", watches=("quoter",), on_trip="cancel")


@pytest.mark.parametrize("restarts", [True, False])
@pytest.mark.parametrize("is_swap", [True, False])
@pytest.mark.parametrize("word", ["trip", "disarm"])
async def test_what_was_said_of_an_account_goes_with_it_to_a_name_that_another_had(
    word: str, is_swap: bool, restarts: bool, autojump_clock: MockClock
) -> None:
    """Either two accounts take each other's names, or a new one takes the name of one that is renamed."""
    first = [DESK, SECOND] if is_swap else [DESK]
    async with open_desk(DESK, watches=[QUOTER]) as desk:
        desk.market.secrets["second"] = desk.market.secrets["desk"]
        let_in(desk)
        await desk.reload(*first)
        desk.bot("quoter")
        await desk.until(Phase.ARMED, within=5)
        await trio.sleep(1)
        desk.exchange.exchange.place("other")
        ours = desk.exchange.exchange.place("desk")
        stuck = desk.market.faults(DESK).stuck
        stuck[ours.order_id] = 11044
        await desk.command(word, "desk", reason="stop")
        renamed = [replace(SECOND, name="desk"), replace(DESK, name="second")]
        if restarts:
            await trio.sleep(0.5)
            await desk.crash()
            desk.accounts = {one.name: one for one in renamed}
            await desk.start()
        else:
            await desk.reload(*renamed)
        await trio.sleep(30)
        assert desk.phase("second") is (Phase.TRIPPING if word == "trip" else Phase.DISARMED)
        assert desk.phase() is Phase.DISARMED, "said of this name, too: it is left alone"
        stuck.clear()
        await trio.sleep(10)
        assert theirs(desk) == 1, "the other account is not touched"
        if word == "trip":
            assert desk.phase("second") is Phase.TRIPPED
            assert desk.exchange.exchange.open_orders("desk") == []
        assert desk.board.guard("desk").aside is None, "nothing is kept of what has its own name"


@pytest.mark.parametrize("restarts", [True, False])
async def test_what_was_kept_aside_goes_with_its_account_to_a_name_that_it_gets_later(
    restarts: bool, autojump_clock: MockClock
) -> None:
    async with open_desk(DESK, watches=[QUOTER]) as desk:
        await armed(desk)
        await desk.command("disarm", "desk", reason="night")
        await desk.reload(OTHER)
        await trio.sleep(10)
        desk.market.secrets["second"] = desk.market.secrets["desk"]
        both = [OTHER, replace(SECOND, client_id=DESK.client_id)]
        if restarts:
            await desk.crash()
            desk.accounts = {one.name: one for one in both}
            await desk.start()
        else:
            await desk.reload(*both)
        await trio.sleep(10)
        assert desk.phase("second") is Phase.DISARMED, "it is the account that the operator disarmed"
        assert desk.board.guard("desk").aside is None
        assert (await desk.command("arm", "second"))["accounts"]["second"]["done"]
        await desk.reload(*reversed(both))
        await trio.sleep(10)
        assert desk.phase("second") is Phase.ARMED, "the later word holds"


async def test_another_path_to_the_key_keeps_an_operators_word(autojump_clock: MockClock) -> None:
    moved = replace(MAKER, api_key=SecretSource("env", "elsewhere"))
    async with open_desk(MAKER, watches=[QUOTER]) as desk:
        desk.bot("quoter")
        await desk.until(Phase.ARMED, within=5, name="maker")
        await desk.command("disarm", "maker")
        desk.market.secrets["elsewhere"] = desk.market.secrets["maker"]
        await desk.reload(moved)
        await trio.sleep(30)
        assert desk.phase("maker") is Phase.DISARMED
        assert desk.sxbet.lease("maker") is None


async def test_a_lease_of_another_wallet_is_not_claimed(autojump_clock: MockClock) -> None:
    first = sxbet_account("maker", "v2", timeout_seconds=6, renew_interval=2.0, on_trip="expire")
    second = replace(first, requestor=sxbet_account("another", "v2").requestor)
    async with open_desk(first) as desk:
        await desk.until(Phase.ARMED, within=5, name="maker")
        await desk.reload(second)
        assert not desk.protected("maker")
        end = desk.standing("maker").guard.lease_end
        assert end is not None, "nobody knows of that wallet: somebody may have leased it before us"
        assert end <= trio.current_time() + second.timeout_seconds + 0.1


def selected(selection: Selection) -> DeribitAccount:
    return replace(DESK, cancel=selection)


async def tripping(desk: Desk) -> None:
    """Orders of two currencies rest, the bot is dead, and the venue out of reach."""
    await armed(desk)
    desk.exchange.exchange.place("desk", currency="BTC", instrument="BTC-PERPETUAL")
    desk.exchange.exchange.place("desk", currency="ETH", instrument="ETH-PERPETUAL")
    desk.market.network.refuse("deribit.localhost")
    desk.market.network.cut("deribit.localhost")
    desk.bots[0].hang()
    await desk.until(Phase.TRIPPING, within=5)


@CHANGED
@pytest.mark.parametrize(
    "changed",
    [
        replace(DESK, observe=True),
        replace(DESK, on_trip="none"),
        replace(DESK, cancel=Selection(currency="BTC")),
    ],
    ids=["observe", "on_trip", "cancel"],
)
async def test_a_begun_trip_is_carried_to_zero_as_it_was_begun(
    changed: DeribitAccount, change: Change, autojump_clock: MockClock
) -> None:
    async with open_desk(DESK, watches=[QUOTER]) as desk:
        await tripping(desk)
        await change(desk, changed)
        desk.market.network.heal("deribit.localhost")
        await desk.gone("desk", within=30)
        await desk.until(Phase.TRIPPED, Phase.ARMED, within=5)
        if changed.observe:
            await trio.sleep(1)
            desk.exchange.switch("desk", on=False)
            await trio.sleep(90)
            assert not desk.exchange.inherits("desk"), "only then it observes"


async def test_an_account_removed_while_it_is_tripped_is_let_go_when_its_orders_are_gone(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    neighbour = deribit_account("neighbour")
    async with open_desk(DESK, neighbour, watches=[QUOTER]) as desk:
        await tripping(desk)
        for _ in range(3):
            await desk.reload(neighbour)
        assert caplog.text.count("carried to zero first") == 1
        desk.market.network.heal("deribit.localhost")
        with trio.fail_after(30):
            while desk.exchange.exchange.open_orders("desk"):
                await trio.sleep(0.1)
        await trio.sleep(1)
        assert "desk" not in desk.board.standings()


async def test_a_change_of_what_the_session_does_not_hang_on_keeps_it(autojump_clock: MockClock) -> None:
    async with open_desk(DESK, watches=[QUOTER]) as desk:
        await armed(desk)
        opened = desk.standing().tally.opened
        await desk.reload(replace(DESK, orders_via=("websocket", "rest"), on_trip="none", watches=()))
        await trio.sleep(10)
        assert desk.standing().tally.opened == opened
        assert desk.standing().tally.lost == {}


async def test_a_begun_trip_of_a_lease_cancels_as_it_was_begun(autojump_clock: MockClock) -> None:
    leased = sxbet_account("maker", timeout_seconds=60, renew_interval=10.0, watches=("quoter",))
    async with open_desk(leased, watches=[QUOTER]) as desk:
        bot = desk.bot("quoter")
        await desk.until(Phase.ARMED, within=5, name="maker")
        desk.market.exchange(leased).place("maker")
        desk.sxbet.faults.fail["DELETE /orders-v3/all"] = 503
        bot.hang()
        await desk.until(Phase.TRIPPING, within=5, name="maker")
        await desk.reload(replace(leased, on_trip="lapse"))
        desk.sxbet.faults.clear()
        await desk.until(Phase.TRIPPED, within=3, name="maker")
        assert desk.market.open_orders(leased) == []


async def test_another_way_to_trip_takes_effect_over_the_session_that_is_open(autojump_clock: MockClock) -> None:
    async with open_desk(replace(MAKER, on_trip="lapse"), watches=[QUOTER]) as desk:
        bot = desk.bot("quoter")
        await desk.until(Phase.ARMED, within=5, name="maker")
        await desk.reload(replace(MAKER, on_trip="cancel"))
        desk.market.exchange(MAKER).place("maker")
        bot.hang()
        await desk.until(Phase.TRIPPED, within=QUOTER.timeout + 1.5, name="maker")
        assert desk.market.open_orders(MAKER) == []
        assert desk.standing("maker").tally.opened == 1


def test_sx_bet_accounts_are_the_wallets_or_the_names() -> None:
    v3: SxBetAccount = MAKER
    assert identity_of(v3) == identity_of(replace(v3, api_key=SecretSource("file", "/new")))
    assert identity_of(v3) != identity_of(replace(v3, url="http://elsewhere.localhost"))


ONE = Identity("deribit mainnet", "key-a", "7")


@pytest.mark.parametrize(
    ("other", "relation"),
    [
        (ONE, Relation.SAME),
        (replace(ONE, credential="key-b"), Relation.SAME),
        (replace(ONE, credential="key-b", account="8"), Relation.OTHER),
        (replace(ONE, account="8"), Relation.OTHER),
        (replace(ONE, account=None), Relation.SAME),
        (replace(ONE, account=None, credential="key-b"), Relation.UNKNOWN),
        (replace(ONE, place="deribit testnet"), Relation.OTHER),
        (replace(ONE, place="deribit testnet", account=None), Relation.OTHER),
    ],
)
def test_two_identities_are_one_account_by_the_venues_word_or_else_by_the_key(
    other: Identity, relation: Relation
) -> None:
    assert ONE.relation(other) is relation
    assert other.relation(ONE) is relation
    assert ONE.is_of(other) is ((ONE.place, ONE.credential) == (other.place, other.credential))
