"""The register as etcd really keeps it, and what each of its errors asks of us."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import trio
import trustme

from deadman.cli.online import inspect_cluster
from deadman.cluster.beats import encode_desk
from deadman.cluster.etcd import Etcd, open_etcd
from deadman.cluster.wire import LoggedOut, failure
from deadman.config.load import load
from deadman.model.clock import Clock
from deadman.model.errors import Refused, Unavailable
from deadman.model.identity import identity_of
from deadman.model.secret import Secret
from deadman.model.settings import ClusterConfig, Selection, Terms
from deadman.model.sight import AccountTold, DeskBeat
from deadman.transport.dial import Dialler
from tests.support.etcds import Members, etcd, free_ports, needs_etcd, secure_etcd

pytestmark = pytest.mark.xdist_group("etcd")


@pytest.fixture(scope="module")
def member(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Members]:
    with etcd(tmp_path_factory.mktemp("etcd")) as members:
        yield members


@asynccontextmanager
async def register(*endpoints: str, user: str | None = None, password: str = "") -> AsyncIterator[Etcd]:
    async def read() -> Secret:
        return Secret(password)

    clock = Clock(trio.current_time, trio.current_time)
    async with open_etcd(ClusterConfig(endpoints=endpoints, user=user), Dialler(), clock, read) as opened:
        yield opened


@needs_etcd
async def test_one_exchange_reads_our_own_key_writes_it_and_reads_the_others(member: Members) -> None:
    async with register(*member.endpoints) as one:
        first = await one.exchange("t/witnesses/alpha/bravo", b"echo", "t/desks/alpha/beat")
        assert (first.before, first.theirs) == (None, ())
        second = await one.exchange("t/desks/alpha/beat", b"beat 1", "t/witnesses/alpha/")
        assert [(entry.key, entry.value) for entry in second.theirs] == [("t/witnesses/alpha/bravo", b"echo")]
        third = await one.exchange("t/desks/alpha/beat", b"beat 2", "t/witnesses/alpha/")
        assert third.before is not None
        assert third.before.value == b"beat 1"
        assert third.asked_at <= third.answered_at


@needs_etcd
async def test_a_key_written_anew_with_the_same_value_has_another_revision(member: Members) -> None:
    async with register(*member.endpoints) as one:
        await one.exchange("u/desks/a/beat", b"same", "u/none/")
        seen = [(await one.exchange("u/w", b"", "u/desks/a/beat")).theirs[0].revision for _ in range(2)]
        await one.exchange("u/desks/a/beat", b"same", "u/none/")
        after = (await one.exchange("u/w", b"", "u/desks/a/beat")).theirs[0].revision
        assert seen[0] == seen[1] < after


@needs_etcd
async def test_a_name_that_ends_in_a_slash_reads_no_name_that_only_begins_alike(member: Members) -> None:
    async with register(*member.endpoints) as one:
        await one.exchange("v/witnesses/desk10/w", b"other", "v/none/")
        assert (await one.exchange("v/desks/desk1/beat", b"", "v/witnesses/desk1/")).theirs == ()


@needs_etcd
async def test_a_member_that_is_down_is_passed_over_within_its_own_deadline(member: Members) -> None:
    down = f"http://127.0.0.1:{free_ports(1)[0]}"
    async with register(down, *member.endpoints) as one:
        with trio.fail_after(2.0):
            await one.exchange("x/a", b"1", "x/none/")
        await one.exchange("x/a", b"2", "x/none/")
        assert one._turn == 1, "the one that answered is asked first from then on"


@needs_etcd
async def test_a_member_that_is_frozen_costs_one_deadline(member: Members) -> None:
    listener = await trio.open_tcp_listeners(0, host="127.0.0.1")
    frozen = f"http://127.0.0.1:{listener[0].socket.getsockname()[1]}"
    async with register(frozen, *member.endpoints) as one:
        began = trio.current_time()
        done = await one.exchange("y/a", b"1", "y/none/")
        assert 1.4 < trio.current_time() - began < 2.5
        assert done.asked_at - began > 1.4, "dated from the asking of the one that answered"
    await listener[0].aclose()


@needs_etcd
async def test_whether_old_revisions_can_still_be_read_tells_of_compaction(member: Members) -> None:
    async with register(*member.endpoints) as one:
        for value in (b"1", b"2", b"3"):
            last = await one.exchange("z/a", value, "z/none/")
        assert await one.keeps_history("z/a", last.revision - 2)
        await trio.run_process([*member.ctl, "compact", str(last.revision)], capture_stdout=True)
        assert not await one.keeps_history("z/a", last.revision - 2)


@needs_etcd
async def test_users_and_roles_as_the_readme_sets_them_up(tmp_path: Path) -> None:
    """The desk writes its own beat and reads its witnesses; nobody writes another's."""
    with etcd(tmp_path) as members:
        for words in (
            "user add root:root",
            "user grant-role root root",
            "role add alpha",
            "role grant-permission alpha readwrite deadman/desks/alpha/ --prefix=true",
            "role grant-permission alpha read deadman/witnesses/alpha/ --prefix=true",
            "user add alpha:hush",
            "user grant-role alpha alpha",
            "auth enable",
        ):
            await trio.run_process([*members.ctl, *words.split()], capture_stdout=True)
        async with register(*members.endpoints, user="alpha", password="hush") as one:
            await one.exchange("deadman/desks/alpha/beat", b"1", "deadman/witnesses/alpha/")
            with pytest.raises(Refused, match="permission denied"):
                await one.exchange("deadman/witnesses/alpha/b", b"1", "deadman/witnesses/alpha/")
            one._token = "long.gone"
            await one.exchange("deadman/desks/alpha/beat", b"2", "deadman/witnesses/alpha/")
        async with register(*members.endpoints) as nobody:
            with pytest.raises(Refused, match=r"set cluster\.user"):
                await nobody.exchange("deadman/desks/alpha/beat", b"1", "deadman/witnesses/alpha/")
        async with register(*members.endpoints, user="alpha", password="wrong") as stranger:
            with pytest.raises(Refused, match="invalid"):
                await stranger.exchange("deadman/desks/alpha/beat", b"1", "deadman/witnesses/alpha/")


