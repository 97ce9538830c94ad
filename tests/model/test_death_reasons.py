"""Why each row of the decision table of deaths says what it says: the sentence that people read beside it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deadman.model.settings import Selection
from tests.model.test_deaths import DERIBIT, DESK, FRESH, GONE, OPEN, QUIET, SILENCE, SX_BET, Row, told

BOT: list[tuple[str, list[str]]] = [
    (
        "deadman cannot cancel now: it has no session with Deribit, and tries again until it has. "
        "Whether cancel-on-disconnect is on is not proven yet.",
        ["deribit: nothing yet", "deribit: rejected from the start", "deribit: tripping, bare"],
    ),
    (
        "deadman cancels once quoter is silent.",
        [
            "deribit: not read back yet",
            "deribit: proven and watched",
            "deribit: held",
            "deribit: rest alone",
            "deribit: fix alone",
            "deribit: not asked for long",
            "deribit: switch off",
            "deribit: time went by",
            "sxbet: leased",
            "sxbet: held",
            "sxbet: a renewal unanswered",
            "sxbet: cut short, unanswered",
            "sxbet: expire",
            "sxbet: expire, a renewal that may yet be heard",
            "sxbet: expire, a renewal that can be heard no more",
            "sxbet: lapsed, in session",
        ],
    ),
    (
        "quoter has not checked in: its silence trips nothing yet. Orders of WebSocket connections "
        "opened after 07:13:30Z go when Deribit misses the bot's heartbeat. REST, FIX, older: stay.",
        ["deribit: bot never up"],
    ),
    (
        "Orders of WebSocket connections opened after 07:13:30Z go when Deribit misses the bot's "
        "heartbeat. REST, FIX, older: stay.",
        ["deribit: no watch", "deribit: no watch, would cancel"],
    ),
    (
        "on_trip is none: deadman cancels nothing. Orders of WebSocket connections opened after "
        "07:13:30Z go when Deribit misses the bot's heartbeat. REST, FIX, older: stay.",
        ["deribit: told not to"],
    ),
    (
        "deadman cannot cancel here: its key lacks trade:read_write. Orders of WebSocket connections "
        "opened after 07:13:30Z go when Deribit misses the bot's heartbeat. REST, FIX, older: stay.",
        ["deribit: may not cancel"],
    ),
    (
        "deadman only observes here and cancels nothing. Orders of WebSocket connections opened after "
        "07:13:30Z go when Deribit misses the bot's heartbeat. REST, FIX, older: stay.",
        ["deribit: observing"],
    ),
    (
        "deadman cancels only orders of currency BTC.",
        ["deribit: narrow trip"],
    ),
    (
        "deadman cancels only orders of kind option, label quotes, one by one.",
        ["deribit: one by one, not counted"],
    ),
    (
        "Orders placed by REST belong to no connection: no disconnect cancels them.",
        ["deribit: rest, no watch"],
    ),
    (
        "deadman cannot cancel now: it has no session with Deribit, and tries again until it has. Orders"
        " of WebSocket connections opened after 07:13:30Z go when Deribit misses the bot's heartbeat. "
        "REST, FIX, older: stay.",
        ["deribit: session lost", "deribit: rejected, proof stands", "deribit: tripping, lost"],
    ),
    (
        "deadman cannot cancel now: it has no session with Deribit, and tries again until it has. "
        "Cancel-on-disconnect was last proven on at 07:12:20Z; whether it still is, unknown.",
        ["deribit: long lost"],
    ),
    (
        "By Deribit's last word cancel-on-disconnect is off: new connections carry no switch.",
        ["deribit: off, no watch"],
    ),
    (
        "deadman cannot cancel now: it has no session with Deribit, and tries again until it has. By "
        "Deribit's last word cancel-on-disconnect is off: new connections carry no switch.",
        ["deribit: off, then lost"],
    ),
    (
        "Being cancelled now, until Deribit lists no open order.",
        ["deribit: tripping", "deribit: tripping, off", "deribit: operator, no watch"],
    ),
    (
        "Already cancelled: Deribit listed no open order.",
        ["deribit: tripped"],
    ),
    (
        "Tripped already: deadman cancels nothing that is placed before it re-arms. Orders of WebSocket "
        "connections opened after 07:13:30Z go when Deribit misses the bot's heartbeat. REST, FIX, "
        "older: stay.",
        ["deribit: tripped alive", "deribit: tripped, no watch", "deribit: tripped, then new orders"],
    ),
    (
        "Disarmed: deadman cancels nothing; connections opened while cancel-on-disconnect was on still carry it.",
        ["deribit: disarmed"],
    ),
    (
        "No lease is proven yet.",
        ["sxbet: nothing yet"],
    ),
    (
        "No lease is taken before quoter checks in: orders open now stay.",
        ["sxbet: no bot yet"],
    ),
    (
        "Renewals stop once quoter is silent, and SX Bet cancels when the lease ends.",
        [
            "sxbet: lapse",
            "sxbet: a bot added since",
            "sxbet: session lost",
            "sxbet: expire, lost",
            "sxbet: rejected, leased",
        ],
    ),
    (
        'watch is "none": deadman goes on renewing the lease though the bot is dead.',
        ["sxbet: watch none"],
    ),
    (
        "quoter has not checked in yet: deadman goes on renewing the lease as before.",
        ["sxbet: its first bot added since"],
    ),
    (
        "SX Bet cancels when the lease ends, with a delay it does not document.",
        ["sxbet: said goodbye", "sxbet: tripped, and leased since as far as is known", "sxbet: tripped alive, leased"],
    ),
    (
        "The lease ran out at 07:13:30Z: orders open then are presumed cancelled, later ones stay.",
        [
            "sxbet: lapsed, lost",
            "sxbet: rejected, lapsed",
            "sxbet: tripped alive",
            "sxbet: tripped, no watch",
            "sxbet: tripped, then new orders",
        ],
    ),
    (
        "No lease is proven, but one that is not may run until 07:14:44Z.",
        ["sxbet: lapsed, perhaps heard"],
    ),
    (
        "SX Bet did not grant the lease we asked for: one may run until 07:14:05Z.",
        ["sxbet: wrong echo"],
    ),
    (
        "By SX Bet's last word there is no lease as asked for.",
        ["sxbet: wrong echo, lapsed"],
    ),
    (
        "Being cancelled now, until SX Bet lists no open order.",
        ["sxbet: tripping", "sxbet: operator on lapse", "sxbet: operator on v2"],
    ),
    (
        "Renewals have stopped, and SX Bet cancels when the lease ends, with a delay it does not document.",
        ["sxbet: lapsing", "sxbet: tripping, lost"],
    ),
    (
        "Tripped: deadman goes on until SX Bet lists no open order, or a lease has ended them.",
        ["sxbet: tripping, lost, its lease over"],
    ),
    (
        "No lease is proven, but one that is not may run until 07:14:11Z: SX Bet cancels when it ends.",
        ["sxbet: tripping, lost, its cut unanswered"],
    ),
    (
        "Already cancelled: SX Bet listed no open order. A lease may run until 07:14:05Z: orders placed "
        "before that go when it ends.",
        ["sxbet: tripped"],
    ),
    (
        "Disarmed: SX Bet holds no lease, deadman cancels nothing.",
        ["sxbet: disarmed"],
    ),
    (
        "Disarmed, but SX Bet has not confirmed it: a lease may run until 07:14:05Z.",
        ["sxbet: disarm unheard"],
    ),
    (
        "deadman only observes here: it holds no lease, and sees nobody else's.",
        ["sxbet: observing"],
    ),
    (
        "No lease is proven, but one that is not may run until 07:14:05Z.",
        ["sxbet: time went by"],
    ),
]
"""The sentence of a bot's death, and the rows that have it."""

