"""What happens to an account's orders if its bot, or this host, dies now (design, section 2)."""

from __future__ import annotations

from deadman.config.schema import DeribitAccount, SxBetAccount
from deadman.report import deribit, sxbet
from deadman.report.fate import Case, Fate


def if_bot_dies(case: Case) -> Fate:
    """The trading process dies or hangs; this host and deadman go on."""
    match case.account:
        case DeribitAccount() as account:
            return deribit.if_bot_dies(case, account)
        case SxBetAccount() as account:
            return sxbet.if_bot_dies(case, account)


def if_host_dies(case: Case) -> Fate:
    """This host vanishes with everything on it."""
    match case.account:
        case DeribitAccount() as account:
            return deribit.if_host_dies(case, account)
        case SxBetAccount():
            return sxbet.if_host_dies(case)
