"""A daemon with nothing to hurry for: what it does several times a second, it does a few times a minute."""

from __future__ import annotations

import pytest


def unhurried(monkeypatch: pytest.MonkeyPatch, every: float = 20.0) -> None:
    """Ten ticks a second would be most of the work of a calm hour. From now on a silence is noticed `every` s late.

    Where bots are watched that is below a second: a loop that looks more seldom takes itself to have been away.
    """
    monkeypatch.setattr("deadman.daemon.ticker.TICK", every)
    monkeypatch.setattr("deadman.checkins.rounds.LOOK_INTERVAL", every)
    monkeypatch.setattr("deadman.daemon.ticker.PRESENCE_INTERVAL", 60.0)
    monkeypatch.setattr("deadman.daemon.systemd.STATUS_INTERVAL", 60.0)
    monkeypatch.setattr("deadman.control.commands.DISARM_POLL_INTERVAL", 60.0)
