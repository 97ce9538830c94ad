"""Faults by command: one line in, one line out. What `simulate` offers on stdin and on its socket."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from difflib import get_close_matches

from deadman.simulator.deribit.connection import Connection
from deadman.simulator.deribit.venue import Deribit
from deadman.simulator.faults import Faults
from deadman.simulator.sxbet.venue import SxBet

SWITCHES = ("frozen", "maintenance", "refuse", "dead", "wrong_echo", "lying", "reauth_disarms")
SECONDS = ("delay", "jitter", "drip", "fires_late")
NUMBERS = ("cancel_leaves", "granted")
METHODS = ("ignored", "silent", "garbled", "no_frame", "wrong_id")
WORDS = {
    "upgrade": ("reset", "eof", "hang"),
    "expires_at": ("missing", "past"),
    "lists": ("nothing", "gone"),
    "body": ("hang", "drip", "reset", "eof"),
}
MANY = {
    "fail": "METHOD=CODE, such as private/cancel_all=10028 or 'POST /heartbeat/v3=503'",
    "late": "METHOD=SECONDS, such as private/cancel_all=7 or 'POST /heartbeat/v3=7'",
    "stuck": "ORDER=CODE, such as BTC-1=11044",
}
KNOBS = (*SWITCHES, *SECONDS, *NUMBERS, *METHODS, *WORDS, *MANY)


class BadCommand(Exception):
    """What a person typed makes no sense; the text says what would."""


def turn(faults: Faults, knob: str, value: str) -> None:
    """Set one knob: on/off, seconds, a number, methods with commas between, a word, or NAME=FIGURE.

    `none` unsets it.

    Raises:
        BadCommand: there is no such knob, or it does not take this value.
    """
    match knob:
        case _ if knob in SWITCHES:
            setattr(faults, knob, switched(value))
        case _ if knob in SECONDS:
            setattr(faults, knob, number(value))
        case _ if knob in NUMBERS:
            setattr(faults, knob, default(knob) if value == "none" else int(number(value)))
        case _ if knob in METHODS:
            setattr(faults, knob, set() if value == "none" else set(value.split(",")))
        case _ if knob in MANY:
            one_of_many(faults, knob, value)
        case _ if knob in WORDS:
            setattr(faults, knob, word(knob, value))
        case _:
            raise BadCommand(f"no knob {knob!r}; {suggestion(knob, KNOBS)}")


def switched(value: str) -> bool:
    if value not in ("on", "off"):
        raise BadCommand(f"{value!r} is neither on nor off")
    return value == "on"


def number(value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise BadCommand(f"{value!r} is not a number") from None


def one_of_many(faults: Faults, knob: str, value: str) -> None:
    """`none` forgets them all."""
    known: dict[str, float] = getattr(faults, knob)
    if value == "none":
        known.clear()
        return
    name, equals, figure = value.rpartition("=")
    if not equals:
        raise BadCommand(f"{knob} takes {MANY[knob]}")
    known[name] = number(figure) if knob == "late" else int(number(figure))


def word(knob: str, value: str) -> str | int | None:
    if value == "none":
        return None
    if knob == "upgrade" and value.isdigit():
        return int(value)
    if value not in WORDS[knob]:
        raise BadCommand(f"{knob} is one of {', '.join(WORDS[knob])}, none")
    return value


def default(knob: str) -> object:
    return next(field.default for field in fields(Faults) if field.name == knob)


def suggestion(name: str, known: tuple[str, ...]) -> str:
    close = get_close_matches(name, known, 1)
    return f"did you mean {close[0]!r}?" if close else f"there are {', '.join(known)}"


Venue = Deribit | SxBet


@dataclass(slots=True)
class Stage:
    """The venues by name, and the bots that commands let connect to those that have connections."""

    deribit: Deribit
    sxbet: SxBet
    coinbase: Deribit | None = None
    bots: dict[str, list[Connection]] = field(default_factory=dict)

    @property
    def venues(self) -> dict[str, Venue]:
        known: dict[str, Venue] = {"deribit": self.deribit, "sxbet": self.sxbet}
        return known | ({"coinbase": self.coinbase} if self.coinbase else {})

    def faults(self, target: str) -> list[Faults]:
        """The knobs of a venue, of an account, or of all.

        Raises:
            BadCommand: nobody is called that.
        """
        if target == "all":
            everybody = [account.faults for venue in self.venues.values() for account in venue.accounts.values()]
            return [*(venue.faults for venue in self.venues.values()), *everybody]
        if target in self.venues:
            return [self.venues[target].faults]
        return [self.venue_of(target).accounts[target].faults]

    @property
    def accounts(self) -> list[str]:
        return [account for venue in self.venues.values() for account in venue.accounts]

    @property
    def targets(self) -> list[str]:
        return ["all", *self.venues, *self.accounts]

    def venue_of(self, account: str) -> Venue:
        venue = next((venue for venue in self.venues.values() if account in venue.accounts), None)
        if venue is None:
            raise BadCommand(f"nobody is called {account!r}; there are {', '.join([*self.venues, *self.accounts])}")
        return venue

    def sockets_of(self, account: str) -> Deribit:
        """The venue of an account that has connections: Deribit, or Coinbase's gateway to it."""
        venue = self.venue_of(account)
        if not isinstance(venue, Deribit):
            raise BadCommand(f"{account} is no Deribit account")
        return venue


