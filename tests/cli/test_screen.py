"""What `status` says: `ACT`, `LOOK` or `fine` first, what is needed at night, and nothing that harms a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from deadman.cli.client import exit_code, only
from deadman.cli.parser import Misused
from deadman.model import facts
from deadman.model.facts import Cause, Fact
from deadman.model.watch import Hold, Watch
from deadman.status.screen import Paper, screen
from tests.support.screens import (
    ALIVE,
    ARMED,
    AWAY,
    DEAD,
    LEASE,
    LOST,
    NEVER,
    OFF,
    OPEN,
    READ_BACK,
    SILENCE,
    STALE,
    Histories,
    answer,
    changed,
    gone,
)


def lines(histories: Histories, watch: Watch = ALIVE, width: int = 80) -> list[str]:
    return screen(answer(histories, watch), Paper(width))


def text(histories: Histories, watch: Watch = ALIVE) -> str:
    """Without line ends, so that a sentence is found wherever it was wrapped."""
    return " ".join(" ".join(lines(histories, watch)).split())


TRIPPED: Histories = {
    "btc-desk": (OPEN, READ_BACK, SILENCE, facts.RoundDone(97.0, 5, 3)),
    "eth-desk": (OPEN, READ_BACK, SILENCE, *gone(98.0)),
    "sx-maker": (OPEN, LEASE, SILENCE, *gone(97.0)),
}


def test_a_dead_bots_desk_reads_as_the_contract_has_it() -> None:
    assert lines(TRIPPED, DEAD) == [
        "07:13:40Z  ACT  bot quoter is dead: silent 9 s, pid 4123 gone",
        "ACCOUNT   STATE                    OPEN  IF THE BOT DIES  IF THE HOST DIES",
        "btc-desk  TRIPPING, round 2           3  being cancelled  partly ¹",
        "eth-desk  TRIPPED, gone 07:13:38Z     0  –                partly ¹",
        "sx-maker  TRIPPED, gone 07:13:37Z     0  –                –",
        "Positions are not closed. Re-arms when quoter checks in again.",
        "¹ Orders of WebSocket connections opened after 07:13:30Z go when Deribit misses",
        "  the bot's heartbeat. REST, FIX, older: stay.",
        "0 of 3 accounts protected",
    ]


def test_the_last_line_names_the_daemon_and_which_proof_ends_next() -> None:
    report = replace(answer(ARMED), name="alpha")
    ends = "the proof of sx-maker ends next, at 07:14:05Z"
    assert screen(report, Paper(120))[-1] == f"alpha: {ends}"
    dead = replace(answer(ARMED | {"eth-desk": (OPEN, READ_BACK, OFF)}), name="alpha")
    assert screen(dead, Paper(120))[-1] == f"alpha: 2 of 3 accounts protected, good for 25 s; {ends}"


def test_an_armed_desk_is_fine_for_as_long_as_the_shortest_proof() -> None:
    assert lines(ARMED)[:5] == [
        "07:13:40Z  fine  3 of 3 accounts protected, good for 25 s",
        "ACCOUNT   STATE                 OPEN  IF THE BOT DIES  IF THE HOST DIES",
        "btc-desk  ARMED, good for 55 s     4  gone in 11 s     partly ¹",
        "eth-desk  ARMED, good for 55 s     0  gone in 11 s     partly ¹",
        "sx-maker  ARMED, good for 25 s     ?  gone in 11 s     gone in 25 s",
    ]


def test_an_unreachable_venue_tells_since_when_what_was_proven_and_what_we_did_not_do() -> None:
    said = text({"btc-desk": (OPEN, READ_BACK, LOST), "eth-desk": (OPEN, READ_BACK), "sx-maker": (OPEN, LEASE)})
    assert said.split()[1] == "LOOK"
    assert (
        "btc-desk: Deribit cannot be reached since 07:13:36Z (no address for www.deribit.com); last proven 07:13:30Z. "
        "Nothing was tripped because of it; deadman cannot cancel there now."
    ) in said
    assert "btc-desk DEGRADED, good for 55 s" in said


LET_GO: list[tuple[str, Sequence[Fact]]] = [
    ("btc-desk", (OPEN, READ_BACK, LOST, facts.Disarmed(98.0, "alice"), facts.DisarmConfirmed(99.0))),
    ("sx-maker", (OPEN, LEASE, LOST, facts.Disarmed(98.0, "alice"), facts.DisarmConfirmed(99.0))),
    ("sx-maker", (OPEN, LEASE, SILENCE, LOST, *gone(99.0))),
    ("sx-maker", (LOST, facts.Awaited(99.0))),
]


@pytest.mark.parametrize(("account", "history"), LET_GO)
def test_a_venue_that_is_not_asked_any_more_is_not_said_to_be_unreachable(
    account: str, history: Sequence[Fact]
) -> None:
    assert "cannot be reached" not in text({account: history})


@pytest.mark.parametrize("history", [(LOST, facts.Disarmed(98.0, "alice")), (OPEN, READ_BACK, SILENCE, LOST)])
def test_a_venue_that_is_still_asked_is(history: Sequence[Fact]) -> None:
    assert "cannot be reached" in text({"btc-desk": history})


def test_an_outage_that_outlasts_the_proof_is_something_to_act_on() -> None:
    said = text(ARMED | {"btc-desk": (OPEN, STALE, LOST)})
    assert said.startswith("07:13:40Z ACT btc-desk: not proven since 07:13:25Z, Deribit cannot be reached. Do not rely")
    assert "UNVERIFIED since 07:13:25Z" in said


def test_what_is_true_of_many_accounts_is_told_once() -> None:
    said = lines(dict.fromkeys(("btc-desk", "eth-desk"), (OPEN, LOST)))
    assert sum("cannot be reached since" in line for line in said) == 1
    assert any(line.startswith("btc-desk, eth-desk: Deribit cannot be reached") for line in said)


LABELS: list[tuple[str, Sequence[Fact], str]] = [
    ("btc-desk", (OPEN, READ_BACK, OFF), "SWITCH OFF since 07:13:37Z, 3 s ago"),
    ("btc-desk", (OPEN, READ_BACK, AWAY), "REJECTED BY VENUE, good for 55 s"),
    ("btc-desk", (AWAY,), "REJECTED BY VENUE since 07:13:36Z, 4 s ago"),
    ("sx-maker", (facts.Awaited(11.0),), "NO BOT YET, not armed"),
    ("btc-desk", (), "CONNECTING"),
    ("btc-desk", (OPEN,), "ARMING"),
    ("btc-desk", (facts.Disarmed(98.0, "alice"),), "DISARMED, not confirmed"),
    ("btc-desk", (facts.Disarmed(98.0, "alice", "", 200.0), facts.DisarmConfirmed(99.0)), "DISARMED until 07:15:20Z"),
    ("sx-maker", (LEASE, SILENCE, facts.TripDone(99.0, presumed=True)), "TRIPPED, presumed gone 07:13:39Z"),
]


@pytest.mark.parametrize(("account", "history", "label"), LABELS)
def test_each_phase_has_words_for_people(account: str, history: Sequence[Fact], label: str) -> None:
    assert any(f"{line}  ".startswith(f"{account}  {label}  ") for line in lines({account: history}))


def unfinished(last: facts.RoundDone) -> tuple[Fact, ...]:
    """A trip of more than a minute ago; its first round left the order `a`."""
    first = facts.RoundDone(31.0, 5, 1, listed=frozenset("a"))
    return OPEN, facts.Tripped(30.0, Cause.OPERATOR, "bob"), first, last


ACTS: list[tuple[Histories, str]] = [
    (
        {"btc-desk": (OPEN, READ_BACK, OFF)},
        "btc-desk: the switch is off (turned off by somebody else). Guard its orders",
    ),
    ({"btc-desk": (OPEN, READ_BACK, AWAY)}, "btc-desk: rejected by Deribit (13004 invalid_credentials). Check the key"),
    (
        {"btc-desk": (OPEN, READ_BACK, facts.Tripped(98.0, Cause.TRIGGER, "quoter", "WATCHDOG=trigger"), *gone(99.0))},
        "btc-desk: tripped by quoter itself (WATCHDOG=trigger), orders gone",
    ),
    (
        {
            "btc-desk": (
                OPEN,
                READ_BACK,
                facts.Tripped(98.0, Cause.OPERATOR, "bob", "news"),
                facts.RoundDone(99.0, 1, 2),
            )
        },
        "btc-desk: tripped by bob (news), 2 open",
    ),
    (
        {"btc-desk": unfinished(facts.RoundDone(99.0, 90, 2, listed=frozenset("bc")))},
        "btc-desk: 2 orders still open after 70 s: something keeps placing them, stop it",
    ),
    (
        {"btc-desk": unfinished(facts.RoundDone(99.0, 0, 1, 1, "some words (11029)", frozenset("a")))},
        "btc-desk: 1 order still open after 70 s: the venue does not cancel 1 of them (some words (11029)), "
        "cancel them by hand",
    ),
    (
        {"btc-desk": unfinished(facts.RoundDone(99.0, 0, 1, listed=frozenset("a")))},
        "btc-desk: 1 order still open after 70 s: cancel them by hand; deadman keeps trying",
    ),
    (
        {"btc-desk": (OPEN, READ_BACK, SILENCE, LOST)},
        "btc-desk: tripped, and deadman cannot cancel now: cancel at Deribit by hand",
    ),
]


@pytest.mark.parametrize(("histories", "words"), ACTS)
def test_what_needs_somebody_stands_first_with_what_to_do(histories: Histories, words: str) -> None:
    said = text(ARMED | histories)
    assert said.startswith("07:13:40Z ACT ")
    assert words in said.partition("ACCOUNT")[0]


def test_each_further_problem_stands_under_the_first() -> None:
    first, second, *others = lines(ARMED | {"btc-desk": (OPEN,), "sx-maker": (facts.FoundOff(99.0, "echo 0"), OPEN)})
    assert first.startswith("07:13:40Z  ACT  sx-maker: the switch is off (echo 0)")
    assert any(line.startswith("                btc-desk: in session, not armed yet") for line in (second, *others))


def test_a_state_that_cannot_be_written_is_worth_a_look_before_a_restart() -> None:
    told = replace(answer(ARMED), state_fault="No space left on device")
    said = " ".join(" ".join(screen(told, Paper())).split())
    assert said.startswith("07:13:40Z LOOK deadman cannot write its state (No space left on device): a restart would")


def test_a_dead_bot_of_a_disarmed_account_is_nobodys_alarm_but_the_operators_word() -> None:
    off = (facts.Disarmed(98.0, "alice"), facts.DisarmConfirmed(99.0))
    assert (
        lines(dict.fromkeys(ARMED, off), DEAD)[0] == "07:13:40Z  LOOK  btc-desk, eth-desk, sx-maker: disarmed by alice"
    )


def test_an_operators_trip_says_that_only_arm_re_arms() -> None:
    trip = facts.Tripped(98.0, Cause.OPERATOR, "bob", "news")
    said = text(ARMED | {"btc-desk": (OPEN, READ_BACK, trip, *gone(99.0))})
    assert "Positions are not closed. Tripped by bob (news): only `deadman arm btc-desk` re-arms." in said


def test_a_disarm_says_by_whom_why_and_until_when() -> None:
    said = text(ARMED | {"btc-desk": (OPEN, facts.Disarmed(98.0, "alice", "lunch"))})
    assert "btc-desk: disarmed by alice (lunch) at 07:13:38Z, until `deadman arm`." in said
    assert "The venue has not confirmed it yet." in said


def test_a_hold_a_status_and_a_bot_that_never_came_are_told() -> None:
    assert 'bot quoter: alive, heard 0 s ago. It says: "12 markets".' in text(
        ARMED, replace(ALIVE, status="12 markets")
    )
    held = replace(ALIVE, hold=Hold(400.0, "alice", "deploy"))
    assert "bot quoter: on hold until 07:18:40Z by alice (deploy): its silence trips nothing." in text(ARMED, held)
    assert "bot quoter: has not checked in." in text(ARMED, NEVER)
    assert 'bot quoter said last: "bye".' in text(TRIPPED, replace(DEAD, status="bye"))


def test_instants_of_other_days_carry_their_date() -> None:
    told = answer(TRIPPED, DEAD)
    told = replace(told, timestamp=told.timestamp + 86400)
    assert "TRIPPED, gone 18 Nov 07:13Z" in "\n".join(screen(told, Paper()))


@pytest.mark.parametrize("width", [24, 40, 60, 79, 80, 200])
@pytest.mark.parametrize("histories", [TRIPPED, ARMED, {}, {"btc-desk": (OPEN, READ_BACK, LOST)}])
def test_no_line_is_wider_than_the_terminal_and_nothing_is_lost(histories: Histories, width: int) -> None:
    told = lines(histories, DEAD, width)
    assert max(map(len, told)) <= width
    for word in ("btc-desk", "eth-desk", "sx-maker", "quoter"):
        assert word in " ".join(told)


def test_colours_never_change_the_words_or_their_places() -> None:
    codes = {"bad": "<", "good": "<", "warn": "<", "calm": "<"}
    painted = screen(answer(TRIPPED, DEAD), Paper(80, 24, codes))
    assert [line.replace("<", "").replace("\x1b[0m", "") for line in painted] == lines(TRIPPED, DEAD)
    assert painted[0].startswith("07:13:40Z  <ACT\x1b[0m  bot")


def test_what_strangers_wrote_cannot_play_with_the_terminal() -> None:
    evil = "\x1b]0;pwned\x07\r\n\u202e"
    told = answer(
        ARMED
        | {"btc-desk": (OPEN, READ_BACK, facts.FoundOff(97.0, evil)), "eth-desk": (facts.Disarmed(98.0, evil, evil),)},
        replace(ALIVE, status=evil),
    )
    told = replace(told, accounts={**told.accounts, f"x{evil}": told.accounts["sx-maker"]})
    for width in (40, 200):
        for line in screen(told, Paper(width)):
            assert line.isprintable()


def test_fifty_accounts_in_trouble_do_not_push_the_table_off_the_screen() -> None:
    one = answer({})
    told = replace(one, accounts={f"a{number}": one.accounts["btc-desk"] for number in range(50)})
    headline = screen(told, Paper(80))
    assert next(index for index, line in enumerate(headline) if line.startswith("ACCOUNT")) < 8


def test_many_dead_bots_are_one_line_of_the_headline_and_all_named_below() -> None:
    told = answer(TRIPPED, DEAD)
    dead = told.watches["quoter"]
    names = tuple(f"bot-{number:02}" for number in range(20))
    told = replace(
        told,
        watches={name: replace(dead, silence=9.0 + number) for number, name in enumerate(names)},
        accounts={name: replace(account, watches=names) for name, account in told.accounts.items()},
    )
    said = screen(told, Paper(200))
    assert said[0] == (
        "07:13:40Z  ACT  bots bot-00, bot-01, bot-02 and 17 more are dead: silent 9 s to 28 s, "
        "20 of their processes gone"
    )
    assert said[1].startswith("ACCOUNT")
    assert "Dead: " + ", ".join(names) + "." in " ".join(said)


def test_a_few_dead_bots_are_told_of_one_by_one() -> None:
    told = changed(answer(ARMED, DEAD), "btc-desk", watches=("quoter", "hedger"))
    told = replace(told, watches=dict.fromkeys(("quoter", "hedger"), told.watches["quoter"]))
    first, second, *_ = screen(told, Paper())
    assert "bot hedger is dead: silent 9 s, pid 4123 gone" in first
    assert "bot quoter is dead: silent 9 s, pid 4123 gone" in second


EXITS: list[tuple[Histories, int]] = [
    (ARMED, 0),
    (ARMED | {"btc-desk": (OPEN, READ_BACK, LOST)}, 0),
    (ARMED | {"btc-desk": (OPEN, READ_BACK, AWAY)}, 0),
    (ARMED | {"btc-desk": (AWAY,)}, 1),
    (ARMED | {"btc-desk": (OPEN, READ_BACK, OFF)}, 1),
    (ARMED | {"btc-desk": (OPEN,)}, 1),
    (ARMED | {"btc-desk": (OPEN, READ_BACK, SILENCE)}, 1),
    (ARMED | {"btc-desk": (OPEN, READ_BACK, SILENCE, *gone(99.0))}, 0),
    (ARMED | {"btc-desk": (facts.Disarmed(98.0, "alice"),)}, 0),
    (ARMED | {"sx-maker": (facts.Awaited(11.0),)}, 0),
]


@pytest.mark.parametrize(("histories", "code"), EXITS)
def test_the_exit_code_counts_what_is_wanted_and_unprotected(histories: Histories, code: int) -> None:
    assert exit_code(answer(histories)) == code


def test_only_some_accounts_come_with_their_bots_alone() -> None:
    told = answer(ARMED)
    told = replace(told, watches={**told.watches, "other": told.watches["quoter"]})
    chosen = only(told, ["sx-maker", "btc-desk"])
    assert list(chosen.accounts) == ["btc-desk", "sx-maker"]
    assert list(chosen.watches) == ["quoter"]
    assert only(told, []) is told


def test_an_account_nobody_knows_is_told_with_the_likely_one() -> None:
    with pytest.raises(Misused, match='no account "btc-desc"; did you mean "btc-desk"'):
        only(answer(ARMED), ["btc-desc"])
