"""What nobody may ever read in a log, a metric or a status."""

from __future__ import annotations

from collections.abc import Iterator

from tests.swarm.world.desk import Desk


def secrets(desk: Desk) -> Iterator[str]:
    """Keys, and every token that means something now."""
    yield from (secret.reveal() for secret in desk.market.secrets.values())
    for venue in (desk.market.deribit, desk.market.coinbase):
        for session in venue.vault.sessions:
            yield from (session.access_token, session.refresh_token)
