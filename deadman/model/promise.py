"""The published promise: every timer and every bound, computed from the config and nothing else.

Keepers obey the timers, `check` prints the bounds, the simulation asserts them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from random import Random

from deadman.model.leases import HEARD_WITHIN
from deadman.model.settings import Account, DeribitAccount, SxBetAccount, WatchConfig

REPLY_TIMEOUT = 5.0
"""Seconds any single answer may take at most (contract, section 2)."""

PROBE_TIMEOUT = REPLY_TIMEOUT
"""Seconds for a sign of life: as long as any answer may take, or a slow venue would be called a dead one."""

COINBASE_PROBE = 8.0
"""Seconds: Coinbase's gateway hangs up after about 30 s without a message of ours; with a slow answer this is 13."""

LISTING_TIMEOUT = 8.0
"""Seconds for a list of Deribit's open orders, which may be some thousand long."""

CANCEL_RATE = 5.0
"""Single cancels a second that every account of Deribit has. Source: docs.deribit.com, "Rate limits": requests to the
matching engine, lowest tier 5 a second with a burst of 20, highest 30."""

NOTICE = 0.25
"""Seconds at most until the loop notices a silence that has come due."""

CUT = 1
"""Seconds: the shortest lease SX Bet grants, and the only active cancel V2 offers to a key alone."""

REARM = 3.0
"""Seconds from a successful dial to a proof, while the venue answers within 0.3 s."""


@dataclass(frozen=True, slots=True)
class Timers:
    """Seconds, all. `vouch` is how long one read-back is believed (Deribit) or the lease itself (SX Bet).

    `look_interval`: between two counts of open orders while there is nothing else to ask the venue for; a login each
    on Deribit, a single request on SX Bet.
    """

    renew_interval: float
    reply_timeout: float
    probe_interval: float
    probe_timeout: float
    vouch: float
    overdue_after: float
    retry: Backoff
    patient_after: float
    look_interval: float


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

    def gone_within(self, orders: int | None) -> float | None:
        """Seconds from a bot's last check-in to `orders` open orders gone; None where no number bounds it."""
        if self.bot is None or (orders is None and self.per_order):
            return None
        return self.bot + (orders or 0) * self.per_order

    def sentences(self) -> tuple[str, ...]:
        return (
            f"detects a dead or silent venue within {_at_most(self.detect)} s",
            f"re-armed and proven within {_at_most(self.rearm)} s of a successful dial, tried at least every "
            f"{_at_most(self.redial)} s; after the venue's no every {_at_most(REFUSED_AT_FIRST.cap)} s for "
            f"{self.patient_after:.0f} s, then every {_at_most(REFUSED.cap)} s, unless it asks for longer",
            f"raises a false alarm only when delays exceed {self.false_alarm:.1f} s",
            self._bot(),
            self._host(),
        )

    def _bot(self) -> str:
        if self.bot is None:
            return "from a bot's last check-in: no watch trips this account, its orders stay"
        each = f" and {_at_most(self.per_order)} s more for each open order" if self.per_order else ""
        return f"from a bot's last check-in to its orders gone within {_at_most(self.bot)} s{each}; {self.depends}"

    def _host(self) -> str:
        if self.host is None:
            return f"from the host's death: {self.stays}"
        return f"from the host's death to the orders gone within {_at_most(self.host)} s; {self.stays}"


def _at_most(bound: float) -> str:
    """Seconds in tenths, rounded up: what is published must hold."""
    return f"{ceil(round(bound * 10, 6)) / 10:.1f}"


def timers(account: Account) -> Timers:
    match account:
        case DeribitAccount():
            return _deribit_timers(account)
        case SxBetAccount():
            return _sxbet_timers(account)


def _deribit_timers(account: DeribitAccount) -> Timers:
    """We probe more than four times as often as we ask the venue to, so that we know of a death before it does."""
    interval = float(account.heartbeat_interval)
    return Timers(
        renew_interval=account.verify_interval,
        reply_timeout=REPLY_TIMEOUT,
        probe_interval=min(0.22 * interval, COINBASE_PROBE if account.network == "coinbase" else 10.0),
        probe_timeout=PROBE_TIMEOUT,
        vouch=2 * account.verify_interval + REPLY_TIMEOUT,
        overdue_after=account.verify_interval + REPLY_TIMEOUT,
        retry=Backoff(first=0.5, cap=5.0),
        patient_after=30.0,
        look_interval=60.0,
    )