HELP = {
    "freeze|thaw TARGET": "nothing is read or written and nothing closed, as when a cable is pulled; thaw ends it",
    "set TARGET KNOB VALUE": "have something go wrong; `help KNOB` tells what, and the values it takes",
    "clear [TARGET]": "nothing goes wrong any more: every knob is turned back",
    "drop|reset TARGET": "end the connections of a venue or an account there, by EOF or by RST",
    "bot ACCOUNT": "connect a bot, which takes over whether cancel-on-disconnect is on",
    "lose ACCOUNT": "end the connections of its bots",
    "place ACCOUNT [COUNT] [rest]": "place orders: over its bot's connection, or by nobody's with rest",
    "withdraw ACCOUNT": "cancel its orders, as their owner would",
    "orders [ACCOUNT]": "how many are open",
    "switch ACCOUNT on|off": "cancel-on-disconnect of its next connections, as somebody else would turn it",
    "expire ACCOUNT": "end every token that it was given",
    "maintenance VENUE on|off": "say so, hang up, and answer nothing else",
    "status": "what each venue would do by itself now",
    "help [COMMAND|KNOB]": "all commands and knobs, or what one of them does",
}
"""Each command with what it does."""

MEANINGS = dict(re.findall(r"^ {8}(\w+): (.+)$", Faults.__doc__ or "", re.MULTILINE))
MEANINGS["frozen"] = MEANINGS.pop("gate", "")
"""What each knob does."""

OF_VENUES = {"refuse", "upgrade"}
OF_DERIBIT = {"upgrade", "no_frame", "wrong_id", "lying", "reauth_disarms"}
OF_SXBET = {"expires_at", "granted", "body", "drip"}
"""Knobs that do nothing elsewhere: whoever dials has no account yet, and the venues speak different protocols."""


def obey(stage: Stage, line: str) -> str:
    """Carry out one command. A mistake is answered in words, never raised."""
    try:
        words = shlex.split(line)
        if not words:
            return ""
        command = COMMANDS.get(words[0])
        if command is None:
            raise BadCommand(f"no command {words[0]!r}; try help")
        return command(stage, *words[1:])
    except BadCommand as mistake:
        return f"error: {mistake}"
    except (TypeError, ValueError):  # too few words, too many, or a quote left open
        return f"error: cannot read {line.strip()!r}; try help"


def freeze(stage: Stage, target: str) -> str:
    if all(faults.frozen for faults in stage.faults(target)):
        return f"{target} is frozen already"
    for faults in stage.faults(target):
        faults.frozen = True
    return f"{target} is frozen: nothing is read or written, nothing is closed"


def thaw(stage: Stage, target: str) -> str:
    if not any(faults.frozen for faults in stage.faults(target)):
        raise BadCommand(f"{target} is not frozen")
    for faults in stage.faults(target):
        faults.frozen = False
    return f"{target} moves again"


def set_knob(stage: Stage, target: str, knob: str, value: str) -> str:
    known = stage.faults(target)
    if knob in OF_VENUES and target in stage.accounts:
        raise BadCommand(f"{knob} does nothing to an account, which nobody is before he is connected; name its venue")
    venue = stage.venues.get(target) or (stage.venue_of(target) if target in stage.accounts else None)
    other = OF_SXBET if isinstance(venue, Deribit) else OF_DERIBIT if venue is not None else set()
    if knob in other:
        raise BadCommand(f"{knob} does nothing at {target}; help {knob} tells what it is for")
    for faults in known:
        turn(faults, knob, value)
    return f"{target}: {knob} {value}"


def clear(stage: Stage, target: str = "all") -> str:
    for faults in stage.faults(target):
        faults.clear()
    return f"{target} is well"


def maintenance(stage: Stage, target: str, state: str) -> str:
    """What a venue does before it is stopped for a new release: it says so, hangs up, and answers nothing else."""
    venue = stage.venues.get(target)
    if not isinstance(venue, Deribit):
        raise BadCommand(f"maintenance is announced by deribit or coinbase; for others: set {target} maintenance on")
    venue.maintain(switched(state))
    return f"{target}: maintenance {state}"


def cut(verb: str) -> Callable[[Stage, str], str]:
    """`drop` ends connections by EOF, `reset` by RST: those of a venue, or of one account there."""

    def command(stage: Stage, target: str) -> str:
        named = stage.venues.get(target)
        if isinstance(named, SxBet):
            raise BadCommand(f"{target} keeps no connections; freeze it, or set {target} body reset")
        venue = named if isinstance(named, Deribit) else stage.sockets_of(target)
        account = None if venue is named else target
        count = len(venue.connections_of(account))
        if not count:
            raise BadCommand(f"{target} has no connection to cut")
        (venue.drop if verb == "drop" else venue.reset)(account)
        return f"{count} connections cut"

    return command


