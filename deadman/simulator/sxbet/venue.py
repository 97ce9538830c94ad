"""The venue itself: one connection's requests in turn."""

from __future__ import annotations

from dataclasses import dataclass, replace
from email.utils import formatdate

import trio

from deadman.simulator.exchange import Received
from deadman.simulator.faults import Levels, Link, failure, lateness, strikes, tardiness
from deadman.simulator.http import HttpConnection, Request, Response
from deadman.simulator.sxbet.answers import HttpError
from deadman.simulator.sxbet.ledger import Account, Ledger
from deadman.simulator.sxbet.routes import KEY_HEADERS, PAGE, carry_out, parameters, pool_of

GATEWAY_TIMEOUT = 28.0
"""Seconds after which a request that could not be passed on is dropped: with the way there, half a minute after it was
sent. The gateways of the cloud wait no longer."""


@dataclass(slots=True, eq=False)
class SxBet(Ledger):
    """One network of the venue, over any stream."""

    async def serve(self, stream: trio.abc.Stream) -> None:
        """Carry one connection over any stream. Never raises for what the peer does."""
        link = Link(stream, self.faults.gate)
        try:
            if self.faults.refuse:
                link.reset()
            else:
                await self._converse(HttpConnection(link), next(self.numbers))
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        finally:
            await link.aclose()

    async def _converse(self, peer: HttpConnection, number: int) -> None:
        more = True
        while more:
            request = None
            with trio.move_on_after(self.settings.keep_alive):
                request = await peer.next_request()
            if request is None:
                return
            more = await peer.answer(await self._respond(request, number))

    async def _respond(self, request: Request, connection: int) -> Response:
        account = self.account_of(request)
        levels = (self.faults,) if account is None else (account.faults, self.faults)
        for faults in levels:
            await faults.gate.passed()
        name = account.name if account else None
        now = trio.current_time()
        self.received.append(Received(now, name, connection, request.route, parameters(request)))
        await trio.sleep(tardiness(levels, request.route))
        if trio.current_time() > request.arrived_at + GATEWAY_TIMEOUT:
            return Response(504, b"", date=formatdate(self.timestamp() + self.settings.clock_skew, usegmt=True))
        response = self._answer(request, account, levels)
        await trio.sleep(lateness(levels, self.random))
        for faults in levels:
            await faults.gate.passed()
        return spoilt(response, request.route, levels)

    def _answer(self, request: Request, account: Account | None, levels: Levels) -> Response:
        date = formatdate(self.timestamp() + self.settings.clock_skew, usegmt=True)
        if any(faults.dead for faults in levels) or strikes(levels, lambda faults: faults.ignored, request.route):
            return Response(200, b"", date=date, manner="never")
        try:
            self._admit(request, account, levels)
            return Response(200, carry_out(self, request, account, levels), date=date)
        except HttpError as error:
            return Response(error.status, error.body(self.settings.errors), date=date)

    def _admit(self, request: Request, account: Account | None, levels: Levels) -> None:
        if any(faults.maintenance for faults in levels):
            raise HttpError(503, "Service Unavailable")
        status = failure(levels, request.route)
        if status is not None:
            raise HttpError(status, "SIMULATED_FAILURE")
        if not self.credits.spend(account.name if account else "", pool_of(request), trio.current_time()):
            raise HttpError(429, "Too Many Requests")

    def account_of(self, request: Request) -> Account | None:
        """Whose key the request carries, under the header of that key's generation."""
        for api, header in KEY_HEADERS.items():
            name = self.keys.get((api, request.headers.get(header, "")))
            if name is not None:
                return self.accounts[name]
        return None


def spoilt(response: Response, route: str, levels: Levels) -> Response:
    """The answer as the faults let it out."""
    if strikes(levels, lambda faults: faults.silent, route):
        return replace(response, manner="never")
    if strikes(levels, lambda faults: faults.garbled, route):
        response = replace(response, body=PAGE, content_type="text/html")
    manner = next((faults.body for faults in levels if faults.body), None)
    return response if manner is None else replace(response, manner=manner, drip=max(f.drip for f in levels))
