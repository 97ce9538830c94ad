"""One connection's tasks: it listens, speaks and keeps time, and parts as its end demands."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import trio
from wsproto.utilities import LocalProtocolError

from deadman.simulator.deribit import rest
from deadman.simulator.deribit.channels import publish, tell
from deadman.simulator.deribit.connection import CLOSE_FRAMES, Cause, Connection, Tick
from deadman.simulator.deribit.ledger import Ledger
from deadman.simulator.deribit.methods import METHODS
from deadman.simulator.deribit.requests import handle
from deadman.simulator.deribit.websocket import WebSocket
from deadman.simulator.faults import Link, address_of

PARTING = 10.0  # seconds for the last words to be written
GONE = (trio.BrokenResourceError, trio.ClosedResourceError, LocalProtocolError)  # the last: spoken after a close


async def serve(venue: Ledger, stream: trio.abc.Stream) -> None:
    """One connection, from its first words to its end; a broken stream is an end like any other."""
    async with trio.open_nursery() as later:
        link = Link(stream, venue.faults.gate)
        try:
            if venue.faults.refuse:
                link.reset()
            elif await rest.converse(venue, link):  # a connection may be used for HTTP first
                socket = WebSocket(link)
                if await upgraded(venue, socket, link):
                    await converse(venue, socket, link, later)
        except GONE:
            pass
        finally:
            await link.aclose()


async def upgraded(venue: Ledger, socket: WebSocket, link: Link) -> bool:
    """Take the connection in, or turn it away; True when it is one."""
    path = await socket.request()
    match venue.faults.upgrade:
        case "reset":
            link.reset()
        case "eof":
            return False
        case "hang":
            await trio.sleep_forever()
        case int() as status:
            await socket.reject(status)
        case None if path is None:
            return False
        case None if path.partition("?")[0] != venue.settings.path:
            await socket.reject(404)
        case None if venue.at(address_of(link.inner)) >= venue.settings.connections:
            await socket.reject(429)
        case None:
            await socket.accept()
            return True
    return False


async def converse(venue: Ledger, socket: WebSocket, link: Link, later: trio.Nursery) -> None:
    connection = venue.open(address_of(link.inner))
    link.gates, connection.sever = connection.gates, link.reset
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(speak, connection, socket)
            with connection.scope:
                await listen(venue, connection, socket, later)
            if connection.ended and connection.ended in CLOSE_FRAMES:
                nursery.cancel_scope.deadline = trio.current_time() + PARTING
            else:
                nursery.cancel_scope.cancel()
    finally:
        venue.end(connection, Cause.DROPPED)


async def listen(venue: Ledger, connection: Connection, socket: WebSocket, later: trio.Nursery) -> None:
    """Handle what comes and keep time beside it, until the connection ends."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(keep_time, venue, connection)
        try:
            while (text := await socket.receive()) is not None:
                handle(venue, connection, text, METHODS, later)
        except GONE:
            pass
        venue.end(connection, Cause.GONE)


async def keep_time(venue: Ledger, connection: Connection) -> None:
    while connection.ended is None:
        with trio.move_on_at(connection.timers.next_at()):
            await connection.rescheduled.wait()
        if tick := connection.timers.due(trio.current_time()):
            act(venue, connection, tick)


def act(venue: Ledger, connection: Connection, tick: Tick) -> None:
    match tick:
        case Tick.TEST_REQUEST:
            connection.post(beat("test_request"))
        case Tick.TEST_REQUEST_AND_HEARTBEAT:
            connection.post(beat("heartbeat"))
            connection.post(beat("test_request"))
        case Tick.UNANSWERED:
            venue.end(connection, Cause.HEARTBEAT)
        case Tick.IDLE:
            venue.end(connection, Cause.IDLE)
        case Tick.SILENT:
            venue.end(connection, Cause.SILENT)


def beat(kind: str) -> dict[str, object]:
    return {"params": {"type": kind}, "method": "heartbeat", "jsonrpc": "2.0"}


async def speak(connection: Connection, socket: WebSocket) -> None:
    """Write what is queued, each when it may leave; at the end the close frame, if the end has one."""
    try:
        while (text := await connection.outbox.take()) is not None:
            await socket.send(text)
        if connection.ended and connection.ended in CLOSE_FRAMES:
            await socket.close(*CLOSE_FRAMES[connection.ended])
    except GONE:
        return


@dataclass(slots=True, eq=False)
class Deribit(Ledger):
    """One network of the venue, say testnet: its own accounts, keys, and book."""

    def __post_init__(self) -> None:
        Ledger.__post_init__(self)  # not super(), which knows the class as it was before it got its slots
        self.exchange.observers.append(partial(tell, self))

    async def serve(self, stream: trio.abc.Stream) -> None:
        """Carry one connection, from upgrade to end, over any stream. Never raises for what the peer does."""
        await serve(self, stream)

    def publish(self, channel: str, data: Any) -> None:
        """Send a public notification, such as `platform_state`, to whoever subscribed."""
        publish(self, channel, data)

    def maintain(self, on: bool) -> None:
        """Begin maintenance: say so, hang up on everybody, and answer nothing but that; or end it."""
        self.faults.maintenance = on
        self.publish("platform_state", {"maintenance": on})
        for connection in self.connections_of() if on else ():
            self.end(connection, Cause.MAINTENANCE)
