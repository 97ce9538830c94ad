"""Both venues together, and whom a person's command means."""

from __future__ import annotations

from dataclasses import dataclass, field

from .deribit import Connection, Deribit
from .faults import Faults
from .knobs import BadCommand
from .sxbet import SxBet


@dataclass(slots=True)
class Stage:
    """Both venues, and the bots that commands let connect to Deribit."""

    deribit: Deribit
    sxbet: SxBet
    bots: dict[str, list[Connection]] = field(default_factory=dict)

    def faults(self, target: str) -> list[Faults]:
        """The knobs of a venue, of an account, or of all.

        Raises:
            BadCommand: nobody is called that.
        """
        match target:
            case "all":
                return [self.deribit.faults, self.sxbet.faults, *(self.faults_of(name) for name in self.accounts)]
            case "deribit":
                return [self.deribit.faults]
            case "sxbet":
                return [self.sxbet.faults]
            case _:
                return [self.faults_of(self.known(target))]

    def faults_of(self, account: str) -> Faults:
        if account in self.deribit.accounts:
            return self.deribit.accounts[account].faults
        return self.sxbet.accounts[account].faults

    @property
    def accounts(self) -> list[str]:
        return [*self.deribit.accounts, *self.sxbet.accounts]

    @property
    def targets(self) -> list[str]:
        return ["all", "deribit", "sxbet", *self.accounts]

    def known(self, account: str) -> str:
        if account not in self.accounts:
            raise BadCommand(
                f"nobody is called {account!r}; there are {', '.join(['deribit', 'sxbet', *self.accounts])}"
            )
        return account

    def on_deribit(self, account: str) -> str:
        if self.known(account) not in self.deribit.accounts:
            raise BadCommand(f"{account} is no Deribit account")
        return account
