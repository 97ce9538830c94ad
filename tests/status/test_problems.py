"""What somebody must act on, and what is worth a look, sentence by sentence and the most urgent first."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from deadman.model.drill import DrillBegun
from deadman.model.errors import Reason
from deadman.model.facts import Cause
from deadman.model.guard import Phase
from deadman.model.watch import Sender, Watch
from deadman.status.headline import Verdict, headline, in_one_line, next_end, summary
from deadman.status.problems import problems
from deadman.status.schema import (
    ClusterReport,
    DisarmReport,
    DrillReport,
    GoneReport,
    HoldReport,
    SightReport,
    StatusReport,
    TripReport,
    TroubleReport,
    WitnessReport,
)
from tests.support.screens import ALIVE, ARMED, DEAD, EPOCH, NEVER, NOW, READ_BACK, answer, changed

T = EPOCH + NOW
"""The instant of all that is told here, 07:13:40Z."""

TRIP = TripReport(T - 4, Cause.SILENCE, "quoter", "silent 5 s", 1, 5, 3, None, False, 0, None, 0, None, False)
BY_BOB = replace(TRIP, cause=Cause.OPERATOR, by="bob", reason="")
BY_ITSELF = replace(TRIP, cause=Cause.TRIGGER, reason="")
LONG = replace(BY_ITSELF, at=T - 60.0)
DONE = replace(BY_ITSELF, done_at=T - 1, remaining=0)
NO_ANSWER = TroubleReport(str(Reason.SILENT), "no answer", T - 4)
TRIPPING: dict[str, Any] = {"phase": Phase.TRIPPING, "duty": "cancel", "protected": False}
TRIPPED: dict[str, Any] = {"phase": Phase.TRIPPED, "duty": "rest", "protected": False, "wanted": False}
EXPOSED: dict[str, Any] = {"phase": Phase.EXPOSED, "protected": False}
UNPROVEN: dict[str, Any] = {"phase": Phase.UNVERIFIED, "protected": False, "expiry": T - 9}
LOST: dict[str, Any] = {"connected": False, "trouble": NO_ANSWER}
LEFT: dict[str, Any] = {"on_trip": "none", "open_orders": 3, "open_orders_at": T}
FIRED = DrillReport(T - 60, True, 0.4, "cancelled")
MISSED = replace(FIRED, passed=False, seconds=None, why="still listed after 30 s")
SEES = SightReport("alpha", 15.0, T - 1, None, "", "", ())

TRYING = "deadman keeps trying"
BOT_DEAD = "bot quoter is dead: silent 9 s, pid 4123 gone"
OFF = "the switch is off. Guard its orders by hand until it is armed again; deadman keeps trying"
BARE = "not proven since 07:13:31Z{}. Do not rely on the switch before it is proven again; deadman keeps trying"
AGAIN = "Trade as if there were none, ask Deribit, drill again"


def told(watch: Watch = ALIVE, **fields: Any) -> StatusReport:
    """A desk of one account, armed but for these fields, and of one bot."""
    report = changed(answer(ARMED, watch), "btc-desk", **{"open_orders": 0, **fields})
    return replace(report, accounts={"btc-desk": report.accounts["btc-desk"]})


ACTS: list[tuple[dict[str, Any], Watch, list[str]]] = [
    ({}, ALIVE, []),
    ({**TRIPPING, "trip": BY_ITSELF}, ALIVE, ["tripped by quoter itself, 3 open"]),
    ({**TRIPPING, "trip": replace(BY_ITSELF, remaining=None)}, ALIVE, ["tripped by quoter itself, open orders not kn"]),
    ({**TRIPPING, "trip": BY_BOB}, ALIVE, ["tripped by bob, 3 open"]),
    ({**TRIPPING, "trip": TRIP}, ALIVE, ["tripped by the silence of quoter (silent 5 s), 3 open"]),
    ({**TRIPPING, "trip": TRIP}, DEAD, [BOT_DEAD]),
    ({**TRIPPING, "trip": BY_ITSELF}, DEAD, [BOT_DEAD, "tripped by quoter itself, 3 open"]),
    (
        {**TRIPPING, "trip": TRIP, **LOST},
        DEAD,
        [f"tripped, and deadman cannot cancel now: cancel at Deribit by hand; {TRYING}", BOT_DEAD],
    ),
    (
        {**TRIPPING, "trip": BY_ITSELF, "trip_ready": False},
        ALIVE,
        ["tripped, and the key may not cancel: cancel at Deribit by hand"],
    ),
    (
        {**TRIPPING, "trip": BY_ITSELF, "trip_ready": False, "connected": False},
        ALIVE,
        ["tripped by quoter itself, 3 open"],
    ),
    ({**TRIPPING, "trip": LONG}, ALIVE, [f"3 orders still open after 60 s: cancel them by hand; {TRYING}"]),
    ({**TRIPPING, "trip": replace(LONG, at=LONG.at + 0.1)}, ALIVE, ["tripped by quoter itself, 3 open"]),
    (
        {**TRIPPING, "trip": replace(LONG, fed=True, resisting=2)},
        ALIVE,
        ["3 orders still open after 60 s: something keeps placing them, stop it"],
    ),
    (
        {**TRIPPING, "trip": replace(LONG, resisting=2, resists_because="11029")},
        ALIVE,
        ["3 orders still open after 60 s: the venue does not cancel 2 of them (11029), cancel them by hand"],
    ),
    (
        {**TRIPPING, "trip": None},
        ALIVE,
        [f"tripped. Keep the bot down until its orders are gone; {TRYING}"],
    ),
    ({**TRIPPED, "trip": DONE}, ALIVE, ["tripped by quoter itself, orders gone"]),
    ({**TRIPPED, "trip": replace(DONE, presumed=True)}, ALIVE, ["tripped by quoter itself, orders presumed gone"]),
    ({**TRIPPED, "trip": replace(TRIP, done_at=T - 1)}, DEAD, [BOT_DEAD]),
    ({**TRIPPED, "trip": DONE}, DEAD, [BOT_DEAD, "tripped by quoter itself, orders gone"]),
    ({**TRIPPED, "trip": replace(BY_BOB, done_at=T - 1), "open_orders": 3}, ALIVE, []),
    (
        {**TRIPPED, "trip": DONE, "open_orders": 1, "open_orders_at": T - 40},
        ALIVE,
        ["tripped by quoter itself, and since then 1 order open (40 s ago) that nobody guards: stop what placed them"],
    ),
    (EXPOSED, ALIVE, [OFF]),
    ({**EXPOSED, "trouble": TroubleReport(None, "turned off", T)}, ALIVE, [OFF.replace(".", " (turned off).", 1)]),
    ({**EXPOSED, "wanted": False}, ALIVE, [OFF]),
    ({**EXPOSED, "on_trip": "none", "open_orders": 3}, DEAD, [OFF, BOT_DEAD]),
    (UNPROVEN, ALIVE, [BARE.format("")]),
    ({**UNPROVEN, "expiry": None}, ALIVE, [BARE.format("").replace("07:13:31Z", "an instant that is not known")]),
    ({**UNPROVEN, **LOST}, ALIVE, [BARE.format(", Deribit cannot be reached")]),
    ({**UNPROVEN, "trouble": NO_ANSWER}, ALIVE, [BARE.format(" (no answer)")]),
    ({**UNPROVEN, "trouble": NO_ANSWER, "connected": False, "duty": "rest"}, ALIVE, [BARE.format(" (no answer)")]),
    ({**UNPROVEN, "wanted": False}, ALIVE, []),
    (
        {"phase": Phase.REFUSED, "protected": False, "trouble": TroubleReport("credentials", "13004", T)},
        ALIVE,
        [f"rejected by Deribit (13004). Check the key, its scopes and its list of addresses; {TRYING}"],
    ),
    (
        {"phase": Phase.DEGRADED, "protected": False, "sight": SEES, "witness_of": "alpha/desk", "connected": False},
        ALIVE,
        [
            "does not stand by: the death of alpha would be noticed, but nothing could be cancelled: no session. Mend "
            f"it before the desk needs it; nothing is cancelled because of this; {TRYING}"
        ],
    ),
    (
        {"phase": Phase.REFUSED, "protected": False, "sight": SEES, "witness_of": "alpha/desk"},
        ALIVE,
        [f"rejected by Deribit. Check the key, its scopes and its list of addresses; {TRYING}"],
    ),
    ({"drill": FIRED}, ALIVE, []),
    (
        {"drill": MISSED},
        ALIVE,
        [f"its switch was not seen to fire in the drill of 07:12:40Z: still listed after 30 s. {AGAIN}"],
    ),
    ({**UNPROVEN, "drill": MISSED}, ALIVE, [BARE.format("")]),
    ({}, DEAD, [BOT_DEAD]),
    ({"phase": Phase.DISARMED, "wanted": False, "protected": False}, DEAD, []),
    ({"watches": ()}, DEAD, []),
    ({}, replace(DEAD, sender=None), ["bot quoter is dead: silent 9 s"]),
    (
        LEFT,
        DEAD,
        [
            "nothing is cancelled for dead quoter (on_trip is none), 3 orders open: cancel at Deribit by hand",
            BOT_DEAD,
        ],
    ),
    (
        {**LEFT, "on_trip": "cancel", "observe": True, "open_orders": None},
        DEAD,
        [
            "nothing is cancelled for dead quoter (deadman only observes here), its open orders are not counted: "
            "cancel at Deribit by hand",
            BOT_DEAD,
        ],
    ),
    ({**LEFT, "on_trip": "cancel"}, DEAD, [BOT_DEAD]),
    (LEFT, ALIVE, []),
    ({**LEFT, "open_orders": 0, "open_orders_at": T - 150.0}, DEAD, [BOT_DEAD]),
    (
        {**LEFT, "open_orders": 0, "open_orders_at": T - 150.0 - 1},
        DEAD,
        [
            "nothing is cancelled for dead quoter (on_trip is none), 0 orders open (2 min ago): cancel at Deribit by "
            "hand",
            BOT_DEAD,
        ],
    ),
]


@pytest.mark.parametrize(("fields", "watch", "acts"), ACTS)
def test_what_must_be_acted_on_is_told_in_these_words(fields: dict[str, Any], watch: Watch, acts: list[str]) -> None:
    said = [act.removeprefix("btc-desk: ") for act in problems(told(watch, **fields))]
    assert said == acts or [act[: len(wanted)] for act, wanted in zip(said, acts, strict=True)] == acts


def test_the_most_urgent_is_told_first_whatever_the_order_of_the_accounts() -> None:
    report, dead = told(DEAD), told(DEAD).accounts["btc-desk"]
    kinds: dict[str, dict[str, Any]] = {
        "1 under way": {**TRIPPING, "trip": BY_BOB},
        "2 unproven": UNPROVEN,
        "3 off": EXPOSED,
        "4 fed": {**TRIPPING, "trip": replace(LONG, fed=True)},
        "5 by hand": LEFT,
    }
    report = replace(report, accounts={name: replace(dead, **fields) for name, fields in kinds.items()})
    assert [act.partition(":")[0] for act in problems(report)] == [
        "5 by hand",
        "4 fed",
        "3 off",
        "bot quoter is dead",
        "2 unproven",
        "1 under way",
    ]


def test_the_same_words_of_several_accounts_are_told_once() -> None:
    report = told(ALIVE, **EXPOSED)
    report = replace(report, accounts=dict.fromkeys(("a", "b", "c"), report.accounts["btc-desk"]))
    assert problems(report) == [f"a, b, c: {OFF}"]


@pytest.mark.parametrize(
    ("number", "gone", "words"),
    [
        (2, 0, ["bot q0 is dead: silent 9 s, pid 1 still there", "bot q1 is dead: silent 10 s, pid 2 still there"]),
        (3, 1, ["bot q0 is dead: silent 9 s, pid 1 gone", "bot q1 is", "bot q2 is dead: silent 11 s, pid 3 still"]),
        (4, 0, ["bots q0, q1, q2 and 1 more are dead: silent 9 s to 12 s"]),
        (5, 2, ["bots q0, q1, q2 and 2 more are dead: silent 9 s to 13 s, 2 of their processes gone"]),
    ],
)
def test_of_more_dead_bots_than_three_so_many_are_named(number: int, gone: int, words: list[str]) -> None:
    report = told(replace(DEAD, sender=Sender(1, 1000)))
    dead, names = report.watches["quoter"], [f"q{each}" for each in range(number)]
    watches = {
        name: replace(dead, pid=each + 1, process_gone=each < gone, silence=9.0 + each)
        for each, name in enumerate(names)
    }
    report = replace(report, watches=watches, accounts={"a": replace(report.accounts["btc-desk"], watches=(*names,))})
    assert [act[: len(wanted)] for act, wanted in zip(problems(report), words, strict=True)] == words


def test_a_bot_on_hold_is_not_called_dead() -> None:
    report = told(DEAD)
    assert problems(replace(report, watches={"quoter": replace(report.watches["quoter"], held=True)})) == []


WAITING: dict[str, Any] = {"phase": Phase.WAITING, "protected": False, "wanted": False}
OTHERS: dict[str, Any] = {"open_orders": 3, "open_orders_at": T}
GONE = GoneReport(T - 60, 3, T - 90, False)
DISARMED: dict[str, Any] = {"phase": Phase.DISARMED, "protected": False, "wanted": False}
DEGRADED: dict[str, Any] = {"phase": Phase.DEGRADED}
BY_BOB_DONE = replace(BY_BOB, done_at=T - 1)
UNGUARDED = "3 orders open that nobody guards"

LOOKS: list[tuple[dict[str, Any], Watch, list[str]]] = [
    ({}, ALIVE, []),
    (UNPROVEN, ALIVE, []),
    (LOST, ALIVE, ["Deribit cannot be reached"]),
    ({**LOST, "duty": "rest"}, ALIVE, []),
    (DEGRADED, ALIVE, ["rests on its last proof alone: a renewal is overdue"]),
    ({**DEGRADED, "trouble": NO_ANSWER}, ALIVE, ["rests on its last proof alone: no answer"]),
    ({**DEGRADED, **LOST}, ALIVE, ["rests on its last proof alone: Deribit cannot be reached"]),
    ({"trip_ready": False}, ALIVE, ["a trip could not be carried out now (its key may not cancel)"]),
    (
        {"trip_ready": False, "connected": False},
        ALIVE,
        ["a trip could not be carried out now (no session with Deribit)"],
    ),
    ({**WAITING, "trip_ready": False}, ALIVE, []),
    ({"drilling": "alice"}, ALIVE, ["a drill of its switch is under way, by alice"]),
    (
        {"drill_left": DrillBegun(1.0, "d-1", "alice", 2.0).remains},
        ALIVE,
        ["an order of a drill may rest, labelled d-1: deadman cancels it until none is listed"],
    ),
    (
        {"unmet": ("hedger", "quoter")},
        ALIVE,
        ["armed without hedger and quoter, which has not checked in yet: its silence trips nothing"],
    ),
    ({**OTHERS, "unmet": ("quoter",)}, NEVER, ["armed without quoter, which has not checked in yet: its silence trip"]),
    (OTHERS, ALIVE, []),
    (OTHERS, NEVER, ["3 orders open, and quoter is not up: its silence trips nothing"]),
    ({**OTHERS, "watches": ("other",)}, NEVER, []),
    ({**WAITING, **OTHERS}, NEVER, [UNGUARDED]),
    ({**WAITING, "open_orders": 0, "open_orders_at": T - 150.0}, NEVER, []),
    (
        {**WAITING, "open_orders": 0, "open_orders_at": T - 150.0 - 1},
        NEVER,
        ["not armed, and whether orders rest is not known: last counted 2 min ago"],
    ),
    (
        {**WAITING, "open_orders": None},
        NEVER,
        ["not armed, and whether orders rest is not known: not counted yet"],
    ),
    ({"open_orders": None, "open_orders_at": None}, NEVER, []),
    ({"orders_unsure": True}, ALIVE, ["0 orders open when last watched, and not listed since: nobody knows"]),
    (
        {"orders_unsure": True, "open_orders": None},
        ALIVE,
        ["orders open when last watched, and not listed since: nobody knows what rests"],
    ),
    ({**WAITING, "orders_unsure": True, "open_orders_at": T}, ALIVE, []),
    (
        {"gone_unseen": GONE},
        ALIVE,
        ["3 orders gone, and not by us, between 07:12:10Z and 07:12:40Z while nobody watched them: see to the positi"],
    ),
    (
        {"gone_unseen": replace(GONE, lapsed=True, orders=1)},
        ALIVE,
        ["1 order gone, and not by us, between 07:12:10Z and 07:12:40Z while its lease ran out: see to the positions"],
    ),
    ({"gone_unseen": replace(GONE, at=T - 3599)}, ALIVE, ["3 orders gone, and not by us, between"]),
    ({"gone_unseen": replace(GONE, at=T - 3600)}, ALIVE, []),
    ({**DISARMED, "disarm": DisarmReport(T - 9, "alice", "", None, True)}, ALIVE, ["disarmed by alice"]),
    (
        {**DISARMED, "disarm": DisarmReport(T - 9, "alice", "lunch", None, False)},
        ALIVE,
        ["disarmed by alice (lunch), not confirmed by the venue"],
    ),
    (
        {**DISARMED, "disarm": DisarmReport(T - 9, "alice", "", None, True), "trip": BY_BOB_DONE},
        ALIVE,
        ["disarmed by alice"],
    ),
    ({**TRIPPED, "trip": BY_BOB_DONE}, NEVER, ["tripped by bob"]),
    (
        {**TRIPPED, "trip": BY_BOB_DONE},
        ALIVE,
        [
            "tripped by bob, but quoter lives on, and what is placed now is not guarded: stop it, or `deadman arm`",
        ],
    ),
    ({**TRIPPED, "trip": BY_BOB_DONE, "watches": ("other",)}, ALIVE, ["tripped by bob"]),
    ({**WAITING, "trip": BY_BOB_DONE, "open_orders_at": T}, ALIVE, []),
    ({"set_aside": "kept: a trip"}, ALIVE, ["kept: a trip (`deadman arm` lets it go)"]),
    ({"witness_of": "alpha/desk", "trip_ready": False, **OTHERS, "set_aside": "kept"}, NEVER, ["kept (`deadman arm`"]),
]


@pytest.mark.parametrize(("fields", "watch", "looks"), LOOKS)
def test_what_is_worth_a_look_is_told_in_these_words(fields: dict[str, Any], watch: Watch, looks: list[str]) -> None:
    report = told(watch, **fields)
    said = [look.removeprefix("btc-desk: ") for look in headline(report).looks]
    assert said == looks or [look[: len(wanted)] for look, wanted in zip(said, looks, strict=True)] == looks
    tone = "bad" if report.accounts["btc-desk"].alarming else "warn"
    if looks:
        assert headline(report).tones == {"btc-desk": tone}


def test_two_bots_live_on_in_the_plural() -> None:
    report = told(ALIVE, **TRIPPED, trip=BY_BOB_DONE)
    both = dict.fromkeys(("hedger", "quoter"), report.watches["quoter"])
    account = replace(report.accounts["btc-desk"], watches=("hedger", "quoter"))
    (look,) = headline(replace(report, watches=both, accounts={"a": account})).looks
    assert look.startswith("a: tripped by bob, but hedger and quoter live on, and")


def test_the_looks_at_the_daemon_come_after_those_at_its_accounts_and_a_host_is_called_one() -> None:
    report = told(ALIVE, drilling="alice")
    held = replace(report.watches["quoter"], hold=HoldReport(T + 60, "alice", "deploy"))
    report = replace(
        report, watches={"quoter": held, "alpha": replace(held, host=True)}, state_fault="No space left on device"
    )
    looks = headline(report).looks
    assert looks[0].startswith("btc-desk: a drill")
    assert looks[1:3] == (
        "bot quoter: on hold until 07:14:40Z by alice (deploy): its silence trips nothing",
        "host alpha: on hold until 07:14:40Z by alice (deploy): its silence trips nothing",
    )
    assert looks[3].startswith("deadman cannot write its state (No space left on device): a restart would forget")
    assert len(looks) == 4


def test_what_must_be_acted_on_is_not_worth_a_look_besides() -> None:
    told_of = headline(told(ALIVE, drill=MISSED, drilling="alice"))
    assert (told_of.verdict, len(told_of.acts), told_of.looks) == (Verdict.ACT, 1, ())
    assert told_of.tones == {"btc-desk": "warn"}


def test_all_is_said_in_one_line() -> None:
    assert in_one_line(told(ALIVE)) == "fine: 1 of 1 accounts protected, good for 55 s"
    assert in_one_line(told(ALIVE, drilling="alice")) == "LOOK: btc-desk: a drill of its switch is under way, by alice"
    both = in_one_line(replace(told(ALIVE, **EXPOSED), state_fault="full"))
    assert both.startswith(f"ACT: btc-desk: {OFF}; deadman cannot write its state (full)")


def test_the_summary_counts_who_is_protected_for_how_long_at_least_and_who_waits_for_a_bot() -> None:
    account = told(ALIVE).accounts["btc-desk"]
    waiting = replace(account, **WAITING)
    accounts = {
        "a": account,
        "b": replace(account, margin=12.0, expiry=T + 12),
        "c": waiting,
        "d": replace(waiting, witness_of="alpha/desk"),
        "e": replace(account, protected=False, margin=1.0, expiry=T + 1),
    }
    report = replace(told(ALIVE), accounts=accounts)
    assert summary(report) == "2 of 5 accounts protected, good for 12 s, 1 without a bot yet"
    assert next_end(report) == "the proof of b ends next, at 07:13:52Z"
    bare = replace(report, accounts={"c": waiting, "e": accounts["e"]})
    assert summary(bare) == "0 of 2 accounts protected, 1 without a bot yet"
    assert next_end(bare) == ""
    assert READ_BACK.proof.expiry == 155.0


CLUSTER = ClusterReport(None, "", None)
CAN_HELP = WitnessReport("bravo", T - 1, True, True, "armed", False, None, "", ())
NO_WORD = "no witness hears this host since 07:13:35Z (refused): no account is touched for that, but nobody helps if it"
FOREIGN = "another daemon beats as : no witness can tell whose host is dead; give one of them another name"


@pytest.mark.parametrize(
    ("cluster", "looks"),
    [
        (None, []),
        (CLUSTER, []),
        (replace(CLUSTER, failing_since=T - 5, because="refused"), [NO_WORD]),
        (replace(CLUSTER, foreign_at=T - 599), [FOREIGN]),
        (replace(CLUSTER, foreign_at=T - 600), []),
        (replace(CLUSTER, failing_since=T - 5, because="refused", foreign_at=T), [NO_WORD, FOREIGN]),
    ],
)
def test_our_own_line_to_the_witnesses_is_worth_a_look_where_it_fails(
    cluster: ClusterReport | None, looks: list[str]
) -> None:
    said = headline(replace(told(ALIVE), cluster=cluster)).looks
    assert [look[: len(wanted)] for look, wanted in zip(said, looks, strict=True)] == looks


@pytest.mark.parametrize(
    ("fields", "looks"),
    [
        ({"witnesses": (CAN_HELP,)}, []),
        ({"outliving": ("rest", "fix")}, ["no witness: its rest and fix orders stay if this host dies"]),
        ({"outliving": ("rest",), "witnesses": (CAN_HELP,)}, []),
        ({"witnesses": (replace(CAN_HELP, stopped=True, heard=False),)}, ["witness bravo was stopped"]),
        (
            {"witnesses": (replace(CAN_HELP, heard=False, heard_at=None, can_cancel=False),)},
            ["witness bravo has not answered this run of deadman"],
        ),
        (
            {"witnesses": (replace(CAN_HELP, heard=False, heard_at=T - 20, can_cancel=False),)},
            ["witness bravo has not answered for 20 s"],
        ),
        (
            {"witnesses": (replace(CAN_HELP, can_cancel=False, phase="degraded"),)},
            ["witness bravo cannot cancel now (it is degraded)"],
        ),
        (
            {"witnesses": (replace(CAN_HELP, cancelled=3, because="not heard", faults=("the same key",)),)},
            ["witness bravo cancelled 3 orders: not heard", "witness bravo: the same key"],
        ),
        ({"witnesses": (replace(CAN_HELP, cancelled=3, heard=False, stopped=True),)}, ["witness bravo was stopped"]),
        ({**DISARMED, "witnesses": (replace(CAN_HELP, stopped=True),)}, []),
    ],
)
def test_a_witness_that_would_not_help_and_what_one_did_is_worth_a_look(
    fields: dict[str, Any], looks: list[str]
) -> None:
    report = replace(told(ALIVE, **fields), cluster=CLUSTER)
    assert ", ".join(looks) == ", ".join(headline(report).looks).removeprefix("btc-desk: ")
    if "witnesses" not in fields:
        assert headline(replace(report, cluster=None)).looks == (), "nobody could hear us"


@pytest.mark.parametrize(
    ("fields", "looks"),
    [
        ({"sight": SEES}, []),
        ({"sight": replace(SEES, faults=("the same key",))}, ["the same key"]),
        ({"phase": Phase.WAITING, "wanted": False, "sight": replace(SEES, awaits="alpha was stopped")}, ["alpha was"]),
        (
            {"phase": Phase.DEGRADED, "sight": replace(SEES, blind_since=T - 5, blind_because="etcd is full")},
            ["blind since 07:13:35Z (etcd is full): the death of alpha would not be noticed, and nothing is cancelled"],
        ),
    ],
)
def test_what_a_witness_of_ours_does_not_see_is_worth_a_look(fields: dict[str, Any], looks: list[str]) -> None:
    said = [look.removeprefix("btc-desk: ") for look in headline(told(ALIVE, witness_of="alpha/desk", **fields)).looks]
    assert [look[: len(wanted)] for look, wanted in zip(said, looks, strict=True)] == looks
