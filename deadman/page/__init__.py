"""The status page at `/`: for people, to look at only. It holds no script, no secret, and nothing from elsewhere."""

from __future__ import annotations

from dataclasses import replace

from deadman import spoken
from deadman.page import words
from deadman.page.html import Markup, element, joined
from deadman.page.style import POLICY, STYLE
from deadman.page.words import Phrase
from deadman.problems.told import Told, alarming
from deadman.problems.verdict import Headline, headline

__all__ = ["POLICY", "REFRESH", "STALLED", "page"]

REFRESH = 5
"""Seconds between the page's own reloads."""

STALLED = 2.0
"""Seconds without a tick after which the event loop counts as stalled (contract, section 5)."""

_ACCOUNT_HEADS = ("Account", "State", "Good for", "Since", "Orders", "If the bot dies", "If the host dies")
_BOT_HEADS = ("Bot", "State", "Last check-in", "Says")


def page(report: Told, tick_age: float) -> str:
    """The whole document, from the answer of `status`; `tick_age` is how many seconds ago our own loop ticked."""
    told = _headline(report, tick_age)
    head = joined(
        Markup('<meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'),
        Markup(f'<meta http-equiv="refresh" content="{REFRESH}">'),
        element("title", f"{told.verdict} – deadman"),
        element("style", Markup(STYLE)),
    )
    body = joined(_header(report, told), _main(report), _footer(report))
    return f'<!doctype html>\n<html lang="en">{element("head", head)}{element("body", body)}</html>\n'


def _headline(report: Told, tick_age: float) -> Headline:
    """That we hang ourselves comes before all else."""
    if tick_age <= STALLED:
        return headline(report)
    hangs = f"deadman itself hangs: its event loop last ticked {spoken.left(tick_age)} ago, and nothing is renewed."
    told = headline(_unheard(report))
    return replace(told, acts=(hangs, *told.acts))


def _unheard(report: Told) -> Told:
    """While our loop hangs check-ins lie unread, and a bot's silence is ours."""
    return {**report, "watches": {name: {**watch, "silent": False} for name, watch in report["watches"].items()}}


def _header(report: Told, told: Headline) -> Markup:
    guarded = sum(account["protected"] for account in report["accounts"].values())
    lines = (*told.acts, *told.looks, f"{guarded} of {len(report['accounts'])} accounts protected.")
    now = report["timestamp"]
    return element(
        "header",
        element("h1", told.verdict, class_=told.verdict.tone),
        element("ul", *(element("li", line) for line in lines)),
        element("time", spoken.instant(now, now)),
    )


def _main(report: Told) -> Markup:
    now = report["timestamp"]
    # sorted() keeps the config's order among equals: what needs a hand comes first.
    accounts = sorted(report["accounts"].items(), key=lambda item: not alarming(item[1]))
    rows = [_account_row(name, account, report["watches"], now) for name, account in accounts]
    bots = [_bot_row(name, watch, now) for name, watch in report["watches"].items()]
    tables = [_table("Accounts", _ACCOUNT_HEADS, rows), _table("Bots", _BOT_HEADS, bots)]
    return element("main", *(table for table in tables if table))


def _table(title: str, heads: tuple[str, ...], rows: list[Markup]) -> Markup:
    if not rows:
        return Markup()
    top = element("thead", element("tr", *(element("th", head, scope="col") for head in heads)))
    return joined(element("h2", title), element("table", top, element("tbody", *rows)))


def _account_row(name: str, account: Told, watches: Told, now: float) -> Markup:
    state = words.state(account, watches, now)
    place = f"{account['venue']} {account['network']}"
    cells = (
        _cell("State", state, "state", words.to_do(account)),
        _figure("Good for", words.good_for(account)),
        _figure("Since", spoken.instant(account["since"], now)),
        _cell("Orders", words.orders(account, now)),
        _cell("If the bot dies", words.fate(account["if_bot_dies"], account["protected"])),
        _cell("If the host dies", words.fate(account["if_host_dies"], account["protected"])),
    )
    return element("tr", element("th", name, element("small", place), scope="row"), *cells, class_=state.tone)


def _bot_row(name: str, watch: Told, now: float) -> Markup:
    state = words.bot(watch, now)
    last = watch["last_check_in"]
    cells = (
        _cell("State", state, "state"),
        _figure("Last check-in", "never" if last is None else spoken.instant(last, now)),
        element("td", element("span", watch.get("status") or "–"), data_head="Says"),
    )
    return element("tr", element("th", name, scope="row"), *cells, class_=state.tone)


def _cell(head: str, phrase: Phrase, class_: str = "", to_do: str = "") -> Markup:
    because = element("small", phrase.because) if phrase.because else Markup()
    act = element("small", to_do, class_="todo") if to_do else Markup()
    told = element("span", element("b", phrase.words, class_=phrase.tone), because, act)
    return element("td", told, class_=class_, data_head=head)


def _figure(head: str, figure: str) -> Markup:
    return element("td", element("span", figure), class_="figure", data_head=head)


def _footer(report: Told) -> Markup:
    return element(
        "footer",
        f"deadman {report['version']} · times in UTC · to look at only; reloads every {REFRESH} s · ",
        element("a", "metrics", href="/metrics"),
    )
