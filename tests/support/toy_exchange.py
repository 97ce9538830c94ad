"""The other side of the toy venue: it keeps its books as the simulator's leases are kept, and speaks lines of JSON."""

from __future__ import annotations

import json
from typing import Any

import trio

from deadman.simulator.exchange import Received
from deadman.simulator.faults import Link, failure, strikes
from deadman.simulator.sxbet.venue import SxBet

TOY_HOST = "toy.localhost"


class ToyExchange(SxBet):
    async def serve(self, stream: trio.abc.Stream) -> None:
        link, number, text = Link(stream, self.faults.gate), next(self.numbers), b""
        try:
            while more := await link.receive_some():
                text += more
                while b"\n" in text:
                    line, _, text = text.partition(b"\n")
                    if (answer := self._said_to(json.loads(line), number)) is not None:
                        await trio.sleep(self.faults.delay)
                        await link.send_all(answer + b"\n")
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        finally:
            await link.aclose()

    def _said_to(self, request: dict[str, Any], connection: int) -> bytes | None:
        """What is sent back, as the faults let it out; None for nothing."""
        owner, method, levels = self.keys.get(("v3", request["token"])), request["method"], (self.faults,)
        self.received.append(Received(trio.current_time(), owner, connection, method, {}))
        if self.faults.dead or strikes(levels, lambda faults: faults.ignored, method):
            return None
        code = failure(levels, method) or (401 if owner is None else None)
        said = {"error": code} if code or owner is None else self._carry_out(owner, request)
        if strikes(levels, lambda faults: faults.silent, method):
            return None
        return b"<html>" if strikes(levels, lambda faults: faults.garbled, method) else json.dumps(said).encode()

    def _carry_out(self, owner: str, request: dict[str, Any]) -> dict[str, float]:
        match request["method"]:
            case "lease":
                self.leases.grant(owner, request["length"])
                return {"length": request["length"] + self.faults.wrong_echo}
            case "cancel":
                standing = self.exchange.open_orders(owner)[self.faults.cancel_leaves :]
                return {"cancelled": len(self.exchange.cancel(standing, "user_request"))}
        return {"open": len(self.exchange.open_orders(owner))}
