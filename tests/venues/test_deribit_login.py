"""Logging in to Deribit: signed as documented, asking for no more than needed, believing only what was granted."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from random import Random
from typing import Any, cast

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import example, given

from deadman.model.clock import Clock
from deadman.model.errors import Reason, Refused
from deadman.model.facts import Fact, TokenGranted
from deadman.model.secret import Secret, SecretSource
from deadman.transport.websocket import WebSocket
from deadman.venues.deribit.conversation import (
    COINBASE,
    HARMLESS,
    Conversation,
    Grant,
    asked_scope,
    excess,
    hmac_signature,
    login_params,
    needed_for,
    read_grant,
    refresh_params,
)
from deadman.venues.deribit.session import adopt
from deadman.venues.deribit.settings import DeribitAccount
from tests.support import garbage
from tests.support.boards import deribit

AMANDA = replace(deribit("desk"), client_id="AMANDA")
SECRET = Secret("AMANDASECRECT")
SCOPE = asked_scope(AMANDA, "deadman")
FULL = "session:deadman account:read_write trade:read_write wallet:none"
TOKEN = {"access_token": "at", "refresh_token": "rt", "expires_in": 900, "token_type": "bearer", "scope": FULL}
FAR_OFF = {**TOKEN, "expires_in": garbage.HUGE}


def params(timestamp: float = 1576074319.0, seed: int = 0, **changes: Any) -> dict[str, Any]:
    return login_params(replace(AMANDA, **changes), SECRET, SCOPE, timestamp, Random(seed))


def test_the_signature_is_the_one_of_the_venues_own_example() -> None:
    signature = hmac_signature(SECRET, "1576074319000\n1iqt2wls\n")
    assert signature == "56590594f97921b09b18f166befe0d1319b198bbcdad7ca73382de2f88fe9aa1"


def test_a_signed_login_holds_all_that_was_signed_and_never_the_secret() -> None:
    sent = params()
    assert sent["grant_type"] == "client_signature"
    assert (sent["client_id"], sent["timestamp"], sent["data"]) == ("AMANDA", 1576074319000, "")
    assert sent["signature"] == hmac_signature(SECRET, f"{sent['timestamp']}\n{sent['nonce']}\n")
    assert SECRET.reveal() not in json.dumps(sent)


def test_no_nonce_is_used_twice() -> None:
    assert len({params(seed=seed)["nonce"] for seed in range(100)}) == 100


def test_a_login_by_secret_sends_it_and_no_signature() -> None:
    sent = params(auth="secret")
    assert sent == {
        "grant_type": "client_credentials",
        "client_id": "AMANDA",
        "client_secret": "AMANDASECRECT",
        "scope": SCOPE,
    }


def test_a_private_key_of_another_kind_is_refused_in_words() -> None:
    pem = generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    account = replace(AMANDA, client_secret=None, private_key=SecretSource("env", "P"))
    with pytest.raises(Refused, match="signed with as Ed25519 here; this is another kind") as refused:
        login_params(account, Secret(pem.decode()), SCOPE, 1.0, Random(0))
    assert refused.value.reason is Reason.SECRET


def test_a_private_key_signs_though_auth_says_nothing_of_it() -> None:
    with pytest.raises(Refused, match=r"private_key|pip install"):
        params(private_key=SecretSource("env", "KEY"))


def test_the_scope_asked_for_is_a_session_of_our_own_and_no_more_than_the_work_needs() -> None:
    assert set(SCOPE.split()) == {"session:deadman", "account:read_write", "trade:read_write", "wallet:none"}
    observed = asked_scope(replace(AMANDA, observe=True), "deadman")
    assert set(observed.split()) == {"session:deadman", "account:read", "trade:read", "wallet:none"}


def test_a_refresh_sends_the_refresh_token_alone() -> None:
    assert refresh_params(Secret("rt")) == {"grant_type": "refresh_token", "refresh_token": "rt"}


def test_what_was_granted_is_read_with_the_venues_own_lifetime() -> None:
    grant = read_grant(TOKEN, AMANDA)
    assert grant == Grant(Secret("at"), Secret("rt"), 900.0, frozenset(FULL.split()))
    assert "at" not in str(grant)


@pytest.mark.parametrize("scope", ["connection", "account:read trade:read_write", "account:none", "", None, 5])
def test_a_scope_narrowed_below_what_the_switch_needs_is_refused_in_words(scope: Any) -> None:
    with pytest.raises(Refused, match="account:read_write") as refused:
        read_grant({**TOKEN, "scope": scope}, AMANDA)
    assert refused.value.reason is Reason.SCOPE


def test_an_observer_needs_to_read_only() -> None:
    observer = replace(AMANDA, observe=True)
    assert not read_grant({**TOKEN, "scope": "session:deadman account:read"}, observer).can_cancel
    with pytest.raises(Refused):
        read_grant({**TOKEN, "scope": "trade:read"}, observer)


@pytest.mark.parametrize(
    ("trade", "cancels", "lists"),
    [("trade:read_write", True, True), ("trade:read", False, True), ("trade:none", False, False), ("", False, False)],
)
def test_a_scope_narrowed_in_trading_is_no_refusal_but_cannot_cancel(trade: str, cancels: bool, lists: bool) -> None:
    grant = read_grant({**TOKEN, "scope": f"account:read_write {trade}"}, AMANDA)
    assert (grant.can_cancel, grant.can_list_orders) == (cancels, lists)


@pytest.mark.parametrize("scope", ["rat#trade", "wallet:buys:create wallet:user:read"])
def test_either_of_coinbases_scopes_does_all_of_it(scope: str) -> None:
    grant = read_grant({"access_token": "at", "expires_in": 3600, "scope": scope}, replace(AMANDA, network="coinbase"))
    assert grant.can_cancel
    assert grant.can_list_orders
    assert grant.refresh_token is None
    assert grant.token_params() == {}


@pytest.mark.parametrize("scope", [FULL, "connection account:read_write"])
def test_a_token_goes_with_every_request_of_a_named_session_too(scope: str) -> None:
    assert read_grant({**TOKEN, "scope": scope}, AMANDA).token_params() == {"access_token": "at"}


@pytest.mark.parametrize(("lifetime", "due"), [(900, 720.0), (100, 80.0), (1, 5.0)])
def test_a_token_is_renewed_early_enough_for_several_tries_and_never_in_a_tight_loop(lifetime: int, due: float) -> None:
    assert read_grant({**TOKEN, "expires_in": lifetime}, AMANDA).refresh_due(1000.0) == 1000.0 + due


@pytest.mark.parametrize("lifetime", [None, 0, -5, "900", float("nan")])
def test_where_no_lifetime_is_told_the_shortest_ever_seen_is_assumed(lifetime: Any) -> None:
    assert read_grant({**TOKEN, "expires_in": lifetime}, AMANDA).lifetime == 900.0


@given(garbage.values | garbage.objects("access_token", "refresh_token", "expires_in", "scope"))
@example(FAR_OFF)
@example({**TOKEN, "expires_in": float("inf")})
def test_an_answer_of_any_shape_is_a_grant_or_a_refusal(result: Any) -> None:
    try:
        grant = read_grant(result, AMANDA)
    except Refused:
        return
    assert "account:read_write" in grant.scopes
    assert 0 < grant.lifetime < float("inf")


WITNESS = replace(AMANDA, witness_of="alpha/desk")
GATEWAY = replace(AMANDA, network="coinbase")


@pytest.mark.parametrize(
    ("account", "asked", "needed"),
    [
        (AMANDA, "account:read_write trade:read_write", {"account:read_write"}),
        (replace(AMANDA, observe=True), "account:read trade:read", {"account:read", "account:read_write"}),
        (WITNESS, "account:read trade:read_write", {"trade:read_write", *COINBASE}),
        (replace(WITNESS, observe=True), "account:read trade:read", {"trade:read_write", "trade:read", *COINBASE}),
        (GATEWAY, "account:read_write trade:read_write", {"account:read_write", *COINBASE}),
    ],
)
def test_what_is_asked_for_and_what_is_needed_by_what_an_account_is_for(
    account: DeribitAccount, asked: str, needed: set[str]
) -> None:
    assert asked_scope(account, "deadman") == f"session:deadman {asked} wallet:none"
    assert needed_for(account) == needed


def test_what_the_key_may_do_besides_is_no_excess_where_it_only_reads_or_is_needed() -> None:
    assert excess(HARMLESS | {"wallet:read", "custody:none", "block_trade:read_write"}, frozenset()) == [
        "block_trade:read_write"
    ]
    assert excess(frozenset({"b", "a", "c"}), frozenset({"c"})) == ["a", "b"]


def test_a_refusal_names_what_the_key_lacks_and_what_it_grants() -> None:
    with pytest.raises(Refused) as refused:
        read_grant({**TOKEN, "scope": "wallet:none trade:read"}, AMANDA)
    assert refused.value.detail == "the key lacks account:read_write; it grants: trade:read wallet:none"
    with pytest.raises(Refused, match="lacks account:read or account:read_write; it grants: nothing"):
        read_grant({**TOKEN, "scope": ""}, replace(AMANDA, observe=True))


@pytest.mark.parametrize(
    ("lifetime", "pause"), [(900, 45.0), (100, 5.0), (99, 5.0), (200, 10.0), (1200, 60.0), (10**12, 60.0)]
)
def test_a_refresh_that_failed_is_tried_again_several_times_in_what_is_left_of_the_token(
    lifetime: int, pause: float
) -> None:
    assert read_grant({**TOKEN, "expires_in": lifetime}, AMANDA).refresh_pause() == pytest.approx(pause)


@pytest.mark.parametrize("result", [None, [], "at", {}, {"access_token": 5}, {"access_token": None}])
def test_an_answer_without_a_token_is_refused_as_one_we_do_not_know(result: Any) -> None:
    with pytest.raises(Refused, match="without an access token") as refused:
        read_grant(result, AMANDA)
    assert refused.value.reason is Reason.UNSUPPORTED


def test_a_refresh_token_that_is_no_text_is_none() -> None:
    assert read_grant({**TOKEN, "refresh_token": 5}, AMANDA).refresh_token is None


def test_a_lifetime_is_taken_as_told_but_not_for_longer_than_a_float_can_count() -> None:
    assert read_grant({**TOKEN, "expires_in": 0.5}, AMANDA).lifetime == 0.5
    assert read_grant(FAR_OFF, AMANDA).lifetime == 1e9


def test_a_grant_that_is_adopted_goes_with_every_request_and_is_dated_by_its_end() -> None:
    told: list[Fact] = []
    clock = Clock(lambda: 7.0, lambda: 1_800_000_000.0)
    conversation = Conversation(cast(WebSocket, None), clock, AMANDA.timers, told.append, 0.0)
    grant = adopt(conversation, AMANDA, TOKEN)
    assert grant == read_grant(TOKEN, AMANDA)
    assert conversation.token == {"access_token": "at"}
    assert told == [TokenGranted(7.0, 1_800_000_900.0)]


def test_without_its_extra_package_a_login_at_coinbase_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jwt", None)
    with pytest.raises(Refused, match=r"pip install 'deadman\[coinbase\]'") as refused:
        params(network="coinbase", key_name="organizations/o/apiKeys/k")
    assert refused.value.reason is Reason.UNSUPPORTED