HOST: list[tuple[str, list[str]]] = [
    (
        "Whether cancel-on-disconnect is on is not proven yet.",
        [
            "deribit: nothing yet",
            "deribit: not read back yet",
            "deribit: rejected from the start",
            "deribit: tripping, bare",
            "deribit: time went by",
        ],
    ),
    (
        "Orders of WebSocket connections opened after 07:13:30Z go when Deribit misses the bot's "
        "heartbeat. REST, FIX, older: stay.",
        [
            "deribit: proven and watched",
            "deribit: held",
            "deribit: bot never up",
            "deribit: no watch",
            "deribit: no watch, would cancel",
            "deribit: told not to",
            "deribit: may not cancel",
            "deribit: observing",
            "deribit: narrow trip",
            "deribit: one by one, not counted",
            "deribit: session lost",
            "deribit: rejected, proof stands",
            "deribit: tripping",
            "deribit: tripping, lost",
            "deribit: operator, no watch",
            "deribit: tripped",
            "deribit: tripped alive",
            "deribit: tripped, no watch",
            "deribit: tripped, then new orders",
        ],
    ),
    (
        "Orders placed by REST belong to no connection: no disconnect cancels them.",
        ["deribit: rest alone", "deribit: rest, no watch"],
    ),
    (
        "FIX orders follow the switch of their own Logon, which deadman cannot see.",
        ["deribit: fix alone"],
    ),
    (
        "Cancel-on-disconnect was last proven on at 07:12:20Z; whether it still is, unknown.",
        ["deribit: long lost", "deribit: not asked for long"],
    ),
    (
        "By Deribit's last word cancel-on-disconnect is off: new connections carry no switch.",
        ["deribit: switch off", "deribit: off, no watch", "deribit: off, then lost", "deribit: tripping, off"],
    ),
    (
        "Disarmed: deadman cancels nothing; connections opened while cancel-on-disconnect was on still carry it.",
        ["deribit: disarmed"],
    ),
    (
        "No lease is proven yet.",
        ["sxbet: nothing yet"],
    ),
    (
        "No lease is taken before quoter checks in: orders open now stay.",
        ["sxbet: no bot yet", "sxbet: tripping, lost, its lease over"],
    ),
    (
        "SX Bet cancels when the lease ends, with a delay it does not document.",
        [
            "sxbet: leased",
            "sxbet: held",
            "sxbet: a renewal unanswered",
            "sxbet: cut short, unanswered",
            "sxbet: lapse",
            "sxbet: expire",
            "sxbet: expire, a renewal that may yet be heard",
            "sxbet: expire, a renewal that can be heard no more",
            "sxbet: watch none",
            "sxbet: a bot added since",
            "sxbet: its first bot added since",
            "sxbet: session lost",
            "sxbet: expire, lost",
            "sxbet: said goodbye",
            "sxbet: rejected, leased",
            "sxbet: tripping",
            "sxbet: lapsing",
            "sxbet: operator on lapse",
            "sxbet: operator on v2",
            "sxbet: tripping, lost",
            "sxbet: tripped, and leased since as far as is known",
            "sxbet: tripped alive, leased",
        ],
    ),
    (
        "The lease ran out at 07:13:30Z: orders open then are presumed cancelled, later ones stay.",
        [
            "sxbet: lapsed, lost",
            "sxbet: lapsed, in session",
            "sxbet: rejected, lapsed",
            "sxbet: tripped alive",
            "sxbet: tripped, no watch",
            "sxbet: tripped, then new orders",
        ],
    ),
    (
        "No lease is proven, but one that is not may run until 07:14:44Z.",
        ["sxbet: lapsed, perhaps heard"],
    ),
    (
        "SX Bet did not grant the lease we asked for: one may run until 07:14:05Z.",
        ["sxbet: wrong echo"],
    ),
    (
        "By SX Bet's last word there is no lease as asked for.",
        ["sxbet: wrong echo, lapsed"],
    ),
    (
        "No lease is proven, but one that is not may run until 07:14:11Z.",
        ["sxbet: tripping, lost, its cut unanswered"],
    ),
    (
        "Already cancelled: SX Bet listed no open order. A lease may run until 07:14:05Z: orders placed "
        "before that go when it ends.",
        ["sxbet: tripped"],
    ),
    (
        "Disarmed: SX Bet holds no lease, deadman cancels nothing.",
        ["sxbet: disarmed"],
    ),
    (
        "Disarmed, but SX Bet has not confirmed it: a lease may run until 07:14:05Z.",
        ["sxbet: disarm unheard"],
    ),
    (
        "deadman only observes here: it holds no lease, and sees nobody else's.",
        ["sxbet: observing"],
    ),
    (
        "No lease is proven, but one that is not may run until 07:14:05Z.",
        ["sxbet: time went by"],
    ),
]
"""The same of the host's."""


def reasons(table: list[tuple[str, list[str]]]) -> dict[str, str]:
    return {row: sentence for sentence, rows in table for row in rows}


@pytest.mark.parametrize("row", DERIBIT + SX_BET, ids=lambda row: f"{row[1].venue}: {row[0]}")
def test_each_row_gives_its_reason(row: Row) -> None:
    name, report = f"{row[1].venue}: {row[0]}", told(row[1], row[2], row[3])
    assert report.if_bot_dies.because == reasons(BOT)[name]
    assert report.if_host_dies.because == reasons(HOST)[name]


def test_a_trip_that_selects_has_cancelled_in_part_and_at_once() -> None:
    narrow = replace(DESK, cancel=Selection(currency="BTC"))
    fate = told(narrow, QUIET, (OPEN, FRESH, SILENCE, *GONE)).if_bot_dies
    words = "Already cancelled, but only orders of currency BTC."
    assert (fate.orders, fate.within, fate.because) == ("partly", 0.0, words)
    under_way = told(narrow, QUIET, (OPEN, FRESH, SILENCE)).if_bot_dies
    words = "Being cancelled now, but only orders of currency BTC."
    assert (under_way.orders, under_way.within, under_way.because) == ("partly", None, words)
