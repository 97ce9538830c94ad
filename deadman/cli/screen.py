"""The answer of `status` as people read it, `fine` or `ACT` first (contract, section 7). Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from deadman.cli.notes import notes
from deadman.cli.states import cell, state, tone
from deadman.cli.terminal import Paper, columns
from deadman.problems import problems
from deadman.problems.told import Told
from deadman.spoken import instant, left, plain

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
    tones = [tone(account) for account in answer["accounts"].values()]
    return [
        *headline(answer, paper),
        *_table(rows, tones, paper),
        *(line for note in notes(answer) for line in paper.wrap(plain(note), then="  ")),
        *_feet(footnotes, paper),
    ]


def headline(answer: Told, paper: Paper) -> list[str]:
    """`fine`, or everything somebody must act on."""
    clock, wrong = _clock(answer["timestamp"]), problems(answer)
    if not wrong:
        return _verdict(paper, clock, "fine", "good", _fine(answer))
    first, *others = wrong
    blank = " " * len(f"{clock}  ACT  ")
    lines = _verdict(paper, clock, "ACT", "bad", plain(first))
    return [*lines, *(line for other in others for line in paper.wrap(plain(other), blank))]


def _verdict(paper: Paper, clock: str, verdict: str, colour: str, words: str) -> list[str]:
    first, *others = paper.wrap(words, f"{clock}  {verdict}  ")
    return [first.replace(verdict, paper.paint(colour, verdict), 1), *others]


def _fine(answer: Told) -> str:
    accounts = list(answer["accounts"].values())
    margins = [account["margin"] for account in accounts if account["protected"]]
    good = f"{len(margins)} of {len(accounts)} accounts protected"
    counted = ((phase, sum(account["phase"] == phase for account in accounts)) for phase in ("disarmed", "tripped"))
    rest = [f"{count} {phase}" for phase, count in counted if count]
    waiting = sum(account["phase"] == "waiting" for account in accounts)
    rest += [f"{waiting} without a bot yet"] if waiting else []
    return ", ".join([good, *([f"good for {left(min(margins))}"] if margins else []), *rest])


def _row(name: str, account: Told, now: float, footnotes: Footnotes) -> tuple[str, ...]:
    orders = "?" if account["open_orders"] is None else str(account["open_orders"])
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
