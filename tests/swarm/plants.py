"""Mended defects put back, one at a time: what proves that the laws would find them.

Each names the cell in which it is found soonest, and the law that must break there; `python -m tests.swarm plants`
looks for them without that knowledge. `item` is a word for what was mended: several plants may be of one.
"""

from __future__ import annotations

from deadman.venues.deribit.orders import _TYPES
from tests.swarm.planting import Plant, Value, edit, plant

GUARD, KEEPER = "deadman.model.guard:Guard", "deadman.daemon.keeper:Keeper"

PLANTS: tuple[Plant, ...] = (
    plant(
        "what reads off is no fact",
        "drift",
        "matrix",
        "deribit drifts / private/enable_cancel_on_disconnect: 13028",
        "read off",
        edit(
            f"{GUARD}._switched",
            ("                # Exposed only", "                return self\n                # Exposed only"),
        ),
    ),
    plant(
        "a session's end is not told",
        "can_cancel",
        "matrix",
        "deribit goes on / public/auth: 99999",
        "connected",
        edit(f"{KEEPER}._visit", ("self._post(facts.SessionClosed(self._now()))", "pass")),
        edit(
            f"{KEEPER}._converse",
            ("await self._noted(self._carry_out(task, session))", "await self._carry_out(task, session)"),
        ),
    ),
    plant(
        "nothing is carried out late",
        "late leases",
        "matrix",
        "v3 disarmed, armed / POST /heartbeat/v3: carried out long after",
        "lease end",
        Value("deadman.model.leases:HEARD_WITHIN", 0.0),
    ),
    plant(
        "no earlier request undoes a lease",
        "late leases",
        "matrix",
        "v3 disarmed, armed / POST /heartbeat/v3: carried out long after",
        "protected",
        edit(
            "deadman.model.leases:Leases.lasting",
            ("        shorter = (", "        return proof.ttl\n        shorter = ("),
        ),
    ),
    plant(
        "our own turning off is a drift",
        "disarm and arm",
        "absences",
        "disarmed for a while, trip / step ahead / 0.3",
        "told",
        edit(
            f"{GUARD}._let_go", ("switch=replace(self.switch, proven_on=False, undone=False))", "switch=self.switch)")
        ),
    ),
    plant(
        "V3's answer is not read",
        "V3's answer",
        "matrix",
        "v3 tripped, armed / rehearsed",
        "counted",
        edit(
            "deadman.venues.sxbet.wire:cancelled",
            ('_listed(said, "cancelledSubmitted") + _listed(said, "cancelled")', "[]"),
        ),
    ),
    plant(
        "nobody misses orders",
        "orders gone unseen",
        "absences",
        "lives for long, trip / kill past the lease / 0.0",
        "counted",
        edit("deadman.model.trip:Book.listed", ("if taken else", "if False else")),
    ),
    plant(
        "a slow venue's clock is wrong",
        "clocks",
        "matrix",
        "deribit goes on / all 4.9 s late",
        "clocks",
        edit(
            "deadman.model.account:Tally._is_better",
            ("        known = self.clock", "        return True\n        known = self.clock"),
        ),
        edit(
            "deadman.model.facts:ClockCompared.is_telling", ("return self.round_trip", "return True or self.round_trip")
        ),
    ),
    plant(
        "the first error ends a round",
        "one by one",
        "scale",
        "label and type / 5 orders / one stuck / 1 s",
        "printed",
        edit("deadman.venues.deribit.orders:Orders._cancel_one", ("tried.resisting[order_id] = error", "raise")),
        edit(
            "deadman.venues.deribit.orders:Orders._singly",
            ("nursery.start_soon(self._cancel_one, order_id, tried)", "await self._cancel_one(order_id, tried)"),
        ),
    ),
    plant(
        "one cancel after the other",
        "one by one",
        "scale",
        "label and type / 400 orders / no stuck / 0.15 s",
        "printed",
        edit(
            "deadman.venues.deribit.orders:Orders._singly",
            ("nursery.start_soon(self._cancel_one, order_id, tried)", "await self._cancel_one(order_id, tried)"),
        ),
    ),
    plant(
        "an unanswered cut is waited for",
        "cut leases",
        "seeds",
        "2019",
        "carried out",
        edit("deadman.model.duty:cancel_method", ("guard.leases.end_but_cuts", "(guard.lease_end or trip.at)")),
    ),
    plant(
        "the promise knows no number",
        "one by one",
        "scale",
        "label and type / 60 orders / no stuck / 0.15 s",
        "printed",
        edit("deadman.model.promise:promise", ("if each else 0.0,", "if False else 0.0,")),
        edit("deadman.model.promise:_bot_bound", ("if account.selection.one_by_one", "if False")),
    ),
    plant(
        "whatever rests was placed since",
        "one by one",
        "scale",
        "label and type / 1 orders / one stuck / 0 s",
        "sentences",
        edit(
            "deadman.model.trip:Trip.after",
            (
                "            fresh = len(done.listed - self.left)",
                "            pass\n        fresh = done.remaining or 0",
            ),
        ),
    ),
    plant(
        "stops are trailing stops too",
        "trailing stops",
        "scale",
        "stops / 5 orders / no stuck / 1 s",
        "unasked",
        Value(
            "deadman.venues.deribit.orders:_TYPES",
            {**_TYPES, "stop": lambda word: word.startswith(("stop", "trailing"))},
        ),
    ),
    plant(
        "after a failed cancel no list is read",
        "unended trips",
        "matrix",
        "v3 dies / DELETE /orders-v3/all: 404, lasting",
        "trip ends",
        edit("deadman.venues.sxbet.session:SxBetSession.cancel_orders", ("return await self._after(error)", "raise")),
        edit(f"{KEEPER}._cancel", ("if not self._guard().lapsed(self._now()):\n                raise", "raise")),
        edit(
            "deadman.model.duty:cancel_method",
            ("        cuts = now >=", "        cuts = False and now >="),
        ),
    ),
    plant(
        "a user who is not found is a stranger",
        "false trips",
        "environment",
        "getpwnam finds nobody / reload",
        "living bot",
        edit(
            "deadman.checkins.sockets:SocketInboxes._permit",
            ("return look_up(config)", "return look_up_or_allow_nobody(config)"),
        ),
    ),
    plant(
        "a goodbye on hold is forgotten",
        "false trips",
        "absences",
        "held, then goodbye, release / kill / 1.2",
        "living bot",
        edit("deadman.daemon.memory:WatchMemory.of", ("watch.stopping_at is not None", "False")),
    ),
    plant(
        "beat needs a valid config",
        "false trips",
        "environment",
        "beat / no TOML",
        "living bot",
        edit("deadman.cli.client:runtime_directory", ("named = _named_in(config)", "raise")),
    ),
    plant(
        "a name is an account",
        "names",
        "edits",
        "client_id of another account / tripping / restart",
        "unasked",
        edit(
            "deadman.model.succession:_taken_on",
            ("return _set_aside(guard, identity, at)", "return replace(guard, identity=identity)"),
        ),
        edit(
            "deadman.model.succession:_identified",
            ("return _set_aside(guard, identity, at)", "return replace(guard, identity=identity)"),
        ),
    ),
    plant(
        "observing begins at once",
        "reloads",
        "edits",
        "deribit.observe / tripping / reload",
        "carried out",
        edit(
            "deadman.model.duty:in_force",
            ("    if not guard.tripping", "    return account\n    if not guard.tripping"),
        ),
    ),
    plant(
        "another path is another account",
        "reloads",
        "edits",
        "deribit.client_id / tripped / reload",
        "operator's word",
        edit(
            "deadman.model.succession:_taken_on",
            (
                "    if known.relation(identity) is Relation.SAME:",
                "    return Guard(guard.overdue_after, guard.provable, identity, terms=guard.terms)\n"
                "    if known.relation(identity) is Relation.SAME:",
            ),
        ),
    ),
    plant(
        "a word does not wait for the disk",
        "lost words",
        "absences",
        "disarmed, trip / kill / 0.0",
        "operator's word",
        edit(
            "deadman.control.commands:Disk.write",
            (
                "        with trio.move_on_after(DISK_TIMEOUT):",
                "        self.fault = None\n        with trio.move_on_after(0):",
            ),
        ),
    ),
    plant(
        "every absence grants a timeout",
        "absences",
        "absences",
        "dies, trip / stop 1.3 s of 2.6",
        "dead bot",
        edit("deadman.model.watch:Watch.granted", ("or self.unheard ", "")),
    ),
    plant(
        "every restart grants a timeout",
        "absences",
        "absences",
        "dies, trip / kill every 0.7 s",
        "dead bot",
        edit("deadman.checkins.rounds:Watches.recall", ("self.silences.read().items()", "()")),
    ),
    plant(
        "only its own answer shows a venue's life",
        "slow answers",
        "matrix",
        "deribit goes on / all 4.9 s late",
        "patience",
        edit(
            "deadman.venues.deribit.conversation:Conversation._seek_life",
            (
                "        life, limit",
                '        await self.ask("public/test", {}, 4.7)\n        return\n        life, limit',
            ),
        ),
    ),
    plant(
        "the proof sets the pace",
        "pace",
        "matrix",
        "v3 goes on / expiry past",
        "cadence",
        edit(
            f"{KEEPER}._in_time",
            ("if not guard.may_be_leased(now):", "if guard.proof is None or not guard.proof.stands(now):"),
        ),
        edit(
            f"{KEEPER}._pace", ("return REFUSED_AT_FIRST", "return REFUSED if isinstance(error, Refused) else REPAIR")
        ),
    ),
    plant(
        "a new watch takes the lease",
        "second watch",
        "edits",
        "sxbet.watch / armed / reload",
        "cadence",
        edit(
            "deadman.model.watch:_awaited",
            ("counted = wanted if bots is None else bots & wanted", "counted = wanted"),
        ),
    ),
    plant(
        "a no is for long",
        "a passing no",
        "matrix",
        "deribit restarts / public/auth: 13004",
        "retries",
        edit(f"{KEEPER}._pace", ("return REFUSED_AT_FIRST", "return REFUSED")),
    ),
    plant(
        "holds sleep with the machine",
        "spans",
        "absences",
        "held, trip / suspend / 0.3",
        "operator's word",
        edit("deadman.model.clock:Clock.slept", ("return 0.0 if", "return 0.0 if True or")),
    ),
    plant(
        "the wall clock tells how long we were away",
        "spans",
        "absences",
        "held, trip / step ahead and kill / 0.3",
        "operator's word",
        edit("deadman.daemon.memory:_elapsed", ('boot = tables.get("boot")', "boot = None")),
    ),
    plant(
        "a hidden directory ends us",
        "presence",
        "environment",
        "a directory that cannot be searched / nothing",
        "running",
        edit(
            "deadman.daemon.ticker:Presence._fault",
            ("except OSError as error:", "except KeyError as error:"),
            ("error.strerror or str(error)", "str(error)"),
        ),
    ),
    plant(
        "being cancelled is gone",
        "being cancelled",
        "edits",
        "nothing / tripping / reload",
        "soothing",
        edit("deadman.venues.deribit.fate:if_bot_dies", ('Fate("cancelling", None,', 'Fate("gone", 0.0,')),
    ),
    plant(
        "nothing is worth a look",
        "fine",
        "edits",
        "nothing / disarmed / reload",
        "sentences",
        edit("deadman.status.headline:_look", ("if account.alarming:", "if True:")),
    ),
    plant(
        "a goodbye is a death",
        "sentences",
        "absences",
        "goodbye, trip / step ahead / 1.2",
        "sentences",
        edit("deadman.model.watch:Watch.stopped", ("goodbye_at=at", "goodbye_at=None")),
    ),
    plant(
        "an outage is somebody who places orders",
        "sentences",
        "scale",
        "label and type / 1 orders / one stuck / 0 s",
        "sentences",
        edit("deadman.status.vocabulary:lasting", ("if trip.fed:", "if True:")),
    ),
)
