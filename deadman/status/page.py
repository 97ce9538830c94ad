"""The status page: a whole HTML document, from the answer of `status`. Pure."""

from __future__ import annotations

import hashlib
import html
from base64 import b64encode
from dataclasses import replace
from importlib.resources import files
from math import inf

from deadman.model import text
from deadman.model.board import Event
from deadman.model.guard import Phase
from deadman.status.headline import TONES, Headline, headline, next_end, summary
from deadman.status.schema import AccountReport, StatusReport, TripReport, WatchReport
from deadman.status.vocabulary import TRYING, Footnotes, Phrase, Tone, explain, signed, words_of

REFRESH = 5
"""Seconds between the page's own reloads."""

STALLED = 2.0
"""Seconds without a tick after which the event loop counts as stalled."""

_ACCOUNT_HEADS = ("Account", "State", "Good for", "Since", "Orders", "If the bot dies", "If the host dies")
_BOT_HEADS = ("Bot", "State", "Last check-in", "Says")


def page(report: StatusReport, tick_age: float) -> str:
    """The whole document; `tick_age` is how many seconds ago our own loop ticked."""
    told = _headline(report, tick_age)
    foot = element(
        "footer",
        f"deadman {report.version} · times in UTC · to look at only; reloads every {REFRESH} s · ",
        element("a", "metrics", href="/metrics"),
        " · ",
        element("a", "runbook", href="/runbook"),
    )
    title = " – ".join(filter(None, (told.verdict, report.name, "deadman")))
    return document(title, _header(report, told), _main(report, told), foot, refresh=REFRESH)


def _headline(report: StatusReport, tick_age: float) -> Headline:
    """That we hang ourselves comes before all else; check-ins then lie unread, and a bot's silence is ours."""
    if tick_age <= STALLED:
        return headline(report)
    hangs = f"deadman itself hangs: its event loop last ticked {text.left(tick_age)} ago, and nothing is renewed."
    unheard = {name: replace(watch, silent=False) for name, watch in report.watches.items()}
    told = headline(replace(report, watches=unheard))
    return replace(told, acts=(hangs, *told.acts))


def _header(report: StatusReport, told: Headline) -> Markup:
    now = report.timestamp
    ends, acts = next_end(report), [element("li", line, class_="act") for line in told.acts]
    said = f"{summary(report)}; {ends}." if ends else f"{summary(report)}."
    return element(
        "header",
        element("h1", told.verdict, class_=TONES[told.verdict]),
        element("ul", *acts, *(element("li", line) for line in told.looks)),
        element("p", element("strong", report.name), said),
        element("time", text.instant(now, now)),
    )


def _main(report: StatusReport, told: Headline) -> Markup:
    now, notes = report.timestamp, Footnotes()
    # sorted() keeps the config's order among equals: what needs a hand comes first.
    accounts = sorted(report.accounts.items(), key=lambda item: not item[1].alarming)
    rows = [_account_row(name, account, told, notes, now) for name, account in accounts]
    below = [element("li", element("sup", mark), sentence) for mark, sentence in notes.marked()]
    bots = [_bot_row(name, watch, now) for name, watch in report.watches.items() if not watch.host]
    hosts = [_bot_row(name, watch, now) for name, watch in report.watches.items() if watch.host]
    events = [_event(event, now) for event in reversed(report.events)]
    parts = [
        _table("Accounts", _ACCOUNT_HEADS, rows),
        element("ul", *below, class_="notes") if below else Markup(),
        _table("Bots", _BOT_HEADS, bots),
        _table("Hosts that we are the witness of", _BOT_HEADS, hosts),
        joined(element("h2", "What happened, newest first"), element("ul", *events, class_="events")) if events else "",
    ]
    return element("main", *(part for part in parts if part))


def _event(event: Event, now: float) -> Markup:
    when = element("span", text.instant(event.at, now), element("small", text.ago(event.at, now)), class_="figure")
    return element("li", when, element("span", event.text))


def _table(title: str, heads: tuple[str, ...], rows: list[Markup]) -> Markup:
    if not rows:
        return Markup()
    top = element("thead", element("tr", *(element("th", head, scope="col") for head in heads)))
    return joined(element("h2", title), element("table", top, element("tbody", *rows)))


def _account_row(name: str, account: AccountReport, told: Headline, notes: Footnotes, now: float) -> Markup:
    tone = told.tones[name]
    state, advice = state_phrase(account, tone, now), words_of(account).advice if account.alarming else ""
    if any(advice in act for act in told.acts):
        advice = ""
    why = notes.mark(f"{state.because} {advice}; {TRYING}." if advice else state.because)
    (bot_dies, *of_bot), (host_dies, *of_host) = notes.fates(account)
    cells = (
        _cell("State", replace(state, because=""), why, class_="state"),
        _figure("Good for", text.left(account.margin) if account.protected else "–", class_="margin"),
        _figure("Since", text.instant(account.since, now), text.ago(account.since, now), class_="since"),
        _cell("Orders", orders(account, now), class_="orders"),
        _cell("If the bot dies", replace(bot_dies, because=""), *of_bot),
        _cell("If the host dies", replace(host_dies, because=""), *of_host),
    )
    place = element("small", f"{account.venue} {account.network}")
    return element("tr", element("th", name, place, scope="row"), *cells, class_=tone)


