"""The control socket in the loop: each client in a task of its own, with deadlines all around."""

from __future__ import annotations

import logging
import os
import pwd
import socket
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from math import inf
from pathlib import Path

import trio

from deadman.control import rpc
from deadman.control.commands import Call, Result, arm, disarm, drill, hold, release, trip
from deadman.control.rpc import Failure, Request
from deadman.model.board import MOST_EVENTS, Board
from deadman.model.settings import DaemonConfig
from deadman.status.report import LATEST, report
from deadman.status.schema import StatusReport, to_json
from deadman.transport.peers import HINT, Connection, Discards, Peer, is_gone, is_hidden, peer_of
from deadman.transport.unix import SocketFault, bind, group_id

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Policy:
    """`users`: names by uid of those who may change anything. `group`: the socket's, None leaves the daemon's own."""

    users: Mapping[int, str]
    group: int | None = None

    @classmethod
    def of(cls, daemon: DaemonConfig) -> Policy:
        """Look names up once, before the loop runs: a name service may hang. Unknown ones are told and left out."""
        own = os.geteuid()
        try:
            name = pwd.getpwuid(own).pw_name
        except KeyError:
            name = f"uid {own}"
        group = None if daemon.socket_group is None else _group_to_give(daemon.socket_group)
        return cls({own: name, 0: "root"} | users_named(daemon.operators), group)


def users_named(operators: tuple[str, ...], hidden: Callable[[int], bool] = is_hidden) -> dict[int, str]:
    """Names by uid; those whom the host does not know or show are told and left out."""
    users = {}
    for name in operators:
        try:
            uid = pwd.getpwnam(name).pw_uid
        except KeyError:
            log.error('daemon.operators: this host has no user "%s", who thus may change nothing', name)
            continue
        if hidden(uid):
            log.error('daemon.operators: user "%s" may change nothing: %s', name, HINT)
        else:
            users[uid] = name
    return users


def _group_to_give(group: str) -> int | None:
    """The group of the control socket; None, which lets fewer people in, where it cannot be given to that one."""
    try:
        found = group_id(group)
    except SocketFault as error:
        log.error("%s; the control socket keeps the daemon's own", error)
        return None
    if os.geteuid() == 0 or found in (os.getegid(), *os.getgroups()):
        return found
    log.error('daemon.socket_group: the daemon is not in "%s"; the control socket keeps its own group', group)
    return None


LONGEST_LINE = 65_536
"""Bytes, without the line's end."""

READ_TIMEOUT = 30.0
"""Seconds a client may take for one line; an idle one is let go."""

WRITE_TIMEOUT = 5.0
"""Seconds a client may take to read an answer."""

PER_USER = 8
FOR_READERS = 32
"""Connections: of each user, and of all who may only look."""

ANSWER_PAUSE = 0.02
"""Seconds for which a client keeps its seat after each answer, so that a busy asker leaves the loop to others."""

SHARE = 64
"""How many times as long as the last status took the loop, where that is more: all seats leave it half free."""

REFUSAL_LOG_INTERVAL = 10.0
"""Seconds between two lines about one user. journald drops a unit's lines beyond 10,000 in 30 s, of whatever level."""

CHANGES: Mapping[str, Callable[[Call], Awaitable[Result]]] = {
    "arm": arm,
    "disarm": disarm,
    "trip": trip,
    "hold": hold,
    "release": release,
    "drill": drill,
}

Begin = Callable[[bytes], bool]
"""Whether a change may be begun, as of now: not for a client that has given up. Takes the notice to send it, if any."""


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


@dataclass
class LineReader:
    """One client's lines. Being let go is the client's own doing, so it is silence here and not an error."""

    connection: Connection
    waiting: bytes = b""

    async def read(self) -> bytes | None:
        """The next line; what stands before an end without a line's end counts as one. None: no more.

        Raises Failure for a line beyond `LONGEST_LINE`: where the next one begins is anybody's guess.
        """
        with trio.move_on_after(READ_TIMEOUT):
            while b"\n" not in self.waiting:
                received = await self.connection.receive_some(LONGEST_LINE)
                if not received:
                    last, self.waiting = self.waiting, b""
                    return last or None
                self.waiting += received
                if len(self.waiting.partition(b"\n")[0]) > LONGEST_LINE:
                    raise Failure(rpc.PARSE_ERROR, "the line is too long")
            line, _, self.waiting = self.waiting.partition(b"\n")
            return line
        return None

    async def write(self, line: bytes) -> None:
        """Raises trio.TooSlowError when the client does not read, trio.BrokenResourceError when it is gone."""
        with trio.fail_after(WRITE_TIMEOUT):
            await self.connection.send_all(line)


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
    def seat(self, peer: Peer, *, is_operator: bool) -> Iterator[None]:
        """Raises Failure when there is no seat left."""
        reader = 0 if is_operator else 1
        if self.taken[peer.uid] >= PER_USER or self.readers + reader > FOR_READERS:
            raise Failure(rpc.TOO_MANY, "too many connections at once: close some, or ask less often")
        self.taken[peer.uid] += 1
        self.readers += reader
        try:
            yield
        finally:
            self.taken[peer.uid] -= 1
            self.readers -= reader


