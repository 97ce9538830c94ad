"""Faults by command: one line in, one line out. What `simulate` offers on stdin and on its socket."""

from __future__ import annotations

import shlex
from collections.abc import Callable

from .knobs import KNOBS, BadCommand, switched, turn
from .stage import Stage

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