def _bot_row(name: str, watch: WatchReport, now: float) -> Markup:
    state, last = bot(watch, now), watch.last_check_in
    heard = _figure("Last check-in", "never")
    if last is not None:
        heard = _figure("Last check-in", text.instant(last, now), text.ago(last, now))
    said = element("td", element("span", watch.status or "–"), data_head="Says")
    return element(
        "tr", element("th", name, scope="row"), _cell("State", state, class_="state"), heard, said, class_=state.tone
    )


def _cell(head: str, phrase: Phrase, *marks: str, class_: str = "") -> Markup:
    because = element("small", phrase.because) if phrase.because else Markup()
    numbers = element("sup", " ".join(marks)) if any(marks) else Markup()
    told = element("span", element("b", phrase.words, class_=phrase.tone), numbers, because)
    return element("td", told, class_=class_, data_head=head)


def _figure(head: str, figure: str, age: str = "", class_: str = "") -> Markup:
    told = element("span", figure, element("small", age) if age else "")
    return element("td", told, class_=f"figure {class_}".rstrip(), data_head=head)


def state_phrase(account: AccountReport, tone: Tone, now: float) -> Phrase:
    """The phase in people's words, and why it stands so."""
    observing = ", observing only" if account.observe else ""
    because = explain(account, now, timed=False)
    sentence = f"{because[:1].upper()}{because[1:].rstrip('.')}." if because else ""
    return Phrase(words_of(account).label + observing, tone, sentence)


def orders(account: AccountReport, now: float) -> Phrase:
    """What has happened to the account's orders."""
    trip, expiry, lease_end = account.trip, account.expiry, account.lease_end or 0.0
    match account.phase:
        case Phase.TRIPPING if trip:
            listed = "how many are left is not known" if trip.remaining is None else f"{trip.remaining} left"
            return Phrase("being cancelled", "bad", f"Round {trip.rounds + 1}, {listed}.")
        case Phase.TRIPPED if trip and not account.open_orders:
            return _gone(account, trip, now)
        case Phase.EXPIRED if expiry is not None and (account.open_orders_at or -inf) < expiry:
            if lease_end > now:
                until = text.instant(lease_end, now)
                return Phrase("not known", "warn", f"A renewal was not answered: a lease may run until {until}.")
            because = f"By the venue, when the lease ran out at {text.instant(expiry, now)}."
            return Phrase("presumed cancelled", "warn", because)
    age = account.count_age(now)
    counted = "" if age is None else f"counted {text.left(age)} ago"
    return Phrase("not counted" if account.open_orders is None else f"{account.open_orders} open", "plain", counted)


def _gone(account: AccountReport, trip: TripReport, now: float) -> Phrase:
    """Green over the venue's own empty list only."""
    at = f" at {text.instant(trip.done_at, now)}" if trip.done_at is not None else ""
    listed, only = account.open_orders == 0, account.cancels_only
    since = "" if listed or trip.presumed else "Not counted since."
    words = f"{'selected ' if only else ''}{'presumed ' if trip.presumed and not listed else ''}gone{at}"
    if only:
        return Phrase(words, "warn", f"Only {only}; others stay. {since}".rstrip())
    return Phrase(words, "good" if listed else "warn", since)


def bot(watch: WatchReport, now: float) -> Phrase:
    """Whether a trading process lives."""
    if hold := watch.hold:
        words = f"on hold until {text.instant(hold.until, now)}"
        return Phrase(words, "warn", f"By {signed(hold.by, hold.reason)}. Its silence trips nothing.")
    if watch.alive:
        return Phrase("alive", "good")
    if watch.goodbye_at is not None:
        return Phrase("stopped", "warn", f"It said so at {text.instant(watch.goodbye_at, now)}.")
    if watch.silent:
        gone = f" Process {watch.pid} is gone." if watch.process_gone else ""
        return Phrase("DEAD", "bad", f"Silent for {text.left(watch.silence or 0.0)}.{gone}")
    return Phrase("not up yet", "calm")


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def element(name: str, *children: str, **attributes: str) -> Markup:
    """`<name …>children</name>`; `class_` and `data_head` become `class` and `data-head`, an empty one is left out."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_escaped(value)}"' for key, value in attributes.items() if value
    )
    return Markup(f"<{name}{given}>{joined(*children)}</{name}>")


def joined(*children: str) -> Markup:
    return Markup("".join(child if isinstance(child, Markup) else _escaped(child) for child in children))


def _escaped(value: str) -> str:
    """What does not print is spelled out: a name must not turn the reading direction, nor vanish."""
    return html.escape(text.plain(value))


STYLE = files("deadman.status").joinpath("page.css").read_text(encoding="utf-8")
_HASH = b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()

POLICY = f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""Nothing is loaded and nothing runs; of styles only this very one counts, so that none can be smuggled in."""


def document(title: str, *body: str, refresh: int | None = None) -> str:
    """A whole page; `refresh`: seconds between its own reloads."""
    head = [
        Markup('<meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'),
        Markup(f'<meta http-equiv="refresh" content="{refresh}">') if refresh else Markup(),
        element("title", title),
        element("style", Markup(STYLE)),
    ]
    return f'<!doctype html>\n<html lang="en">{element("head", *head)}{element("body", *body)}</html>\n'
