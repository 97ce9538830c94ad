"""The status page: a whole HTML document, from the answer of `status`. Pure."""

from __future__ import annotations

import hashlib
import html
from base64 import b64encode
from dataclasses import replace
from math import inf

from deadman.model import text
from deadman.model.guard import Phase
from deadman.status.headline import TONES, Headline, headline
from deadman.status.problems import aged
from deadman.status.schema import AccountReport, StatusReport, TripReport, WatchReport
from deadman.status.vocabulary import TRYING, VOCABULARY, Phrase, Tone, explain, fate_phrase, signed

REFRESH = 5
"""Seconds between the page's own reloads."""

STALLED = 2.0
"""Seconds without a tick after which the event loop counts as stalled."""

_ACCOUNT_HEADS = ("Account", "State", "Good for", "Since", "Orders", "If the bot dies", "If the host dies")
_BOT_HEADS = ("Bot", "State", "Last check-in", "Says")


def page(report: StatusReport, tick_age: float) -> str:
    """The whole document; `tick_age` is how many seconds ago our own loop ticked."""
    told = _headline(report, tick_age)
    head = joined(
        Markup('<meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'),
        Markup(f'<meta http-equiv="refresh" content="{REFRESH}">'),
        element("title", f"{told.verdict} – deadman"),
        element("style", Markup(STYLE)),
    )
    foot = element(
        "footer",
        f"deadman {report.version} · times in UTC · to look at only; reloads every {REFRESH} s · ",
        element("a", "metrics", href="/metrics"),
    )
    body = joined(_header(report, told), _main(report, told), foot)
    return f'<!doctype html>\n<html lang="en">{element("head", head)}{element("body", body)}</html>\n'


def _headline(report: StatusReport, tick_age: float) -> Headline:
    """That we hang ourselves comes before all else; check-ins then lie unread, and a bot's silence is ours."""
    if tick_age <= STALLED:
        return headline(report)
    hangs = f"deadman itself hangs: its event loop last ticked {text.left(tick_age)} ago, and nothing is renewed."
    unheard = {name: replace(watch, silent=False) for name, watch in report.watches.items()}
    told = headline(replace(report, watches=unheard))
    return replace(told, acts=(hangs, *told.acts))


def _header(report: StatusReport, told: Headline) -> Markup:
    guarded = sum(account.protected for account in report.accounts.values())
    lines = (*told.acts, *told.looks, f"{guarded} of {len(report.accounts)} accounts protected.")
    return element(
        "header",
        element("h1", told.verdict, class_=TONES[told.verdict]),
        element("ul", *(element("li", line) for line in lines)),
        element("time", text.instant(report.timestamp, report.timestamp)),
    )


def _main(report: StatusReport, told: Headline) -> Markup:
    now = report.timestamp
    # sorted() keeps the config's order among equals: what needs a hand comes first.
    accounts = sorted(report.accounts.items(), key=lambda item: not item[1].alarming)
    rows = [_account_row(name, account, told.tones[name], now) for name, account in accounts]
    bots = [_bot_row(name, watch, now) for name, watch in report.watches.items()]
    tables = [_table("Accounts", _ACCOUNT_HEADS, rows), _table("Bots", _BOT_HEADS, bots)]
    return element("main", *(table for table in tables if table))


def _table(title: str, heads: tuple[str, ...], rows: list[Markup]) -> Markup:
    if not rows:
        return Markup()
    top = element("thead", element("tr", *(element("th", head, scope="col") for head in heads)))
    return joined(element("h2", title), element("table", top, element("tbody", *rows)))


def _account_row(name: str, account: AccountReport, tone: Tone, now: float) -> Markup:
    advice = VOCABULARY[account.phase].advice if account.alarming else ""
    cells = (
        _cell("State", state_phrase(account, tone, now), "state", f"{advice}; {TRYING}." if advice else ""),
        _figure("Good for", text.left(account.margin) if account.protected else "–"),
        _figure("Since", text.instant(account.since, now)),
        _cell("Orders", orders(account, now)),
        _cell("If the bot dies", fate_phrase(account.if_bot_dies, account.protected)),
        _cell("If the host dies", fate_phrase(account.if_host_dies, account.protected)),
    )
    place = element("small", f"{account.venue} {account.network}")
    return element("tr", element("th", name, place, scope="row"), *cells, class_=tone)


def _bot_row(name: str, watch: WatchReport, now: float) -> Markup:
    state, last = bot(watch, now), watch.last_check_in
    cells = (
        _cell("State", state, "state"),
        _figure("Last check-in", "never" if last is None else text.instant(last, now)),
        element("td", element("span", watch.status or "–"), data_head="Says"),
    )
    return element("tr", element("th", name, scope="row"), *cells, class_=state.tone)


def _cell(head: str, phrase: Phrase, class_: str = "", to_do: str = "") -> Markup:
    because = element("small", phrase.because) if phrase.because else Markup()
    act = element("small", to_do, class_="todo") if to_do else Markup()
    told = element("span", element("b", phrase.words, class_=phrase.tone), because, act)
    return element("td", told, class_=class_, data_head=head)


def _figure(head: str, figure: str) -> Markup:
    return element("td", element("span", figure), class_="figure", data_head=head)


