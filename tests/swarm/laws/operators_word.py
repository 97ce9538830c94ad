"""What an operator was told is in force."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Any

from deadman.model.guard import Guard, Phase
from tests.swarm.laws.law import Law, Scene

FORGETS = "would forget"
"""What an answer says where the disk did not take the word."""

GRACE = 1.5
"""Seconds that a word with an end may be over early or late: those who look do so once a second."""

HOLDS: Mapping[str, set[Phase]] = {
    "disarm": {Phase.DISARMED},
    "trip": {Phase.TRIPPING, Phase.TRIPPED},
}


@dataclass(frozen=True, slots=True)
class Word:
    """`until`, `latest`: its end on the clock of the venue, which no sleep of ours stops, from asking and from answer:
    in between it began. `place`: the account that it was about."""

    method: str
    until: float = inf
    place: object = None
    latest: float = inf


class OperatorsWord(Law):
    """A word acknowledged to an operator survives whatever comes next, to its end and no longer."""

    name = "operator's word"

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self.words: dict[str, Word] = {}
        self.holds: dict[str, Word] = {}
        self.asked_at: dict[str, float] = {}
        self.damaged = 0

    def on_ask(self, method: str, params: Mapping[str, Any]) -> None:
        """From here on until the answer comes either may be true."""
        self.asked_at[method] = self._time()
        for name in params.get("accounts", ()):
            self.words.pop(name, None)
        self.holds.pop(params.get("watch", ""), None)

    def on_command(self, method: str, params: Mapping[str, Any], result: Mapping[str, Any]) -> None:
        ends = self.asked_at[method] + params["for"] if params.get("for") is not None else inf
        for name, outcome in result.get("accounts", {}).items():
            if method in HOLDS and outcome["done"] and FORGETS not in outcome["words"]:
                self.words[name] = Word(method, ends, self._place(name))
        if method == "hold" and result["done"] and FORGETS not in result["words"]:
            self.holds[params["watch"]] = Word(method, ends, latest=ends + self._time() - self.asked_at[method])

    def on_start(self) -> None:
        aside = len(self.desk.host.disk.aside)
        if aside > self.damaged:  # told loudly: nothing counts as disarmed or tripped
            self.words.clear()
            self.holds.clear()
        self.damaged = aside

    def look(self) -> None:
        if not self.desk.running:
            return
        for name, word in list(self.words.items()):
            if name not in self.desk.accounts or self._time() >= word.until - GRACE:
                del self.words[name]
            elif name in (standings := self.scene.standings):
                phase = standings[name].phase
                other = word.place != self._place(name) or self._is_unknown(standings[name].guard)
                kept = phase in HOLDS[word.method] or (phase is Phase.DISARMED and other)
                self.expect(kept, f"{name}: {word.method} was acknowledged, and it is {phase}")
        self._check_holds()

    def _check_holds(self) -> None:
        for name, word in list(self.holds.items()):
            watch = self.desk.board.watches().get(name) if name in self.desk.watches else None
            if watch is None or self._time() >= word.latest + GRACE:
                late = watch is not None and watch.held(self.scene.now) and self._is_awake()
                self.expect(not late, f"watch {name}: a hold goes on after its time")
                del self.holds[name]
            elif self._time() < word.until - GRACE:
                held = watch.held(self.scene.now)
                self.expect(held, f"watch {name}: a hold was acknowledged, and it is over before its time")

    def _is_awake(self) -> bool:
        """Whether we have had time to see that our machine has slept."""
        return self.scene.now > self.desk.host.woke_at + GRACE

    def _is_unknown(self, guard: Guard) -> bool:
        """Whether the venue has yet to tell whose account a new key opens: until then the word withholds it."""
        return guard.withheld and guard.identity is not None and guard.identity.account is None

    def _place(self, name: str) -> object:
        """The venue's account that the name leads to. A trip of another one only withholds: it shows as a disarm."""
        account = self.scene.account(name)
        return None if account is None else (self.desk.market.venue(account), self.desk.market.owner(account))

    def _time(self) -> float:
        return self.desk.market.time.now()
