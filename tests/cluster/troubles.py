"""What may happen to a pair of hosts: to the register, to either host, its bots, its venue, and to its config."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

import trio

from deadman.simulator.deribit.connection import Cause
from deadman.status.report import report
from tests.cluster.edits import edited
from tests.cluster.laws import bound
from tests.cluster.scene import Scene, Trouble
from tests.cluster.simulated import DESK
from tests.swarm.world.accounts import DERIBIT_HOST


async def _on_for_a_while(what: Callable[[Scene], Any], attribute: str, scene: Scene) -> None:
    subject = what(scene)
    setattr(subject, attribute, True)
    await scene.last()
    setattr(subject, attribute, False)


async def register_slow(scene: Scene) -> None:
    scene.pair.register.seconds = scene.chance.uniform(0.1, 2.5)
    await scene.last()
    scene.pair.register.seconds = 0.001


async def register_restored(scene: Scene) -> None:
    backup = scene.pair.register.backup()
    await scene.last()
    scene.pair.register.restore(backup)


async def leader_away(scene: Scene) -> None:
    """Election after election: nobody answers for a second or two, again and again."""
    for _ in range(scene.chance.randint(1, 8)):
        scene.pair.register.down = True
        await trio.sleep(scene.chance.uniform(0.5, 4.0))
        scene.pair.register.down = False
        await trio.sleep(scene.chance.uniform(0.2, 5.0))


async def witness_frozen(scene: Scene) -> None:
    line = scene.witness.host.register
    assert line is not None
    line.frozen = scene.chance.uniform(2.0, 60.0)
    await trio.sleep(line.frozen)
    line.frozen = 0.0


async def witness_crashed(scene: Scene) -> None:
    witness = scene.witness
    await witness.crash()
    await scene.last()
    await witness.start()


async def witness_anew(scene: Scene) -> None:
    """On a machine that was set up again: it remembers nothing."""
    witness = scene.witness
    await witness.crash()
    witness.host.disk.data = None
    await scene.last()
    await witness.start()


async def witness_stopped(scene: Scene) -> None:
    witness = scene.witness
    await scene.pair.stop(witness)
    await scene.last()
    await witness.start()


async def witness_without_venue(scene: Scene) -> None:
    keys = [key for key in scene.pair.market.deribit.vault.keys if key.startswith(f"id-{scene.witness.daemon['name']}")]
    await _without(scene, keys, scene.last)


async def _without(scene: Scene, keys: list[str], meanwhile: Callable[[], Awaitable[None]]) -> None:
    """The venue knows these keys no more, and ends what was logged in with them."""
    venue = scene.pair.market.deribit
    taken = {key: venue.vault.keys.pop(key) for key in keys}
    for number in scene.laws.connections_of(keys):
        if number in venue.connections:
            venue.end(venue.connections[number], Cause.GONE)
    await meanwhile()
    venue.vault.keys.update(taken)


async def desk_stopped(scene: Scene) -> None:
    await scene.pair.stop(scene.pair.desk)
    await scene.last()
    await scene.pair.desk.start()


async def desk_upgraded(scene: Scene) -> None:
    for _ in range(scene.chance.randint(1, 4)):
        await scene.pair.stop(scene.pair.desk)
        await trio.sleep(scene.chance.uniform(0.1, 4.0))
        await scene.pair.desk.start()
        await trio.sleep(scene.chance.uniform(0.0, 6.0))


async def desk_crashed(scene: Scene) -> None:
    """Its service manager starts it again."""
    for _ in range(scene.chance.randint(1, 3)):
        await scene.pair.desk.crash()
        await trio.sleep(1)
        await scene.pair.desk.start()
        await trio.sleep(scene.chance.uniform(0.0, 6.0))


async def desk_without_venue(scene: Scene) -> None:
    """A bot dies while its desk has lost its way to the venue: the witness takes its orders away."""
    account, pair = scene.account, scene.pair
    keys = [str(one.client_id) for one in pair.desk.accounts.values()]  # type: ignore[attr-defined]

    async def meanwhile() -> None:
        for bot in scene.bots_of(account.name):
            bot.hang()
        told = scene.laws.beat
        timeouts = [pair.desk.watches[watch].timeout for watch in account.watches]
        await trio.sleep(max(timeouts, default=0.0) + told.timeout / 5 + 5.0 + bound(0.0, account))
        trips = account.watches and account.on_trip == "cancel"
        if trips and scene.alone and all(scene.laws.is_fit(one, account.name) for one in pair.witnesses):
            scene.record.reached["swept where its desk could not"] += 1
            left = scene.laws.selected(account)
            scene.record.expect(not left, f"{account.name}: {len(left)} orders of a dead bot rest on")

    await _without(scene, keys, meanwhile)


async def bot_ends(scene: Scene) -> None:
    """In one of the ways there are, and another is started after it."""
    name = scene.chance.choice(sorted(scene.pair.bots))
    bot, accounts = scene.pair.bots[name], [*scene.pair.desk.accounts.values()]
    hit = [one for one in accounts if name in one.watches]
    match scene.chance.choice(["dies", "hangs", "stops", "triggers"]):
        case "dies":
            bot.die(*hit)
        case "hangs":
            bot.hang()
        case "stops":
            bot.hang()
            bot.say("STOPPING=1")
        case "triggers":
            bot.say("WATCHDOG=trigger")
    await scene.last()
    bot.die(*hit)


async def venue_cut(scene: Scene) -> None:
    scene.pair.desk.network.cut(DERIBIT_HOST)
    await trio.sleep(1)


async def clocks_step(scene: Scene) -> None:
    for host in (scene.pair.desk, *scene.pair.witnesses):
        host.host.stepped = scene.chance.choice([-25.0, 0.0, 25.0])  # with more the venue takes no login
    await scene.last()


async def disarmed(scene: Scene) -> None:
    host = scene.chance.choice([scene.pair.desk, scene.witness])
    await scene.say(host, "disarm", *scene.some(host))
    await scene.last()


async def tripped_by_hand(scene: Scene) -> None:
    host = scene.chance.choice([scene.pair.desk, scene.witness])
    names = scene.some(host)
    scene.laws.operated.update(names)
    await scene.say(host, "trip", *names)
    await scene.last()


async def held(scene: Scene) -> None:
    """Work on the desk's host, as it is announced to the witnesses: nothing is cancelled meanwhile."""
    pair = scene.pair
    for witness in pair.witnesses:
        await scene.say(witness, "hold", watch=DESK, **{"for": 120.0})
    before = {order.order_id for name in pair.desk.accounts.values() for order in pair.market.open_orders(name)}
    await pair.die()
    await trio.sleep(scene.chance.uniform(30.0, 90.0))
    after = {order.order_id for name in pair.desk.accounts.values() for order in pair.market.open_orders(name)}
    scene.record.expect(before <= after, f"{len(before - after)} orders went though {DESK} was on hold")
    await pair.desk.start()
    pair.start_bots()
    await trio.sleep(pair.desk.cluster["host_timeout"] if pair.desk.cluster else 0.0)


