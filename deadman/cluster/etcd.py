"""etcd as a register that a quorum agrees on: one transaction, over the JSON gateway (`/v3/…`) of its members.

No lease and no stream: etcd was seen to delete leases that were kept (etcd issue 15247), each change of leader renews
them, and a stream may go silent without ending. Who is silent is counted by its reader, with his own clock.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from deadman.cluster.wire import Compacted, Entry, LoggedOut, encoded, entries_of, garbled, read_answer, read_request
from deadman.model.clock import Clock
from deadman.model.errors import Reason, Refused, Unavailable
from deadman.model.secret import Secret
from deadman.model.settings import ClusterConfig
from deadman.model.sight import MEMBER_TIMEOUT, TRIES
from deadman.transport.dial import Dialler

if TYPE_CHECKING:
    from deadman.transport.http import Http

HAS_LEADER = "Grpc-Metadata-Hasleader"
"""A member that has lost its leader then says so at once; else it takes seconds."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """What one transaction has done: what our own key held before it, and what the others' hold. Instants monotonic."""

    asked_at: float
    answered_at: float
    before: Entry | None
    theirs: tuple[Entry, ...]
    revision: int = 0


class Register(Protocol):
    async def exchange(self, own: str, value: bytes, theirs: str) -> Exchange:
        """Read `own`, write it, read `theirs`, all at one instant; a name that ends in "/" means all keys below it.

        Raises Unavailable where it may go well the next time (it may have been carried out all the same), and Refused
        where people must mend something first. After `model.witness.TRIES` times `MEMBER_TIMEOUT` seconds at most.
        """

    async def delete(self, key: str) -> None:
        """Raises as `exchange` does."""


ReadPassword = Callable[[], Awaitable[Secret]]


@asynccontextmanager
async def open_etcd(
    config: ClusterConfig, dialler: Dialler, clock: Clock, read_password: ReadPassword | None
) -> AsyncIterator[Etcd]:
    """Raises Refused for certificates that cannot be read."""
    from deadman.transport.http import open_http  # some MiB, which a desk without a cluster need not have

    context = tls_context(config)
    async with AsyncExitStack() as stack:
        members = [await stack.enter_async_context(open_http(dialler, one, context)) for one in config.endpoints]
        yield Etcd(config, members, clock, read_password)


def tls_context(config: ClusterConfig) -> ssl.SSLContext:
    """What members are judged by, and with `cert_file` what they may judge us by. Raises Refused."""
    try:
        context = ssl.create_default_context(cafile=config.ca_file)
        if config.cert_file is not None:
            context.load_cert_chain(config.cert_file, config.key_file)
    except OSError as error:  # an SSLError is one
        raise Refused(Reason.TLS, f"cluster: a certificate or key cannot be used: {error.strerror or error}") from error
    return context


@dataclass
class Etcd:
    """Members in turn: the one that answered last is asked first. `_token`: of our last login."""

    config: ClusterConfig
    members: Sequence[Http]
    clock: Clock
    read_password: ReadPassword | None = None
    _turn: int = 0
    _token: str = field(default="", repr=False)

    async def exchange(self, own: str, value: bytes, theirs: str) -> Exchange:
        put = {"request_put": {"key": encoded(own.encode()), "value": encoded(value)}}
        asked_at, answer = await self._ask("/v3/kv/txn", {"success": [read_request(own), put, read_request(theirs)]})
        with garbled():
            before, _, others = answer["responses"]
            entries = entries_of(before["response_range"])
            revision = int(answer["header"]["revision"])
            read = tuple(entries_of(others["response_range"]))
            return Exchange(asked_at, self.clock.now(), entries[0] if entries else None, read, revision)

    async def read(self, name: str) -> Exchange:
        """What `exchange` reads of others; nothing is written."""
        asked_at, answer = await self._ask("/v3/kv/range", read_request(name)["request_range"])
        with garbled():
            revision = int(answer["header"]["revision"])
            return Exchange(asked_at, self.clock.now(), None, tuple(entries_of(answer)), revision)

    async def delete(self, key: str) -> None:
        await self._ask("/v3/kv/deleterange", {"key": encoded(key.encode())})

    async def keeps_history(self, key: str, revision: int) -> bool:
        """Whether the database as it was at `revision` can still be read: then nothing compacts it."""
        try:
            await self._ask("/v3/kv/range", {**read_request(key)["request_range"], "revision": str(revision)})
        except Compacted:
            return False
        return True

    async def _ask(self, path: str, body: Mapping[str, Any]) -> tuple[float, Mapping[str, Any]]:
        """When it was asked, and the answer of the first member that gave one."""
        for _ in range(TRIES - 1):
            with suppress(Unavailable):
                return await self._ask_member(path, body)
        return await self._ask_member(path, body)

    async def _ask_member(self, path: str, body: Mapping[str, Any]) -> tuple[float, Mapping[str, Any]]:
        turn, until = self._turn, self.clock.now() + MEMBER_TIMEOUT
        member = self.members[turn % len(self.members)]
        try:
            try:
                return await self._request(member, path, body, until)
            except LoggedOut:
                self._token = ""
                return await self._request(member, path, body, until)
        except Unavailable:
            self._turn = turn + 1  # as often as several fail there at once
            raise

    async def _request(
        self, member: Http, path: str, body: Mapping[str, Any], until: float
    ) -> tuple[float, Mapping[str, Any]]:
        if self.config.user is not None and not self._token:
            self._token = await self._log_in(member, self.config.user, until)
        asked_at = self.clock.now()
        return asked_at, await self._post(member, path, body, until)

    async def _log_in(self, member: Http, user: str, until: float) -> str:
        """Every member knows a token that any of them gave."""
        password = (await self.read_password()).reveal() if self.read_password is not None else ""
        credentials = {"name": user, "password": password}
        with garbled():
            return str((await self._post(member, "/v3/auth/authenticate", credentials, until))["token"])

    async def _post(self, member: Http, path: str, body: Mapping[str, Any], until: float) -> Mapping[str, Any]:
        headers = {HAS_LEADER: "true", **({"Authorization": self._token} if self._token else {})}
        answer = await member.request("POST", path, headers, body, max(until - self.clock.now(), 0.01))
        return read_answer(answer.status, answer.body)
