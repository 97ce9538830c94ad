"""A register in memory with etcd's semantics, and all that may go wrong with it.

Every exchange is carried out at one instant. It may be slow, or full; a member's answer may be lost after it was
carried out; a host may be cut off from it, and a backup be restored.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import trio

from deadman.cluster.etcd import Exchange
from deadman.cluster.wire import Entry
from deadman.model.errors import Reason, Unavailable
from deadman.model.sight import MEMBER_TIMEOUT, TRIES

LONGEST = MEMBER_TIMEOUT * TRIES


@dataclass
class MemoryRegister:
    """What all hosts agree on. `full`: nothing can be written, all can be read. `down`: nobody answers.

    `observers` hear of everything that is written.
    """

    entries: dict[str, Entry] = field(default_factory=dict)
    revision: int = 1
    full: bool = False
    down: bool = False
    seconds: float = 0.001
    observers: list[Callable[[Entry], None]] = field(default_factory=list)

    def put(self, key: str, value: bytes) -> None:
        self.revision += 1
        self.entries[key] = Entry(key, value, self.revision)
        self._tell(self.entries[key])

    def backup(self) -> tuple[dict[str, Entry], int]:
        return dict(self.entries), self.revision

    def restore(self, backup: tuple[dict[str, Entry], int]) -> None:
        """As `etcdctl snapshot restore` does it: keys and revisions go back."""
        self.entries, self.revision = dict(backup[0]), backup[1]
        for entry in self.entries.values():
            self._tell(entry)

    def _tell(self, entry: Entry) -> None:
        for observer in self.observers:
            observer(entry)


@dataclass
class HostsRegister:
    """The register as one host reaches it. `cut`: not at all. `deaf`: its words arrive, and no answer comes back.

    `frozen`: seconds for which the host's next request is not begun: it stood still, and knows of no failure.
    """

    register: MemoryRegister
    cut: bool = False
    deaf: bool = False
    frozen: float = 0.0

    async def exchange(self, own: str, value: bytes, theirs: str) -> Exchange:
        if self.frozen:
            await trio.sleep(self.frozen)
        asked_at = trio.current_time()
        await self._travel()
        if self.register.full:
            raise Unavailable(Reason.VENUE_ERROR, "etcd: etcdserver: mvcc: database space exceeded")
        before = self.register.entries.get(own)
        self.register.put(own, value)
        read = [one for key, one in sorted(self.register.entries.items()) if _is_meant(key, theirs)]
        done = Exchange(asked_at, trio.current_time(), before, tuple(read), self.register.revision)
        if self.deaf:
            await self._fail()
        return done

    async def delete(self, key: str) -> None:
        await self._travel()
        self.register.entries.pop(key, None)

    async def _travel(self) -> None:
        if self.cut or self.register.down or self.register.seconds >= LONGEST:
            await self._fail()
        await trio.sleep(self.register.seconds)

    async def _fail(self) -> None:
        await trio.sleep(LONGEST)
        raise Unavailable(Reason.SILENT, f"no whole answer within {MEMBER_TIMEOUT:.1f} s")


def _is_meant(key: str, name: str) -> bool:
    return key.startswith(name) if name.endswith("/") else key == name