@dataclass(frozen=True)
class Server:
    """Answers clients from the board. `watch_directory` holds the watches' sockets."""

    board: Board
    policy: Policy
    watch_directory: Path
    seats: Seats = field(default_factory=Seats)
    discards: Discards = field(default_factory=Discards)
    refusal_logged_at: dict[int, float] = field(default_factory=dict)

    async def attend(self, stream: trio.SocketStream) -> None:
        """One client, until it leaves or is let go; its faults end here."""
        connection = Connection(stream, self.discards)
        lines = LineReader(connection)
        try:
            peer = peer_of(stream.socket.getsockopt)
            try:
                with self.seats.seat(peer, is_operator=peer.uid in self.policy.users):
                    while (line := await lines.read()) is not None:
                        if answer := await self.answer(peer, line, connection.begin):
                            await lines.write(answer)
                        await trio.sleep(self.seats.rest)
            except Failure as failure:
                await lines.write(rpc.refusal(None, failure))
        except (trio.BrokenResourceError, trio.ClosedResourceError, trio.TooSlowError, OSError):
            log.debug("a client of the control socket went away")
        finally:
            await connection.aclose()

    async def answer(self, peer: Peer, line: bytes, begin: Begin = lambda notice: True) -> bytes:
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
        if request.method in ("status", "history"):
            with self.seats.charged(self.board.clock.now):
                asked = self._status(request) if request.method == "status" else self._history(request)
                answered: Result = to_json(asked)
                return answered
        change = CHANGES.get(request.method)
        if change is None:
            known = ", ".join(("status", "history", *CHANGES))
            raise Failure(rpc.NO_SUCH_METHOD, f"no such method; there are {known}")
        call = Call(self.board, request.method, request.params, peer, self._caller(peer, request.method))
        if not begin(rpc.begun(request.id) if request.wants_notice else b""):
            log.warning("%s by %s is not carried out: the client had given up", call.method, call.name)
            raise Failure(rpc.GIVEN_UP, "not carried out: you had given up")
        return await change(call)

    def _status(self, request: Request) -> StatusReport:
        events = rpc.count(request.params, "events", MOST_EVENTS, LATEST)
        return report(self.board, self.watch_directory, is_gone, events)

    def _history(self, request: Request) -> Mapping[str, object]:
        """Of all, or of these accounts and their watches, also of accounts that the config no longer has."""
        rpc.expect(request.params, ("accounts",))
        events, configs = self.board.events, self.board.configs
        if "accounts" not in request.params:
            return {"events": events}
        known = (*configs, *sorted({event.account for event in events if event.account} - configs.keys()))
        names = rpc.accounts(request.params, known)
        watches = {watch for name in names if name in configs for watch in configs[name].watches}
        return {"events": tuple(one for one in events if one.account in names or one.watch in watches)}

    def _caller(self, peer: Peer, method: str) -> str:
        """The user's name; raises Failure for those who may only look."""
        if peer.uid in self.policy.users:
            return self.policy.users[peer.uid]
        now = self.board.clock.now()
        if now >= self.refusal_logged_at.get(peer.uid, -inf) + REFUSAL_LOG_INTERVAL:
            self.refusal_logged_at[peer.uid] = now
            told = {"event": "operator_refused", "uid": peer.uid, "pid": peer.pid}
            log.warning("%s refused to uid %d, pid %d: not an operator", method, peer.uid, peer.pid, extra=told)
        hint = "be root or the daemon's user, or be named in daemon.operators"
        raise Failure(rpc.FORBIDDEN, f"you (uid {peer.uid}) may look, not {method}: {hint}")
