"""What can go wrong at Deribit."""

from __future__ import annotations

from random import Random

from deadman.venues.deribit.settings import DeribitAccount
from tests.swarm.troubles.faults import Fault, Heal, Knob, account, failing, late, nothing, some
from tests.swarm.world.desk import Desk

UNLISTED = (11094, 13028, 99999, -1)
RESISTING = (10004, 10041, 11044, 99999)
METHODS = (
    "public/auth",
    "public/test",
    "public/set_heartbeat",
    "private/get_cancel_on_disconnect",
    "private/enable_cancel_on_disconnect",
    "private/get_open_orders",
    "private/cancel_all",
    "private/subscribe",
    "*",
)
CODES = (10000, 10028, 10041, 10049, 10066, 11050, 11051, 11056, 12003, 13004, 13009, 13021, -32600, *UNLISTED)


def drift(desk: Desk, chance: Random) -> Heal:
    struck = account(desk, chance, DeribitAccount)
    desk.market.drift(struck)  # type: ignore[arg-type]
    return nothing


def lying(desk: Desk, chance: Random) -> Heal:
    """A venue that comes back from a restart with a switch that says on and does nothing."""
    struck = account(desk, chance, DeribitAccount)
    venue = desk.market.venue(struck)
    venue.accounts[struck.name].faults.lying = True
    venue.drop(struck.name)  # type: ignore[union-attr]
    return lambda: setattr(venue.accounts[struck.name].faults, "lying", False)


def drop(desk: Desk, chance: Random) -> Heal:
    struck = account(desk, chance, DeribitAccount)
    venue = desk.market.venue(struck)
    chance.choice([venue.drop, venue.reset])(struck.name)  # type: ignore[union-attr]
    return nothing


def tokens_expire(desk: Desk, chance: Random) -> Heal:
    struck = account(desk, chance, DeribitAccount)
    desk.market.venue(struck).expire_tokens(struck.name)  # type: ignore[union-attr]
    return nothing


def nonsense(desk: Desk, chance: Random) -> Heal:
    texts = ("", "{", "[]", '{"id":1}', '{"id":1,"result":null}', '{"method":"heartbeat","params":3}', "\x00" * 5000)
    struck = account(desk, chance, DeribitAccount)
    desk.market.venue(struck).inject(chance.choice(texts), struck.name)  # type: ignore[union-attr]
    return nothing


def half_dead(desk: Desk, chance: Random) -> Heal:
    """One connection whose peer froze, or whose application died: others to the same venue work."""
    struck = account(desk, chance, DeribitAccount)
    ours = [one for one in desk.market.venue(struck).connections_of(struck.name) if one.address != "bots"]  # type: ignore[union-attr]
    for connection in ours:
        setattr(connection.faults, chance.choice(["frozen", "dead"]), True)
    return nothing


def stuck(desk: Desk, chance: Random) -> Heal:
    """Some orders resist every cancel, each with the same answer."""
    struck = account(desk, chance, DeribitAccount)
    faults, resting = desk.market.faults(struck), desk.market.open_orders(struck)
    for order in chance.sample(resting, min(len(resting), chance.randint(1, 3))):
        faults.stuck[order.order_id] = chance.choice(RESISTING)
    return faults.stuck.clear


DERIBIT: dict[str, Fault] = {
    "deribit frozen": Knob(DeribitAccount, "frozen", lambda _: True),
    "deribit dead": Knob(DeribitAccount, "dead", lambda _: True),
    "deribit upgrade": Knob(
        DeribitAccount, "upgrade", lambda chance: chance.choice([403, 429, 503, "reset", "eof", "hang"])
    ),
    "deribit refuses": Knob(DeribitAccount, "refuse", lambda _: True),
    "deribit fails": Knob(DeribitAccount, "fail", failing(METHODS, CODES)),
    "deribit ignores": Knob(DeribitAccount, "ignored", some(METHODS)),
    "deribit silent": Knob(DeribitAccount, "silent", some(METHODS)),
    "deribit garbled": Knob(DeribitAccount, "garbled", some(METHODS)),
    "deribit wrong id": Knob(DeribitAccount, "wrong_id", some(METHODS)),
    "deribit wrong echo": Knob(DeribitAccount, "wrong_echo", lambda _: True),
    "deribit slow": Knob(DeribitAccount, "delay", lambda chance: chance.uniform(0.5, 7.0)),
    "deribit jitter": Knob(DeribitAccount, "jitter", lambda chance: chance.uniform(0.5, 7.0)),
    "deribit reauth disarms": Knob(DeribitAccount, "reauth_disarms", lambda _: True),
    "deribit leaves orders": Knob(DeribitAccount, "cancel_leaves", lambda _: 1),
    "deribit late": Knob(DeribitAccount, "late", late(METHODS, 0.5, 9.0)),
    "deribit lying": lying,
    "deribit stuck": stuck,
    "drift": drift,
    "drop": drop,
    "tokens expire": tokens_expire,
    "nonsense": nonsense,
    "half dead": half_dead,
}
