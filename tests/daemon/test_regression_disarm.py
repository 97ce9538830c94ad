"""What an operator's disarm leaves alone."""

from __future__ import annotations

import pytest
from trio.testing import MockClock

from deadman.model.guard import Phase
from tests.swarm.world.desk import deribit_account, lay_out


@pytest.mark.parametrize("before", [True, False])
async def test_a_disarm_leaves_the_switch_as_it_was_before_deadman_came(
    autojump_clock: MockClock, before: bool
) -> None:
    async with lay_out(deribit_account()) as desk:
        desk.exchange.switch("desk", on=before)
        await desk.start()
        await desk.until(Phase.ARMED, within=3)
        await desk.command("disarm", "desk", reason="lunch")
        assert desk.standing().guard.disarm_confirmed
        assert desk.exchange.inherits("desk") is before
