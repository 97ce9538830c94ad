"""The status page: what it says, and that nothing in it can run, load, or pass for something else."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deadman.model import facts
from deadman.model.errors import Reason
from deadman.model.facts import Cause
from deadman.model.fate import Fate
from deadman.model.guard import Phase
from deadman.model.watch import Hold, Watch
from deadman.status.headline import headline
from deadman.status.page import POLICY, REFRESH, STALLED, orders, page, state_phrase
from deadman.status.problems import problems
from deadman.status.report import report
from deadman.status.schema import AccountReport, from_json
from deadman.status.vocabulary import VOCABULARY, fate_phrase, log_label
from deadman.telemetry.transitions import transitions
from tests.support.boards import Hand, deribit, hand, sxbet


@dataclass
class Document(HTMLParser):
    """The page as a browser's parser sees it: elements with their attributes, and the text of each."""

    elements: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def shape(self) -> list[tuple[str, list[str]]]:
        return [(tag, sorted(attributes)) for tag, attributes in self.elements]


def read(html: str) -> Document:
    document = Document()
    document.feed(html)
    document.close()
    return document


def shown(held: Hand, tick_age: float = 0.0) -> list[str]:
    return read(page(report(held.board), tick_age)).texts


def told(held: Hand, name: str) -> AccountReport:
    return report(held.board).accounts[name]


@pytest.fixture
def desk() -> Hand:
    return hand(deribit("desk", "quoter"), sxbet("maker", "quoter"))


def test_all_is_fine_when_every_account_is_protected(desk: Hand) -> None:
    desk.arm("desk", ttl=65.0)
    desk.arm("maker")
    texts = shown(desk)
    assert texts[texts.index("fine – deadman") :][2] == "fine"
    assert "2 of 2 accounts protected, good for 30 s; the proof of maker ends next, at 08:00:30Z." in texts
    assert {"ARMED", "65 s", "30 s", "deribit mainnet", "sxbet testnet", "08:00:00Z"} <= set(texts)


def test_what_needs_a_hand_comes_first_and_says_what_to_do(desk: Hand) -> None:
    desk.arm("desk")
    desk.arm("maker")
    desk.expose("maker", "the echo was 0")
    texts = shown(desk)
    assert "ACT" in texts
    told = "maker: the switch is off (the echo was 0). Guard its orders by hand until it is armed again"
    assert texts[texts.index("ACT") + 1] == f"{told}; deadman keeps trying"
    assert texts.index("maker") < texts.index("desk")
    assert "SWITCH OFF" in texts
    assert "The echo was 0: the venue would not cancel its orders." in texts
    assert "".join(texts).count("Guard its orders by hand until it is armed again") == 1


def test_a_stall_of_ours_is_told_first_and_no_bot_is_called_dead_for_it(desk: Hand) -> None:
    desk.board.put_watch(Watch("quoter", 5.0).check_in(desk.now, None))
    desk.arm("desk", ttl=65.0)
    desk.stall(12.0)
    texts = shown(desk, tick_age=12.0)
    told = "deadman itself hangs: its event loop last ticked 12 s ago, and nothing is renewed."
    assert texts[texts.index("ACT") + 1] == told
    assert not [text for text in texts if text.startswith("bot quoter is dead")]
    assert "ACT" not in shown(hand(), tick_age=STALLED)


def test_a_dead_bot_is_an_alarm_and_one_on_hold_is_not(desk: Hand) -> None:
    desk.arm("desk", ttl=65.0)
    desk.arm("maker", ttl=65.0)
    watch = Watch("quoter", 5.0).check_in(desk.now, None)
    desk.board.put_watch(watch)
    desk.advance(9.0)
    assert "bot quoter is dead: silent 9 s" in shown(desk)
    desk.board.put_watch(replace(watch, hold=Hold(desk.now + 900, "alice", "upgrade")))
    texts = shown(desk)
    assert {"LOOK", "on hold until 08:15:09Z", "By alice (upgrade). Its silence trips nothing."} <= set(texts)
    assert "bot quoter: on hold until 08:15:09Z by alice (upgrade): its silence trips nothing" in texts


def test_a_state_that_cannot_be_written_needs_somebody_though_all_are_protected(desk: Hand) -> None:
    for name in ("desk", "maker"):
        desk.arm(name)
    desk.board.state_fault = "No space left on device"
    texts = shown(desk)
    assert texts[texts.index("LOOK") + 1].startswith("deadman cannot write its state (No space left on device): a rest")


def test_a_bot_that_lives_on_behind_an_operators_trip_is_worth_a_look(desk: Hand) -> None:
    desk.arm("maker", ttl=65.0)
    desk.board.put_watch(Watch("quoter", 5.0).check_in(desk.now, None))
    desk.post("desk", facts.Tripped(desk.now, Cause.OPERATOR, "bob"), facts.TripDone(desk.now, False))
    texts = shown(desk)
    told = texts[texts.index("LOOK") + 1]
    assert told.startswith("desk: tripped by bob, but quoter lives on, and what is placed now is not guarded: stop it")