async def host_timeout_changed(scene: Scene) -> None:
    """As [cluster] has it: in force after a restart of the desk."""
    assert scene.pair.desk.cluster is not None
    scene.pair.desk.cluster["host_timeout"] = scene.chance.choice([10.0, 15.0, 20.0, 30.0])
    await scene.pair.desk.reload(*scene.pair.desk.accounts.values())
    await desk_stopped(scene)


async def die(scene: Scene) -> None:
    """The host dies; what its status had promised just then must come true. Or else trouble goes on meanwhile."""
    pair, desk = scene.pair, scene.pair.desk
    told = report(desk.board).accounts
    fates = {name: told[name].if_host_dies for name in desk.accounts if name in told}
    await _die(scene)
    scene.laws.dead_since = trio.current_time()
    if scene.alone and scene.chance.random() < 0.5:
        await _keep_the_promise(scene, fates)
    else:
        for _ in range(scene.chance.randint(1, 3)):
            await BESIDE[scene.chance.choice(sorted(BESIDE))](scene)
            await trio.sleep(scene.chance.uniform(1, 40))
        if scene.chance.random() < 0.7:
            await _let_the_law_judge(scene)
    scene.laws.dead_since = None
    desk.host.going_down = False
    _end_half_open(scene)
    await desk.start()
    pair.start_bots()


