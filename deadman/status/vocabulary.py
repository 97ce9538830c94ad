"""The words for each phase and what follows from it, for terminal, page, log, webhook and the answers to commands.

Whoever shows a phase takes its label, tone, sentence and advice from `VOCABULARY`. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, assert_never

from deadman.model.facts import TRIP_PATIENCE, Cause
from deadman.model.fate import Fate
from deadman.model.guard import Phase
from deadman.model.proof import Coverage
from deadman.model.text import instant, left, order_count, plain, span
from deadman.status.schema import AccountReport, HoldReport, SightReport, TripReport

RECENT = 30.0
"""Seconds after which a count of orders is told with its age."""

Tone = Literal["good", "warn", "bad", "calm", "plain"]


@dataclass(frozen=True, slots=True)
class Words:
    """Of one phase.

    Attributes:
        label: what people see.
        tone: where nothing is alarming, nor worth a look.
        sentence: what is so; `{venue}` and `{expiry}` are filled in.
        meaning: what that means for the orders.
        advice: what somebody is to do while it is alarming.
    """

    label: str
    tone: Tone
    sentence: str
    meaning: str
    advice: str = ""


VOCABULARY: Mapping[Phase, Words] = {
    Phase.CONNECTING: Words("CONNECTING", "calm", "no session, not armed yet", "nothing is proven", "Bots should wait"),
    Phase.ARMING: Words("ARMING", "calm", "in session, not armed yet", "nothing is proven", "Bots should wait"),
    Phase.WAITING: Words(
        "NO BOT YET, not armed",
        "calm",
        "no bot yet",
        "no lease is taken before its bot checks in; orders open now stay",
    ),
    Phase.ARMED: Words("ARMED", "good", "armed", "its orders are cancelled unless the proof is renewed"),
    Phase.DEGRADED: Words("DEGRADED", "warn", "a renewal is overdue", "rests on its last proof alone"),
    Phase.EXPIRED: Words(
        "EXPIRED",
        "bad",
        "the lease ran out at {expiry}",
        "its orders are presumed cancelled",
        "Place no orders before it is armed again",
    ),
    Phase.UNVERIFIED: Words(
        "UNVERIFIED",
        "bad",
        "not proven since {expiry}",
        "whether the switch is still on is unknown",
        "Do not rely on the switch before it is proven again",
    ),
    Phase.EXPOSED: Words(
        "SWITCH OFF",
        "bad",
        "the switch is off",
        "the venue would not cancel its orders",
        "Guard its orders by hand until it is armed again",
    ),
    Phase.REFUSED: Words(
        "REJECTED BY VENUE",
        "warn",
        "rejected by {venue}",
        "nothing is proven: whether its orders would be cancelled is unknown",
        "Check the key, its scopes and its list of addresses",
    ),
    Phase.TRIPPING: Words(
        "TRIPPING", "bad", "tripped", "its orders are being cancelled", "Keep the bot down until its orders are gone"
    ),
    Phase.TRIPPED: Words("TRIPPED", "warn", "tripped", "positions are not closed"),
    Phase.DISARMED: Words("DISARMED", "warn", "disarmed", "nothing is renewed, repaired or tripped"),
}

WITNESS: Mapping[Phase, Words] = {
    Phase.CONNECTING: Words("CONNECTING", "calm", "does not stand by yet", "nothing is proven"),
    Phase.WAITING: Words("WAITS FOR ITS DESK", "warn", "waits for its desk", "nothing is cancelled if the desk dies"),
    Phase.ARMED: Words("STANDS BY", "good", "stands by", "cancels once the desk's host, or its bot, is dead"),
    Phase.DEGRADED: Words(
        "CANNOT HELP NOW",
        "warn",
        "does not stand by",
        "the desk is on its own",
        "Mend it before the desk needs it; nothing is cancelled because of this",
    ),
    Phase.DISARMED: Words("DISARMED", "warn", "disarmed", "nothing is cancelled here, whatever becomes of the desk"),
}
"""A witness's account stands in the same phases, and means something else by some of them."""


def words_of(account: AccountReport) -> Words:
    known = WITNESS.get(account.phase) if account.witness_of is not None else None
    return known or VOCABULARY[account.phase]


TRYING = "deadman keeps trying"

CLAIMS: Mapping[Coverage, str] = {
    Coverage.LEASE: "the venue cancels its orders unless we renew",
    Coverage.INHERITED: "cancel-on-disconnect is proven on for connections opened from now on",
    Coverage.WITNESS: "cancels what its desk's trip would, once the desk's host or its bot is dead",
}


def log_label(phase: Phase) -> str:
    """The phase by its own name, which alerts and searches use, and its label where that says more."""
    return _log_label(phase, VOCABULARY[phase])