def test_page_and_status_tell_the_same_problems_in_the_same_words(desk: Hand) -> None:
    desk.refuse("desk", "unknown key")
    desk.expose("maker", "the echo was 0")
    texts = shown(desk)
    assert problems(report(desk.board)) == texts[texts.index("ACT") + 1 :][:2]


def test_a_trip_is_followed_to_its_end(desk: Hand) -> None:
    desk.arm("desk")
    desk.post("desk", facts.Tripped(desk.now, Cause.SILENCE, "quoter", "silent 5 s"), facts.RoundDone(desk.now, 4, 3))
    texts = shown(desk)
    assert {"TRIPPING", "being cancelled", "Round 2, 3 left."} <= set(texts)
    why = "Tripped by the silence of quoter (silent 5 s): its orders are being cancelled."
    assert f"{why} Keep the bot down until its orders are gone; deadman keeps trying." in texts
    desk.advance(2.0)
    desk.post("desk", facts.RoundDone(desk.now, 3, 0), facts.TripDone(desk.now, False))
    told = (
        "Tripped by the silence of quoter (silent 5 s): orders gone, 7 cancelled by deadman; positions are not closed."
    )
    assert {"TRIPPED", "gone at 08:00:02Z", told} <= set(shown(desk))


def test_a_trip_that_cannot_count_says_so(desk: Hand) -> None:
    desk.post("maker", facts.Tripped(desk.now, Cause.OPERATOR, "alice"), facts.RoundDone(desk.now, 0, None))
    assert "Round 2, how many are left is not known." in shown(desk)
    desk.post("maker", facts.TripDone(desk.now, True))
    gone = "orders presumed gone since the lease's end, 0 cancelled by deadman"
    assert f"Tripped by alice: {gone}; positions are not closed." in shown(desk)


def test_orders_placed_after_a_trip_are_not_hidden_behind_it(desk: Hand) -> None:
    desk.post("desk", facts.Tripped(desk.now, Cause.SILENCE, "quoter"), facts.TripDone(desk.now, False))
    desk.post("desk", facts.OrdersCounted(desk.now, 2))
    assert orders(told(desk, "desk"), 0.0).words == "2 open"


def test_an_expired_lease_says_what_became_of_the_orders(desk: Hand) -> None:
    desk.arm("maker", ttl=30.0)
    desk.advance(40.0)
    assert {"EXPIRED", "presumed cancelled", "By the venue, when the lease ran out at 08:00:30Z."} <= set(shown(desk))


def test_a_disarm_says_by_whom_and_until_when(desk: Hand) -> None:
    desk.post("desk", facts.Disarmed(desk.now, "alice", "upgrade", desk.now + 900))
    told = "By alice (upgrade): nothing is renewed, repaired or tripped until 08:15:00Z."
    assert {"DISARMED", told} <= set(shown(desk))


def test_an_observed_account_says_so() -> None:
    held = hand(replace(deribit("desk"), observe=True))
    held.arm("desk")
    assert "ARMED, observing only" in shown(held)


def test_a_rejection_with_a_standing_proof_is_no_alarm_yet_shows_its_cause(desk: Hand) -> None:
    desk.arm("maker")
    desk.refuse("maker", "unknown key")
    answer = report(desk.board)
    state = state_phrase(answer.accounts["maker"], headline(answer).tones["maker"], answer.timestamp)
    assert (state.words, state.tone) == ("REJECTED BY VENUE", "warn")
    assert state.because == "Unknown key; the last proof still stands."
    assert "30 s" in shown(desk)


@pytest.mark.parametrize("phase", Phase)
def test_every_phase_has_words_and_every_alarm_something_to_do(desk: Hand, phase: Phase) -> None:
    answer = report(desk.board)
    account = replace(answer.accounts["desk"], phase=phase, wanted=True, protected=False)
    answer = replace(answer, accounts={"desk": account})
    state = state_phrase(account, headline(answer).tones["desk"], answer.timestamp)
    assert state.words == VOCABULARY[phase].label
    assert state.because.isprintable()
    assert log_label(phase).startswith(phase.upper())
    if phase not in (Phase.DISARMED, Phase.WAITING, Phase.TRIPPED, Phase.ARMED, Phase.DEGRADED):
        assert "; deadman keeps trying" in page(answer, 0.0)
        assert state.tone == "bad"


@pytest.mark.parametrize(
    ("orders", "within", "words_"),
    [
        ("gone", 7.2, "gone in 8 s"),
        ("gone", 0.0, "–"),
        ("cancelling", None, "being cancelled"),
        ("cancelling", 7.2, "being cancelled, gone in 8 s"),
        ("partly", 7.2, "partly"),
        ("stay", None, "STAY"),
        ("unknown", None, "unknown"),
    ],
)
def test_a_fate_is_told_in_a_word(orders: str, within: float | None, words_: str) -> None:
    fate = from_json(Fate, {"orders": orders, "within": within, "because": "so"})
    assert fate_phrase(fate, protected=True).words == words_


