"""Lines from and to a client that may be slow, silent, endless or gone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import trio

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
