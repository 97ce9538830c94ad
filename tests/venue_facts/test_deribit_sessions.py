"""Deribit: requests and answers, logins and tokens, heartbeats."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from contextlib import suppress

import trio
from trio_websocket import ConnectionClosed

from tests.support.deribit_caller import ENABLE, READ
from tests.venue_facts.desk import Desk, deribit

JSON_RPC = "docs.deribit.com/articles/json-rpc-overview, "
ERRORS = "docs.deribit.com/articles/errors, Complete RPC Error Codes Reference, "
AUTH = "docs.deribit.com/articles/authentication, "
SCOPE = "docs.deribit.com/articles/access-scope"
CONNECTIONS = "docs.deribit.com/articles/connection-management-best-practices, "
REFERENCE = "docs.deribit.com/api-reference/"
HEARTBEAT = REFERENCE + "session-management/public-set_heartbeat"
LOGOUT = REFERENCE + "authentication/private-logout"
LIMITS = "docs.deribit.com/articles/rate-limits, "


@deribit.fact(JSON_RPC + "Response Fields")
async def test_an_answer_carries_the_requests_id_be_it_a_number_or_a_string(desk: Desk) -> None:
    client = await desk.connect()
    for identity in (77, "seventy-seven"):
        request: dict[str, object] = {"jsonrpc": "2.0", "id": identity, "method": "public/test", "params": {}}
        await client.socket.send_message(json.dumps(request))
        assert (await client.next())["id"] == identity


@deribit.fact(JSON_RPC + "Response Fields")
async def test_an_answer_carries_the_venues_clock_and_says_that_it_is_a_test_network(desk: Desk) -> None:
    answer = await (await desk.connect()).ask("public/test")
    assert answer["testnet"] is True
    assert answer["usDiff"] == answer["usOut"] - answer["usIn"]


@deribit.fact(ERRORS + "11050")
async def test_text_that_is_not_json_is_11050_and_the_connection_lives(desk: Desk) -> None:
    client = await desk.connect()
    await client.socket.send_message("{nonsense")
    assert (await client.next())["error"]["code"] == 11050
    assert await client.call("public/test")


@deribit.fact(JSON_RPC + "JSON-RPC 2.0 Feature Limitations")
async def test_batches_are_answered_by_an_error(desk: Desk) -> None:
    client = await desk.connect()
    await client.socket.send_message('[{"jsonrpc":"2.0","id":1,"method":"public/test","params":{}}]')
    assert "error" in await client.next()


@deribit.fact(JSON_RPC + "JSON-RPC 2.0 Feature Limitations")
async def test_positional_parameters_are_answered_by_an_error(desk: Desk) -> None:
    client = await desk.connect()
    await client.socket.send_message('{"jsonrpc":"2.0","id":1,"method":"public/set_heartbeat","params":[10]}')
    assert "error" in await client.next()


@deribit.fact(ERRORS + "-32601")
async def test_a_method_that_there_is_not_is_32601(desk: Desk) -> None:
    assert await (await desk.connect()).code("public/no_such_method") == -32601


@deribit.fact(ERRORS + "-32600")
async def test_a_frame_above_32_kb_is_too_large(desk: Desk) -> None:
    client = await desk.connect()
    await client.send("public/hello", client_name="x" * 40_000, client_version="1")
    assert (await client.next())["error"]["code"] == -32600


@deribit.fact(REFERENCE + "supporting/public-get_time")
async def test_the_time_is_told_in_milliseconds(desk: Desk) -> None:
    client = await desk.connect()
    answer = await client.ask("public/get_time")
    assert abs(answer["result"] / 1000 - answer["usOut"] / 1e6) < 5


@deribit.fact(REFERENCE + "supporting/public-status")
async def test_the_status_says_whether_the_platform_is_locked(desk: Desk) -> None:
    assert str((await (await desk.connect()).call("public/status"))["locked"]).lower() in ("true", "partial", "false")


@deribit.fact(ERRORS + "13004")
async def test_a_key_that_there_is_not_is_13004(desk: Desk) -> None:
    grant = {"grant_type": "client_credentials", "client_id": "nobody", "client_secret": "nothing"}
    assert await (await desk.connect()).code("public/auth", **grant) == 13004


@deribit.fact(ERRORS + "13004")
async def test_a_wrong_secret_is_13004(desk: Desk) -> None:
    grant = {"grant_type": "client_credentials", "client_id": desk.key[0], "client_secret": "wrong"}
    assert await (await desk.connect()).code("public/auth", **grant) == 13004


@deribit.fact(REFERENCE + "authentication/public-auth, Response")
async def test_a_login_gives_two_tokens_a_lifetime_and_a_scope(desk: Desk) -> None:
    granted = await (await desk.connect()).login()
    assert granted["token_type"] == "bearer"
    assert granted["expires_in"] > 0
    assert {"access_token", "refresh_token", "scope"} <= set(granted)


@deribit.fact(SCOPE)
async def test_a_login_that_names_no_session_is_bound_to_its_connection(desk: Desk) -> None:
    assert "connection" in (await (await desk.connect()).login())["scope"].split()


@deribit.fact(SCOPE)
async def test_a_session_is_named_in_the_scope_that_was_granted(desk: Desk) -> None:
    assert "session:deadman-fact" in (await (await desk.connect()).login("session:deadman-fact"))["scope"].split()


@deribit.fact(SCOPE)
async def test_a_login_may_ask_for_less_than_its_key_may_do_and_has_no_more_then(desk: Desk) -> None:
    client = await desk.connect()
    granted = (await client.login("session:deadman-fact account:read trade:read"))["scope"].split()
    assert "account:read_write" not in granted
    assert "error" in await client.ask(ENABLE, scope="account")
    assert await client.call(READ, scope="account")


@deribit.fact(SCOPE + ", expires")
async def test_a_token_may_be_given_a_shorter_life(desk: Desk) -> None:
    assert (await (await desk.connect()).login("session:deadman-fact expires:120"))["expires_in"] <= 120


@deribit.fact(ERRORS + "13009")
async def test_a_private_request_before_the_login_is_13009(desk: Desk) -> None:
    assert await (await desk.connect()).code(READ, scope="account") == 13009


@deribit.fact(AUTH + "Connection scope")
async def test_private_requests_after_a_login_need_no_token(desk: Desk) -> None:
    assert "enabled" in await (await desk.logged_in()).call(READ, scope="account")


@deribit.fact(ERRORS + "13009")
async def test_a_connections_token_is_no_good_on_another_connection(desk: Desk) -> None:
    token = (await (await desk.connect()).login())["access_token"]
    assert await (await desk.connect()).code(READ, scope="account", access_token=token) == 13009


@deribit.fact(AUTH + "Session scope")
async def test_a_named_sessions_token_is_good_on_another_connection(desk: Desk) -> None:
    token = (await (await desk.connect()).login("session:deadman-fact"))["access_token"]
    assert "enabled" in await (await desk.connect()).call(READ, scope="account", access_token=token)


@deribit.fact(AUTH + "Token refresh")
async def test_a_refresh_in_band_gives_new_tokens_and_the_session_goes_on(desk: Desk) -> None:
    client = await desk.connect()
    old = await client.login("session:deadman-fact")
    new = await client.call("public/auth", grant_type="refresh_token", refresh_token=old["refresh_token"])
    assert new["access_token"] != old["access_token"]
    assert "enabled" in await client.call(READ, scope="account", access_token=new["access_token"])


@deribit.fact(AUTH + "Token refresh")
async def test_a_refresh_token_is_good_once(desk: Desk) -> None:
    client = await desk.connect()
    refresh = (await client.login("session:deadman-fact"))["refresh_token"]
    grant = {"grant_type": "refresh_token", "refresh_token": refresh}
    await client.call("public/auth", **grant)
    assert "error" in await client.ask("public/auth", **grant)


def signed(desk: Desk, timestamp: float, nonce: str) -> dict[str, object]:
    moment = int(timestamp * 1000)
    proof = hmac.new(desk.key[1].encode(), f"{moment}\n{nonce}\n".encode(), hashlib.sha256).hexdigest()
    grant = {"grant_type": "client_signature", "client_id": desk.key[0], "timestamp": moment, "nonce": nonce}
    return grant | {"data": "", "signature": proof}


async def clock(desk: Desk) -> float:
    return float(await (await desk.connect()).call("public/get_time")) / 1000


@deribit.fact(AUTH + "WebSocket: Signature Credentials")
async def test_a_signature_over_time_nonce_and_data_logs_in(desk: Desk) -> None:
    client = await desk.connect()
    assert "access_token" in await client.call("public/auth", **signed(desk, await clock(desk), "n1"))


@deribit.fact(AUTH + "WebSocket: Signature Credentials")
async def test_a_signature_that_is_two_minutes_old_is_refused_as_a_credential(desk: Desk) -> None:
    client = await desk.connect()
    assert await client.code("public/auth", **signed(desk, await clock(desk) - 120, "n2")) in (13004, 13009)


@deribit.fact(AUTH + "WebSocket: Signature Credentials, nonce")
async def test_a_signature_is_good_once(desk: Desk) -> None:
    client, proof = await desk.connect(), signed(desk, await clock(desk), f"n{time.monotonic_ns()}")
    await client.call("public/auth", **proof)
    assert await client.code("public/auth", **proof) in (13004, 13009)


@deribit.fact(HEARTBEAT)
async def test_a_heartbeat_may_be_set_before_the_login(desk: Desk) -> None:
    assert await (await desk.connect()).call("public/set_heartbeat", interval=10) == "ok"


@deribit.fact(HEARTBEAT + ", interval")
async def test_an_interval_below_ten_seconds_is_refused(desk: Desk) -> None:
    assert "error" in await (await desk.connect()).ask("public/set_heartbeat", interval=9)


@deribit.fact(HEARTBEAT)
async def test_a_test_request_comes_within_two_seconds_of_every_interval(desk: Desk) -> None:
    client = await desk.connect()
    await client.call("public/set_heartbeat", interval=10)
    for _ in range(2):
        began = trio.current_time()
        while (await client.next()).get("params", {}).get("type") != "test_request":
            pass
        assert trio.current_time() - began < 12
        await client.call("public/test")


@deribit.fact(HEARTBEAT)
async def test_an_unanswered_test_request_ends_the_connection(desk: Desk) -> None:
    client = await desk.connect()
    await client.call("public/set_heartbeat", interval=10)
    began = trio.current_time()
    await client.close_code()
    assert 10 < trio.current_time() - began < 45


@deribit.question("documented as at once; production was seen to wait for ten seconds at an interval of ten")
async def test_how_long_a_test_request_may_stay_unanswered_and_how_the_connection_ends(desk: Desk) -> str:
    client = await desk.connect()
    await client.call("public/set_heartbeat", interval=10)
    while (await client.next()).get("params", {}).get("type") != "test_request":
        pass
    began = trio.current_time()
    code = await client.close_code()
    return f"{trio.current_time() - began:.1f} s, close code {code}"


@deribit.question(f"documented as ten minutes ({CONNECTIONS}Inactivity); production was seen to cut after a minute")
async def test_when_a_connection_is_cut_on_which_nothing_was_asked(desk: Desk) -> str:
    client = await desk.connect()
    began = trio.current_time()
    with trio.move_on_after(90):
        code = await client.close_code()
        return f"after {trio.current_time() - began:.0f} s, close code {code}"
    return "not within 90 s"


@deribit.fact(LOGOUT)
async def test_a_logout_is_not_answered_and_ends_the_connection(desk: Desk) -> None:
    client = await desk.logged_in()
    number = await client.send("private/logout")
    await client.close_code()
    assert number not in {frame.get("id") for frame in client.seen}


@deribit.fact(LOGOUT + ", invalidate_token")
async def test_a_logout_ends_the_sessions_tokens(desk: Desk) -> None:
    client = await desk.connect()
    token = (await client.login("session:deadman-fact"))["access_token"]
    await client.send("private/logout")
    await client.close_code()
    assert await (await desk.connect()).code(READ, scope="account", access_token=token) == 13009


@deribit.fact(LOGOUT + ", invalidate_token")
async def test_a_logout_may_leave_the_tokens_valid(desk: Desk) -> None:
    client = await desk.connect()
    token = (await client.login("session:deadman-fact"))["access_token"]
    await client.send("private/logout", invalidate_token=False)
    await client.close_code()
    assert "enabled" in await (await desk.connect()).call(READ, scope="account", access_token=token)


@deribit.fact(CONNECTIONS + "Session limits", "it would cost the account's own sessions")
async def test_a_seventeenth_session_costs_the_oldest(desk: Desk) -> None:
    client, tokens = await desk.connect(), []
    for number in range(17):
        tokens.append((await client.login(f"session:deadman-fact-{number}"))["access_token"])
        await trio.sleep(0.1)
    assert await client.code(READ, scope="account", access_token=tokens[0]) == 13009


@deribit.fact(CONNECTIONS + "Connection limits", "it would lock this address out")
async def test_a_thirty_third_connection_of_an_address_is_refused_with_429(desk: Desk) -> None:
    clients = [await desk.connect() for _ in range(32)]
    assert (await desk.http("public/get_time"))[0] == 429
    await desk.drop(clients[0])


@deribit.fact(LIMITS + "Credit-Based System", "it would take other people's patience")
async def test_too_many_requests_are_10028_and_end_the_session(desk: Desk) -> None:
    client = await desk.logged_in()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(client.close_code)
        with suppress(ConnectionClosed):
            for _ in range(120):
                await client.send("public/get_time")
    assert 10028 in {frame.get("error", {}).get("code") for frame in client.seen}
    await trio.sleep(10)  # until the account may ask again


@deribit.fact(LIMITS + "Limits field")
async def test_the_extended_summary_names_the_account_and_its_limits(desk: Desk) -> None:
    summary = await (await desk.logged_in()).call("private/get_account_summary", currency="BTC", extended=True)
    assert summary["id"]
    assert summary["limits"]["non_matching_engine"]["rate"] > 0
    assert "cancel_all" in summary["limits"]["matching_engine"]
