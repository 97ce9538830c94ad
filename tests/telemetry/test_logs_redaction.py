"""No secret leaves through the log, however it got in."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from deadman.model.secret import Secret
from deadman.model.settings import DaemonConfig
from deadman.telemetry.log import MASK, SHORTEST, Redaction, logging_set_up, redact, settled

VALUE = 'k3y/with "quotes"\\&=ü'
PEM = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2Vw\nBCIEIJx0aGlzIGlz\n-----END PRIVATE KEY-----"


def logged(emit: str) -> str:
    """What reaches the log when `emit` is logged in every way there is."""
    reader, writer = os.pipe()
    log = logging.getLogger("deadman.test")
    with logging_set_up(DaemonConfig(Path("/run"), Path("/var"), log_format="json"), writer, {}):
        log.info(emit)
        log.info("args %s %r %s", emit, {"key": emit}, [emit], extra={"detail": emit, "more": {"key": emit}})
        try:
            raise ValueError(emit) from OSError(emit)
        except ValueError:
            log.exception("bug", stack_info=True)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        return "".join(str(json.loads(line)) for line in pipe)


@pytest.mark.parametrize("value", [VALUE, PEM], ids=["key", "pem"])
def test_a_registered_secret_is_struck_out_of_message_args_fields_and_traceback(value: str) -> None:
    assert MASK not in logged(value)
    redact(Secret(value))
    text = logged(value)
    assert text.count(MASK) >= 8
    for line in value.splitlines()[1:-1] or [value]:
        assert line not in text
        assert repr(line)[1:-1] not in text


@pytest.mark.parametrize(
    "spell",
    [str, repr, json.dumps, lambda value: urlencode({"key": value}, quote_via=quote), lambda value: f"x{value}y"],
)
def test_a_secret_is_known_in_every_spelling_our_libraries_use(spell: Callable[[str], str]) -> None:
    redacted = Redaction()
    redacted.add(Secret(VALUE))
    assert VALUE[:8] not in redacted(spell(VALUE))
    assert MASK in redacted(spell(VALUE))


def test_a_line_of_a_key_is_struck_out_alone_but_not_what_every_key_says() -> None:
    redacted = Redaction()
    redacted.add(Secret(PEM))
    assert redacted("body MC4CAQAwBQYDK2Vw!") == "body ***!"
    assert redacted("expected -----BEGIN PRIVATE KEY-----") == "expected -----BEGIN PRIVATE KEY-----"


def test_a_secret_within_another_leaves_nothing_of_the_longer() -> None:
    redacted = Redaction()
    for value in ("abcdef", "abcdefghij", "defg"):
        redacted.add(Secret(value))
    assert redacted("<abcdefghij>") == "<***>"


KEYS = st.text(st.characters(exclude_characters="*"), min_size=SHORTEST)


@example(["\ud800" * SHORTEST], "", "")
@given(st.lists(KEYS, min_size=1, max_size=4), st.text(), st.text())
def test_no_secret_survives(secrets: list[str], before: str, after: str) -> None:
    redacted = Redaction()
    for value in secrets:
        redacted.add(Secret(value))
    assert all(value not in redacted(before + value + after) for value in secrets)


def test_a_text_without_secrets_is_left_alone() -> None:
    redacted = Redaction()
    assert redacted("as it was") == "as it was"
    redacted.add(Secret("abc"))
    assert redacted("abc is too short to be a key") == "abc is too short to be a key"


def test_other_handlers_keep_the_record_as_it_was() -> None:
    raised = (ValueError, ValueError("bug"), None)
    record = logging.LogRecord("deadman.test", logging.ERROR, __file__, 1, "m %s", ("a",), raised)
    final = settled(record)
    assert (record.msg, record.args, record.exc_info) == ("m %s", ("a",), raised)
    assert (final.getMessage(), final.exc_info, final.exc_text) == ("m a", None, "ValueError: bug")
