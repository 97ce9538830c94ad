"""The control socket in the loop: each client in a task of its own, with deadlines all around."""

from __future__ import annotations

import logging
import socket
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import trio

from deadman.control import rpc
from deadman.control.access import Policy
from deadman.control.commands import Call, Result, arm, disarm, hold, release, trip
from deadman.control.rpc import TOO_MANY, Failure, Request
from deadman.model.board import Board
from deadman.status.report import report
from deadman.transport.peers import Connection, Discards, Peer, is_gone, peer_of
from deadman.transport.unix import bind

LONGEST_LINE = 65_536
"""Bytes, without the line's end."""

READ_TIMEOUT = 30.0
"""Seconds a client may take for one line; an idle one is let go."""

WRITE_TIMEOUT = 5.0
"""Seconds a client may take to read an answer."""


class TooLong(Exception):
    """A line beyond `LONGEST_LINE`: where the next one begins is anybody's guess."""


class Wire(Protocol):
    """What lines come from and go to."""

    async def receive_some(self, most: int, /) -> bytes | bytearray: ...

    async def send_all(self, data: bytes, /) -> None: ...


@dataclass
class Lines:
    """One client's lines. Being let go is the client's own doing, so it is silence here and not an error."""

    stream: Wire
    waiting: bytes = b""

    async def read(self) -> bytes | None:
        """The next line; what stands before an end without a line's end counts as one. None: no more."""
        with trio.move_on_after(READ_TIMEOUT):
            while b"\n" not in self.waiting:
                received = await self.stream.receive_some(LONGEST_LINE)
                if not received:
                    last, self.waiting = self.waiting, b""
                    return last or None
                self._take(received)
            line, _, self.waiting = self.waiting.partition(b"\n")
            return line
        return None

    async def write(self, line: bytes) -> None:
        """Raises trio.TooSlowError when the client does not read, trio.BrokenResourceError when it is gone."""
        with trio.fail_after(WRITE_TIMEOUT):
            await self.stream.send_all(line)

    def _take(self, received: bytes | bytearray) -> None:
        self.waiting += received
        if len(self.waiting.partition(b"\n")[0]) > LONGEST_LINE:
            raise TooLong


PER_USER = 8
FOR_READERS = 32

ANSWER_PAUSE = 0.02
"""Seconds of a client's place and patience that each answer costs, so that a busy asker leaves the loop to others."""

SHARE = 64
"""How many times as long as the last status took the loop, where that is more: all seats leave it half free."""


@dataclass
class Seats:
    """Each user has `PER_USER`; those who may only look have `FOR_READERS` between them."""

    taken: Counter[int] = field(default_factory=Counter)
    readers: int = 0
    rest: float = ANSWER_PAUSE

    @contextmanager
    def charged(self, now: Callable[[], float]) -> Iterator[None]:
        """What is done within holds up the loop: by so much longer a seat stays taken after each answer."""
        began = now()
        yield
        self.rest = max(ANSWER_PAUSE, SHARE * (now() - began))

    @contextmanager
    def seat(self, peer: Peer, name: str | None) -> Iterator[None]:
        """`name`: as the policy gives it. Raises Failure when there is no seat left."""
        reader = 1 if name is None else 0
        if self.taken[peer.uid] >= PER_USER or self.readers + reader > FOR_READERS:
            raise Failure(TOO_MANY, "too many connections at once: close some, or ask less often")
        self._take(peer, reader, 1)
        try:
            yield
        finally:
            self._take(peer, reader, -1)

    def _take(self, peer: Peer, reader: int, change: int) -> None:
        self.taken[peer.uid] += change
        self.readers += reader * change


PAUSE = 10.0
"""Seconds between two lines about one user. journald drops a unit's lines beyond 10,000 in 30 s, of whatever level."""


@dataclass
class Refusals:
    """When each user was told of last, monotonic."""

    told_at: dict[int, float] = field(default_factory=dict)

    def is_news(self, uid: int, now: float) -> bool:
        """Whether this refusal of a user is to be logged; it then counts as logged."""
        if now < self.told_at.get(uid, now - PAUSE) + PAUSE:
            return False
        self.told_at[uid] = now
        return True


log = logging.getLogger(__name__)

