"""The loop's part of the watches: read the mail, then judge, as soon as there is any, and ten times a second.

A look costs what has changed since the last one. It looks ten times a second though nothing has, while any process is
up: so it sees that we were away.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from math import inf
from typing import Protocol

import trio

from deadman.checkins.agenda import Agenda
from deadman.checkins.protocol import Datagram, Mail
from deadman.checkins.silences import Notebook, SilenceFiles, SilenceStore
from deadman.model import facts
from deadman.model.account import Standing
from deadman.model.board import Board
from deadman.model.facts import Cause
from deadman.model.promise import NOTICE
from deadman.model.settings import WatchConfig
from deadman.model.text import plain
from deadman.model.watch import Sender, Watch, WatchCase, judge, may_trip
from deadman.transport.peers import is_gone

log = logging.getLogger(__name__)

LOOK_INTERVAL = 0.1
"""Seconds between two looks; a silence is noticed this late at most, well within `promise.NOTICE`."""

IDLE_LOOK_INTERVAL = 1.0
"""The same while no process is up, of which we could miss anything."""

SHORTEST_LOOK_INTERVAL = 0.015
"""Seconds between two looks at least, however much mail comes."""

ABSENCE = 1.0
"""Seconds between two looks from which on check-ins may be lost, where bots do not wait for a full socket."""

LOOK_SHARE = 0.01
"""Between two looks at most, as a share of the timeout of a bot that has had its one grant: in so much less than a
second of waking time we may be killed again and again, and all of it counts."""

TRIGGER_PAUSE = 1.0
"""Seconds between two triggers of one watch that are obeyed: a process that cries on must not flood the venue."""


@dataclass(frozen=True, slots=True)
class Change:
    """Inboxes made ready. `commit` takes them whole, in the loop, and cannot fail; `discard` leaves all as it was."""

    commit: Callable[[], None]
    discard: Callable[[], None] = lambda: None


class Inboxes(Protocol):
    """The mail of every watch."""

    def apply(self, configs: Mapping[str, WatchConfig]) -> None:
        """Open an inbox for every watch named and close the others; those already open stay as they are.

        Raises SocketFault, in words; then nothing has changed.
        """

    def prepare(self, configs: Mapping[str, WatchConfig]) -> Change:
        """The same made ready off the loop: a name service or a file system may hang. Raises UnknownUser, too."""

    def take(self, watch: str) -> Mail:
        """All that had arrived for it when this was called, whether or not anything else has looked yet."""

    def arrived(self) -> Collection[str]:
        """The watches for which something came that nobody took, as far as anybody has looked."""

    async def serve(self, wake: Callable[[], None]) -> None:
        """Receive, until cancelled; `wake` is called in the loop when something came."""

    async def find_users(self) -> None:
        """Ask again for users who were not known at the start, until cancelled."""

    def close(self) -> None:
        """Give up every inbox."""


def boottime() -> float:
    """Seconds that pass in suspend too, when the monotonic clock stands still."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass
