"""What the page says of an account and of a bot, from the answer of `status`. Pure."""

from __future__ import annotations

import hashlib
import html
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from deadman.model import text
from deadman.status.headline import Headline, account_look, headline
from deadman.status.problems import Told, aged, alarming

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
    hangs = f"deadman itself hangs: its event loop last ticked {text.left(tick_age)} ago, and nothing is renewed."
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
        element("time", text.instant(now, now)),
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
    state = state_phrase(account, watches, now)
    place = f"{account['venue']} {account['network']}"
    cells = (
        _cell("State", state, "state", to_do(account)),
        _figure("Good for", good_for(account)),
        _figure("Since", text.instant(account["since"], now)),
        _cell("Orders", orders(account, now)),
        _cell("If the bot dies", fate(account["if_bot_dies"], account["protected"])),
        _cell("If the host dies", fate(account["if_host_dies"], account["protected"])),
    )
    return element("tr", element("th", name, element("small", place), scope="row"), *cells, class_=state.tone)


def _bot_row(name: str, watch: Told, now: float) -> Markup:
    state = bot(watch, now)
    last = watch["last_check_in"]
    cells = (
        _cell("State", state, "state"),
        _figure("Last check-in", "never" if last is None else text.instant(last, now)),
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


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def element(name: str, *children: str, **attributes: str) -> Markup:
    """`<name …>children</name>`; `class_` and `data_head` become `class` and `data-head`, an empty one is left out."""
    given = "".join(f' {_attribute(key)}="{_escaped(value)}"' for key, value in attributes.items() if value)
    return Markup(f"<{name}{given}>{joined(*children)}</{name}>")


def joined(*children: str) -> Markup:
    return Markup("".join(child if isinstance(child, Markup) else _escaped(child) for child in children))


def _escaped(value: str) -> str:
    """What does not print is spelled out: a name must not turn the reading direction, nor vanish."""
    return html.escape(text.plain(value))


def _attribute(key: str) -> str:
    return key.rstrip("_").replace("_", "-")


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


Tone = Literal["good", "warn", "bad", "calm", "plain"]

_STATES: Mapping[str, tuple[str, str]] = {
    "connecting": ("CONNECTING", "No session with the venue yet."),
    "waiting": ("NO BOT YET, not armed", "No lease is taken before its bot checks in."),
    "arming": ("ARMING", "In session; the switch is not proven yet."),
    "armed": ("ARMED", ""),
    "degraded": ("DEGRADED", "The last proof stands, but its renewal failed or is late."),
    "expired": ("EXPIRED", "The lease ran out."),
    "unverified": ("UNVERIFIED", "The switch was on when last read; whether it still is, is unknown."),
    "exposed": ("SWITCH OFF", "By the venue's last word nothing would cancel the orders."),
    "refused": ("REJECTED BY VENUE", ""),
    "tripping": ("TRIPPING", ""),
    "tripped": ("TRIPPED", ""),
    "disarmed": ("DISARMED", ""),
}

_TO_DO: Mapping[str, str] = {
    "connecting": "Bots should wait; deadman keeps trying.",
    "arming": "Bots should wait; deadman keeps trying.",
    "expired": "Do not place orders before it is armed again; deadman keeps trying.",
    "unverified": "Do not rely on the switch before it is proven again; deadman keeps trying.",
    "exposed": "Guard these orders by hand until it is armed again; deadman keeps trying.",
    "refused": "Check the key, its scopes and the venue's list of addresses; deadman keeps trying.",
    "tripping": "Keep the bot down until its orders are gone.",
}


@dataclass(frozen=True, slots=True)
class Phrase:
    """Some words, the tone they are shown in, and a sentence that explains them."""

    words: str
    tone: Tone = "calm"
    because: str = ""


def state_phrase(account: Told, watches: Told, now: float) -> Phrase:
    """The phase in people's words, with what brought it; green only where nothing is worth a look."""
    words, because = _STATES.get(account["phase"], (str(account["phase"]).upper(), ""))
    if trip := account.get("trip"):
        because = _trip(trip, now)
    elif disarm := account.get("disarm"):
        because = _disarm(disarm, now)
    elif trouble := account.get("trouble"):
        because = _after(because, _trouble(trouble, now))
    observing = ", observing only" if account.get("observe") else ""
    return Phrase(words + observing, _tone(account, watches, now), because)


def to_do(account: Told) -> str:
    return _TO_DO.get(account["phase"], "") if alarming(account) else ""


def good_for(account: Told) -> str:
    return text.left(account["margin"]) if account["protected"] else "–"


def orders(account: Told, now: float) -> Phrase:
    """What has happened to the account's orders."""
    left = account["open_orders"]
    match account["phase"]:
        case "tripping" if trip := account.get("trip"):
            listed = "how many are left is not known" if trip["remaining"] is None else f"{trip['remaining']} left"
            return Phrase("being cancelled", "bad", f"Round {trip['rounds'] + 1}, {listed}.")
        case "tripped" if (trip := account.get("trip")) and not left:
            return _gone(account, trip, now)
        case "expired" if account.get("expiry") is not None and not _counted_since(account, account["expiry"]):
            if (account["lease_end"] or 0.0) > now:
                until = text.instant(account["lease_end"], now)
                return Phrase("not known", "warn", f"A renewal was not answered: a lease may run until {until}.")
            at = text.instant(account["expiry"], now)
            return Phrase("presumed cancelled", "warn", f"By the venue, when the lease ran out at {at}.")
    return Phrase("not counted" if left is None else f"{left} open{aged(account, now)}", "plain")


def fate(told: Told, protected: bool) -> Phrase:
    """What becomes of the orders after a death; green only where that rests on a proof, or has happened already."""
    match told["orders"], told["within"]:
        case "cancelling", within:
            ends = f", gone within {text.span(within)}" if within else ""
            return Phrase(f"being cancelled{ends}", "warn", told["because"])
        case "gone", 0 | 0.0:
            return Phrase("gone", "good", told["because"])
        case "gone", within if within:
            return Phrase(f"gone within {text.span(within)}", "good" if protected else "warn", told["because"])
        case "partly", _:
            return Phrase("partly gone", "warn", told["because"])
        case "stay", _:
            return Phrase("stay", "bad", told["because"])
        case _:
            return Phrase("unknown", "warn", told["because"])


def bot(watch: Told, now: float) -> Phrase:
    """Whether a trading process lives."""
    if hold := watch.get("hold"):
        until, reason = text.instant(hold["until"], now), f": {hold['reason']}" if hold["reason"] else ""
        return Phrase(f"on hold until {until}", "warn", f"By {hold['by']}{reason}. Its silence trips nothing.")
    if watch["alive"]:
        return Phrase("alive", "good")
    if watch.get("goodbye_at") is not None:
        return Phrase("stopped", "warn", f"It said so at {text.instant(watch['goodbye_at'], now)}.")
    if dead(watch):
        gone = f" Process {watch['pid']} is gone." if watch.get("process_gone") else ""
        return Phrase("DEAD", "bad", f"Silent for {text.left(watch.get('silence') or 0.0)}.{gone}")
    return Phrase("not up yet", "calm")


def dead(watch: Told) -> bool:
    """Up once, and silent beyond its timeout."""
    return not watch["alive"] and bool(watch.get("silent")) and not watch.get("hold")


def _tone(account: Told, watches: Told, now: float) -> Tone:
    if alarming(account):
        return "bad"
    if account["phase"] == "refused" or account_look(account, watches, now):
        return "warn"
    return "good" if account["phase"] == "armed" else "calm"


def _trip(trip: Told, now: float) -> str:
    reason = f" ({trip['reason']})" if trip["reason"] else ""
    return f"{trip['cause'].capitalize()}: {trip['by']}{reason}, {text.instant(trip['at'], now)}."


def _counted_since(account: Told, timestamp: float) -> bool:
    counted_at = account["open_orders_at"]
    return counted_at is not None and counted_at >= timestamp


def _gone(account: Told, trip: Told, now: float) -> Phrase:
    """Green over the venue's own empty list only."""
    at = f" at {text.instant(trip['done_at'], now)}" if trip["done_at"] is not None else ""
    how = "Presumed: the last lease ended." if trip["presumed"] else f"{trip['cancelled']} cancelled."
    listed = account["open_orders"] == 0
    since = "" if listed or trip["presumed"] else " Not counted since."
    gone = f"{'presumed ' if trip['presumed'] and not listed else ''}gone{at}"
    if only := account["cancels_only"]:
        return Phrase(f"selected {gone}", "warn", f"{how} Only {only}; others stay.{since} Positions are not closed.")
    return Phrase(gone, "good" if listed else "warn", f"{how}{since} Positions are not closed.")


def _disarm(disarm: Told, now: float) -> str:
    reason = f" ({disarm['reason']})" if disarm["reason"] else ""
    until = f", until {text.instant(disarm['until'], now)}" if disarm["until"] is not None else ""
    return f"By {disarm['by']}{reason} at {text.instant(disarm['at'], now)}{until}."


def _after(because: str, detail: str) -> str:
    """The venue's own words begin as they will, so they follow a colon."""
    if not because or not detail:
        return because or detail
    return f"{because.rstrip('.')}: {detail}"


def _trouble(trouble: Told, now: float) -> str:
    detail = (trouble["detail"] or trouble["reason"] or "").rstrip(".")
    return f"{detail} (since {text.instant(trouble['since'], now)})." if detail else ""
