"""The sentences that people read: the headline and the notes of `status`."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf

from deadman.simulator.exchange import Order
from deadman.status.headline import Verdict, headline
from deadman.status.schema import StatusReport
from deadman.status.screen import notes
from tests.swarm.laws.goodbyes import Goodbyes
from tests.swarm.laws.law import Law, Scene


class Sentences(Law):
    """What a sentence says has happened: a death, a hand that places orders, a trip that was or was not."""

    name = "sentences"

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self.placed_at: dict[str, float] = {}
        self.goodbyes = Goodbyes(scene)

    def on_start(self) -> None:
        self.goodbyes.on_start()

    def look(self) -> None:
        self.goodbyes.look()

    def on_order(self, order: Order) -> None:
        if order.state == "open":
            self.placed_at[order.account] = self.scene.now

    def read(self, told: StatusReport) -> None:
        said = headline(told)
        for sentence in (*said.acts, *said.looks, *notes(told)):
            for fault in self._faults(sentence, told):
                self.expect(False, f"{fault}: {sentence!r}")
        if said.verdict is Verdict.FINE:
            for name, account in told.accounts.items():
                ready = account.trip_ready or not account.wanted
                well = account.phase in ("armed", "waiting") or self._is_observed(name)
                self.expect(ready and well, f"fine, though {name} is {account.phase}, ready to trip: {ready}")

    def _faults(self, sentence: str, told: StatusReport) -> Iterator[str]:
        for name in self.goodbyes.known:
            if f"bot {name} is dead" in sentence:
                yield f"{name} had said that it stops"
        for name, account in told.accounts.items():
            if not sentence.startswith(f"{name}: ") or not account.trip:
                continue
            began = self.scene.now - (told.timestamp - account.trip.at)
            if "keeps placing" in sentence and self._placed_at(name) <= began:
                yield "nobody has placed an order since the trip began"
            if "Nothing was tripped" in sentence:
                yield "it is tripped"

    def _placed_at(self, name: str) -> float:
        account = self.scene.account(name)
        return -inf if account is None else self.placed_at.get(self.desk.market.owner(account), -inf)

    def _is_observed(self, name: str) -> bool:
        account = self.scene.account(name)
        return account is not None and account.observe