class Watches:
    """Reads what trading processes say, and posts on the board what follows for their accounts.

    `boottime` counts suspended time too; `is_gone` says of a pid whether no such process is left; `silences` outlives
    our crash.
    """

    board: Board
    inboxes: Inboxes
    boottime: Callable[[], float] = boottime
    is_gone: Callable[[int], bool] = is_gone
    silences: SilenceStore = field(default_factory=lambda: SilenceFiles(()))
    _configs: dict[str, WatchConfig] = field(default_factory=dict)
    _unmet: dict[str, frozenset[str]] = field(default_factory=dict)
    _woken: trio.Event = field(default_factory=trio.Event)
    _interval: float = LOOK_INTERVAL

    def __post_init__(self) -> None:
        self._agenda, self._notebook = Agenda(self.board), Notebook(self.silences)
        self._mail_handler = MailHandler(self.board, self._agenda)
        self._booted_for, self._looked_at = self.boottime(), self.board.clock.now()
        self.board.listen(self._on_account)
        self.board.listen_to_watches(self._on_watch)

    def apply(self, configs: Mapping[str, WatchConfig], prepared: Change | None = None) -> None:
        """Watch these processes from now on; what is known of one that was watched before stays.

        Raises SocketFault, in words, and then nothing has changed; with what `inboxes` prepared it cannot fail.
        """
        if prepared is None:
            self.inboxes.apply(configs)
        else:
            prepared.commit()
        for name in self._configs.keys() - configs.keys():
            self.board.forget_watch(name)
            self._agenda.forget(name)
            self._mail_handler.forget(name)
        self._configs = dict(configs)
        for config in configs.values():
            known = self.board.watches().get(config.name)
            if known is None:
                self.board.put_watch(Watch(config.name, config.timeout))
            elif known.timeout != config.timeout:
                # A process that kept to the old timeout is not dead by the new one before it could have known.
                changed = replace(known, timeout=config.timeout)
                shorter = config.timeout < known.timeout
                self.board.put_watch(changed.granted(self.board.clock.now()) if shorter else changed)

    def recall(self) -> None:
        """Once the last run's watches are back: what they had spent of their time counts on."""
        for name, spent in self.silences.read().items():
            watch = self.board.watches().get(name)
            if watch is not None and watch.unheard and watch.died_at is None:
                self.board.put_watch(watch.resumed(self.board.clock.now(), spent))

    async def run(self) -> None:
        """Read and judge until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.inboxes.serve, self.wake)
            nursery.start_soon(self.inboxes.find_users)
            nursery.start_soon(self._notebook.keep)
            while True:
                self.look()
                await trio.sleep(SHORTEST_LOOK_INTERVAL)
                with trio.move_on_after(self._interval - SHORTEST_LOOK_INTERVAL):
                    await self._woken.wait()

    def wake(self) -> None:
        """Look now, or as soon after the last look as may be."""
        self._woken.set()

    def look(self) -> None:
        """Read what mail there is, and all of those who would be judged silent without it; then judge."""
        # The clocks before the mail: whatever came until `now` has been read when silence until `now` is judged,
        # and if we are stopped anywhere in between, either this look or the next one sees that we were away.
        booted_for, now = self.boottime(), self.board.clock.now()
        self._move_holds()
        for name in dict.fromkeys((*self.inboxes.arrived(), *self._agenda.due_watches(now))):
            if name in self._configs:
                self._mail_handler.handle(self._configs[name], self.inboxes.take(name), now)
                self._agenda.put_off(name, self._mail_handler.put_off_until(name))
        self._count_absence(booted_for, now)
        for name in self._agenda.due_watches(now):
            if name in self._configs:
                self._judge_watch(self.board.watch(name), now)
        self._judge_accounts(now)
        self._end_holds(now)
        self._note_silences(now)
        self._booted_for, self._looked_at = booted_for, now
        if not self._agenda.touched:
            self._woken = trio.Event()

    def _on_account(self, account: str, before: Standing, after: Standing) -> None:
        if self._agenda.learn(account, before.guard, after.guard):
            self.wake()

    def _on_watch(self, before: Watch, after: Watch) -> None:
        self._agenda.note(after)
        self.wake()

    def _count_absence(self, booted_for: float, now: float) -> None:
        """After the mail is read: silence is counted in our waking time, without what we were stopped for.

        A suspend needs no pause: the monotonic clock stood still.
        """
        slept_in = max(0.0, self._interval - LOOK_INTERVAL)  # of our own accord: nobody was up
        gap = now - self._looked_at - slept_in
        if gap > NOTICE:
            for watch in self._watched():
                self.board.put_watch(watch.paused(self._looked_at + self._interval, now))
        absence = max(booted_for - self._booted_for - slept_in, gap)
        if absence > ABSENCE and self._configs:
            words = f"we were away for {absence:.1f} s: that counts as no bot's silence"
            self.board.tell(log, logging.WARNING, "away", words)
            for watch in self._watched():
                self.board.put_watch(watch.granted(now))

    def _note_silences(self, now: float) -> None:
        """For the next run, as of our next look: so that what a crash between the two costs errs to the trip."""
        unheard = self._agenda.known(self._agenda.unheard)
        counting = [watch.timeout for watch in unheard if watch.alive(now)]
        longest = LOOK_INTERVAL if self._agenda.busy else max(LOOK_INTERVAL, IDLE_LOOK_INTERVAL)
        self._interval = min(
            longest, max(SHORTEST_LOOK_INTERVAL, LOOK_SHARE * min(counting, default=longest / LOOK_SHARE))
        )
        spent = {watch.name: watch.spent(now, self._interval) for watch in unheard}
        self._notebook.note({name: seconds for name, seconds in spent.items() if seconds is not None})

    def _move_holds(self) -> None:
        """Before the mail is handled: a hold that ended while the machine slept keeps nothing back."""
        slept = self.board.clock.slept()
        for watch in self._agenda.known(self._agenda.held):
            moved = watch.hold and watch.hold.after_sleep(slept)
            if moved != watch.hold:
                self.board.put_watch(replace(watch, hold=moved))

    def _judge_watch(self, watch: Watch, now: float) -> None:
        at = watch.silent_at()
        if at is not None and at <= now and watch.died_at is None:
            words = silence(watch, now, self.is_gone)
            self.board.tell(
                log, logging.WARNING, "watch_dead", f"watch {watch.name}: dead: {words}", at, watch=watch.name
            )
            self._mail_handler.tell_observers(watch.name, words)
            self.board.put_watch(replace(watch, died_at=at, stopping_at=None))

    def _judge_accounts(self, now: float) -> None:
        """Those alone of which something was learned since they were judged last, or for which time has come."""
        for account, watches in self._agenda.take_accounts(now):
            guard = self.board.guard(account.name)
            tell = partial(silence, now=now, is_gone=self.is_gone)
            case = WatchCase(account, guard, watches, self._looked_at, now, tell)
            for fact in list(judge(case)):
                self.board.post(account.name, fact)
            self._agenda.settle(account.name, case.next_change)
            self._tell_unmet(account.name, replace(case, guard=self.board.guard(account.name)).unmet)

    def _tell_unmet(self, account: str, unmet: frozenset[str]) -> None:
        new = sorted(unmet - self._unmet.get(account, frozenset()))
        self._unmet[account] = unmet
        if new:
            without = f"stays armed without {' and '.join(new)}, which has not checked in yet"
            words = f"{account}: {without}: its silence trips nothing before it does"
            self.board.tell(log, logging.WARNING, "watch_unmet", words, account=account)

    def _end_holds(self, now: float) -> None:
        """After the judging: until then a silence counts from the hold's end."""
        for watch in self._agenda.known(self._agenda.held):
            if watch.hold is not None and not watch.held(now):
                words = f"watch {watch.name}: the hold by {watch.hold.by} is over"
                self.board.tell(log, logging.INFO, "hold_over", words, watch=watch.name)
                self.board.put_watch(replace(watch, hold=None))

    def _watched(self) -> list[Watch]:
        """Those whose mail comes here: of other hosts we hear elsewhere."""
        return [self.board.watch(name) for name in self._configs]