def _end_half_open(scene: Scene) -> None:
    """The venue finds out, before as many are left as it takes of one address."""
    venue = scene.pair.market.deribit
    for one in list(venue.connections.values()):
        if one.faults.frozen:
            venue.end(one, Cause.GONE)


async def _die(scene: Scene) -> None:
    pair, desk = scene.pair, scene.pair.desk
    match scene.chance.choice(["all at once", "vanishes", "shuts down"]):
        case "all at once":
            await pair.die()
        case "vanishes":  # no socket closes
            for number in scene.laws.connections_of([str(one.client_id) for one in desk.roster.values()]):  # type: ignore[attr-defined]
                if number in pair.market.deribit.connections:
                    pair.market.deribit.connections[number].faults.frozen = True
            await pair.die()
        case "shuts down":
            desk.host.going_down = True
            for bot in pair.bots.values():
                bot.scope.cancel()
            await pair.stop(desk)


async def _let_the_law_judge(scene: Scene) -> None:
    """Nobody starts the host anew before its orders must be gone."""
    slowest = max(bound(scene.laws.beat.timeout, account) for account in scene.pair.desk.accounts.values())
    await trio.sleep(2 * scene.laws.beat.timeout + slowest + 2.0)


async def _keep_the_promise(scene: Scene, fates: Mapping[str, Any]) -> None:
    began, desk = trio.current_time(), scene.pair.desk
    promised = {name: fate for name, fate in fates.items() if fate.orders in ("gone", "partly") and fate.within}
    for name, fate in sorted(promised.items(), key=lambda item: item[1].within):
        await trio.sleep_until(began + fate.within)
        scene.record.reached["promised"] += 1
        left = scene.laws.selected(desk.accounts[name])
        scene.record.expect(not left, f"{name}: gone within {fate.within:.1f} s was promised, and {len(left)} rest")


SWITCHED: Mapping[str, tuple[Callable[[Scene], Any], str]] = {
    "register down": (lambda scene: scene.pair.register, "down"),
    "register full": (lambda scene: scene.pair.register, "full"),
    "witness cut off": (lambda scene: scene.witness.host.register, "cut"),
    "witness deaf": (lambda scene: scene.witness.host.register, "deaf"),
    "desk cut off": (lambda scene: scene.pair.line, "cut"),
    "desk deaf": (lambda scene: scene.pair.line, "deaf"),
}
"""What is wrong for as long as a flag is set."""

BESIDE: Mapping[str, Trouble] = {
    **{name: partial(_on_for_a_while, *switch) for name, switch in SWITCHED.items() if "desk" not in name},
    "register slow": register_slow,
    "register restored": register_restored,
    "leader away": leader_away,
    "witness frozen": witness_frozen,
    "witness crashed": witness_crashed,
    "witness stopped": witness_stopped,
    "witness anew": witness_anew,
    "witness without venue": witness_without_venue,
    "venue cut": venue_cut,
    "clocks step": clocks_step,
}
"""What may also happen while the desk's host is dead."""

TROUBLES: Mapping[str, Trouble] = {
    **BESIDE,
    **{name: partial(_on_for_a_while, *switch) for name, switch in SWITCHED.items() if "desk" in name},
    "desk stopped": desk_stopped,
    "desk upgraded": desk_upgraded,
    "desk crashed": desk_crashed,
    "desk without venue": desk_without_venue,
    "bot": bot_ends,
    "disarmed": disarmed,
    "tripped by hand": tripped_by_hand,
    "on hold": held,
    "edit": edited,
    "host_timeout": host_timeout_changed,
    "death": die,
}
OFTEN = ("death", "death", "death", "edit", "bot")
"""What happens more often than the others."""

LINES = ("register down", "register full", "register slow", "leader away", "witness cut off", "desk cut off", "edit")
"""What may come on top of any other trouble, and do no harm to the play of it."""