def _log_label(phase: Phase, words: Words) -> str:
    name, label = phase.upper(), words.label
    return name if label == name else f"{name} ({label.lower()})"


def sentence(account: AccountReport, now: float) -> str:
    """What is so, in a clause."""
    lapses = account.drilling is not None and account.coverage is Coverage.LEASE
    if account.phase is Phase.DEGRADED and account.witness_of is None and not account.connected:
        return f"renewals rest for a drill by {account.drilling}" if lapses else "its session is over"
    expiry = "an instant that is not known" if account.expiry is None else instant(account.expiry, now)
    said = words_of(account).sentence.format(venue=account.venue_title, expiry=expiry)
    if account.phase is Phase.ARMING and account.undone_until is not None:
        return f"{said}: an unanswered request may still end the lease until {instant(account.undone_until, now)}"
    return f"{said}, by a drill of {account.drilling}" if lapses and account.phase is Phase.EXPIRED else said


def explain(account: AccountReport, now: float, *, timed: bool = True) -> str:
    """Why the account stands as it does, and what becomes of its orders. `now` in Unix seconds.

    `timed`: also how long the last proof is good for, which is other news for every account and every second.
    """
    trouble = account.trouble.words if account.trouble else ""
    meaning, good = words_of(account).meaning, f"good for {left(account.margin)}"
    standing = f"the last proof is {good}" if timed else "the last proof still stands"
    match account.phase:
        case Phase.WAITING | Phase.DEGRADED if account.sight is not None:
            return _explain_sight(account, account.sight, now)
        case Phase.ARMED:
            return f"{CLAIMS[account.coverage] if account.coverage else meaning}{f'; {good}' if timed else ''}"
        case Phase.DEGRADED:
            return f"{trouble or sentence(account, now)}; {standing}"
        case Phase.REFUSED:
            return f"{trouble}; {standing if account.protected else meaning}"
        case Phase.EXPOSED:
            return f"{trouble}: {meaning}"
        case Phase.EXPIRED | Phase.UNVERIFIED:
            if account.lease_end is not None and account.lease_end > now:
                meaning = f"a lease that is not proven may run until {instant(account.lease_end, now)}"
            return f"{sentence(account, now)}: {meaning}{f'; {trouble}' if trouble else ''}"
        case Phase.TRIPPING | Phase.TRIPPED:
            return _explain_trip(account, account.trip, now) if account.trip else meaning
        case Phase.DISARMED:
            disarm = account.disarm
            until = f"until {instant(disarm.until, now)}" if disarm and disarm.until else "until `arm`"
            return f"{f'by {signed(disarm.by, disarm.reason)}: ' if disarm else ''}{meaning} {until}"
        case Phase.WAITING:
            return f"{meaning}{f' ({account.open_orders} when last counted)' if account.open_orders else ''}"
        case Phase.CONNECTING | Phase.ARMING:
            return f"{trouble or sentence(account, now)}; {meaning}"
    assert_never(account.phase)


def _explain_sight(account: AccountReport, sight: SightReport, now: float) -> str:
    """Why a witness does not stand by."""
    if account.phase is Phase.WAITING:
        return sight.awaits
    if sight.blind_since is not None:
        blind = f"blind since {instant(sight.blind_since, now)} ({sight.blind_because})"
        return f"{blind}: the death of {sight.desk} would not be noticed, and nothing is cancelled for that"
    why = account.trouble.words if account.trouble else "its key may not cancel" if account.connected else "no session"
    return f"the death of {sight.desk} would be noticed, but nothing could be cancelled: {why}"


def _explain_trip(account: AccountReport, trip: TripReport, now: float) -> str:
    if account.observe:
        orders = "deadman only observes here and cancels nothing"
    elif trip.done_at is not None:
        orders = f"{gone(trip.cancelled, trip.presumed, account.cancels_only)}; {VOCABULARY[Phase.TRIPPED].meaning}"
    elif account.on_trip == "lapse" and trip.cause is not Cause.OPERATOR:
        orders = "renewals have stopped, the venue cancels its orders when the lease ends"
    else:
        orders = lasting(trip, now) or VOCABULARY[Phase.TRIPPING].meaning
    return f"{pulled(trip.cause, trip.by, trip.reason)}: {orders}"


def transition(before: Phase, account: AccountReport, now: float) -> str:
    """A change of phase as log, history and webhook tell it, with the orders where nothing guards them."""
    # After a lease has run out a count of before it says nothing.
    bare = account.alarming and account.open_orders and account.phase is not Phase.EXPIRED
    orders = f"; {counted(account, now)}" if bare else ""
    return f"{before.upper()} -> {_log_label(account.phase, words_of(account))}: {explain(account, now)}{orders}"