def state_phrase(account: AccountReport, tone: Tone, now: float) -> Phrase:
    """The phase in people's words, and why it stands so."""
    observing = ", observing only" if account.observe else ""
    because = explain(account, now)
    sentence = f"{because[:1].upper()}{because[1:].rstrip('.')}." if because else ""
    return Phrase(VOCABULARY[account.phase].label + observing, tone, sentence)


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
            return Phrase(
                "presumed cancelled", "warn", f"By the venue, when the lease ran out at {text.instant(expiry, now)}."
            )
    count = account.open_orders
    return Phrase("not counted" if count is None else f"{count} open{aged(account, now)}", "plain")


def _gone(account: AccountReport, trip: TripReport, now: float) -> Phrase:
    """Green over the venue's own empty list only."""
    at = f" at {text.instant(trip.done_at, now)}" if trip.done_at is not None else ""
    listed, only = account.open_orders == 0, account.cancels_only
    since = "" if listed or trip.presumed else "Not counted since."
    words = f"{'selected ' if only else ''}{'presumed ' if trip.presumed and not listed else ''}gone{at}"
    return Phrase(
        words,
        "good" if listed and not only else "warn",
        f"Only {only}; others stay. {since}".rstrip() if only else since,
    )


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


STYLE = """
:root{color-scheme:light dark;--ink:#1b2330;--soft:#5b6675;--paper:#f4f6f9;--card:#fff;--line:#dde3ea;
--good:#0b7a46;--warn:#8f5a00;--bad:#c0182b;--calm:#44506a;--on:#fff}
@media (prefers-color-scheme:dark){:root{--ink:#e7ebf1;--soft:#9aa6b6;--paper:#0f141b;--card:#171e28;--line:#2a3442;
--good:#4cc38a;--warn:#e2a43b;--bad:#ff6b74;--calm:#9fb0cc;--on:#0f141b}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.45 system-ui,sans-serif;
-webkit-text-size-adjust:100%}
header,main,footer{max-width:90rem;margin:0 auto;padding:0 1rem}
header{display:flex;gap:.9rem;align-items:flex-start;padding-top:1.1rem;padding-bottom:.4rem}
h1{margin:0;padding:.1rem .7rem;border-radius:.4rem;font-size:1.3rem;color:var(--on);letter-spacing:.02em}
h1.good{background:var(--good)}h1.warn{background:var(--warn)}h1.bad{background:var(--bad)}
header ul{flex:1;min-width:0;margin:.25rem 0 0;padding:0;list-style:none}
header li{overflow-wrap:anywhere}
time{color:var(--soft);white-space:nowrap;margin-top:.25rem;font-variant-numeric:tabular-nums}
h2{margin:1.4rem 0 .5rem;font-size:.8rem;text-transform:uppercase;letter-spacing:.08em;color:var(--soft)}
table{width:100%;border-collapse:collapse;background:var(--card);border:1px solid var(--line)}
thead th{font-size:.75rem;text-align:left;color:var(--soft);font-weight:600;white-space:nowrap}
th,td{padding:.55rem .75rem;border-top:1px solid var(--line);vertical-align:top;text-align:left}
thead th{border-top:0}
tbody th{border-left:.3rem solid var(--calm);font-weight:600;overflow-wrap:anywhere;min-width:9rem;max-width:18rem}
tr.good>th{border-left-color:var(--good)}tr.warn>th{border-left-color:var(--warn)}tr.bad>th{border-left-color:var(--bad)}
td{min-width:10rem}td.state{min-width:15rem}
td.figure{min-width:0;white-space:nowrap;font-variant-numeric:tabular-nums}
b{font-weight:650}b.good{color:var(--good)}b.warn{color:var(--warn)}b.bad{color:var(--bad)}b.calm{color:var(--calm)}b.plain{font-weight:400}
small{display:block;overflow-wrap:anywhere;color:var(--soft);font-size:.82rem;font-weight:400}
small.todo{color:var(--ink);font-weight:600}
footer{padding-top:1rem;padding-bottom:2rem;color:var(--soft);font-size:.82rem}
footer a{color:inherit}
@media (max-width:70rem){
table{border:0;background:none}thead{display:none}tbody,tr,th,td{display:block}
tr{background:var(--card);border:1px solid var(--line);border-left:.3rem solid var(--calm);border-radius:.5rem;
margin-bottom:.7rem;padding:.6rem .8rem}
tr.good{border-left-color:var(--good)}tr.warn{border-left-color:var(--warn)}tr.bad{border-left-color:var(--bad)}
tbody th,td{border:0;padding:.15rem 0;max-width:none}tbody th{font-size:1.05rem}
td,td.state{min-width:0}td{display:grid;grid-template-columns:7.5rem minmax(0,1fr);gap:0 .6rem}
td::before{content:attr(data-head);color:var(--soft);font-size:.82rem;padding-top:.1rem}
td.figure{white-space:normal}
td.state{display:block}td.state::before{content:none}
}
@media (max-width:36rem){
header{flex-wrap:wrap}header ul{order:1;flex-basis:100%}time{margin-left:auto}
td{grid-template-columns:7rem minmax(0,1fr)}td>span{display:contents}small{grid-column:1/-1}
}
"""

HASH = b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()

POLICY = f"default-src 'none'; style-src 'sha256-{HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""Nothing is loaded and nothing runs; of styles only this very one counts, so that none can be smuggled in."""
