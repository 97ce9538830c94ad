"""The answer of `status` as people read it on a terminal, `ACT`, `LOOK` or `fine` first. Pure but for `Paper.of`."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TextIO

from deadman.model.facts import Cause
from deadman.model.guard import Phase
from deadman.model.text import ago, instant, left, plain, tenths_up
from deadman.status.headline import TONES, Headline, Verdict, headline, next_end, summary
from deadman.status.problems import NAMED, dead_bots, gathered
from deadman.status.schema import AccountReport, StatusReport
from deadman.status.vocabulary import VOCABULARY, Footnotes, Tone, aged, on_hold, signed, words_of

_HEADS = ("ACCOUNT", "STATE", "OPEN", "IF THE BOT DIES", "IF THE HOST DIES")
_SHORT_HEADS = ("ACCOUNT", "STATE", "OPEN", "BOT DIES", "HOST DIES")
_GAP = "  "


def screen(report: StatusReport, paper: Paper) -> list[str]:
    """All of it, in lines as wide as the paper."""
    told, footnotes, rows, now = headline(report), Footnotes(), list[tuple[str, ...]](), report.timestamp
    for name, account in report.accounts.items():
        orders = "?" if account.open_orders is None else f"{account.open_orders}{aged(account, now)}"
        fates = (" ".join((phrase.words, *marks)) for phrase, *marks in footnotes.fates(account))
        rows.append((plain(name), plain(state(account, now)), orders, *fates))
    # What is protected, unless the first line has said it, and which proof ends next.
    foot = "; ".join(filter(None, ("" if told.verdict is Verdict.FINE else summary(report), next_end(report))))
    return [
        *headline_lines(report, told, paper),
        *_table(rows, list(told.tones.values()), paper),
        *(line for note in notes(report) for line in paper.wrap(plain(note), then="  ")),
        *(line for mark, one in footnotes.marked() for line in paper.wrap(one, f"{mark} ")),
        *paper.wrap(plain(": ".join(filter(None, (report.name, foot)))), then="  "),
    ]


def headline_lines(report: StatusReport, told: Headline, paper: Paper) -> list[str]:
    """`fine`, or all that somebody must act on, and after it all that is worth a look; each word once."""
    clock, lines = instant(report.timestamp, report.timestamp), list[str]()
    said = [(Verdict.ACT, told.acts), (Verdict.LOOK, told.looks)]
    if told.verdict is Verdict.FINE:
        said = [(Verdict.FINE, (summary(report),))]
    for verdict, sentences in said:
        for number, sentence in enumerate(sentences):
            lead = " " * len(clock) if lines else clock
            word = verdict if number == 0 else " " * len(verdict)
            first, *others = paper.wrap(plain(sentence), f"{lead}  {word}  ")
            lines += [
                first.replace(verdict, paper.paint(TONES[verdict], verdict), 1) if number == 0 else first,
                *others,
            ]
    return lines


def _table(rows: Sequence[tuple[str, ...]], tones: Sequence[Tone], paper: Paper) -> Iterator[str]:
    """A row an account, or where that is too wide a few lines an account."""
    for heads in (_HEADS, _SHORT_HEADS):
        widths = [max(map(len, cells)) for cells in zip(heads, *rows, strict=True)]
        if sum(widths) + len(_GAP) * (len(widths) - 1) <= paper.width:
            yield _line(heads, widths)
            yield from (_line(row, widths, paper, tone) for row, tone in zip(rows, tones, strict=True))
            return
    for (name, condition, orders, bot, host), tone in zip(rows, tones, strict=True):
        first, *others = paper.wrap(f"{name}  {condition}", then="  ")
        yield first.replace(condition, paper.paint(tone, condition))
        yield from others
        yield from paper.wrap(f"{orders} open; bot dies: {bot}; host dies: {host}", "  ", "    ")


def _line(cells: Sequence[str], widths: Sequence[int], paper: Paper | None = None, tone: Tone = "plain") -> str:
    name, condition, orders, *fates = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
    condition = paper.paint(tone, condition) if paper else condition
    return _GAP.join((name, condition, orders.strip().rjust(widths[2]), *fates)).rstrip()


def state(account: AccountReport, now: float) -> str:
    """The phase in people's words; `now` in Unix seconds."""
    good = f", good for {left(account.margin)}" if account.protected else ""
    observed = " (observed)" if account.observe else ""
    return f"{words_of(account).label}{good}{_since(account, now)}{observed}"


def _since(account: AccountReport, now: float) -> str:
    """What the phase needs besides its label."""
    disarm, trip = account.disarm, account.trip
    match account.phase:
        case Phase.TRIPPING if trip:
            return f", round {trip.rounds + 1}"
        case Phase.TRIPPED if trip and account.open_orders:
            return f" {instant(trip.done_at or trip.at, now)}, orders open again"
        case Phase.TRIPPED if trip:
            selected, presumed = "selected " if account.cancels_only else "", "presumed " if trip.presumed else ""
            return f", {selected}{presumed}gone {instant(trip.done_at or trip.at, now)}"
        case Phase.DISARMED if disarm and not disarm.confirmed:
            return ", not confirmed"
        case Phase.DISARMED if disarm and disarm.until is not None:
            return f" until {instant(disarm.until, now)}"
        case Phase.EXPIRED | Phase.UNVERIFIED if account.expiry is not None:
            return f" since {instant(account.expiry, now)}, {ago(account.expiry, now)}"
        case Phase.EXPOSED | Phase.REFUSED if not account.protected:
            return f" since {instant(account.since, now)}, {ago(account.since, now)}"
    return ""


