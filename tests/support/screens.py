"""Desks for the tests of what `status` shows: three accounts, a bot, and facts posted by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from deadman.model import facts
from deadman.model.board import Board
from deadman.model.clock import Clock
from deadman.model.errors import Reason
from deadman.model.facts import Cause, Fact
from deadman.model.proof import Coverage, Proof
from deadman.model.secret import SecretSource
from deadman.model.watch import Sender, Watch
from deadman.status.report import report
from deadman.status.schema import StatusReport
from deadman.venues.deribit.settings import DeribitAccount
from deadman.venues.sxbet.settings import SxBetAccount

Histories = dict[str, Sequence[Fact]]
"""What happened to each account, by name."""

EPOCH = 1_763_449_920.0  # 18 Nov 2025 07:12:00Z
NOW = 100.0
BTC = DeribitAccount("btc-desk", "testnet", "wss://venue", watches=("quoter",), on_trip="cancel")
ETH = DeribitAccount("eth-desk", "testnet", "wss://venue", watches=("quoter",), on_trip="cancel")
SX = SxBetAccount("sx-maker", "testnet", "https://venue", "v3", SecretSource("env", "KEY"), watches=("quoter",))

ALIVE = Watch("quoter", 5.0, counted_from=99.5, last_check_in_at=99.5, check_ins=9)
DEAD = Watch("quoter", 5.0, 91.0, 91.0, 100, 0, Sender(4123, 1000), died_at=96.0)
NEVER = Watch("quoter", 5.0)

OPEN = facts.SessionOpened(10.0, can_cancel=True)
READ_BACK = facts.Proven(90.0, Proof(90.0, 65.0, Coverage.INHERITED))
STALE = facts.Proven(20.0, Proof(20.0, 65.0, Coverage.INHERITED))
LEASE = facts.Proven(95.0, Proof(95.0, 30.0, Coverage.LEASE))
LOST = facts.Lost(96.0, Reason.DNS, "no address for www.deribit.com")
OFF = facts.FoundOff(97.0, "turned off by somebody else")
AWAY = facts.TurnedAway(96.0, Reason.CREDENTIALS, "13004 invalid_credentials")
SILENCE = facts.Tripped(96.0, Cause.SILENCE, "quoter", "silent 5 s")

ARMED: Histories = {
    "btc-desk": (OPEN, READ_BACK, facts.OrdersCounted(91.0, 4)),
    "eth-desk": (OPEN, READ_BACK, facts.OrdersCounted(91.0, 0)),
    "sx-maker": (OPEN, LEASE),
}


def gone(at: float) -> tuple[Fact, ...]:
    return facts.RoundDone(at, 5, 0), facts.TripDone(at, presumed=False)


@dataclass
class Moment:
    now: float = 0.0


def answer(histories: Histories, watch: Watch = ALIVE) -> StatusReport:
    """The answer of `status` for a desk that went through these facts."""
    moment = Moment()
    board = Board.new(Clock(lambda: moment.now, lambda: EPOCH + moment.now))
    for account in (BTC, ETH, SX):
        board.add(account)
    board.put_watch(watch)
    happened = [(fact.at, name, fact) for name, history in histories.items() for fact in history]
    for at, name, fact in sorted(happened, key=lambda event: event[0]):
        moment.now = max(moment.now, at)
        board.post(name, fact)
    moment.now = NOW
    return report(board, is_gone=lambda pid: True)


def changed(told: StatusReport, name: str, **fields: Any) -> StatusReport:
    """The same, but for these fields of one account."""
    return replace(told, accounts={**told.accounts, name: replace(told.accounts[name], **fields)})