def test_nothing_runs_nothing_is_loaded_and_nothing_can_be_sent(desk: Hand) -> None:
    desk.board.put_watch(Watch("quoter", 5.0))
    document = read(page(report(desk.board), 0.0))
    tags = {tag for tag, _ in document.elements}
    assert not tags & {"script", "link", "img", "iframe", "form", "object", "embed", "base", "button", "input"}
    links = [
        value for _, attributes in document.elements for key, value in attributes.items() if key in ("src", "href")
    ]
    assert links == ["/metrics", "/runbook"]
    assert not [key for _, attributes in document.elements for key in attributes if key.startswith(("on", "style"))]
    assert "url(" not in page(report(desk.board), 0.0)


def test_the_policy_allows_this_very_style_and_nothing_else(desk: Hand) -> None:
    document = read(page(report(desk.board), 0.0))
    style = next(text for text in document.texts if ":root" in text)
    digest = b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{digest}';" in POLICY


def test_it_reloads_itself_and_fits_a_phone(desk: Hand) -> None:
    metas = [attributes for tag, attributes in read(page(report(desk.board), 0.0)).elements if tag == "meta"]
    assert {"http-equiv": "refresh", "content": str(REFRESH)} in metas
    assert {"name": "viewport", "content": "width=device-width,initial-scale=1"} in metas


@given(st.text(), st.text(), st.text())
def test_no_words_of_strangers_change_the_page(detail: str, by: str, status: str) -> None:
    def written(*said: str) -> Document:
        held = hand(deribit("desk"), sxbet("maker"), sxbet("lost"))
        held.expose("desk", f"off {said[0]}")
        held.post("maker", facts.Tripped(held.now, Cause.OPERATOR, f"by {said[1]}", f"why {said[0]}"))
        held.post("lost", facts.Lost(held.now, Reason.TLS, f"tls {said[0]}"))
        held.board.put_watch(replace(Watch("quoter", 5.0), status=f"says {said[2]}"))
        held.board.note("away", f"event {said[1]}")
        return read(page(report(held.board), 0.0))

    document = written(detail, by, status)
    assert document.shape == written("", "", "").shape
    assert all(text.isprintable() for text in document.texts if ":root" not in text and text.strip())


def test_the_header_and_the_title_name_the_daemon(desk: Hand) -> None:
    desk.board.name = "alpha"
    for name in ("desk", "maker"):
        desk.arm(name)
    texts = shown(desk)
    assert "fine – alpha – deadman" in texts
    assert texts[texts.index("alpha") + 1].startswith("2 of 2 accounts protected, good for 30 s; ")


def test_no_sentence_is_there_twice_however_many_accounts_it_is_true_of() -> None:
    names = [f"desk-{number}" for number in range(5)]
    held = hand(*(deribit(name, "quoter") for name in names))
    for name in names:
        held.arm(name, ttl=65.0)
    texts = [text for text in shown(held) if len(text) > 30]
    assert len(texts) == len(set(texts))
    assert "Cancel-on-disconnect is proven on for connections opened from now on." in texts


def test_since_and_counts_and_check_ins_are_told_with_their_age(desk: Hand) -> None:
    desk.arm("desk", ttl=1000.0)
    desk.post("desk", facts.OrdersCounted(desk.now, 3))
    desk.board.put_watch(Watch("quoter", 5000.0).check_in(desk.now, None))
    desk.advance(240.0)
    texts = shown(desk)
    assert texts[texts.index("3 open") + 1] == "counted 4 min ago"
    assert texts.count("4 min ago") == 2  # since when the other account connects, and the last check-in


def test_a_count_that_nobody_has_any_more_is_no_number(desk: Hand) -> None:
    desk.arm("desk")
    answer = report(desk.board)
    account = replace(answer.accounts["desk"], orders_unsure=True, open_orders=None, open_orders_at=None)
    assert headline(replace(answer, accounts={"desk": account})).looks == (
        "desk: orders open when last watched, and not listed since: nobody knows what rests",
    )


def test_what_happened_is_told_newest_first_in_the_words_of_the_log(desk: Hand) -> None:
    desk.board.listen(transitions(desk.board))
    desk.arm("desk")
    desk.advance(2.0)
    desk.expose("desk", "turned off")
    texts = shown(desk)
    told = texts[texts.index("What happened, newest first") + 1 :][:6]
    assert told[:3] == ["08:00:02Z", "0 s ago", desk.board.events[-1].text]
    assert told[3:5] == ["08:00:00Z", "2 s ago"]


def test_an_empty_desk_has_a_page_too() -> None:
    assert "0 of 0 accounts protected." in shown(hand())
