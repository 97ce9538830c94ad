"""What can go wrong at SX Bet."""

from __future__ import annotations

from random import Random

from deadman.venues.sxbet.settings import SxBetAccount
from tests.swarm.troubles.faults import Fault, Heal, Knob, account, failing, late, some
from tests.swarm.world.desk import Desk

HEARTBEATS = ("POST /heartbeat", "POST /heartbeat/v3")
ROUTES = (*HEARTBEATS, "DELETE /orders-v3/all", "GET /orders-v3", "GET /orders", "*")
STATUSES = (400, 401, 403, 404, 429, 500, 502, 503)


def key_rotated(desk: Desk, chance: Random) -> Heal:
    """The venue knows the new key at once; the file follows when this is healed."""
    struck = account(desk, chance, SxBetAccount)
    assert isinstance(struck, SxBetAccount)
    fresh = desk.market.rotate_key(struck)

    def heal() -> None:
        now = desk.accounts.get(struck.name, struck)
        assert isinstance(now, SxBetAccount)
        desk.market.secrets |= dict.fromkeys((struck.name, now.api_key.name), fresh)

    return heal


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
    "sxbet late": Knob(SxBetAccount, "late", late(ROUTES, 1.0, 25.0)),
    "sxbet expires_at": Knob(SxBetAccount, "expires_at", lambda chance: chance.choice(["missing", "past"])),
    "sxbet body": Knob(SxBetAccount, "body", lambda chance: chance.choice(["hang", "drip", "reset", "eof"])),
    "sxbet leaves orders": Knob(SxBetAccount, "cancel_leaves", lambda _: 1),
    "key rotated": key_rotated,
}