@needs_etcd
async def test_tls_with_client_certificates_that_have_no_common_name(tmp_path: Path) -> None:
    """With users besides, the gateway refuses certificates that have one; trustme's have names in the SAN alone."""
    authority, clock = trustme.CA(), Clock(trio.current_time, trio.current_time)
    ours = authority.issue_cert("alpha.example")
    ours.private_key_pem.write_to_path(tmp_path / "alpha.key")
    ours.cert_chain_pems[0].write_to_path(tmp_path / "alpha.pem")
    with secure_etcd(tmp_path, authority) as member:
        with_certificate = ClusterConfig(
            endpoints=(member.client,),
            ca_file=tmp_path / "ca.pem",
            cert_file=tmp_path / "alpha.pem",
            key_file=tmp_path / "alpha.key",
        )
        async with open_etcd(with_certificate, Dialler(), clock, None) as one:
            await one.exchange("a", b"1", "b/")
        without = replace(with_certificate, cert_file=None, key_file=None)
        async with open_etcd(without, Dialler(), clock, None) as stranger:
            with pytest.raises(Unavailable):
                await stranger.exchange("a", b"1", "b/")
        async with open_etcd(replace(with_certificate, ca_file=None), Dialler(), clock, None) as doubter:
            with pytest.raises(Unavailable, match="not trusted"):
                await doubter.exchange("a", b"1", "b/")
    with pytest.raises(Refused, match="a certificate or key cannot be used"):
        async with open_etcd(replace(with_certificate, key_file=tmp_path / "none"), Dialler(), clock, None):
            pass


@needs_etcd
async def test_check_online_looks_and_writes_nothing(
    member: Members, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "config.toml"
    login = 'venue = "deribit"\nnetwork = "testnet"\nclient_secret = { env = "X" }\n'
    file.write_text(
        f'[daemon]\nname = "bravo"\n[cluster]\nendpoints = ["{member.endpoints[0]}"]\nprefix = "online/"\n'
        f'[accounts.standby]\nclient_id = "one"\nwitness_of = "alpha/options"\n{login}'
    )
    config = load(file, {})
    assert config.cluster is not None
    key = identity_of(config.accounts["standby"]).credential
    told = AccountTold((), Terms("cancel", Selection()), key=key)
    beat = encode_desk(DeskBeat("run", 1, 15.0, machine="this one", accounts={"options": told}))
    async with register(*member.endpoints) as one:
        await one.exchange("online/desks/alpha/beat", beat, "none/")
        said, wrong = await inspect_cluster(one, config.cluster.prefix, config, "this one")
        assert said == ["as a witness of alpha: it has written"]
        assert wrong == [
            "alpha runs on this very machine, and dies with it",
            "accounts.standby: alpha logs in with the same API key: give the witness one of its own",
        ]
        before = (await one.read("online/")).revision
        monkeypatch.setattr("deadman.cli.online.KEPT", 1)
        _, wrong = await inspect_cluster(one, config.cluster.prefix, config, "")
        assert wrong[-1].startswith("etcd keeps all history")
        assert (await one.read("online/")).revision == before


@pytest.mark.parametrize("code", [1, 2, 4, 8, 10, 14, None, "14"])
def test_what_another_member_or_a_later_try_may_mend_is_unavailable(code: object) -> None:
    assert type(failure(code, "words")) is Unavailable


@pytest.mark.parametrize("code", [3, 5, 7, 9, 11, 12, 13])
def test_what_people_must_mend_is_refused(code: int) -> None:
    assert isinstance(failure(code, "words"), Refused)


@pytest.mark.parametrize(("code", "words"), [(16, "invalid auth token"), (3, "revision of auth store is old")])
def test_a_token_that_is_good_no_more_is_fetched_anew(code: int, words: str) -> None:
    assert isinstance(failure(code, words), LoggedOut)


async def test_what_is_no_gateway_is_told_in_words() -> None:
    async def serve(stream: trio.SocketStream) -> None:
        await stream.receive_some(4096)
        body = b"404 page not found"
        await stream.send_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(trio.serve_tcp, serve, 0)
        port = listeners[0].socket.getsockname()[1]
        async with register(f"http://127.0.0.1:{port}") as one:
            with pytest.raises(Refused, match=r"404 page not found.*gateway"):
                await one.exchange("a", b"", "b/")
        nursery.cancel_scope.cancel()


async def test_an_answer_that_lacks_something_is_no_answer() -> None:
    async def serve(stream: trio.SocketStream) -> None:
        while await stream.receive_some(4096):
            body = json.dumps({"header": {"revision": "2"}}).encode()
            await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(trio.serve_tcp, serve, 0)
        async with register(f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}") as one:
            with pytest.raises(Unavailable, match="cannot be read"):
                await one.exchange("a", b"", "b/")
        nursery.cancel_scope.cancel()
