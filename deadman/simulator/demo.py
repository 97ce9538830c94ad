"""The chapters: what goes wrong on a desk, and what becomes of the orders. The venues' books judge every claim."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import fill
from typing import Any

import trio

from deadman.model.errors import innermost
from deadman.simulator import cluster
from deadman.simulator.demo_world import BTC, HOST_TIMEOUT, LEASE, SILENCE, SX, VERIFY, World, open_world
from deadman.simulator.simulate import USUAL_PORT, reserved_port

FAILED = 1
BY_SIGNAL = 128
"""What a shell adds to a signal's number: 130 is Ctrl-C."""

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--once", action="store_true", help="end after the story; exit 0 only if every claim held")


def run(arguments: argparse.Namespace) -> int:
    """Play an outage, a drift, a dead bot, a dead host and its witness, and show what becomes of the orders.

    Exit 0 when every claim held, 1 when one did not, 130 on Ctrl-C.
    """
    with tempfile.TemporaryDirectory(prefix="deadman-demo-") as directory:
        try:
            return trio.run(_until_signalled, Path(directory), arguments.once)
        except BaseExceptionGroup as group:
            raise innermost(group) from None  # a reader that left, for instance, is told of as itself


async def _until_signalled(directory: Path, once: bool) -> int:
    """The story, cut short by a signal: whatever it has started is stopped on the way out."""
    code = FAILED

    async def listen(task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        nonlocal code
        with trio.open_signal_receiver(*_ENDING) as signals:
            task_status.started()
            code = BY_SIGNAL + await anext(aiter(signals))
            nursery.cancel_scope.cancel()

    async with trio.open_nursery() as nursery:
        await nursery.start(listen)
        code = await _demo(directory, once)
        nursery.cancel_scope.cancel()
    return code


async def _demo(directory: Path, once: bool) -> int:
    telling = Telling()
    telling.heading("deadman demo: Deribit and SX Bet simulated on this machine; nothing leaves it.")
    with reserved_port() as port:
        async with AsyncExitStack() as stack:
            etcd = await stack.enter_async_context(cluster.etcd(directory / "etcd")) if cluster.is_installed() else ""
            world = await stack.enter_async_context(open_world(directory, port, etcd))
            taken = "" if port == USUAL_PORT else f" ({USUAL_PORT} is taken)"
            telling.heading(f"metrics and status page: http://{world.listen_on}/{taken}")
            await play(world, telling)
            if not telling.all_held:
                print("\nA claim did NOT hold; the daemon's log:", file=sys.stderr)
                print((directory / "daemon.log").read_text(errors="replace"), file=sys.stderr)
                return FAILED
            print(f"\nAll {len(telling.claims)} claims held.")
            if not once:
                await world.start_daemon()
                page = f"http://{world.listen_on}/"
                telling.heading(f"The daemon runs again, its bot does not: see {page} and /metrics. Ctrl-C ends.")
                await trio.sleep_forever()
    return 0


NOTICED = 8.0
"""Seconds in which a silent venue must be noticed (the published promise with default settings)."""


def _protected(account: dict[str, Any]) -> bool:
    return bool(account["protected"])


def _in(*phases: str) -> Callable[[dict[str, Any]], bool]:
    return lambda account: account["phase"] in phases


def _took(seconds: float | None) -> str:
    return "never" if seconds is None else f"{seconds:.1f} s"


async def arming(world: World, telling: Telling) -> None:
    telling.chapter("Arming")
    telling.tell("Two accounts. At Deribit cancel-on-disconnect is off, as it comes; SX Bet holds no lease.")
    await world.start_daemon()
    took = await world.until(_protected, BTC, 15)
    inherits = world.stage.deribit.inherits(BTC)
    telling.claim(f"{BTC}: armed and proven {_took(took)} after the start", held=took is not None)
    telling.claim("asked at the venue: a connection opened now loses its orders with itself", held=inherits)
    waiting = await world.until(_in("waiting"), SX, 2)
    telling.claim(f"{SX}: waits; no lease is taken for a bot that is not up", held=waiting is not None)


async def trading(world: World, telling: Telling, nursery: trio.Nursery) -> None:
    telling.chapter("The bot comes up")
    nursery.start_soon(world.beat)
    took = await world.until(_protected, SX, 5)
    world.connect_bot()
    telling.claim(f"{SX}: leased {_took(took)} after the bot's first check-in", held=took is not None)
    telling.tell(
        f"It places orders: {BTC} {world.open_orders(BTC)} (one of them by REST), {SX} {world.open_orders(SX)}."
    )


async def outage(world: World, telling: Telling) -> None:
    telling.chapter("Deribit goes silent: sockets stay open, nothing answers")
    world.stage.deribit.faults.frozen = True
    noticed = await world.until(_in("degraded", "unverified"), BTC, NOTICED + 2)
    telling.claim(f"noticed after {_took(noticed)}", held=noticed is not None and noticed <= NOTICED)
    kept = world.open_orders(BTC) == 4
    telling.claim("nothing was tripped because of it: our bad network is not the bot's death", held=kept)
    telling.claim(f"{SX} never noticed", held=(await world.account(SX))["phase"] == "armed")
    world.stage.deribit.faults.frozen = False
    back = await world.until(_in("armed"), BTC, 12)
    telling.claim(f"it answers again: re-armed and proven after {_took(back)}", held=back is not None)


async def drift(world: World, telling: Telling) -> None:
    telling.chapter("Somebody turns cancel-on-disconnect off behind us")
    world.stage.deribit.switch(BTC, on=False)
    bound = VERIFY + 2.0
    began = trio.current_time()
    while not world.stage.deribit.inherits(BTC) and trio.current_time() < began + bound:
        await trio.sleep(0.02)
    took = trio.current_time() - began
    mended = world.stage.deribit.inherits(BTC)
    telling.claim(f"found off, told, and turned on again after {took:.1f} s (read back each {VERIFY} s)", held=mended)


async def dead_bot(world: World, telling: Telling) -> None:
    telling.chapter("The bot hangs: host and network are fine, its check-ins stop")
    world.beating.cancel()
    last = world.beat_at
    await world.until_gone(BTC, 0, 8)
    btc = trio.current_time() - last
    await world.until_gone(SX, 0, 8)
    sx = trio.current_time() - last
    bound = SILENCE + 1.0
    telling.claim(f"{BTC}: every order gone {btc:.1f} s after its last check-in, REST too", held=btc <= bound)
    telling.claim(f"{SX}: every order gone {sx:.1f} s after its last check-in", held=sx <= bound)
    telling.tell("Positions are not closed: deadman cancels orders, nothing else.")
    tripped = await world.until(_in("tripped"), BTC, 3)
    telling.claim(f"{BTC} says TRIPPED, confirmed by the venue's list of orders", held=tripped is not None)


async def return_of_the_bot(world: World, telling: Telling, nursery: trio.Nursery) -> None:
    telling.chapter("The bot is restarted")
    world.lose_bot()
    nursery.start_soon(world.beat)
    took = [await world.until(_protected, name, 5) for name in (BTC, SX)]
    world.connect_bot()
    telling.claim(f"both re-armed by its first check-in, after {_took(took[1])}", held=None not in took)


async def drill(world: World, telling: Telling) -> None:
    telling.chapter("A drill: deadman drill, to see the switch fire")
    telling.tell(
        f"{BTC}: a connection of deadman's own leaves an order that cannot trade, and dies: by a reset, and by silence "
        "(which this venue notices after 2 s, Deribit after some 20)."
    )
    for name in (BTC, SX):
        (told,) = (await world.ask("drill", accounts=[name]))["drills"]
        telling.claim(f"{name}: {told['why']}", held=told["passed"])
    telling.claim(f"the bot's orders at {BTC} rest as before", held=world.open_orders(BTC) == 4)
    telling.claim(f"a lease is the account's: every order of {SX} went", held=world.open_orders(SX) == 0)
    await world.until(_protected, SX, 5)
    for _ in range(3):
        world.stage.sxbet.exchange.place(SX)


async def dead_host(world: World, telling: Telling) -> float:
    """When it died."""
    telling.chapter("The host dies: bot and deadman at once, kill -9")
    world.beating.cancel()
    await world.kill_daemon()
    world.lose_bot()
    died = trio.current_time()
    await world.until_gone(BTC, 1, 3)
    telling.claim(f"{BTC}: the bot's WebSocket orders went with its connection", held=world.open_orders(BTC) == 1)
    telling.tell("The order placed by REST stays: no connection covers it. deadman says so; it cannot change it.")
    await world.until_gone(SX, 0, LEASE + 2)
    took = trio.current_time() - died
    telling.claim(f"{SX}: its lease ran out, every order gone {took:.1f} s later", held=took <= LEASE + 1)
    return died


async def stand_by(world: World) -> float | None:
    """Seconds within which the first host promises the orders gone if it dies; None where no witness stands by."""
    if not world.etcd:
        return None
    await world.until(lambda account: bool(account["if_host_dies"]["orders"] == "gone"), BTC, 15)
    within = (await world.account(BTC))["if_host_dies"]["within"]
    return None if within is None else float(within)


async def witness(world: World, telling: Telling, died: float, within: float | None) -> None:
    telling.chapter("Another host has watched: a witness")
    if not world.etcd:
        telling.tell("Left out: hosts hear of each other through etcd, which is not installed (Debian: etcd-server).")
        return
    telling.claim("status at the first had promised it: every order gone, REST too", held=within is not None)
    await world.until_gone(BTC, 0, (within or 0.0) - (trio.current_time() - died))
    took = trio.current_time() - died
    told = f"{BTC}: its host was not heard for {HOST_TIMEOUT} s: the last order gone {took:.1f} s after the death"
    telling.claim(f"{told} (promised within {within or 0.0:.1f} s)", held=world.open_orders(BTC) == 0)


async def play(world: World, telling: Telling) -> None:
    """The whole story, under a minute."""
    async with trio.open_nursery() as nursery:
        if sys.stdout.isatty() and os.environ.get("TERM") != "dumb":
            nursery.start_soon(telling.show_waiting)
        await arming(world, telling)
        await trading(world, telling, nursery)
        await outage(world, telling)
        await drift(world, telling)
        await dead_bot(world, telling)
        await return_of_the_bot(world, telling, nursery)
        if world.etcd:
            await world.start_witness()
        await drill(world, telling)
        within = await stand_by(world)
        died = await dead_host(world, telling)
        await witness(world, telling, died, within)
        nursery.cancel_scope.cancel()


def narrow() -> int:
    """Characters of a line that is easily read, and that the terminal does not break."""
    return max(40, min(80, shutil.get_terminal_size().columns) - 2)


@dataclass
class Telling:
    """Prints as it goes, and remembers whether every claim held."""

    claims: list[bool] = field(default_factory=list)
    width: int = field(default_factory=narrow)
    _chapters: int = 0
    _waited: int = 0

    @property
    def all_held(self) -> bool:
        return bool(self.claims) and all(self.claims)

    def heading(self, text: str) -> None:
        self._say(self._lines(text))

    def chapter(self, title: str) -> None:
        self._chapters += 1
        self._say("\n" + self._lines(f"{self._chapters}  {title}", "", "   "))

    def tell(self, text: str) -> None:
        self._say(self._lines(text, "   ", "   "))

    def claim(self, text: str, *, held: bool) -> None:
        self.claims.append(held)
        mark = "ok " if held else "NOT"
        self._say(self._lines(f"{mark} {text}", "   ", "       "))

    def _lines(self, text: str, first: str = "", others: str = "") -> str:
        return fill(text, self.width, initial_indent=first, subsequent_indent=others, break_on_hyphens=False)

    async def show_waiting(self) -> None:
        """Count the seconds until the next line, which takes their place."""
        while True:
            await trio.sleep(1)
            self._waited += 1
            sys.stdout.write(f"\r   … {self._waited} s")
            sys.stdout.flush()

    def _say(self, text: str) -> None:
        erase, self._waited = "\r\x1b[K" if self._waited else "", 0
        sys.stdout.write(f"{erase}{text}\n")
        sys.stdout.flush()
