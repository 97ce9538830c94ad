"""Audits that all comes to rest: after the last trouble everything wanted is armed and proven again, and stays so."""

from __future__ import annotations

import trio

from deadman.model.guard import Phase
from tests.swarm.laws.record import Record
from tests.swarm.world.desk import Desk

HEALING = 60.0
"""Seconds after the last trouble within which everything must stand again: the longest pause, and a rearming."""

CLOSED_DOOR = 60.0
"""Seconds more where the venue itself had shut its door on us, for a minute after too many bad logins."""

NOTICED = 12.0
"""Seconds within which a session that the last trouble broke is missed, and back."""

QUIET = 25.0
"""Seconds at the end in which nothing at all may happen."""


async def check_healing(desk: Desk, record: Record) -> None:
    began = trio.current_time()
    while (left := standing_open(desk)) and not too_long(desk, began):
        await trio.sleep(0.5)
    record.expect(not left, f"not armed {trio.current_time() - began:.0f} s after the last trouble: {left}")
    record.reached["healed"] += 1
    await trio.sleep(NOTICED)
    before = {name: one.tally.transitions for name, one in desk.board.standings().items()}
    await trio.sleep(QUIET)
    for name, one in desk.board.standings().items():
        record.expect(before[name] == one.tally.transitions, f"{name}: restless in the quiet: {one.phase}")


def too_long(desk: Desk, began: float) -> bool:
    shut = any("12003" in one.tally.errors for one in desk.board.standings().values())
    return trio.current_time() > began + HEALING + (CLOSED_DOOR if shut else 0.0)


def standing_open(desk: Desk) -> dict[str, str]:
    """The accounts that are not armed, or not in truth, and why; of those only looked at nobody takes care."""
    armed = {name for name, one in desk.accounts.items() if desk.market.would_cancel(one)}
    cared = {name for name, one in desk.accounts.items() if not one.observe}
    standings = desk.board.standings().items()
    return {
        name: f"{one.phase} {one.guard.trouble}"
        for name, one in standings
        if name in cared and (one.phase is not Phase.ARMED or name not in armed)
    }
