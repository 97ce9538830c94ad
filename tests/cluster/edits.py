"""What people write into the configs of two hosts, key by key; `tests/swarm/troubles/edits` has one host alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from deadman.model.settings import Account, Selection
from tests.cluster.scene import Scene
from tests.cluster.simulated import DESK, WITNESS_SCOPE
from tests.swarm.world.desk import Desk
from tests.swarm.world.market import FULL


def rekeyed(scene: Scene, account: Account) -> Account:
    """A key of the same account, for the desk."""
    market, key = scene.pair.market, f"id-{account.name}-{scene.chance.getrandbits(16)}"
    market.deribit.add_key(key, account.name, secret=market.secrets[account.name].reveal(), scope=FULL)
    return replace(account, client_id=key)  # type: ignore[call-arg]


def rekeyed_witness(scene: Scene, account: Account) -> Account:
    market, theirs = scene.pair.market, str(account.witness_of).partition("/")[2]
    key = f"{account.client_id}-{scene.chance.getrandbits(16)}"  # type: ignore[attr-defined]
    market.deribit.add_key(key, theirs, secret=market.secrets[account.name].reveal(), scope=WITNESS_SCOPE)
    return replace(account, client_id=key)  # type: ignore[call-arg]


def _with(**changes: Any) -> Callable[[Scene, Account], Account]:
    return lambda scene, account: replace(account, **changes)


Edit = Callable[[Scene, Account], Account | None]

AT_THE_DESK: Mapping[str, Edit] = {
    "cancel": _with(cancel=Selection(label="quotes")),
    "cancel all": _with(cancel=Selection()),
    "on_trip": _with(on_trip="none"),
    "watch": _with(watches=("hedger",)),
    "no watch": _with(watches=(), on_trip="none"),
    "observe": _with(observe=True),
    "verify_interval": _with(verify_interval=30.0),
    "client_id": rekeyed,
    "gone": lambda scene, account: None,
}
"""By the key of an account that a witness watches over."""

AT_THE_WITNESS: Mapping[str, Edit] = {
    "witness_of": _with(witness_of=f"{DESK}/nobody"),
    "witness_of another host": _with(witness_of="gamma/options"),
    "observe": _with(observe=True),
    "client_id": rekeyed_witness,
    "gone": lambda scene, account: None,
}
"""By the key of an account that is another host's."""


async def edited(scene: Scene) -> None:
    """One key of one account, at either host; and back again."""
    at_desk = scene.chance.random() < 0.5
    host, edits = (scene.pair.desk, AT_THE_DESK) if at_desk else (scene.witness, AT_THE_WITNESS)
    name, account = scene.chance.choice(sorted(edits)), host.accounts[scene.chance.choice(sorted(host.accounts))]
    await edit(scene, host, account, edits[name], name)
    await scene.last()


async def edit(scene: Scene, host: Desk, account: Account, write: Edit, name: str) -> None:
    scene.record.reached[f"edit of {name}"] += 1
    scene.record.tell(f"edit at {host.daemon['name']} of {account.name}: {name}")
    after, others = write(scene, account), {one: kept for one, kept in host.accounts.items() if one != account.name}
    if after is not None:
        others[account.name] = after
    if host is scene.pair.desk:
        scene.laws.edited(others)
    scene.record.expect(await host.reload(*others.values()), f"an edit of {name} was not taken")