def notes(report: StatusReport) -> list[str]:
    """Sentences below the table; what is true of several accounts is told once of all."""
    now, lost, disarmed = report.timestamp, dict[str, str](), dict[str, str]()
    for name, account in report.accounts.items():
        if account.unreachable and (trouble := account.trouble):
            since = f"since {instant(trouble.since, now)} ({trouble.words})"
            proven = f"last proven {instant(account.last_proof, now)}" if account.last_proof else "nothing proven yet"
            # An outage pulls no switch, and people must know that it did not, where that is so.
            calm = "" if account.trip else "Nothing was tripped because of it; "
            cannot = f"{account.venue_title} cannot be reached {since}; {proven}"
            lost[name] = f"{cannot}. {calm}deadman cannot cancel there now."
        if disarm := account.disarm:
            ends = f"until {instant(disarm.until, now)}" if disarm.until else "until `deadman arm`"
            unconfirmed = "" if disarm.confirmed else " The venue has not confirmed it yet."
            done = f"disarmed by {signed(disarm.by, disarm.reason)} at {instant(disarm.at, now)}, {ends}"
            disarmed[name] = f"{done}. {VOCABULARY[Phase.DISARMED].meaning.capitalize()} there.{unconfirmed}"
    said = [f"{names}: {words}" for told in (lost, disarmed) for names, words in gathered(told)]
    return [*_trips(report), *said, *_bots(report), *_drills(report)]


def _drills(report: StatusReport) -> Iterator[str]:
    """Which switches were seen to fire, when, and how quickly; one that was not is told of first of all."""
    for name, account in report.accounts.items():
        if (drill := account.drill) and drill.passed:
            took = "" if drill.seconds is None else f", within {tenths_up(drill.seconds)} s"
            yield f"{name}: its switch was seen to fire in the drill of {instant(drill.at, report.timestamp)}{took}."


def _trips(report: StatusReport) -> Iterator[str]:
    trips = {name: account.trip for name, account in report.accounts.items() if account.trip}
    latched = {name: trip for name, trip in trips.items() if trip.cause is Cause.OPERATOR}
    hosts = dict.fromkeys(trip.by for trip in trips.values() if trip.cause is Cause.HOST)
    bots = dict.fromkeys(trip.by for trip in trips.values() if trip.cause not in (Cause.OPERATOR, Cause.HOST))
    for host in hosts:
        yield f"Positions are not closed. Stands by again when a bot of {host} checks in, or {host} where it has none."
    if bots:
        back = f"{' and '.join(bots)} {'checks' if len(bots) == 1 else 'check'} in again"
        yield f"Positions are not closed. Re-arms when {back}."
    elif trips and not hosts:
        yield "Positions are not closed."
    if latched:
        by = ", ".join(dict.fromkeys(signed(trip.by, trip.reason) for trip in latched.values()))
        yield f"Tripped by {by}: only `deadman arm {' '.join(latched)}` re-arms."


def _bots(report: StatusReport) -> Iterator[str]:
    """Each bot that has something to say; a dead one is in the headline, or of many at least here."""
    dead = dead_bots(report)
    if len(dead) > NAMED:
        yield f"Dead: {', '.join(dead)}."
    for name, watch in report.watches.items():
        if watch.host:
            # What the rows of the accounts that we watch over do not say.
            yield from (f"host {name}: dead, not heard for {left(watch.silence or 0.0)}.",) if watch.silent else ()
            continue
        said = f' It says: "{watch.status}".' if watch.status else ""
        if watch.hold:
            yield f"bot {name}: {on_hold(watch.hold, report.timestamp)}.{said}"
        elif name in dead or watch.silent:
            yield from (f'bot {name} said last: "{watch.status}".',) if said and name in dead else ()
        elif watch.goodbye_at is not None:
            yield f"bot {name}: said at {instant(watch.goodbye_at, report.timestamp)} that it stops.{said}"
        elif not watch.up:
            yield f"bot {name}: has not checked in.{said}"
        elif said:
            yield f"bot {name}: alive, heard {left(watch.silence or 0.0)} ago.{said}"


_COLOURS: Mapping[str, str] = {"bad": "\x1b[1;31m", "good": "\x1b[32m", "warn": "\x1b[33m", "calm": "\x1b[2m"}
_END = "\x1b[0m"
_NARROWEST = 24


@dataclass(frozen=True, slots=True)
class Paper:
    """`width` and `height` in characters; `colours` by tone, none where there are none."""

    width: int = 80
    height: int = 24
    colours: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, stream: TextIO, environment: Mapping[str, str]) -> Paper:
        """80 columns and plain where nobody looks; NO_COLOR as no-color.org has it."""
        size = shutil.get_terminal_size((80, 24))
        plain = environment.get("NO_COLOR") or environment.get("TERM") == "dumb" or not stream.isatty()
        return cls(max(size.columns, _NARROWEST), max(size.lines, 2), {} if plain else _COLOURS)

    def paint(self, tone: str, text: str) -> str:
        colour = self.colours.get(tone)
        return f"{colour}{text}{_END}" if colour and text else text

    def wrap(self, text: str, first: str = "", then: str | None = None) -> list[str]:
        """Lines no wider than the paper: `first` leads the first one, `then` the others (blanks if not given)."""
        others = " " * len(first) if then is None else then
        others = others if len(others) < self.width // 2 else "  "
        return textwrap.wrap(text, self.width, initial_indent=first, subsequent_indent=others, break_on_hyphens=False)
