"""The form of what is remembered in `state.toml`. Instants stand there in Unix seconds, as of the moment of writing.

How long ago that was the machine's uptime tells, which no step of the wall clock moves; only across a reboot the wall
clock must.

The first line holds a checksum of all that follows: a file that was cut off in the right place is still good TOML,
and would silently have forgotten a disarmed account.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import tomli_w

from deadman.clock import Clock
from deadman.config.schema import Selection, Terms
from deadman.facts import Cause, Disarmed, TripDone, Tripped
from deadman.identity import Identity
from deadman.state.memory import AccountMemory, Listed, Memory, WatchMemory
from deadman.watch import Hold

_HEAD = b"# Written by deadman, for deadman: a change by hand breaks this checksum: "
_WRITTEN = "written"
_BOOT = "boot"
_UNDER_WAY = "under_way"


class Damaged(Exception):
    """The bytes are not what was once written; the text says how so."""


def encode(memory: Memory, clock: Clock) -> bytes:
    ink = _Ink(clock)
    tables = {
        _WRITTEN: clock.timestamp(),
        **_boot(clock),
        _UNDER_WAY: memory.under_way,
        "watches": {name: ink.watch(watch) for name, watch in memory.watches.items()},
        "accounts": {name: ink.account(account) for name, account in memory.accounts.items()},
    }
    # An operator's reason may hold half a surrogate pair, which UTF-8 cannot.
    body = tomli_w.dumps(tables).encode("utf-8", "replace")
    return _HEAD + _checksum(body) + b"\n" + body


def decode(data: bytes, clock: Clock) -> Memory:
    """Raises Damaged."""
    head, _, body = data.partition(b"\n")
    if head != _HEAD + _checksum(body):
        raise Damaged("its checksum does not match" if data else "it is empty")
    try:
        tables = tomllib.loads(body.decode())
        eyes = _Eyes(clock, tables[_WRITTEN], _elapsed(tables, clock))
        return Memory(
            {name: eyes.watch(watch) for name, watch in tables["watches"].items()},
            {name: eyes.account(account) for name, account in tables["accounts"].items()},
            tables.get(_UNDER_WAY, True),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:  # whole, but of another version's making
        raise Damaged(f"it is not understood: {error!r}") from error


def _boot(clock: Clock) -> dict[str, Any]:
    if clock.uptime is None or not clock.boot_id:
        return {}
    return {_BOOT: {"id": clock.boot_id, "uptime": clock.uptime()}}


def _elapsed(tables: Mapping[str, Any], clock: Clock) -> float:
    """Seconds since it was written: never less than 0, and after a reboot the longest that any clock tells.

    A wrong wall clock (a host that starts in 1970) so brings nothing past nearer, and moves nothing to come away; what
    remains of a hold errs to the shorter.
    """
    by_wall: float = max(clock.timestamp() - tables[_WRITTEN], 0.0)
    boot = tables.get(_BOOT)
    if boot is None or clock.uptime is None:
        return by_wall
    if boot["id"] == clock.boot_id and boot["uptime"] <= clock.uptime():
        return float(clock.uptime() - boot["uptime"])
    return max(by_wall, clock.uptime())


def _checksum(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest()[:16].encode()


@dataclass(frozen=True, slots=True)
class _Ink:
    """Writes instants as Unix seconds, and leaves out what is not set: TOML has no null."""

    clock: Clock

    def watch(self, watch: WatchMemory) -> dict[str, Any]:
        hold = self._hold(watch.hold) if watch.hold else None
        goodbye = None if watch.goodbye_at is None else self._at(watch.goodbye_at)
        return _set(alive=watch.alive, hold=hold, stopping=watch.stopping or None, goodbye=goodbye)

    def account(self, account: AccountMemory) -> dict[str, Any]:
        return _set(
            turned_on=account.turned_on or None,
            lease=account.lease or None,
            cut=None if account.cut_until is None else self._at(account.cut_until),
            bots=None if account.bots is None else sorted(account.bots),
            listed=_set(orders=account.listed.count, at=self._at(account.listed.at)) if account.listed else None,
            trip=self._trip(account.tripped, account.trip_done) if account.tripped else None,
            disarm=self._disarm(account.disarmed) | {"confirmed": account.disarm_confirmed}
            if account.disarmed
            else None,
            identity=_set(**asdict(account.identity)) if account.identity else None,
            withheld=account.withheld or None,
            unheard=account.unheard or None,
            aside=self.account(account.aside) if account.aside else None,
        )

    def _hold(self, hold: Hold) -> dict[str, Any]:
        return _set(until=self._at(hold.until), by=hold.by, reason=hold.reason)

    def _trip(self, trip: Tripped, done: TripDone | None) -> dict[str, Any]:
        since = _set(cause=str(trip.cause), by=trip.by, reason=trip.reason, since=self._at(trip.at))
        since |= {"terms": _terms(trip.terms)} if trip.terms else {}
        return since | (_set(done=self._at(done.at), presumed=done.presumed) if done else {})

    def _disarm(self, disarm: Disarmed) -> dict[str, Any]:
        until = None if disarm.until is None else self._at(disarm.until)
        return _set(by=disarm.by, reason=disarm.reason, since=self._at(disarm.at), until=until)

    def _at(self, instant: float) -> float:
        return self.clock.timestamp_of(instant)


def _terms(terms: Terms) -> dict[str, Any]:
    return {"on_trip": terms.on_trip, "cancel": _set(**asdict(terms.cancel))}


def _terms_of(table: Mapping[str, Any]) -> Terms:
    return Terms(table["on_trip"], Selection(**table["cancel"]))


def _set(**values: object) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


@dataclass(frozen=True, slots=True)
class _Eyes:
    """Reads Unix seconds as instants of this run, `elapsed` seconds after they were `written`."""

    clock: Clock
    written: float
    elapsed: float

    def watch(self, table: Mapping[str, Any]) -> WatchMemory:
        hold = self._hold(table["hold"]) if "hold" in table else None
        goodbye_at = self._instant(table["goodbye"]) if "goodbye" in table else None
        return WatchMemory(table.get("alive"), hold, table.get("stopping", False), goodbye_at)

    def account(self, table: Mapping[str, Any]) -> AccountMemory:
        trip, disarm = table.get("trip", {}), table.get("disarm", {})
        return AccountMemory(
            tripped=self._tripped(trip) if trip else None,
            trip_done=TripDone(self._instant(trip["done"]), trip["presumed"]) if "done" in trip else None,
            disarmed=self._disarmed(disarm) if disarm else None,
            disarm_confirmed=disarm.get("confirmed", False),
            turned_on=table.get("turned_on", False),
            lease=table.get("lease", 0.0),
            cut_until=self._instant(table["cut"]) if "cut" in table else None,
            bots=frozenset(table["bots"]) if "bots" in table else None,
            identity=Identity(**table["identity"]) if "identity" in table else None,
            withheld=table.get("withheld", False),
            unheard=table.get("unheard", False),
            aside=self.account(table["aside"]) if "aside" in table else None,
            listed=self._listed(table["listed"]) if "listed" in table else None,
        )

    def _hold(self, table: Mapping[str, Any]) -> Hold:
        return Hold(self._instant(table["until"]), table["by"], table["reason"], self.clock.slept())

    def _tripped(self, table: Mapping[str, Any]) -> Tripped:
        terms = _terms_of(table["terms"]) if "terms" in table else None
        return Tripped(self._instant(table["since"]), Cause(table["cause"]), table["by"], table["reason"], terms)

    def _listed(self, table: Mapping[str, Any]) -> Listed:
        return Listed(table["orders"], self._instant(table["at"]))

    def _disarmed(self, table: Mapping[str, Any]) -> Disarmed:
        until = self._instant(table["until"]) if "until" in table else None
        return Disarmed(self._instant(table["since"]), table["by"], table["reason"], until, self.clock.slept())

    def _instant(self, timestamp: float) -> float:
        return self.clock.now() - self.elapsed + (timestamp - self.written)