def _sxbet_timers(account: SxBetAccount) -> Timers:
    """Three whole tries fit between a renewal's due time and the lease's end, each hung for all it may."""
    lease = float(account.timeout_seconds)
    attempt = min(REPLY_TIMEOUT, 0.3 * (lease - account.renew_interval))
    return Timers(
        renew_interval=account.renew_interval,
        reply_timeout=attempt,
        probe_interval=account.renew_interval,
        probe_timeout=attempt,
        vouch=lease,
        overdue_after=account.renew_interval + attempt,
        retry=Backoff(first=min(0.5, lease / 40), cap=min(5.0, max(0.5, account.renew_interval / 2))),
        patient_after=300.0,
        look_interval=25.0,
    )


def promise(account: Account, watches: Mapping[str, WatchConfig]) -> Promise:
    pace = timers(account)
    return Promise(
        detect=pace.probe_interval + pace.probe_timeout,
        rearm=REARM if isinstance(account, DeribitAccount) else pace.reply_timeout,
        redial=pace.retry.cap,
        patient_after=pace.patient_after,
        false_alarm=pace.probe_timeout,
        bot=_bot_bound(account, watches, pace),
        host=pace.vouch if isinstance(account, SxBetAccount) and not account.observe else None,
        stays=_what_stays(account),
        depends=_depends(account, pace),
        per_order=1 / CANCEL_RATE if _one_by_one(account) else 0.0,
    )


def _one_by_one(account: Account) -> bool:
    return isinstance(account, DeribitAccount) and account.cancel.one_by_one


def _depends(account: Account, pace: Timers) -> str:
    """What the venue must do for the bot's bound to hold."""
    answers = f"if the venue carries out each request within {_at_most(pace.reply_timeout)} s"
    if account.on_trip == "lapse":
        return "if the venue cancels as the lease ends: its own delay is not documented"
    if _one_by_one(account):
        return f"{answers}, and takes {CANCEL_RATE:.0f} cancels a second of this account"
    return answers


def _bot_bound(account: Account, watches: Mapping[str, WatchConfig], pace: Timers) -> float | None:
    """The slowest of the account's watches, noticed, then one cancel; where only a lease's end cancels, that."""
    silences = [watches[name].timeout for name in account.watches]
    if not silences or account.on_trip == "none" or account.observe:
        return None
    noticed = max(silences) + NOTICE
    match account.on_trip:
        case "lapse":
            return noticed + pace.vouch
        case "expire":
            return noticed + pace.reply_timeout + CUT
        case _ if _one_by_one(account):
            return noticed + LISTING_TIMEOUT + pace.reply_timeout
        case _:
            return noticed + pace.reply_timeout


def _what_stays(account: Account) -> str:
    if isinstance(account, SxBetAccount) and account.observe:
        return "deadman only observes and holds no lease; its orders stay"
    if isinstance(account, SxBetAccount):
        late = HEARD_WITHIN + timers(account).reply_timeout
        return (
            f"a renewal that the venue carries out late adds up to {_at_most(late)} s, "
            "and its own delay in cancelling is not documented"
        )
    uncovered = [word for word in ("rest", "fix") if word in account.orders_via]
    stays = "orders of connections opened before the arming" + "".join(f", {word.upper()} orders" for word in uncovered)
    return f"WebSocket orders go when Deribit misses the bot's own heartbeat; {stays} stay"


STABLE = 10.0
"""Seconds a session must have been proven before its loss counts as a first one."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """First retry at once, then doubling from `first` to `cap` seconds, half of it chance.

    Half and not all: with full jitter a run of short draws would break the bound on tries that `promise` states.
    """

    first: float
    cap: float

    def delay(self, failures: int, chance: Random) -> float:
        """Seconds to wait after `failures` (>= 1) failures in a row."""
        if failures <= 1:
            return chance.uniform(0.0, self.first / 4)
        longest = min(self.cap, self.first * 2.0 ** min(failures - 2, 30))
        return chance.uniform(longest / 2, longest)


REFUSED_AT_FIRST = Backoff(first=4.0, cap=5.0)
"""After a venue's no, for `Timers.patient_after` seconds: it may pass (a short ban, a key being replaced). In half a
minute that is some eight logins; how many failed ones Deribit takes before it answers 12003 is not documented."""

REFUSED = Backoff(first=6.0, cap=40.0)
"""After that: retry slowly, for ever; 13004 may be a longer ban (protocol, section 2.5)."""

REPAIR = Backoff(first=1.0, cap=20.0)
"""After the venue's word that the switch is off: every try costs a second connection."""
