"""The answer of `status` as people read it, `ACT`, `LOOK` or `fine` first (contract, section 7). Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from deadman.cli.notes import notes
from deadman.cli.states import cell, state, tone
from deadman.cli.terminal import Paper, columns
from deadman.problems import verdict
from deadman.problems.told import Told, aged
from deadman.problems.verdict import Verdict
from deadman.spoken import instant, plain

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
        *headline(answer, paper),
        *_table(rows, tones, paper),
        *(line for note in notes(answer) for line in paper.wrap(plain(note), then="  ")),
        *_feet(footnotes, paper),
    ]


def headline(answer: Told, paper: Paper) -> list[str]:
    """`fine`, or all that somebody must act on, and after it all that is worth a look."""
    clock, told = _clock(answer["timestamp"]), verdict.headline(answer)
    said = [(Verdict.ACT, told.acts), (Verdict.LOOK, told.looks)]
    if told.verdict is Verdict.FINE:
        said = [(Verdict.FINE, (verdict.fine(answer),))]
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
