"""A host really dies: two daemons, a bot and an etcd as processes, and a venue on loopback."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio

from deadman.model.promise import NOTICE
from deadman.model.settings import REPLY_TIMEOUT
from deadman.model.sight import noticed_within
from tests.cluster.hosts import DESKS, WITNESSS, open_pair
from tests.cluster.simulated import ALLOWED
from tests.support.etcds import etcd, needs_etcd

HOST_TIMEOUT = 7.0
BOUND = noticed_within(HOST_TIMEOUT) + NOTICE + REPLY_TIMEOUT


@needs_etcd
@pytest.mark.xdist_group("etcd")
async def test_a_host_that_is_killed_with_its_bot_is_swept_by_its_witness_in_time(tmp_path: Path) -> None:
    (tmp_path / "etcd").mkdir()
    with etcd(tmp_path / "etcd") as members:
        async with open_pair(tmp_path, members.endpoints, HOST_TIMEOUT) as pair:
            pair.desk.start()
            pair.witness.start()
            await pair.desk.until(lambda told: told["accounts"][DESKS]["protected"], 30)
            pair.desk.start_bot()
            await pair.stands_by()
            pair.rest(2)
            told = await trio.to_thread.run_sync(pair.desk.ask)
            assert told["accounts"][DESKS]["if_host_dies"]["within"] == BOUND
            assert "it runs on this very machine, and dies with it" in str(told["accounts"][DESKS]["witnesses"])
            pair.desk.die()
            await pair.gone(BOUND)
            await pair.witness.until(lambda told: told["accounts"][WITNESSS]["phase"] == "tripped", 5)
        assert set(pair.sent_by("bravo-id")) <= ALLOWED
