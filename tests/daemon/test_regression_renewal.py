"""What a lease survives: a refusal that is mended before its end, and a venue that hangs up after each answer."""

from __future__ import annotations

import ssl
from contextlib import suppress

import pytest
import trio
from trio.testing import MockClock

from deadman.model.guard import Phase
from deadman.transport.dial import Dialler
from deadman.transport.http import open_http
from tests.support.venue_certificates import served, trusted
from tests.swarm.world.desk import open_desk, sxbet_account


async def test_a_key_mended_two_seconds_before_the_leases_end_saves_the_lease(autojump_clock: MockClock) -> None:
    async with open_desk(sxbet_account(timeout_seconds=12, renew_interval=4.0, watches=())) as desk:
        await desk.until(Phase.ARMED, within=3, name="maker")
        lease = desk.sxbet.lease("maker")
        assert lease is not None
        desk.sxbet.set_key("maker", "other", "v3")
        await trio.sleep_until(lease.ends_at - 2)
        desk.sxbet.set_key("maker", desk.market.secrets["maker"].reveal(), "v3")
        await desk.until(Phase.ARMED, within=2, name="maker")
        assert desk.sxbet.leases.fired == []


@pytest.mark.parametrize(("code", "fewest", "most"), [(503, 7, 12), (403, 3, 5)])
async def test_before_a_leases_end_a_venue_that_fails_is_asked_more_and_more_often_and_one_that_refuses_is_not(
    code: int, fewest: int, most: int, autojump_clock: MockClock
) -> None:
    async with open_desk(sxbet_account(timeout_seconds=30, renew_interval=10.0)) as desk:
        await desk.until(Phase.ARMED, within=3, name="maker")
        desk.sxbet.faults.fail["*"] = code
        await trio.sleep(11)
        held = desk.standing("maker").guard.leases.held
        assert held is not None
        await trio.sleep_until(held.sure_until)
        asked = [one.at for one in desk.sxbet.received if one.method == "POST /heartbeat/v3"]
        assert fewest <= sum(held.sure_until - 10.0 < at for at in asked) <= most


def answer_and_goodbye(tls: ssl.SSLObject, outgoing: ssl.MemoryBIO) -> bytes:
    """The venue's answer and its closing word, in one piece."""
    tls.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
    with suppress(ssl.SSLError):  # it waits for our goodbye, or finds that the request's body has come meanwhile
        tls.unwrap()
    return outgoing.read()


async def say_goodbye_with_each_answer(stream: trio.SocketStream) -> None:
    """Speak TLS by hand, answer one request, and leave the connection half open."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = served().wrap_bio(incoming, outgoing, server_side=True)
    steps = iter((tls.do_handshake, tls.read))
    step = next(steps)
    while True:
        try:
            step()
        except ssl.SSLWantReadError:
            await stream.send_all(outgoing.read())
            incoming.write(await stream.receive_some())
            continue
        if step == tls.read:
            break
        step = next(steps)
    await stream.send_all(answer_and_goodbye(tls, outgoing))
    await trio.sleep_forever()


async def test_a_connection_whose_goodbye_came_with_the_answer_is_not_used_again() -> None:
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(trio.serve_tcp, say_goodbye_with_each_answer, 0)
        port = listeners[0].socket.getsockname()[1]
        async with open_http(Dialler(), f"https://127.0.0.1:{port}", trusted()) as http:
            for _ in range(3):
                answer = await http.request("POST", "/", {}, {}, within=3)
                assert answer.status == 200
        nursery.cancel_scope.cancel()
