"""Everything that can go wrong around us, each turned on at a random moment and healed at another.

A fault is a function of the desk and of chance that does harm and returns how to undo it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from deadman.config.schema import Account, DeribitAccount, SxBetAccount
from deadman.simulator.faults import Faults
from tests.desk import Desk
from tests.simulation_market import host_of

Heal = Callable[[], None]
Fault = Callable[[Desk, Random], Heal]
HEARTBEATS = ("POST /heartbeat", "POST /heartbeat/v3")
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
CODES = (10000, 10028, 10041, 10049, 10066, 11050, 11051, 11056, 12003, 13004, 13009, 13021, -32600, 99999)
ROUTES = (*HEARTBEATS, "DELETE /orders-v3/all", "GET /orders-v3", "GET /orders", "*")
STATUSES = (400, 401, 403, 404, 429, 500, 502, 503)


def nothing() -> None:
    """What cannot be undone, or has undone itself."""


def account(desk: Desk, chance: Random, kind: type[DeribitAccount] | type[SxBetAccount]) -> Account:
    return chance.choice([one for one in desk.roster.values() if isinstance(one, kind)])


def knobs(desk: Desk, chance: Random, kind: type[DeribitAccount] | type[SxBetAccount]) -> Faults:
    """Those of a whole venue, or of one account."""
    struck = account(desk, chance, kind)
    return chance.choice([desk.market.venue(struck).faults, desk.market.faults(struck)])


def host(desk: Desk, chance: Random) -> str:
    return host_of(chance.choice(list(desk.roster.values())))


def freeze(desk: Desk, chance: Random) -> Heal:
    struck = host(desk, chance)
    desk.network.freeze(struck)
    return lambda: desk.network.thaw(struck)


def refuse(desk: Desk, chance: Random) -> Heal:
    struck = host(desk, chance)
    desk.network.refuse(struck)
    if chance.random() < 0.5:
        desk.network.cut(struck)
    return lambda: desk.network.allow(struck)


def cut(desk: Desk, chance: Random) -> Heal:
    desk.network.cut(host(desk, chance), chance.choice([0.5, 1.0]))
    return nothing


def latency(desk: Desk, chance: Random) -> Heal:
    struck, lowest = host(desk, chance), chance.uniform(0.0, 1.5)
    desk.network.delay(struck, lowest, lowest + chance.uniform(0.0, 2.0))
    return lambda: desk.network.delay(struck, 0.0, 0.0)


@dataclass
class Knob:
    """A fault that sets one knob, at a venue or at one account, and later puts it back to where it does nothing."""

    kind: type[DeribitAccount] | type[SxBetAccount]
    name: str
    draw: Callable[[Random], object]

    def __call__(self, desk: Desk, chance: Random) -> Heal:
        struck = knobs(desk, chance, self.kind)
        setattr(struck, self.name, self.draw(chance))
        return lambda: setattr(struck, self.name, getattr(Faults(), self.name))


def some(names: tuple[str, ...]) -> Callable[[Random], set[str]]:
    return lambda chance: set(chance.sample(names, chance.randint(1, 2)))


def failing(methods: tuple[str, ...], codes: tuple[int, ...]) -> Callable[[Random], dict[str, int]]:
    return lambda chance: {chance.choice(methods): chance.choice(codes)}


def drift(desk: Desk, chance: Random) -> Heal:
    struck = account(desk, chance, DeribitAccount)
    desk.market.venue(struck).switch(struck.name, on=False)  # type: ignore[union-attr]
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


def key_rotated(desk: Desk, chance: Random) -> Heal:
    """The venue knows the new key at once; the file follows when this is healed."""
    struck = account(desk, chance, SxBetAccount)
    assert isinstance(struck, SxBetAccount)
    fresh = desk.market.rotate_key(struck)
    return lambda: desk.market.secrets.update({struck.name: fresh})


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
    "deribit lying": lying,
    "drift": drift,
    "drop": drop,
    "tokens expire": tokens_expire,
    "nonsense": nonsense,
    "half dead": half_dead,
}
SXBET: dict[str, Fault] = {
    "sxbet frozen": Knob(SxBetAccount, "frozen", lambda _: True),
    "sxbet dead": Knob(SxBetAccount, "dead", lambda _: True),
    "sxbet refuses": Knob(SxBetAccount, "refuse", lambda _: True),
    "sxbet fails": Knob(SxBetAccount, "fail", failing(ROUTES, STATUSES)),
    "sxbet ignores": Knob(SxBetAccount, "ignored", some(ROUTES)),
    "sxbet silent": Knob(SxBetAccount, "silent", some(ROUTES)),
    "sxbet garbled": Knob(SxBetAccount, "garbled", some(ROUTES)),
    "sxbet wrong echo": Knob(SxBetAccount, "wrong_echo", lambda _: True),
    "sxbet slow": Knob(SxBetAccount, "delay", lambda chance: chance.uniform(0.5, 7.0)),
    "sxbet expires_at": Knob(SxBetAccount, "expires_at", lambda chance: chance.choice(["missing", "past"])),
    "sxbet body": Knob(SxBetAccount, "body", lambda chance: chance.choice(["hang", "drip", "reset", "eof"])),
    "sxbet leaves orders": Knob(SxBetAccount, "cancel_leaves", lambda _: 1),
    "key rotated": key_rotated,
}
NETWORK: dict[str, Fault] = {"freeze": freeze, "refuse": refuse, "cut": cut, "latency": latency}
