"""What a datagram says, in the words of sd_notify(3)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deadman.checkins.protocol import STATUS_LENGTH, Datagram, Mail
from deadman.model.watch import Sender

BOT = Sender(7, 1000)
WORDS = [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=trigger", b"STOPPING=1", b"STATUS=ok", b"BARRIER=1", b"x", b""]


def mail(*datagrams: bytes) -> Mail:
    folded = Mail()
    for at, data in enumerate(datagrams, start=1):
        folded = folded.accept(Datagram(float(at), data, BOT))
    return folded


@pytest.mark.parametrize(
    "data", [b"READY=1", b"WATCHDOG=1", b"READY=1\nWATCHDOG=1", b"MAINPID=3\nREADY=1", b"WATCHDOG=1\n", b"WATCHDOG=1\0"]
)
def test_a_check_in_is_counted_once_and_dated(data: bytes) -> None:
    folded = mail(data)
    assert folded.check_ins == 1
    assert folded.check_in is not None
    assert (folded.check_in.at, folded.check_in.sender) == (1.0, BOT)
    assert folded.ignored == 0
    assert (folded.trigger, folded.stopping) == (None, None)


@pytest.mark.parametrize(
    "data",
    [b"", b"\0", b"\n", b"READY=0", b"READY=1 ", b" WATCHDOG=1", b"watchdog=1", b"WATCHDOG=1\0\0", b"WATCHDOG=1\r\n",
     b"RELOADING=1", b"FDSTORE=1", b"WATCHDOG=triggered", b"STOPPING=0", b"\xff\xfe", b"STATUS", b"XSTATUS=a"],
)  # fmt: skip
def test_anything_else_is_counted_and_ignored(data: bytes) -> None:
    folded = mail(data)
    assert folded.ignored == 1
    assert (folded.check_ins, folded.check_in, folded.status, folded.trigger) == (0, None, None, None)


def test_a_trigger_and_a_goodbye_are_no_check_ins() -> None:
    for data in (b"WATCHDOG=trigger", b"STOPPING=1\nSTATUS=bye"):
        assert (mail(data).trigger or mail(data).stopping) is not None
        assert mail(data).check_ins == 0


def test_a_status_is_no_check_in_and_the_last_one_counts() -> None:
    folded = mail(b"STATUS=one", b"STATUS=two\nSTATUS=three", b"WATCHDOG=1")
    assert (folded.status, folded.check_ins, folded.ignored) == ("three", 1, 0)


@given(st.binary(max_size=4096))
def test_a_status_is_short_and_cannot_play_with_a_terminal(text: bytes) -> None:
    status = mail(b"STATUS=" + text.replace(b"\n", b"")).status
    assert status is not None
    assert len(status) <= STATUS_LENGTH
    assert status.isprintable()


def test_a_barrier_is_known_and_says_nothing() -> None:
    assert mail(b"BARRIER=1") == Mail()


def test_the_mail_of_a_stranger_is_counted_and_does_nothing() -> None:
    folded = Mail().refuse(Datagram(1.0, b"WATCHDOG=trigger\nWATCHDOG=1", BOT))
    assert (folded.ignored, folded.check_ins, folded.trigger) == (1, 0, None)


@given(st.lists(st.lists(st.sampled_from(WORDS), min_size=1).map(b"\n".join)))
def test_however_much_comes_no_word_is_lost(datagrams: list[bytes]) -> None:
    folded = mail(*datagrams)
    lines = [frozenset(data.removesuffix(b"\0").split(b"\n")) for data in datagrams]
    assert folded.check_ins == sum(bool({b"READY=1", b"WATCHDOG=1"} & words) for words in lines)
    assert folded.ignored == sum(words <= {b"x", b""} for words in lines)
    for sign, word in ((folded.trigger, b"WATCHDOG=trigger"), (folded.stopping, b"STOPPING=1")):
        newest = max((at for at, words in enumerate(lines, start=1) if word in words), default=None)
        assert (sign.at if sign else None) == newest
