"""Between two instants of change time alone changes nothing of what is judged of an account and its watches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deadman.checkins import rounds
from deadman.model import facts
from deadman.model.account import Standing
from deadman.model.facts import Cause, Fact
from deadman.model.guard import Guard, Phase
from deadman.model.settings import Account, WatchConfig
from deadman.model.trip import Trip
from deadman.model.watch import Hold, Watch, WatchCase, judge
from tests.support.boards import sxbet
from tests.support.watching import deribit, watch_desk

NOW = 1000.0
instants = st.integers(-40, 40).map(lambda tenths: NOW + tenths / 4)
maybe = st.none() | instants

guards = st.builds(
    Guard,
    overdue_after=st.just(10.0),
    awaited=st.booleans(),
    bots=st.none() | st.frozensets(st.sampled_from(("quoter", "hedger"))),
    taken_on_at=maybe,
    disarm=st.none() | st.builds(facts.Disarmed, instants, st.just("ann"), until=maybe),
    trip=st.none() | st.builds(Trip, instants, st.sampled_from(Cause), st.just("quoter"), done_at=maybe),
)


def watches(name: str) -> st.SearchStrategy[Watch]:
    return st.builds(
        Watch,
        st.just(name),
        st.sampled_from((1.0, 5.0)),
        counted_from=maybe,
        last_check_in_at=maybe,
        hold=st.none() | st.builds(Hold, instants, st.just("ann")),
        died_at=maybe,
    )


@given(
    st.sampled_from((deribit("a", "quoter", "hedger"), sxbet("a", "quoter", "hedger"))),
    guards,
    watches("quoter"),
    watches("hedger"),
    st.floats(0.0, 1.0),
)
def test_until_the_next_change_the_same_is_judged(
    account: Account, guard: Guard, quoter: Watch, hedger: Watch, share: float
) -> None:
    case = WatchCase(account, guard, (quoter, hedger), NOW, NOW, lambda watch: watch.name)
    later = NOW + share * (min(case.next_change, NOW + 100.0) - NOW)
    if later < case.next_change:
        then = replace(case, now=later)
        assert [type(fact) for fact in judge(then)] == [type(fact) for fact in judge(case)]
        assert (then.living, then.unmet) == (case.living, case.unmet)


def test_an_account_of_which_nothing_is_learned_is_not_judged_again(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = watch_desk(deribit("a", "quoter"), watches=(WatchConfig("quoter", 5.0),))
    judged: list[float] = []

    def noted(case: WatchCase) -> Iterator[Fact]:
        judged.append(case.now)
        return judge(case)

    monkeypatch.setattr(rounds, "judge", noted)
    desk.beat("quoter")
    desk.look()
    judged.clear()
    desk.advance(4.9)
    assert judged == []
    desk.advance(0.2)
    assert desk.trip("a") == (Cause.SILENCE, "quoter")
    assert len(judged) == 2, "when it was silent, and once more after that"


def test_the_end_of_each_proof_is_noticed_whichever_ends_first() -> None:
    desk = watch_desk(deribit("a"), deribit("b"), deribit("c"))
    for name, ttl in (("a", 50.0), ("b", 20.0), ("c", 35.0)):
        desk.hand.arm(name, ttl=ttl)
    ends: dict[str, float] = {}

    def note(name: str, before: Standing, after: Standing) -> None:
        if after.phase is Phase.UNVERIFIED and before.phase is not after.phase:
            ends[name] = desk.hand.now

    desk.hand.board.listen(note)
    for _ in range(600):
        desk.hand.advance(0.1)
    assert ends == pytest.approx({"b": NOW + 20.0, "c": NOW + 35.0, "a": NOW + 50.0}, abs=0.11)
