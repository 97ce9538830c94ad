"""The sd_notify protocol as trading processes speak it to us. Source: sd_notify(3)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from deadman.model.watch import Sender

STATUS_LENGTH = 200
"""Characters of a STATUS that are kept: it is a line in a table."""

_CHECK_INS = frozenset({b"READY=1", b"WATCHDOG=1"})
_STATUS = b"STATUS="
_BARRIER = b"BARRIER=1"  # sd_notify_barrier(3): its answer is the closing of the descriptor that came along


@dataclass(frozen=True, slots=True)
class Datagram:
    """One datagram; `at` is the monotonic instant at which the kernel took it, `data` empty when it was too long."""

    at: float
    data: bytes
    sender: Sender | None


@dataclass(frozen=True, slots=True)
class Mail:
    """All that came for one watch since the last look, however much: the newest of each kind, and counts.

    `oddity` and `stranger` are the last datagram that meant nothing, and the last sender who may not check in.
    """

    check_ins: int = 0
    check_in: Datagram | None = None
    stopping: Datagram | None = None
    trigger: Datagram | None = None
    status: str | None = None
    ignored: int = 0
    oddity: Datagram | None = None
    stranger: Datagram | None = None

    def accept(self, datagram: Datagram) -> Mail:
        """The mail with one more datagram. One that says nothing we know is counted, and does nothing."""
        lines, mail = datagram.data.removesuffix(b"\0").split(b"\n"), self
        if not _CHECK_INS.isdisjoint(lines):
            mail = replace(mail, check_ins=self.check_ins + 1, check_in=datagram)
        if b"WATCHDOG=trigger" in lines:
            mail = replace(mail, trigger=datagram)
        if b"STOPPING=1" in lines:
            mail = replace(mail, stopping=datagram)
        for line in lines:
            if line.startswith(_STATUS):
                # Bounded, and such that it cannot play with a terminal.
                text = line.removeprefix(_STATUS)[: 4 * STATUS_LENGTH].decode("utf-8", "replace")[:STATUS_LENGTH]
                mail = replace(mail, status="".join(sign if sign.isprintable() else "\ufffd" for sign in text))
        if mail is self and _BARRIER not in lines:
            return replace(self, ignored=self.ignored + 1, oddity=datagram)
        return mail

    def refuse(self, datagram: Datagram) -> Mail:
        """The mail with one more datagram from somebody who may not check in."""
        return replace(self, ignored=self.ignored + 1, stranger=datagram)
