"""Faults by command: one line in, one line out. What `simulate` offers on stdin and on its socket."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from difflib import get_close_matches

from deadman.simulator.deribit.connection import Connection
from deadman.simulator.deribit.venue import Deribit
from deadman.simulator.faults import Faults
from deadman.simulator.sxbet.venue import SxBet

SWITCHES = ("frozen", "refuse", "dead", "wrong_echo", "lying", "reauth_disarms")
SECONDS = ("delay", "jitter", "drip")
NUMBERS = ("cancel_leaves", "granted")
METHODS = ("ignored", "silent", "garbled", "no_frame", "wrong_id")
WORDS = {
    "upgrade": ("reset", "eof", "hang"),
    "expires_at": ("missing", "past"),
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


@dataclass(slots=True)
class Stage:
    """Both venues, and the bots that commands let connect to Deribit."""

    deribit: Deribit
    sxbet: SxBet
    bots: dict[str, list[Connection]] = field(default_factory=dict)

    def faults(self, target: str) -> list[Faults]:
        """The knobs of a venue, of an account, or of all.

        Raises:
            BadCommand: nobody is called that.
        """
        match target:
            case "all":
                return [self.deribit.faults, self.sxbet.faults, *(self.faults_of(name) for name in self.accounts)]
            case "deribit":
                return [self.deribit.faults]
            case "sxbet":
                return [self.sxbet.faults]
            case _:
                return [self.faults_of(self.known(target))]

    def faults_of(self, account: str) -> Faults:
        if account in self.deribit.accounts:
            return self.deribit.accounts[account].faults
        return self.sxbet.accounts[account].faults

    @property
    def accounts(self) -> list[str]:
        return [*self.deribit.accounts, *self.sxbet.accounts]

    @property
    def targets(self) -> list[str]:
        return ["all", "deribit", "sxbet", *self.accounts]

    def known(self, account: str) -> str:
        if account not in self.accounts:
            raise BadCommand(
                f"nobody is called {account!r}; there are {', '.join(['deribit', 'sxbet', *self.accounts])}"
            )
        return account

    def on_deribit(self, account: str) -> str:
        if self.known(account) not in self.deribit.accounts:
            raise BadCommand(f"{account} is no Deribit account")
        return account


HELP = (
    "freeze|thaw TARGET",
    "set TARGET KNOB VALUE",
    "clear [TARGET]",
    "drop|reset TARGET",
    "bot ACCOUNT",
    "lose ACCOUNT",
    "place ACCOUNT [COUNT] [rest]",
    "orders [ACCOUNT]",
    "switch ACCOUNT on|off",
    "expire ACCOUNT",
    "status",
)


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
    for faults in stage.faults(target):
        faults.frozen = True
    return f"{target} is frozen: nothing is read or written, nothing is closed"


def thaw(stage: Stage, target: str) -> str:
    for faults in stage.faults(target):
        faults.frozen = False
    return f"{target} moves again"


def set_knob(stage: Stage, target: str, knob: str, value: str) -> str:
    for faults in stage.faults(target):
        turn(faults, knob, value)
    return f"{target}: {knob} {value}"


def clear(stage: Stage, target: str = "all") -> str:
    for faults in stage.faults(target):
        faults.clear()
    return f"{target} is well"


def cut(verb: str) -> Callable[[Stage, str], str]:
    """`drop` ends connections by EOF, `reset` by RST: those of Deribit, or of one account there."""

    def command(stage: Stage, target: str) -> str:
        account = None if target == "deribit" else stage.on_deribit(target)
        count = len(stage.deribit.connections_of(account))
        (stage.deribit.drop if verb == "drop" else stage.deribit.reset)(account)
        return f"{count} connections cut"

    return command


def bot(stage: Stage, account: str) -> str:
    connected = stage.deribit.attach(stage.on_deribit(account))
    stage.bots.setdefault(account, []).append(connected)
    fate = "go with its connection" if connected.cancel_on_disconnect else "stay when its connection drops"
    return f"a bot is connected to {account}: its orders {fate}"


def lose(stage: Stage, account: str) -> str:
    before = len(stage.deribit.exchange.open_orders(stage.on_deribit(account)))
    for connected in stage.bots.pop(account, []):
        stage.deribit.end(connected)
    gone = before - len(stage.deribit.exchange.open_orders(account))
    return f"the bots of {account} lost their connections: {gone} orders cancelled, {before - gone} stay"


def place(stage: Stage, account: str, count: str = "1", via: str = "websocket") -> str:
    """On Deribit by the last bot connected, one connecting where there is none; with `rest`, by nobody's connection."""
    if not count.isdigit() or via not in ("websocket", "rest"):
        raise BadCommand("place ACCOUNT [COUNT] [rest]")
    connection = None
    if stage.known(account) in stage.deribit.accounts and via == "websocket":
        if not stage.bots.get(account):
            bot(stage, account)
        connection = stage.bots[account][-1].id
    exchange = stage.deribit.exchange if account in stage.deribit.accounts else stage.sxbet.exchange
    for _ in range(int(count)):
        exchange.place(account, connection=connection)
    return f"{account} has {len(exchange.open_orders(account))} open orders"


def orders(stage: Stage, account: str | None = None) -> str:
    names = stage.accounts if account is None else [stage.known(account)]
    both = stage.deribit.exchange.open_orders() + stage.sxbet.exchange.open_orders()
    return ", ".join(f"{name} {sum(order.account == name for order in both)} open" for name in names)


def switch(stage: Stage, account: str, state: str) -> str:
    stage.deribit.switch(stage.on_deribit(account), on=switched(state))
    return f"cancel-on-disconnect of {account} is {state} for connections opened from now on"


def expire(stage: Stage, account: str) -> str:
    stage.deribit.expire_tokens(stage.on_deribit(account))
    return f"every token of {account} has expired"


def status(stage: Stage) -> str:
    """What each venue would do by itself now."""
    switches = [f"{name} {'on' if stage.deribit.inherits(name) else 'off'}" for name in stage.deribit.accounts]
    now = stage.sxbet.exchange.clock()
    leases = [(name, stage.sxbet.lease(name)) for name in stage.sxbet.accounts]
    spans = [f"{name} {lease.ends_at - now:.1f} s" if lease else f"{name} none" for name, lease in leases]
    return f"cancel-on-disconnect: {', '.join(switches)}; leases: {', '.join(spans)}; {orders(stage)}"


def help_(stage: Stage) -> str:
    return f"{' | '.join(HELP)} -- TARGET: {', '.join(stage.targets)} -- KNOB: {', '.join(KNOBS)}"


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
    "orders": orders,
    "switch": switch,
    "expire": expire,
    "status": status,
    "help": help_,
}
