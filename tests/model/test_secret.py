from __future__ import annotations

import json
import logging
import pickle

import pytest

from deadman.model.secret import Secret

VALUE = "hunter2hunter2"


@pytest.mark.parametrize(
    "shown", [repr, str, format, "{0}".format, "{0!r:>40}".format, "%s".__mod__, lambda s: f"{s:x}"]
)
def test_no_way_of_printing_shows_it(shown: object) -> None:
    assert callable(shown)
    assert VALUE not in shown(Secret(VALUE))
    assert "***" in shown(Secret(VALUE))


def test_it_is_neither_json_nor_pickle() -> None:
    with pytest.raises(TypeError):
        json.dumps(Secret(VALUE))
    with pytest.raises(TypeError):
        pickle.dumps(Secret(VALUE))


def test_logging_shows_stars(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("deadman.test").warning("key %s %r", Secret(VALUE), [Secret(VALUE)])
    assert caplog.messages == ["key *** [***]"]


def test_the_value_comes_out_by_reveal_alone() -> None:
    assert Secret(VALUE).reveal() == VALUE
    assert not hasattr(Secret(VALUE), "__dict__")


def test_secrets_are_equal_by_value() -> None:
    assert Secret(VALUE) == Secret(VALUE)
    assert hash(Secret(VALUE)) == hash(Secret(VALUE))
    assert Secret(VALUE) != Secret("other")
    assert Secret(VALUE) != VALUE
