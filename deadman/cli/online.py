"""`deadman check --online`: log in, read, and say what is there. Nothing is armed, disarmed, renewed or cancelled."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from functools import partial

import trio

from deadman.cluster.beats import Unreadable, decode_desk, decode_witness, desk_key, witness_keys
from deadman.cluster.desk import may_be_witnessed
from deadman.cluster.etcd import Etcd, open_etcd
from deadman.cluster.part import machine
from deadman.cluster.wire import Entry
from deadman.daemon.doors import Doors
from deadman.model.clock import Clock
from deadman.model.errors import Reason, Refused, VenueError
from deadman.model.identity import identity_of
from deadman.model.settings import Account, ClusterConfig, Config
from deadman.transport.blocking import Resolver
from deadman.venues.venue import Look

TIMEOUT = 20.0
"""Seconds for one account's look."""

CLUSTER = "[cluster]"
"""Under which name the look at the register stands beside those at accounts, which have no brackets."""

CLOCK_TOLERANCE = 2.0
"""Seconds; signature logins fail at 60."""


def look(config: Config, environment: Mapping[str, str] = os.environ) -> Mapping[str, Look]:
    """Every account at once, none waiting for another."""
    return trio.run(_look_at_all, config, environment)


async def _look_at_all(config: Config, environment: Mapping[str, str]) -> Mapping[str, Look]:
    clock = Clock(trio.lowlevel.current_clock().current_time, time.time)
    doors = Doors(clock, environment, lambda secret: None)  # nothing is logged here
    looks = {name: Look() for name in config.accounts}
    async with trio.open_nursery() as background:
        trio.socket.set_custom_hostname_resolver(Resolver(background))
        async with trio.open_nursery() as nursery:
            for name, account in config.accounts.items():
                nursery.start_soon(_look_at, doors, account, looks[name])
            if config.cluster is not None:
                looks[CLUSTER] = Look()
                nursery.start_soon(_look_at_cluster, doors, config, config.cluster, looks[CLUSTER])
        background.cancel_scope.cancel()
    return looks


async def _look_at_cluster(doors: Doors, config: Config, cluster: ClusterConfig, seen: Look) -> None:
    password = None if cluster.password is None else partial(doors.read, cluster.password)
    try:
        with trio.fail_after(TIMEOUT):
            async with open_etcd(cluster, doors.dialler, doors.clock, password) as register:
                said, wrong = await inspect_cluster(register, cluster.prefix, config, machine())
    except VenueError as error:
        seen.wrong(_not_seen(error))
    except trio.TooSlowError:
        seen.wrong(f"no answer within {TIMEOUT:g} s")
    else:
        seen.said += ["etcd answers", *said]
        for sentence in wrong:
            seen.wrong(sentence)


def _not_seen(error: VenueError) -> str:
    """A secret that we may not read is no verdict of the venue's."""
    ended = (
        "not looked at" if error.reason is Reason.SECRET else "refused" if isinstance(error, Refused) else "no answer"
    )
    return f"{ended}: {error.detail or error.reason}"


async def _look_at(doors: Doors, account: Account, seen: Look) -> None:
    try:
        with trio.fail_after(TIMEOUT):
            await doors.door(account, seen.hear).inspect(seen)
    except VenueError as error:
        seen.wrong(_not_seen(error))
    except trio.TooSlowError:
        seen.wrong(f"no answer within {TIMEOUT:g} s")
    if seen.offset is None:
        return
    told = f"the venue's clock is {seen.offset:+.2f} s from ours"
    if abs(seen.offset) > CLOCK_TOLERANCE:
        seen.wrong(f"{told}: set this host's clock; logins by signature fail at 60 s")
    else:
        seen.said.append(told)


KEPT = 50_000
"""Revisions after which none as old should be readable any more: some hours of a desk and its witnesses."""


async def inspect_cluster(register: Etcd, prefix: str, config: Config, machine: str) -> tuple[list[str], list[str]]:
    """What is so in the register, and what is wrong; nothing is written. Raises VenueError where none answers."""
    said, wrong, names, revision = list[str](), list[str](), "", 0
    if any(may_be_witnessed(account) for account in config.accounts.values()):
        names = witness_keys(prefix, config.daemon.name)
        found = await register.read(names)
        revision = found.revision
        said.append(f"as a desk: {len(found.theirs)} witnesses have ever written to {names}")
        wrong += [fault for entry in found.theirs for fault in _of_witness(entry, config, machine)]
    for desk in sorted({one.desk for one in config.accounts.values() if one.desk is not None}):
        names = desk_key(prefix, desk)
        found = await register.read(names)
        revision = found.revision
        said.append(f"as a witness of {desk}: it has {'written' if found.theirs else 'never written'}")
        wrong += [fault for entry in found.theirs for fault in _of_desk(entry, desk, config, machine)]
    if revision > KEPT and await register.keeps_history(names, revision - KEPT):
        wrong.append("etcd keeps all history: set its --auto-compaction-retention=1h, or it will fill up")
    return said, wrong


def _of_witness(entry: Entry, config: Config, machine: str) -> Iterator[str]:
    name = entry.key.rpartition("/")[2]
    try:
        beat = decode_witness(entry.value)
    except Unreadable as why:
        yield f"what witness {name} writes cannot be read: {why}"
        return
    if machine and beat.machine == machine:
        yield f"witness {name} runs on this very machine, and dies with it"
    for account, told in beat.accounts.items():
        if account in config.accounts and told.key == identity_of(config.accounts[account]).credential:
            yield f"witness {name} logs in to {account} with the same API key: give it one of its own"


def _of_desk(entry: Entry, desk: str, config: Config, machine: str) -> Iterator[str]:
    try:
        beat = decode_desk(entry.value)
    except Unreadable as why:
        yield f"what {desk} writes cannot be read: {why}"
        return
    if machine and beat.machine == machine:
        yield f"{desk} runs on this very machine, and dies with it"
    for name, account in config.accounts.items():
        if account.desk != desk:
            continue
        theirs = account.desk_account
        if theirs not in beat.accounts:
            yield f"accounts.{name}: {desk} has no account {theirs}"
        elif beat.accounts[theirs].key == identity_of(account).credential:
            yield f"accounts.{name}: {desk} logs in with the same API key: give the witness one of its own"