def bot(stage: Stage, account: str) -> str:
    connected = stage.sockets_of(account).attach(account)
    stage.bots.setdefault(account, []).append(connected)
    fate = "go with its connection" if connected.cancel_on_disconnect else "stay when its connection drops"
    return f"a bot is connected to {account}: its orders {fate}"


def lose(stage: Stage, account: str) -> str:
    venue = stage.sockets_of(account)
    if not stage.bots.get(account):
        raise BadCommand(f"{account} has no bot that a command connected: bot {account} does")
    before = len(venue.exchange.open_orders(account))
    for connected in stage.bots.pop(account, []):
        venue.end(connected)
    gone = before - len(venue.exchange.open_orders(account))
    return f"the bots of {account} lost their connections: {gone} orders cancelled, {before - gone} stay"


def place(stage: Stage, account: str, count: str = "1", via: str = "websocket") -> str:
    """On Deribit by the last bot connected, one connecting where there is none; with `rest`, by nobody's connection."""
    if not count.isdigit() or int(count) == 0 or via not in ("websocket", "rest"):
        raise BadCommand("place ACCOUNT [COUNT] [rest]")
    venue, connection = stage.venue_of(account), None
    if isinstance(venue, Deribit) and via == "websocket":
        if not stage.bots.get(account):
            bot(stage, account)
        connection = stage.bots[account][-1].id
    for _ in range(int(count)):
        venue.exchange.place(account, connection=connection)
    return f"{account} has {len(venue.exchange.open_orders(account))} open orders"


def withdraw(stage: Stage, account: str) -> str:
    """Cancel what rests, as its owner would."""
    exchange = stage.venue_of(account).exchange
    if not exchange.open_orders(account):
        raise BadCommand(f"{account} has no open order")
    return f"{len(exchange.cancel(exchange.open_orders(account), 'user_request'))} orders of {account} withdrawn"


def orders(stage: Stage, account: str | None = None) -> str:
    names = stage.accounts if account is None else [account]
    return ", ".join(f"{name} {len(stage.venue_of(name).exchange.open_orders(name))} open" for name in names)


def switch(stage: Stage, account: str, state: str) -> str:
    if stage.sockets_of(account).accounts[account].cancel_on_disconnect is switched(state):
        return f"cancel-on-disconnect of {account} is {state} already"
    stage.sockets_of(account).switch(account, on=switched(state))
    return f"cancel-on-disconnect of {account} is {state} for connections opened from now on"


def expire(stage: Stage, account: str) -> str:
    stage.sockets_of(account).expire_tokens(account)
    return f"every token of {account} has expired"


def status(stage: Stage) -> str:
    """What each venue would do by itself now."""
    inherits = {a: v.inherits(a) for v in stage.venues.values() if isinstance(v, Deribit) for a in v.accounts}
    switches = [f"{name} {'on' if on else 'off'}" for name, on in inherits.items()]
    now = stage.sxbet.exchange.clock()
    leases = [(name, stage.sxbet.lease(name)) for name in stage.sxbet.accounts]
    spans = [f"{name} {lease.ends_at - now:.1f} s" if lease else f"{name} none" for name, lease in leases]
    return f"cancel-on-disconnect: {', '.join(switches)}; leases: {', '.join(spans)}; {orders(stage)}"


def help_(stage: Stage, about: str = "") -> str:
    """One line, as every answer: of a knob its meaning and its values, of a command what it does."""
    if about in KNOBS:
        target = "sxbet" if about in OF_SXBET else "deribit"
        return f"{about}: {MEANINGS[about]} Such as: set {target} {about} {values(about)}"
    usage = next((usage for usage in HELP if about in usage.split()[0].split("|")), "")
    if about and not usage:
        raise BadCommand(f"neither a command nor a knob {about!r}; {suggestion(about, (*COMMANDS, *KNOBS))}")
    if about:
        return f"{usage}: {HELP[usage]}"
    return f"{' | '.join(HELP)} -- TARGET: {', '.join(stage.targets)} -- KNOB: {', '.join(KNOBS)}"


def values(knob: str) -> str:
    """What a knob takes."""
    forms = {
        **dict.fromkeys(SWITCHES, "on|off"),
        **dict.fromkeys(SECONDS, "SECONDS"),
        **dict.fromkeys(NUMBERS, "NUMBER|none"),
        **dict.fromkeys(METHODS, "METHOD,METHOD…|none, where * means all"),
        **{name: f"{'|'.join(words)}|none" for name, words in WORDS.items()},
        **{name: f"{words}; none forgets them" for name, words in MANY.items()},
    }
    return forms[knob] if knob != "upgrade" else f"{forms[knob]}|STATUS"


COMMANDS: dict[str, Callable[..., str]] = {
    "freeze": freeze,
    "thaw": thaw,
    "set": set_knob,
    "clear": clear,
    "drop": cut("drop"),
    "reset": cut("reset"),
    "bot": bot,
    "lose": lose,
    "place": place,
    "withdraw": withdraw,
    "orders": orders,
    "switch": switch,
    "expire": expire,
    "maintenance": maintenance,
    "status": status,
    "help": help_,
}
