"""What a witness makes of what it sees of a desk: whether its host is dead, and what becomes of its accounts. Pure.

A host is judged as a bot is, by a `Watch`. Its check-in is a beat that was seen to come in, and its silence counts only
while our own words go through: blindness, and an absence of ours, pause it and grant it one whole timeout.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from deadman.model import facts
from deadman.model.facts import Cause, Fact
from deadman.model.guard import Guard
from deadman.model.settings import Account, Terms
from deadman.model.sight import CONTINUOUS, AccountTold, DeskBeat, Sight, holder_of
from deadman.model.watch import Watch, may_trip


@dataclass(frozen=True, slots=True)
class Sighting:
    """One look at a desk's beat that was answered.

    Attributes:
        asked_at: before the request was sent.
        beat: the last beat that could be read, in this run; it may be older than what stands there now.
        moved: whether the key was written since the look before, whatever it holds; of a first look nobody knows.
        present: whether anything stands there.
        was_blind: looks have failed since the one before.
        unreadable: why what stands there is no beat; empty where it is.
        twins: two daemons write there in turn.
    """

    asked_at: float
    beat: DeskBeat | None
    moved: bool
    present: bool
    was_blind: bool = False
    unreadable: str = ""
    twins: bool = False


def after_look(host: Watch, look: Sighting) -> Watch:
    """The host after one more look. What was written before our first look may be of a host long dead, or of one that
    lives: its silence counts from there.
    """
    at, since = look.asked_at, host.seen_until if host.seen_until is not None else look.asked_at
    if look.beat is not None and look.beat.timeout != host.timeout:
        shorter = look.beat.timeout < host.timeout
        host = replace(host, timeout=look.beat.timeout)
        host = host.granted(at) if shorter else host
    if look.moved:
        host = host.check_in(at, None)
    elif look.present and host.counted_from is None:
        host = host.resumed(at)
    elif look.was_blind or at - since > CONTINUOUS:
        host = host.paused(since, at).granted(at)
    if look.beat is not None and look.beat.stopped and not look.unreadable:
        host = replace(host.released(), goodbye_at=at)
    host = replace(host, seen_until=at)
    silent_at = host.silent_at()
    is_news = silent_at is not None and silent_at <= at and host.died_at is None
    return replace(host, died_at=silent_at, stopping_at=None) if is_news else host


@dataclass(frozen=True, slots=True)
class WitnessCase:
    """An account that is a witness's, and what is known of the one it watches over. `machine`: our own fingerprint."""

    account: Account
    guard: Guard
    host: Watch
    look: Sighting
    machine: str = ""

    @property
    def desk(self) -> str:
        return self.host.name

    @property
    def told(self) -> AccountTold | None:
        return None if self.look.beat is None else self.look.beat.accounts.get(self.account.desk_account)

    @property
    def terms(self) -> Terms | None:
        """The desk's own selection; a host's death cancels whatever its on_trip."""
        return None if self.told is None else Terms("cancel", self.told.terms.cancel)

    @property
    def barred(self) -> str:
        """Why nothing of the desk's account may be cancelled; empty where nothing speaks against it."""
        beat, told, theirs = self.look.beat, self.told, self.account.desk_account
        if beat is None:
            return f"{self.desk} has not been heard of"
        if self.look.twins:
            return f"two daemons beat as {self.desk}: whose host is dead cannot be told, and nothing is cancelled"
        if beat.stopped:
            return f"the daemon on {self.desk} was stopped by somebody: nothing is cancelled before it runs again"
        if told is None:
            return f"{self.desk} has no account {theirs}"
        if told.left_alone:
            return f"{theirs} is {told.left_alone} at {self.desk}: it is left alone"
        if told.holder and (ours := holder_of(self.guard.identity)) and told.holder != ours:
            return f"this API key is of another account than that of {self.desk}/{theirs}: nothing is cancelled"
        return ""

    @property
    def awaits(self) -> str:
        """Why it cannot be said that the desk's death would be noticed."""
        if self.barred:
            return self.barred
        if self.account.observe:
            return f"deadman only observes here: nothing is cancelled if {self.desk} dies"
        if self.host.held(self.look.asked_at):
            return f"{self.desk} is on hold here: nothing is cancelled if it dies meanwhile"
        heard = self.host.last_check_in_at is not None
        return "" if heard else f"{self.desk} has not been heard since this witness started"

    @property
    def faults(self) -> Iterator[str]:
        """What makes the pair weaker than it looks."""
        beat, told, identity = self.look.beat, self.told, self.guard.identity
        if self.look.unreadable:
            yield f"what stands under the name of {self.desk} cannot be read and is skipped: {self.look.unreadable}"
        if beat is not None and self.machine and beat.machine == self.machine:
            yield f"{self.desk} runs on this very machine, and dies with it"
        if told is not None and identity is not None and told.key == identity.credential:
            yield "the desk logs in with the same API key: give the witness one of its own"

    def sight(self) -> Sight:
        return Sight(
            desk=self.desk,
            timeout=self.host.timeout,
            seen_at=self.look.asked_at,
            heard_at=self.host.last_check_in_at,
            awaits=self.awaits,
            faults=tuple(self.faults),
            terms=self.terms,
        )


