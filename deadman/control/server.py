"""The control socket in the loop: each client in a task of its own, with deadlines all around."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import trio

from deadman.board import Board
from deadman.control import rpc
from deadman.control.call import Call, Result
from deadman.control.commands import arm, disarm, trip
from deadman.control.connection import Connection
from deadman.control.holds import hold, release
from deadman.control.lines import Lines, TooLong
from deadman.control.place import listening
from deadman.control.policy import Peer, Policy, peer_of
from deadman.control.refusals import Refusals
from deadman.control.rpc import Failure, Request
from deadman.control.seats import Seats
from deadman.descriptors import Discards
from deadman.peers import is_gone
from deadman.report import report

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
    """Answer at `path` until cancelled; started once it listens. Raises Unable when it cannot."""
    with listening(path, policy.group) as sock:
        listener = trio.SocketListener(trio.socket.from_stdlib_socket(sock))
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
