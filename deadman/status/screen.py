"""The answer of `status` as people read it, `ACT`, `LOOK` or `fine` first (contract, section 7). Pure."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TextIO

from deadman.model.text import instant, left, plain, span
from deadman.status import headline
from deadman.status.headline import Verdict, account_look
from deadman.status.problems import NAMED, Told, aged, alarming, dead_bots, gathered, unreachable
from deadman.venues import title

_HEADS = ("ACCOUNT", "STATE", "OPEN", "IF THE BOT DIES", "IF THE HOST DIES")
_SHORT_HEADS = ("ACCOUNT", "STATE", "OPEN", "BOT DIES", "HOST DIES")
_GAP = "  "
_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass
class Footnotes:
    """Each sentence once, numbered as it comes."""

    sentences: list[str] = field(default_factory=list)

    def row(self, bot: Told, host: Told) -> tuple[str, str]:
        """Both cells; where the bot's reason ends with the host's, that part is told once."""
        first = bot["because"].removesuffix(host["because"]).strip()
        shared = [host["because"]] if bot["because"].endswith(host["because"]) else []
        return self._cell(bot, [first, *shared]), self._cell(host, [host["because"]])

    def _cell(self, fate: Told, reasons: Sequence[str]) -> str:
        """A fate with the numbers of its reasons, where it needs them: what is certain needs none."""
        if fate["orders"] in ("gone", "cancelling"):
            return cell(fate)
        return " ".join([cell(fate), *(self._mark(plain(reason)) for reason in reasons if reason)])

    def _mark(self, reason: str) -> str:
        if reason not in self.sentences:
            self.sentences.append(reason)
        return _number(self.sentences.index(reason) + 1)


def screen(answer: Told, paper: Paper) -> list[str]:
    """All of it, in lines as wide as the paper."""
    footnotes = Footnotes()
    rows = [_row(name, account, answer["timestamp"], footnotes) for name, account in answer["accounts"].items()]
    tones = [tone(account, answer["watches"], answer["timestamp"]) for account in answer["accounts"].values()]
    return [
        *headline_text(answer, paper),
        *_table(rows, tones, paper),
        *(line for note in notes(answer) for line in paper.wrap(plain(note), then="  ")),
        *_feet(footnotes, paper),
    ]


def headline_text(answer: Told, paper: Paper) -> list[str]:
    """`fine`, or all that somebody must act on, and after it all that is worth a look."""
    clock, told = _clock(answer["timestamp"]), headline.headline(answer)
    said = [(Verdict.ACT, told.acts), (Verdict.LOOK, told.looks)]
    if told.verdict is Verdict.FINE:
        said = [(Verdict.FINE, (headline.fine(answer),))]
    lines, lead = list[str](), clock
    for word, sentences in said:
        for number, sentence in enumerate(sentences):
            lines += _said(paper, lead, word, sentence, first=number == 0)
            lead = " " * len(clock)
    return lines


def _said(paper: Paper, lead: str, word: Verdict, sentence: str, *, first: bool) -> list[str]:
    """A sentence behind the word it stands under, which is told once."""
    shown = word if first else " " * len(word)
    line, *others = paper.wrap(plain(sentence), f"{lead}  {shown}  ")
    return [line.replace(word, paper.paint(word.tone, word), 1) if first else line, *others]


def _row(name: str, account: Told, now: float, footnotes: Footnotes) -> tuple[str, ...]:
    orders = "?" if account["open_orders"] is None else f"{account['open_orders']}{aged(account, now)}"
    fates = footnotes.row(account["if_bot_dies"], account["if_host_dies"])
    return (plain(name), plain(state(account, now)), orders, *fates)


def _table(rows: Sequence[tuple[str, ...]], tones: Sequence[str], paper: Paper) -> Iterator[str]:
    """A row an account, or where that is too wide a few lines an account."""
    for heads in (_HEADS, _SHORT_HEADS):
        widths = columns([heads, *rows])
        if sum(widths) + len(_GAP) * (len(widths) - 1) <= paper.width:
            yield _line(heads, widths)
            yield from (_line(row, widths, paper, mood) for row, mood in zip(rows, tones, strict=True))
            return
    for row, mood in zip(rows, tones, strict=True):
        yield from _stacked(row, mood, paper)


def _line(cells: Sequence[str], widths: Sequence[int], paper: Paper | None = None, mood: str = "") -> str:
    name, condition, orders, *fates = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
    condition = paper.paint(mood, condition) if paper else condition
    return _GAP.join((name, condition, orders.strip().rjust(widths[2]), *fates)).rstrip()


def _stacked(row: tuple[str, ...], mood: str, paper: Paper) -> Iterator[str]:
    name, condition, orders, bot, host = row
    first, *others = paper.wrap(f"{name}  {condition}", then="  ")
    yield first.replace(condition, paper.paint(mood, condition))
    yield from others
    yield from paper.wrap(f"{orders} open; bot dies: {bot}; host dies: {host}", "  ", "    ")


def _feet(footnotes: Footnotes, paper: Paper) -> Iterator[str]:
    for number, sentence in enumerate(footnotes.sentences, 1):
        yield from paper.wrap(sentence, f"{_number(number)} ")


def _number(number: int) -> str:
    return str(number).translate(_SUPERSCRIPTS)


def _clock(timestamp: float) -> str:
    return instant(timestamp, timestamp)


_LABELS: Mapping[str, str] = {
    "exposed": "SWITCH OFF",
    "refused": "REJECTED BY VENUE",
    "waiting": "NO BOT YET, not armed",
}

_TONES: Mapping[str, str] = {"armed": "good", "degraded": "warn", "disarmed": "warn", "tripped": "warn"}


def state(account: Told, now: float) -> str:
    """The phase in people's words; `now` in Unix seconds."""
    label = _LABELS.get(account["phase"], account["phase"].upper())
    if account["protected"]:
        label = f"{label}, good for {left(account['margin'])}"
    observed = " (observed)" if account["observe"] else ""
    return f"{label}{_since(account, now)}{observed}"


