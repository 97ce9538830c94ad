"""What stands below the table: what was done, what follows, who said so. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from deadman.problems.bots import NAMED, dead_bots
from deadman.problems.told import VENUES, Told, gathered, unreachable
from deadman.spoken import instant, left


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
        f"{VENUES.get(account['venue'], account['venue'])} cannot be reached since "
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