def aged(account: AccountReport, now: float) -> str:
    """The age of a count as it follows it; nothing for a recent one."""
    age = account.count_age(now)
    return f" ({left(age)} ago)" if age is not None and age > RECENT else ""


def counted(account: AccountReport, now: float) -> str:
    """How many orders are open, as the venue listed them last, and when that was."""
    return f"{order_count(account.open_orders or 0)} open{aged(account, now)}"


def signed(by: str, reason: str) -> str:
    """Whose word it is, and why."""
    return f"{by} ({reason})" if reason else by


def on_hold(hold: HoldReport, now: float) -> str:
    """What a bot's hold means, whose it is, and until when."""
    by = signed(hold.by, hold.reason)
    return f"on hold until {instant(hold.until, now)} by {by}: its silence trips nothing"


def pulled(cause: Cause, by: str, reason: str) -> str:
    """What pulled the switch."""
    match cause:
        case Cause.SILENCE:
            return f"tripped by the silence of {signed(by, reason)}"
        case Cause.HOST:
            return f"tripped by the death of host {signed(by, reason)}"
        case Cause.TRIGGER:
            return f"tripped by {signed(f'{by} itself', reason)}"
        case Cause.STOPPING:
            return f"bot {by} said it stops"
        case Cause.OPERATOR:
            return f"tripped by {signed(by, reason)}"
    assert_never(cause)


def gone(cancelled: int, presumed: bool, only: str | None) -> str:
    """What a trip that is done has done; `only`: which orders it cancels, where it selects."""
    how = "presumed gone since the lease's end" if presumed else "gone"
    selected = f": only {only}" if only else ""
    return f"{'selected ' if only else ''}orders {how}, {cancelled} cancelled by deadman{selected}"


def lasting(trip: TripReport, now: float) -> str:
    """Why a trip goes on and on, by what the venue listed round by round; empty while it may still be short."""
    spent = now - trip.at + 1e-3  # both are rounded to the millisecond
    if spent < TRIP_PATIENCE or not trip.remaining or trip.done_at is not None:
        return ""
    open_still = f"{order_count(trip.remaining)} still open after {left(spent)}"
    if trip.fed:
        return f"{open_still}: something keeps placing them, stop it"
    if trip.resisting:
        because = f" ({trip.resists_because})" if trip.resists_because else ""
        return f"{open_still}: the venue does not cancel {trip.resisting} of them{because}, cancel them by hand"
    return f"{open_still}: cancel them by hand; {TRYING}"


@dataclass(frozen=True, slots=True)
class Phrase:
    """Some words, the tone they are shown in, and a sentence that explains them."""

    words: str
    tone: Tone = "calm"
    because: str = ""


def fate_phrase(fate: Fate, protected: bool) -> Phrase:
    """What becomes of the orders after a death; green only where that rests on a proof, or has happened already."""
    match fate.orders:
        case "cancelling":
            ends = f", gone in {span(fate.within)}" if fate.within else ""
            return Phrase(f"being cancelled{ends}", "warn", fate.because)
        case "gone" if fate.within is None:
            return Phrase("unknown", "warn", fate.because)  # no bound, no claim
        case "gone":
            tone: Tone = "good" if protected or not fate.within else "warn"
            return Phrase(f"gone in {span(fate.within)}" if fate.within else "–", tone, fate.because)
        case "stay":
            return Phrase("STAY", "bad", fate.because)
        case "partly" | "unknown":
            return Phrase(fate.orders, "warn", fate.because)
    assert_never(fate.orders)


_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass
class Footnotes:
    """Each sentence once, numbered as it comes."""

    sentences: list[str] = field(default_factory=list)

    def mark(self, sentence: str) -> str:
        """The number under which it stands below; empty for no sentence."""
        sentence = plain(sentence)
        if sentence and sentence not in self.sentences:
            self.sentences.append(sentence)
        return str(self.sentences.index(sentence) + 1).translate(_SUPERSCRIPTS) if sentence else ""

    def marked(self) -> Iterator[tuple[str, str]]:
        """Each sentence with its number before it."""
        yield from ((self.mark(sentence), sentence) for sentence in self.sentences)

    def fates(self, account: AccountReport) -> Iterator[tuple[Phrase, *tuple[str, ...]]]:
        """What becomes of the orders if the bot dies, and if the host does, each with the numbers of its reasons.

        What is certain needs none; where the bot's reason ends with the host's, that part is told once.
        """
        bot, host = account.if_bot_dies, account.if_host_dies
        first = bot.because.removesuffix(host.because).strip()
        shared = host.because if bot.because.endswith(host.because) else ""
        for fate, reasons in ((bot, (first, shared)), (host, (host.because,))):
            certain = fate.orders in ("gone", "cancelling")
            marks = [] if certain else [mark for reason in reasons if (mark := self.mark(reason))]
            yield fate_phrase(fate, account.protected), *marks
