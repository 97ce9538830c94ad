"""The published promise: every bound, computed from the config alone; `check` prints them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import assert_never

from deadman.model.leases import SHORTEST
from deadman.model.settings import REFUSED, REFUSED_AT_FIRST, Account, Timers, WatchConfig
from deadman.model.sight import noticed_within
from deadman.model.text import tenths_up

SLOW_START = 5.0
"""Seconds from which on a start is long enough to say how far it is."""

NOTICE = 0.25
"""Seconds at most until the loop notices a silence that has come due."""


@dataclass(frozen=True, slots=True)
class Promise:
    """The bounds of one account in seconds; None where nothing can be promised.

    `bot` holds while the venue does as `depends` says, and each open order adds `per_order` to it: `gone_within` is for
    a number of them.
    """

    detect: float
    rearm: float
    redial: float
    patient_after: float
    false_alarm: float
    bot: float | None
    host: float | None
    stays: str
    depends: str = ""
    per_order: float = 0.0
    witness: float | None = None
    stands_by_for: str | None = None

    def gone_within(self, orders: int | None) -> float | None:
        """Seconds from a bot's last check-in to `orders` open orders gone; None where no number bounds it."""
        if self.bot is None or (orders is None and self.per_order):
            return None
        return self.bot + (orders or 0) * self.per_order

    def sentences(self) -> tuple[str, ...]:
        if self.stands_by_for is not None:
            desk = self.stands_by_for.partition("/")[0]
            return (
                f"stands by for {self.stands_by_for}: arms, repairs and renews nothing",
                f"detects a dead or silent venue within {tenths_up(self.detect)} s",
                f"from the death of {desk}'s host to the orders gone within {desk}'s host_timeout and "
                f"{tenths_up(self.host or 0.0)} s more, while etcd answers; {self.depends}",
                f"after etcd was out of reach, {desk}'s host_timeout counts once more",
            )
        bot = "from a bot's last check-in: no watch trips this account, its orders stay"
        host = f"from the host's death: {self.stays}"
        if self.bot is not None:
            each = f" and {tenths_up(self.per_order)} s more for each open order" if self.per_order else ""
            bot = f"from a bot's last check-in to its orders gone within {tenths_up(self.bot)} s{each}; {self.depends}"
        if self.witness is not None:
            each = f" and {tenths_up(self.per_order)} s more for each open order" if self.per_order else ""
            helped = f"from the host's death to the orders gone within {tenths_up(self.witness)} s{each} by a witness"
            host = f"{helped} that stands by (`status` says whether one does); without one: {self.stays}"
        if self.host is not None:
            host = f"from the host's death to the orders gone within {tenths_up(self.host)} s; {self.stays}"
        return (
            f"detects a dead or silent venue within {tenths_up(self.detect)} s",
            f"re-armed and proven within {tenths_up(self.rearm)} s of a successful dial, tried at least every "
            f"{tenths_up(self.redial)} s; after the venue's no every {tenths_up(REFUSED_AT_FIRST.cap)} s for "
            f"{self.patient_after:.0f} s, then every {tenths_up(REFUSED.cap)} s, unless it asks for longer",
            f"raises a false alarm only when delays exceed {self.false_alarm:.1f} s",
            bot,
            host,
        )


def promise(account: Account, watches: Mapping[str, WatchConfig], host_timeout: float | None = None) -> Promise:
    """`host_timeout`: after which a witness takes this host for dead; None where none can hear it."""
    timers, each = account.timers, account.selection.one_by_one
    depends = f"if the venue carries out each request within {tenths_up(timers.reply_timeout)} s"
    if account.on_trip == "lapse":
        depends = "if the venue cancels as the lease ends: its own delay is not documented"
    elif each:
        depends += f", and takes {timers.cancels_per_second:.0f} cancels a second of this account"
    after_silence = noticed_within(0.0) + NOTICE + (timers.listing_timeout if each else 0.0) + timers.reply_timeout
    host = None if account.lease is None or account.observe else account.lease
    witness = None
    if account.witness_of is not None:
        host = after_silence
    elif account.lease is None and host_timeout is not None:
        witness = after_silence + host_timeout
    return Promise(
        detect=timers.probe_interval + timers.probe_timeout,
        rearm=timers.rearm,
        redial=timers.retry.cap,
        patient_after=timers.patient_after,
        false_alarm=timers.probe_timeout,
        bot=_bot_bound(account, watches, timers),
        host=host,
        stays=account.what_stays,
        depends=depends,
        per_order=1 / timers.cancels_per_second if each else 0.0,
        witness=witness,
        stands_by_for=account.witness_of,
    )


def _bot_bound(account: Account, watches: Mapping[str, WatchConfig], timers: Timers) -> float | None:
    """The slowest of the account's watches, noticed, then one cancel; where only a lease's end cancels, that."""
    if not account.watches or account.observe:
        return None
    noticed = max(watches[name].timeout for name in account.watches) + NOTICE
    match account.on_trip:
        case "none":
            return None
        case "lapse":
            return noticed + timers.vouch
        case "expire":
            return noticed + timers.reply_timeout + SHORTEST
        case "cancel" if account.selection.one_by_one:
            return noticed + timers.listing_timeout + timers.reply_timeout
        case "cancel":
            return noticed + timers.reply_timeout
        case _:
            assert_never(account.on_trip)


def start_length(accounts: Iterable[Account], *, begun: bool = False) -> tuple[float, str]:
    """Seconds for which the venues' pace holds up the start of these together, and whose pace it is.

    `begun`: what may be asked at once has been.
    """
    requests: defaultdict[str, float] = defaultdict(float)
    longest, words = 0.0, ""
    for pace in (account.start_pace for account in accounts):
        if pace is not None:
            requests[pace.whose] += pace.requests
            length = (requests[pace.whose] - (0.0 if begun else pace.burst)) / pace.rate
            if length > longest:
                longest, words = length, pace.words
    return longest, words
