"""Deribit's frames, as its documents and captures have them, and everything else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deadman.venues.deribit import wire
from deadman.venues.deribit.wire import Error, Message, Notification, Reply, TestRequest
from tests.support import garbage

FRAMES: dict[str, tuple[str, Message]] = {
    "an answer as on the wire": (
        '{"jsonrpc":"2.0","id":3,"result":"ok","usIn":1695000000000000,"usOut":1695000000500000,"usDiff":471,"testnet":false}',
        Reply(3, "ok", None, 1695000000.5),
    ),
    "an answer as documented": (
        '{"jsonrpc":"2.0","id":3,"result":{"version":"1"}}',
        Reply(3, {"version": "1"}, None, None),
    ),
    "a result of nothing": ('{"jsonrpc":"2.0","id":3,"result":null}', Reply(3, None, None, None)),
    "a result of false": ('{"jsonrpc":"2.0","id":3,"result":false}', Reply(3, False, None, None)),
    "an error with an object": (
        '{"jsonrpc":"2.0","id":3,"error":{"code":13009,"message":"unauthorized","data":{"reason":"invalid_token"}},'
        '"usIn":1,"usOut":2000000,"usDiff":1,"testnet":true}',
        Reply(3, None, Error(13009, "unauthorized", {"reason": "invalid_token"}), 2.0),
    ),
    "an error without data": (
        '{"jsonrpc":"2.0","id":3,"error":{"code":13004,"message":"invalid_credentials"}}',
        Reply(3, None, Error(13004, "invalid_credentials"), None),
    ),
    "an error with a string": (
        '{"jsonrpc":"2.0","id":3,"error":{"code":11050,"message":"bad_request","data":"invalid json"}}',
        Reply(3, None, Error(11050, "bad_request", "invalid json"), None),
    ),
    "an error and a result": (
        '{"id":3,"result":"ok","error":{"code":1,"message":""}}',
        Reply(3, "ok", Error(1, ""), None),
    ),
    "an error nobody can read": ('{"id":3,"error":"no"}', Reply(3, None, Error(0, "unreadable error"), None)),
    "an error with a code nobody gives": (
        '{"id":3,"error":{"code":12345678901234567890,"message":"x"}}',
        Reply(3, None, Error(0, "unreadable error"), None),
    ),
    "an error to nobody": (
        '{"jsonrpc":"2.0","error":{"code":11050,"message":"bad_request","data":"invalid json"}}',
        None,
    ),
    "a test_request": ('{"params":{"type":"test_request"},"method":"heartbeat","jsonrpc":"2.0"}', TestRequest()),
    "a heartbeat": ('{"params":{"type":"heartbeat"},"method":"heartbeat","jsonrpc":"2.0"}', None),
    "news": (
        '{"jsonrpc":"2.0","method":"subscription","params":{"channel":"platform_state","data":{"locked":false}}}',
        Notification("platform_state", {"locked": False}),
    ),
    "news without data": ('{"method":"subscription","params":{"channel":"c"}}', Notification("c", None)),
    "a call without params": ('{"jsonrpc":"2.0","method":"heartbeat"}', None),
    "an unknown call": ('{"jsonrpc":"2.0","method":"goodbye","params":{}}', None),
    "an answer without result or error": ('{"jsonrpc":"2.0","id":3}', None),
    "an answer with our id in quotes": ('{"jsonrpc":"2.0","id":"3","result":"ok"}', wire.Reply(3, "ok", None, None)),
    "an answer with an id of another's": ('{"jsonrpc":"2.0","id":"three","result":"ok"}', None),
    "an answer with an absurd id": (f'{{"jsonrpc":"2.0","id":"{"9" * 99}","result":"ok"}}', None),
    "an answer with true for an id": ('{"jsonrpc":"2.0","id":true,"result":"ok"}', None),
    "a batch": ('[{"jsonrpc":"2.0","id":3,"result":"ok"}]', None),
    "half a frame": ('{"jsonrpc":"2.0","id":3,"resu', None),
    "no text": ("", None),
    "a venue's clock beyond all floats": (f'{{"id":3,"result":1,"usOut":{garbage.HUGE}}}', Reply(3, 1, None, None)),
    "a venue's clock of infinity": ('{"id":3,"result":1,"usOut":Infinity}', Reply(3, 1, None, None)),
    "a venue's clock in words": ('{"id":3,"result":1,"usOut":"now"}', Reply(3, 1, None, None)),
}


@pytest.mark.parametrize("case", FRAMES)
def test_a_frame_means_what_the_documents_say(case: str) -> None:
    text, meaning = FRAMES[case]
    assert wire.parse(text) == meaning


frames = garbage.objects("jsonrpc", "id", "result", "error", "usOut", "method", "params").map(json.dumps)


replies = st.fixed_dictionaries({"id": st.integers()}, optional={"result": garbage.values, "error": garbage.values})


@given(garbage.texts | frames | replies.map(json.dumps))
def test_no_frame_whatever_it_holds_raises(text: str) -> None:
    message = wire.parse(text)
    if isinstance(message, Reply):
        assert "result" in json.loads(text) or message.error is not None


@given(st.integers(1, 9), garbage.values)
def test_an_error_of_any_shape_is_never_taken_for_a_yes(identity: int, error: Any) -> None:
    message = wire.parse(json.dumps({"id": identity, "result": "ok", "error": error}))
    assert isinstance(message, Reply)
    assert (message.error is None) is (error is None)


def test_a_request_is_one_object_with_named_parameters() -> None:
    text = wire.request(9098, "public/set_heartbeat", {"interval": 30})
    assert json.loads(text) == {
        "jsonrpc": "2.0",
        "id": 9098,
        "method": "public/set_heartbeat",
        "params": {"interval": 30},
    }


@pytest.mark.parametrize(
    ("result", "enabled"),
    [
        ({"scope": "account", "enabled": True}, True),
        ({"scope": "account", "enabled": False}, False),
        ({"enabled": True}, True),
        ({"scope": "connection", "enabled": True}, None),
        ({"scope": "account"}, None),
        ({"scope": "account", "enabled": "true"}, None),
        ({"scope": "account", "enabled": 1}, None),
        ("ok", None),
        (None, None),
        ([True], None),
    ],
)
def test_the_switch_is_on_only_where_the_venue_says_true_of_the_scope_asked_for(
    result: Any, enabled: bool | None
) -> None:
    assert wire.switch_enabled(result, "account") is enabled


yes_or_nearly = st.sampled_from([True, True, False, 1, "true", None, [True]])
readings = st.fixed_dictionaries(
    {"enabled": yes_or_nearly}, optional={"scope": st.sampled_from(["account", "account", "connection", None, 1])}
)


@given(garbage.values | garbage.objects("scope", "enabled") | readings)
def test_no_unknown_answer_is_a_yes(result: Any) -> None:
    said = result if isinstance(result, dict) else {}
    yes = said.get("enabled") is True and said.get("scope", "account") == "account"
    assert (wire.switch_enabled(result, "account") is True) is yes


def test_granted_scopes_are_words() -> None:
    assert wire.scopes("connection account:read  trade:read_write ") == {
        "connection",
        "account:read",
        "trade:read_write",
    }
    assert wire.scopes(None) == frozenset()
    assert wire.scopes(["account:read_write"]) == frozenset()


COD = {"order_id": "1", "order_state": "cancelled", "cancel_reason": "cancel_on_disconnect"}
USER = {"order_id": "2", "order_state": "cancelled", "cancel_reason": "user_request"}


@pytest.mark.parametrize(
    ("data", "count"), [([COD, USER, COD], 2), (COD, 1), (USER, 0), ([], 0), (None, 0), ("cancel_on_disconnect", 0)]
)
def test_orders_cancelled_by_the_switch_are_told_from_others(data: Any, count: int) -> None:
    assert wire.fired(Notification("user.orders.any.any.100ms", data)) == count


@given(garbage.values)
def test_no_news_raises(data: Any) -> None:
    assert wire.fired(Notification("user.orders.any.any.100ms", data)) >= 0