@dataclass
class MailHandler:
    """Folds mail into the watches on the board, and trips at a process's own word."""

    board: Board
    agenda: Agenda
    _triggers: dict[str, Datagram] = field(default_factory=dict)
    _obeyed_at: dict[str, float] = field(default_factory=dict)
    _told: set[tuple[str, int | None]] = field(default_factory=set)

    def handle(self, config: WatchConfig, mail: Mail, now: float) -> None:
        """Act on `mail`, and on what was put off earlier."""
        if mail != Mail():
            self._tell_oddities(config, mail)
            self._note(config, mail, now)
        self._stop_if_told(config, now)
        self._trigger_if_told(config.name, mail.trigger, now)

    def forget(self, watch: str) -> None:
        self._triggers.pop(watch, None)
        self._obeyed_at.pop(watch, None)

    def put_off_until(self, watch: str) -> float:
        """Until when a trigger waits; inf when none does."""
        return self._obeyed_at.get(watch, -inf) + TRIGGER_PAUSE if watch in self._triggers else inf

    def tell_observers(self, watch: str, reason: str) -> None:
        """Say of accounts that are only looked at what would have happened to them."""
        for account in self.agenda.accounts_of(watch):
            if account.observe and account.on_trip != "none":
                words = f"{account.name}: would have tripped, but is only observed: {watch}: {reason}"
                self.board.tell(log, logging.WARNING, "would_have_tripped", words, account=account.name, watch=watch)

    def _tell_oddities(self, config: WatchConfig, mail: Mail) -> None:
        """Datagrams that do not count: once for each watch and sender, for they may come by the thousand."""
        before = frozenset(self._told)
        if mail.stranger is not None:
            sender = mail.stranger.sender
            self._told.add((config.name, sender.uid if sender else None))
            if self._told != before:
                told = {"event": "sender_refused", "watch": config.name}
                words = 'watch %s: what %s sends does not count: only user "%s" may check in'
                log.warning(words, config.name, who(sender), config.user, extra=told)
        if mail.oddity is not None and (config.name, None) not in self._told:
            self._told.add((config.name, None))
            text = plain(mail.oddity.data[:60].decode("utf-8", "replace")) or "an empty or oversized datagram"
            told = {"event": "datagram_ignored", "watch": config.name}
            log.warning("watch %s: ignored, and from now on only counted: %s", config.name, text, extra=told)

    def _note(self, config: WatchConfig, mail: Mail, now: float) -> None:
        """Check-in and goodbye in the order they were sent; one datagram that holds both is a goodbye."""
        watch = self.board.watch(config.name)
        status = watch.status if mail.status is None else mail.status
        watch = replace(watch, ignored=watch.ignored + mail.ignored, status=status)
        back = mail.check_in is not None and mail.stopping is not None and mail.stopping.at < mail.check_in.at
        if mail.stopping is not None and back:
            self.board.put_watch(replace(watch, stopping_at=mail.stopping.at))
            self._stop_if_told(config, now)
            watch = self.board.watch(config.name)
        if mail.check_in is not None:
            if not watch.alive(now):
                words = f"watch {watch.name}: checked in: {who(mail.check_in.sender)}"
                self.board.tell(log, logging.INFO, "watch_up", words, watch=watch.name)
            watch = watch.check_in(mail.check_in.at, mail.check_in.sender, mail.check_ins)
        if mail.stopping is not None and not back:
            watch = replace(watch, stopping_at=mail.stopping.at)
        self.board.put_watch(watch)

    def _stop_if_told(self, config: WatchConfig, now: float) -> None:
        """A hold puts it off: planned work ends with a check-in, or else as if the goodbye had come then."""
        watch = self.board.watch(config.name)
        if watch.stopping_at is None or watch.held(now) or now < watch.stopping_at:
            return
        words = f"watch {watch.name}: said STOPPING=1; on_stopping is {config.on_stopping}"
        self.board.tell(log, logging.INFO, "watch_stopping", words, watch=watch.name)
        if config.on_stopping == "release":
            self.board.put_watch(watch.released())
            return
        at = max(watch.stopping_at, watch.hold.until) if watch.hold else watch.stopping_at
        self.board.put_watch(watch.stopped(at))
        self._trip(watch.name, Cause.STOPPING, at, "said STOPPING=1")

    def _trigger_if_told(self, name: str, trigger: Datagram | None, now: float) -> None:
        if trigger is not None:
            self._triggers[name] = trigger
        if name not in self._triggers or now < self.put_off_until(name):
            return
        sign = self._triggers.pop(name)
        self._obeyed_at[name] = now
        reason = f"WATCHDOG=trigger from {who(sign.sender)}"
        held = self.board.watch(name).held(now)
        words = f"watch {name}: {'on hold, so nothing is tripped: ' if held else ''}{reason}"
        self.board.tell(log, logging.WARNING, "trigger", words, watch=name)
        if held:
            return
        self._trip(name, Cause.TRIGGER, sign.at, reason)

    def _trip(self, watch: str, cause: Cause, at: float, reason: str) -> None:
        self.tell_observers(watch, reason)
        for account in self.agenda.accounts_of(watch):
            if may_trip(account, self.board.standing(account.name).guard, cause):
                self.board.post(account.name, facts.Tripped(at, cause, watch, reason))


def silence(watch: Watch, now: float, is_gone: Callable[[int], bool]) -> str:
    """How long nothing was heard, and what became of the process that was last heard."""
    if watch.last_check_in_at is None:
        if watch.died_at is not None and watch.died_at == watch.counted_from:
            return "silent since before deadman started"
        since_start = 0.0 if watch.counted_from is None else now - watch.counted_from
        return f"silent {since_start:.0f} s, since deadman started"
    silent = f"silent {now - watch.last_check_in_at:.0f} s"
    if watch.sender is None or not watch.sender.pid:
        return silent
    return f"{silent}, pid {watch.sender.pid} {'gone' if is_gone(watch.sender.pid) else 'still running'}"


def who(sender: Sender | None) -> str:
    """A process outside of our pid namespace has no pid here."""
    if sender is None:
        return "an unknown process"
    return f"pid {sender.pid}, uid {sender.uid}" if sender.pid else f"uid {sender.uid}"