def tone(account: Told, watches: Told, now: float) -> str:
    """Green only where nothing is worth a look."""
    if alarming(account) or account["phase"] == "refused":
        return "bad"
    return "warn" if account_look(account, watches, now) else _TONES.get(account["phase"], "calm")


def cell(fate: Told) -> str:
    """A fate, without its footnote."""
    match fate["orders"], fate["within"]:
        case "cancelling", within:
            return f"being cancelled, gone in {span(within)}" if within else "being cancelled"
        case "gone", None:
            return "unknown"  # no bound, no claim
        case "gone", within:
            return f"gone in {span(within)}" if within else "–"
        case "stay", _:
            return "STAY"
        case orders, _:
            return str(orders)
    return ""


def _since(account: Told, now: float) -> str:
    match account["phase"]:
        case "tripping":
            return f", round {account['trip']['rounds'] + 1}"
        case "tripped":
            return _ended(account, now)
        case "disarmed" if not account["disarm"]["confirmed"]:
            return ", not confirmed"
        case "disarmed" if account["disarm"]["until"] is not None:
            return f" until {instant(account['disarm']['until'], now)}"
        case "expired" | "unverified":
            return f" since {instant(account['expiry'], now)}" if account["expiry"] else ""
        case "exposed" | "refused" if not account["protected"]:
            return f" since {instant(account['since'], now)}"
    return ""


def _ended(account: Told, now: float) -> str:
    """`gone` is not said beside orders that are open now, nor of more than the trip selects."""
    trip = account["trip"]
    at = instant(trip["done_at"], now)
    if account["open_orders"]:
        return f" {at}, orders open again"
    presumed = "presumed " if trip["presumed"] else ""
    return f", {'selected ' if account['cancels_only'] else ''}{presumed}gone {at}"


def notes(answer: Told) -> list[str]:
    """Sentences; what is true of several accounts is told once of all."""
    now, accounts = answer["timestamp"], answer["accounts"]
    lost = {name: _unreachable(account, now) for name, account in accounts.items() if unreachable(account)}
    disarmed = {name: _disarmed(account, now) for name, account in accounts.items() if account["disarm"]}
    return [*_trips(answer), *gathered(lost), *gathered(disarmed), *_bots(answer)]


def _trips(answer: Told) -> Iterator[str]:
    trips = {name: account["trip"] for name, account in answer["accounts"].items() if account["trip"]}
    latched = [name for name, trip in trips.items() if trip["cause"] == "operator"]
    bots = dict.fromkeys(trip["by"] for trip in trips.values() if trip["cause"] != "operator")
    if trips:
        back = (
            (f"Re-arms when {' and '.join(bots)} {'checks' if len(bots) == 1 else 'check'} in again.",) if bots else ()
        )
        yield " ".join(("Positions are not closed.", *back))
    if latched:
        by = ", ".join(dict.fromkeys(_by(trips[name]) for name in latched))
        yield f"Tripped by {by}: only `deadman arm {' '.join(latched)}` re-arms."


def _unreachable(account: Told, now: float) -> str:
    """An outage of ours or the venue's pulls no switch, and people must know that it did not, where that is so."""
    trouble = account["trouble"]
    why = trouble["detail"] or trouble["reason"]
    proven = f"last proven {instant(account['last_proof'], now)}" if account["last_proof"] else "nothing proven yet"
    return (
        f"{title(account['venue'])} cannot be reached since "
        f"{instant(trouble['since'], now)} ({why.rstrip('.')}); {proven}. "
        f"{'' if account['trip'] else 'Nothing was tripped because of it; '}deadman cannot cancel there now."
    )


def _disarmed(account: Told, now: float) -> str:
    disarm = account["disarm"]
    ends = f"until {instant(disarm['until'], now)}" if disarm["until"] else "until `deadman arm`"
    heard = "" if disarm["confirmed"] else " The venue has not confirmed it yet."
    done = f"disarmed by {_by(disarm)} at {instant(disarm['at'], now)}, {ends}"
    return f"{done}. Nothing is renewed, repaired or tripped there.{heard}"


def _bots(answer: Told) -> Iterator[str]:
    """Each bot that has something to say; a dead one is in the headline, or of many at least here."""
    dead = set(dead_bots(answer))
    if len(dead) > NAMED:
        yield f"Dead: {', '.join(sorted(dead))}."
    for name, watch in answer["watches"].items():
        said = f' It says: "{watch["status"]}".' if watch["status"] else ""
        if watch["hold"]:
            until = instant(watch["hold"]["until"], answer["timestamp"])
            yield f"bot {name}: on hold until {until} by {_by(watch['hold'])}: its silence trips nothing.{said}"
        elif name in dead or watch["silent"]:
            yield from (f'bot {name} said last: "{watch["status"]}".',) if said and name in dead else ()
        elif watch["goodbye_at"] is not None:
            yield f"bot {name}: said at {instant(watch['goodbye_at'], answer['timestamp'])} that it stops.{said}"
        elif not watch["up"]:
            yield f"bot {name}: has not checked in.{said}"
        elif said:
            yield f"bot {name}: alive, heard {left(watch['silence'] or 0.0)} ago.{said}"


def _by(word: Told) -> str:
    return f"{word['by']} ({word['reason']})" if word["reason"] else str(word["by"])


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


def columns(rows: Sequence[Sequence[str]]) -> list[int]:
    """The width each column needs."""
    return [max(map(len, cells)) for cells in zip(*rows, strict=True)]