CHANGES: Mapping[str, Callable[[Call], Awaitable[Result]]] = {
    "arm": arm,
    "disarm": disarm,
    "trip": trip,
    "hold": hold,
    "release": release,
}

_GONE = (trio.BrokenResourceError, trio.ClosedResourceError, trio.TooSlowError, OSError)


Begin = Callable[[bytes], bool]
"""Whether a change may be begun, as of now: not for a client that has given up. Takes the notice to send it, if any."""


def always(notice: bytes) -> bool:
    return True


async def serve(
    board: Board, path: Path, policy: Policy, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Answer at `path` until cancelled; started once it listens. Raises SocketFault when it cannot."""
    with closing(bind(path, socket.SOCK_STREAM, policy.group)) as bound:
        listener = trio.SocketListener(trio.socket.from_stdlib_socket(bound.socket))
        server = Server(board, policy, path.parent / "watch")
        async with trio.open_nursery() as nursery:
            await nursery.start(trio.serve_listeners, server.attend, [listener])
            task_status.started()


@dataclass(frozen=True)
class Server:
    """Answers clients from the board. `watch_directory` holds the watches' sockets."""

    board: Board
    policy: Policy
    watch_directory: Path
    seats: Seats = field(default_factory=Seats)
    discards: Discards = field(default_factory=Discards)
    refusals: Refusals = field(default_factory=Refusals)

    async def attend(self, stream: trio.SocketStream) -> None:
        """One client, until it leaves or is let go; its faults end here."""
        connection = Connection(stream, self.discards)
        try:
            await self._attend(Lines(connection), peer_of(stream.socket.getsockopt), connection.begin)
        except _GONE:
            log.debug("a client of the control socket went away")
        finally:
            await connection.aclose()

    async def _attend(self, lines: Lines, peer: Peer, begin: Begin) -> None:
        try:
            with self.seats.seat(peer, self.policy.name_of(peer)):
                while (line := await lines.read()) is not None:
                    if answer := await self.answer(peer, line, begin):
                        await lines.write(answer)
                    await trio.sleep(self.seats.rest)
        except TooLong:
            await lines.write(rpc.refusal(None, Failure(rpc.PARSE_ERROR, "the line is too long")))
        except Failure as failure:
            await lines.write(rpc.refusal(None, failure))

    async def answer(self, peer: Peer, line: bytes, begin: Begin = always) -> bytes:
        """What to write back to a peer who sent `line`; nothing for a notification."""
        request_id = None
        if not line.strip():
            return b""
        try:
            message = rpc.decode(line)
            request_id = rpc.id_of(message)
            request = rpc.request_of(message)
            result = await self._do(peer, request, begin)
        except Failure as failure:
            return rpc.refusal(request_id, failure)
        return rpc.answer(request.id, result) if request.wants_answer else b""

    async def _do(self, peer: Peer, request: Request, begin: Begin) -> Result:
        if request.method == "status":
            with self.seats.charged(self.board.clock.now):
                return report(self.board, self.watch_directory, is_gone)
        change = CHANGES.get(request.method)
        if change is None:
            known = ", ".join(("status", *CHANGES))
            raise Failure(rpc.NO_SUCH_METHOD, f"no such method; there are {known}")
        call = Call(self.board, request.method, request.params, peer, self._caller(peer, request.method))
        if not begin(rpc.begun(request.id) if request.wants_notice else b""):
            log.warning("%s by %s is not carried out: the client had given up", call.method, call.name)
            raise Failure(rpc.GIVEN_UP, "not carried out: you had given up")
        return await change(call)

    def _caller(self, peer: Peer, method: str) -> str:
        """The user's name; raises Failure for those who may only look."""
        name = self.policy.name_of(peer)
        if name is not None:
            return name
        if self.refusals.is_news(peer.uid, self.board.clock.now()):
            told = {"event": "operator_refused", "uid": peer.uid, "pid": peer.pid}
            log.warning("%s refused to uid %d, pid %d: not an operator", method, peer.uid, peer.pid, extra=told)
        raise Failure(
            rpc.FORBIDDEN,
            f"you (uid {peer.uid}) may look, not {method}: be root or the daemon's user, "
            "or be named in daemon.operators",
        )
