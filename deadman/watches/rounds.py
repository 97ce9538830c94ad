"""The loop's part of the watches: read all mail, then judge, ten times a second and at once when told to."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

import trio

from deadman.board import Board
from deadman.config.schema import WatchConfig
from deadman.peers import is_gone
from deadman.promise import NOTICE
from deadman.watch import Watch
from deadman.watches.heed import Heed
from deadman.watches.inbox import Change, Inboxes
from deadman.watches.judgement import Case, judge
from deadman.watches.silences import NoSilences, Notebook, SilenceStore
from deadman.watches.words import Oddities, silence

log = logging.getLogger(__name__)

REGULAR = 0.1
"""Seconds between two looks; a silence is noticed this late at most, well within `promise.NOTICE`."""

SOONEST = 0.02
"""Seconds between two looks at least, however much urgent mail comes."""

AWAY = 1.0
"""Seconds between two looks from which on check-ins may be lost, where bots do not wait for a full socket."""

FINE = 0.01
"""Between two looks at most, as a share of the timeout of a bot that has had its one grant: in so much less than a
second of waking time we may be killed again and again, and all of it counts."""


def boottime() -> float:
    """Seconds that pass in suspend too, when the monotonic clock stands still."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Watches:
    """Reads what trading processes say, and posts on the board what follows for their accounts.

    `boottime` counts suspended time too; `is_gone` says of a pid whether no such process is left; `silences` outlives
    our crash.
    """

    def __init__(
        self,
        board: Board,
        inboxes: Inboxes,
        boottime: Callable[[], float] = boottime,
        is_gone: Callable[[int], bool] = is_gone,
        silences: SilenceStore | None = None,
    ) -> None:
        self.board = board
        self._inboxes = inboxes
        self._boottime = boottime
        self._is_gone = is_gone
        self._configs: dict[str, WatchConfig] = {}
        self._heed = Heed(board)
        self._oddities = Oddities()
        self._unmet: dict[str, frozenset[str]] = {}
        self._settled: dict[str, tuple[Case | None, float]] = {}
        self._urgent = trio.Event()
        self._silences = silences or NoSilences()
        self._notebook = Notebook(self._silences)
        self._pace = REGULAR
        self._booted_for = boottime()
        self._looked_at = board.clock.now()

    def apply(self, configs: Mapping[str, WatchConfig]) -> None:
        """Watch these processes from now on; what is known of one that was watched before stays.

        Raises SocketFault, in words; then nothing has changed.
        """
        self._inboxes.apply(configs)
        self._take(configs)

    def prepare(self, configs: Mapping[str, WatchConfig]) -> Change:
        """Make ready, off the loop, what `take` then puts into force. Raises SocketFault or UnknownUser."""
        return self._inboxes.prepare(configs)

    def take(self, configs: Mapping[str, WatchConfig], change: Change) -> None:
        """What `apply` does, with what was made ready; it cannot fail."""
        change.commit()
        self._take(configs)

    def _take(self, configs: Mapping[str, WatchConfig]) -> None:
        for name in self._configs.keys() - configs.keys():
            self.board.forget_watch(name)
            self._heed.forget(name)
        self._configs = dict(configs)
        for config in configs.values():
            self._take_up(config)

    def recall(self) -> None:
        """Once the last run's watches are back: what they had spent of their time counts on."""
        for name, spent in self._silences.read().items():
            watch = self.board.watches().get(name)
            if watch is not None and watch.unheard and watch.died_at is None:
                self.board.put_watch(watch.resumed(self.board.clock.now(), spent))

    async def run(self) -> None:
        """Read and judge until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._inboxes.serve, self._wake)
            nursery.start_soon(self._inboxes.find_users)
            nursery.start_soon(self._notebook.keep)
            while True:
                self.look()
                await trio.sleep(SOONEST)
                with trio.move_on_after(self._pace - SOONEST):
                    await self._urgent.wait()
                self._urgent = trio.Event()

    def close(self) -> None:
        """Give up the sockets."""
        self._inboxes.close()

    def look(self) -> None:
        """Read all mail, then judge."""
        # The clocks before the mail: whatever came until `now` has been read when silence until `now` is judged,
        # and if we are stopped anywhere in between, either this look or the next one sees that we were away.
        booted_for, now = self._boottime(), self.board.clock.now()
        self._move_holds()
        for config in self._configs.values():
            mail = self._inboxes.take(config.name)
            self._oddities.tell(config, mail)
            self._heed.heed(config, mail, now)
        self._count_absence(booted_for, now)
        self._judge_watches(now)
        self._judge_accounts(now)
        self._end_holds(now)
        self._note_silences(now)
        self._booted_for, self._looked_at = booted_for, now

    def _wake(self) -> None:
        self._urgent.set()

    def _take_up(self, config: WatchConfig) -> None:
        known = self.board.watches().get(config.name)
        if known is None:
            self.board.put_watch(Watch(config.name, config.timeout))
        elif known.timeout != config.timeout:
            # A process that kept to the old timeout is not dead by the new one before it could have known.
            changed = replace(known, timeout=config.timeout)
            shorter = config.timeout < known.timeout
            self.board.put_watch(changed.granted(self.board.clock.now()) if shorter else changed)

    def _count_absence(self, booted_for: float, now: float) -> None:
        """After the mail is read: silence is counted in our waking time, without what we were stopped for.

        A suspend needs no pause: the monotonic clock stood still.
        """
        gap = now - self._looked_at
        if gap > NOTICE:
            for watch in self._watched():
                self.board.put_watch(watch.paused(self._looked_at + self._pace, now))
        self._grant_if_away(max(booted_for - self._booted_for, gap), now)

    def _grant_if_away(self, absence: float, now: float) -> None:
        if absence > AWAY and self._configs:
            told = {"event": "away"}
            log.warning("we were away for %.1f s: that counts as no bot's silence", absence, extra=told)
            for watch in self._watched():
                self.board.put_watch(watch.granted(now))

    def _note_silences(self, now: float) -> None:
        """For the next run, as of our next look: so that what a crash between the two costs errs to the trip."""
        unheard = [watch for watch in self._watched() if watch.unheard]
        counting = [watch.timeout for watch in unheard if watch.alive(now)]
        self._pace = min(REGULAR, max(SOONEST, FINE * min(counting, default=REGULAR / FINE)))
        spent = {watch.name: watch.spent(now, self._pace) for watch in unheard}
        self._notebook.note({name: seconds for name, seconds in spent.items() if seconds is not None})

    def _move_holds(self) -> None:
        """Before the mail is heeded: a hold that ended while the machine slept keeps nothing back."""
        slept = self.board.clock.slept()
        for watch in self._watched():
            moved = watch.hold and watch.hold.after_sleep(slept)
            if moved != watch.hold:
                self.board.put_watch(watch.held_until(moved))

    def _judge_watches(self, now: float) -> None:
        for watch in self._watched():
            at = watch.silent_at()
            if at is not None and at <= now and watch.died_at is None:
                words = silence(watch, now, self._is_gone)
                log.warning("watch %s: dead: %s", watch.name, words, extra={"event": "watch_dead", "watch": watch.name})
                self._heed.tell_observers(watch.name, words)
                self.board.put_watch(watch.found_dead(at))

    def _judge_accounts(self, now: float) -> None:
        """But for those of which nothing followed when they were judged last, and nothing has changed since."""
        watches = self.board.watches()
        for account in self.board.configs.values():
            known = tuple(watches[name] for name in account.watches if name in watches)
            guard = self.board.guard(account.name)
            settled, until = self._settled.get(account.name, (None, now))
            if settled is not None and now < until and settled.is_about(account, guard, known):
                continue
            case = Case(account, guard, known, self._looked_at, now, lambda watch: silence(watch, now, self._is_gone))
            news = list(judge(case))
            for fact in news:
                self.board.post(account.name, fact)
            self._settled[account.name] = (None if news else case, case.next_change)
            self._tell_unmet(account.name, replace(case, guard=self.board.guard(account.name)).unmet)

    def _tell_unmet(self, account: str, unmet: frozenset[str]) -> None:
        before = self._unmet.get(account, frozenset())
        if unmet != before:
            self._unmet[account] = unmet
        if new := sorted(unmet - before):
            log.warning(
                "%s: stays armed without %s, which has not checked in yet: its silence trips nothing before it does",
                account,
                " and ".join(new),
                extra={"event": "watch_unmet", "account": account},
            )

    def _end_holds(self, now: float) -> None:
        """After the judging: until then a silence counts from the hold's end."""
        for watch in self._watched():
            if watch.hold is not None and not watch.held(now):
                told = {"event": "hold_over", "watch": watch.name}
                log.info("watch %s: the hold by %s is over", watch.name, watch.hold.by, extra=told)
                self.board.put_watch(watch.held_until(None))

    def _watched(self) -> list[Watch]:
        return [self.board.watch(name) for name in self._configs]