def judge(case: WitnessCase) -> Iterator[Fact]:
    """What one more look says of the account."""
    yield facts.Sighted(case.look.asked_at, case.sight())
    if not case.barred:
        yield from _lost(case)
    yield from _returned(case)


def _lost(case: WitnessCase) -> Iterator[Fact]:
    """The host is silent, or says that a bot of this account is: it may have died while it cancelled."""
    now, silent_at = case.look.asked_at, case.host.silent_at()
    if case.host.held(now):
        return
    if silent_at is not None and silent_at <= now and may_trip(case.account, case.guard, Cause.HOST):
        yield facts.Tripped(silent_at, Cause.HOST, case.desk, unheard(case.host, now), case.terms)
    elif (bot := _dead_bot(case)) and may_trip(case.account, case.guard, Cause.SILENCE):
        words = f"as {case.desk} says"
        yield facts.Tripped(now, Cause.SILENCE, f"{case.desk}/{bot}", words, case.terms)


def _dead_bot(case: WitnessCase) -> str | None:
    """One whose silence trips the account at its desk."""
    beat, told = case.look.beat, case.told
    if beat is None or told is None or told.terms.on_trip == "none":
        return None
    return next((name for name in told.watches if name in beat.bots and beat.bots[name].state == "dead"), None)


def _returned(case: WitnessCase) -> Iterator[Fact]:
    """Stands by again once the host is back, and with it a bot of the account; without bots the host is enough."""
    trip, host, beat, told = case.guard.trip, case.host, case.look.beat, case.told
    if case.guard.disarm is not None or trip is None or trip.done_at is None or trip.cause is Cause.OPERATOR:
        return
    if beat is None or told is None or host.died_at is not None or (host.last_check_in_at or 0.0) <= trip.done_at:
        return
    now, bots = case.look.asked_at, {name: beat.bots[name] for name in told.watches if name in beat.bots}
    if not told.watches:
        yield facts.Rearmed(now, case.desk, "it is heard again")
    elif not any(bot.state == "dead" for bot in bots.values()):
        since = now - trip.done_at
        back = [name for name, bot in bots.items() if bot.state == "alive" and bot.heard is not None]
        if fresh := [name for name in back if (bots[name].heard or 0.0) < since]:
            yield facts.Rearmed(now, f"{case.desk}/{fresh[0]}", "checked in")


def unheard(host: Watch, now: float) -> str:
    """For how long, in words."""
    if host.last_check_in_at is None:
        return f"not heard for {now - (host.counted_from or now):.0f} s, since this witness looks"
    return f"not heard for {now - host.last_check_in_at:.0f} s"
