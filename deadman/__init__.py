"""deadman arms the dead-man's switches of exchanges, proves that they are armed, and keeps them armed.

The model
=========

    venue, bot, operator, clock  →  fact  →  guard  →  board  →  keeper  →  venue

A *fact* (model/facts.py) is something that happened at an instant: the venue answered, a session ended, a bot fell
silent, an operator spoke. Facts are immutable and are posted to the board, and to nothing else.

A *guard* (model/guard.py), the heart, is what is known of one account: all its facts, folded. It holds what was told,
a venue's no included. What that means now (the phase, whether the account is protected, whether orders may still
stand) is a pure function of the guard and the present instant: what is not stored cannot become stale, and any thread
may ask.

The *board* (model/board.py) holds the guards and watches of all accounts and calls listeners when one changes, and
keeps what has happened in this run. Its values are immutable and replaced whole, so metrics and pages read it from
other threads without a lock.

A *keeper* (daemon/keeper.py) is one task per account. It asks the guard what is to be done (model/duty.py), does it
at the venue, and posts what came of it. Its own fields (failures, pauses) decide only when it tries again; claims come
from the guard.

A *proof* (model/proof.py) is a venue's answer to a request of ours, dated from the asking, which holds for a number of
seconds. Claims rest on the last confirmed request. What may still happen to orders rests on the last attempted one:
which leases the venue may hold is in model/leases.py.

A *promise* (model/promise.py) is computed from the config alone, by way of each account's timers: the bounds in seconds
that `check` prints and the simulation holds the daemon to.

A *trip* (model/trip.py) is a switch that was pulled: by a bot's silence, by a bot's own word, or by an operator. Once
begun it goes on until the venue lists no open order, or until no lease can stand any more.

A *witness* (model/witness.py) is a second daemon on another host, which cancels what a trip here would, once this host
or one of its bots is dead. The two hear of each other through a register; what a witness cannot see, it does not judge.

When in doubt the code errs on one side: it takes a proof to expire early, it claims protection late, and it sends the
venue nothing when it stops. A request that turns a switch off is sent on an operator's `disarm` and at no other time.

The rooms
=========

A room imports from its own floor or a lower one (`FLOORS` in `tests/test_architecture.py`), so mostly from rooms above
it in this list. The simulated venues import nothing of ours.

    model/      what is known and what may be claimed: pure, without clock, network or the name of a venue
    transport/  dialling, names, HTTP, WebSocket, Unix sockets and threads: one file for each foreign package
    venues/     what a venue is, and one folder for each; adding one is its folder and a line in venues/__init__.py
    cluster/    what hosts say to each other through etcd: a desk's beats, and a witness's looks at them
    config/     the TOML file: lines for messages, secrets, every fault at once
    checkins/   what bots say: the datagrams, their sockets, and the regular look at who is silent
    status/     the report, and the words for each phase (vocabulary.py): terminal, page, problems
    control/    what operators may ask at the control socket, and who may ask it
    telemetry/  metrics and pages over HTTP, the log, webhook and ping
    daemon/     the run: keepers, drills, reload, ticker, systemd, what outlives a restart
    cli/        the command line, one file for a family of verbs
    simulator/  the venues as their documents describe them, sharing no code with ours; `demo` and `simulate`

Three walks
===========

A check-in, and then none: the cancel.
    transport/peers.py     the kernel's date and sender of a datagram
    checkins/sockets.py    the socket of each watch is read, in the loop
    checkins/protocol.py   what the datagram says
    checkins/rounds.py     at once, and ten times a second: first all mail, then who is silent
    model/watch.py         whether a bot is alive, which accounts hang on it, and whether they may be tripped
    model/board.py         the fact Tripped is posted
    model/guard.py         the phase is now TRIPPING
    daemon/keeper.py       its wait is cut short; it reads the guard
    model/duty.py          what is to be done now: a round of cancelling
    venues/deribit/orders.py   the round itself, until the venue lists no order

A venue's answer: the metric.
    transport/websocket.py             the bytes
    venues/deribit/conversation.py     the answer to our request, with both instants
    venues/deribit/wire.py             what each error code of the venue asks of us
    venues/deribit/switch.py           the proof
    daemon/keeper.py                   posts the fact Proven
    model/board.py, model/account.py   the guard and the counters after it
    telemetry/metrics.py               one row for each metric
    telemetry/scrape.py, telemetry/http.py   judged and written when Prometheus asks

A config key: where it is obeyed.
    venues/deribit/settings.py   name, type, default, range and meaning, at the field
    config/load.py               the file is read; every fault is told with its line
    venues/deribit/settings.py   `timers`: the waits and intervals that follow from it
    model/promise.py             the bounds that `check` prints
    daemon/keeper.py, venues/deribit/conversation.py   the timers obeyed
    daemon/keepers.py            a changed value after a reload
"""

__version__ = "0.1.0"
