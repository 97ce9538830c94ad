"""Boards with a clock that only a test's hand moves."""

from __future__ import annotations

from dataclasses import dataclass, replace

from deadman.model import facts
from deadman.model.board import Board
from deadman.model.clock import Clock
from deadman.model.errors import Reason
from deadman.model.proof import Coverage, Proof
from deadman.model.secret import SecretSource
from deadman.model.settings import Account
from deadman.venues.deribit.settings import DeribitAccount
from deadman.venues.sxbet.settings import SxBetAccount

START = 1000.0
NOON = 1_800_000_000.0


@dataclass
class Hand:
    """A board and the hand on its clock: monotonic 1000 is Unix 1.8e9."""

    board: Board
    seconds: float = 0.0

    @property
    def now(self) -> float:
        return START + self.seconds

    def advance(self, seconds: float) -> None:
        """Time goes by and the loop ticks."""
        self.stall(seconds)
        self.board.let_time_pass()
        self.board.loop = replace(self.board.loop, tick_at=self.now)

    def stall(self, seconds: float) -> None:
        """Time goes by and the loop does not notice."""
        self.seconds += seconds

    def post(self, account: str, *posted: facts.Fact) -> None:
        for fact in posted:
            self.board.post(account, fact)

    def arm(self, account: str, ttl: float = 30.0) -> None:
        lease = self.board.configs[account].venue == "sxbet"
        coverage = Coverage.LEASE if lease else Coverage.INHERITED
        self.post(
            account,
            facts.SessionOpened(self.now, True),
            facts.Attempted(self.now, ttl),
            facts.Proven(self.now, Proof(self.now, ttl, coverage)),
        )

    def refuse(self, account: str, detail: str = "the key is unknown") -> None:
        self.post(account, facts.TurnedAway(self.now, Reason.CREDENTIALS, detail))

    def expose(self, account: str, detail: str = "the venue says it is off") -> None:
        self.post(account, facts.FoundOff(self.now, detail))


def hand(*accounts: Account) -> Hand:
    """A new board with these accounts, at 1000 s."""
    held = Hand(Board.new(Clock(lambda: START, lambda: NOON)))
    held.board.clock = Clock(lambda: held.now, lambda: NOON + held.seconds)
    for account in accounts:
        held.board.add(account)
    return held


def deribit(name: str, *watches: str) -> DeribitAccount:
    return DeribitAccount(name, "mainnet", "wss://venue.test/ws/api/v2", watches=watches)


def sxbet(name: str, *watches: str) -> SxBetAccount:
    key = SecretSource("env", "KEY")
    return SxBetAccount(name, "testnet", "https://venue.test", "v3", key, watches=watches)
