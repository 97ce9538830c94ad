"""Every text survives journald's protocol and JSON whole."""

from __future__ import annotations

import json
import logging
import struct
from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from deadman.telemetry.log import as_journal, as_json, as_text, priority

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)


def decoded(datagram: bytes) -> Iterator[tuple[str, str]]:
    """As systemd.io/JOURNAL_NATIVE_PROTOCOL says to read it."""
    while datagram:
        head, _, rest = datagram.partition(b"\n")
        name, equals, value = head.partition(b"=")
        if not equals:
            (size,) = struct.unpack("<Q", rest[:8])
            value, rest = rest[8 : 8 + size], rest[9 + size :]
        yield name.decode(), value.decode()
        datagram = rest


def record(message: str, level: int = logging.INFO, **fields: object) -> logging.LogRecord:
    made = logging.LogRecord("deadman.test", level, "file.py", 7, message, None, None)
    vars(made).update(fields)
    return made


@given(TEXT, TEXT)
def test_any_message_and_field_reach_the_journal_as_they_are(message: str, account: str) -> None:
    fields = dict(decoded(as_journal(record(message, account=account, event="drift"))))
    assert fields["MESSAGE"] == message
    assert fields["DEADMAN_ACCOUNT"] == account
    assert (fields["DEADMAN_EVENT"], fields["PRIORITY"], fields["CODE_LINE"]) == ("drift", "6", "7")


@given(TEXT, TEXT)
def test_any_message_is_one_line_of_json_and_one_line_of_text(message: str, detail: str) -> None:
    line = as_json(record(message, detail=detail))
    assert len(line.split("\n")) == 1
    assert (json.loads(line)["message"], json.loads(line)["detail"]) == (message, detail)
    assert as_text(record(message)).isprintable()


def test_a_traceback_follows_the_message_in_the_journal() -> None:
    fields = dict(decoded(as_journal(record("a bug", exc_text="Traceback\nValueError"))))
    assert fields["MESSAGE"] == "a bug\nTraceback\nValueError"


def test_a_huge_value_still_fits_a_datagram() -> None:
    assert len(as_journal(record("x" * 10_000_000))) < 200_000


def test_levels_between_the_named_ones_count_as_the_lower() -> None:
    assert [priority(record("", level)) for level in (1, 10, 25, 30, 35, 40, 50, 99)] == [7, 7, 6, 4, 4, 3, 2, 2]
