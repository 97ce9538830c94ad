"""Everything through which one run touches the world; `real_ports` for the machine, others for a simulation."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random, SystemRandom

import trio

from deadman.checkins.rounds import Inboxes, boottime
from deadman.checkins.silences import SilenceFiles, SilenceStore
from deadman.checkins.sockets import SocketInboxes
from deadman.cluster.etcd import open_etcd
from deadman.cluster.part import OpenRegister, machine
from deadman.config.load import load_with_secrets
from deadman.control.server import serve
from deadman.daemon.state import FileStore, Store
from deadman.daemon.systemd import ServiceManager, inherited, is_shutting_down, watch_sockets, watchdog_interval
from deadman.daemon.ticker import Offsets, clock_offsets
from deadman.model.clock import Clock, boot_id
from deadman.model.secret import Secret
from deadman.model.settings import Config
from deadman.telemetry.log import redact
from deadman.transport.blocking import Lookup, OffLoop, in_thread, system_lookup
from deadman.transport.dial import Dialler
from deadman.transport.peers import is_gone


@dataclass(frozen=True)
class Ports:
    """What a run is given from outside; nothing else of the machine is touched.

    Attributes:
        boottime: seconds that pass in suspend too.
        offsets: how far the clocks that count sleep and the wall clock are ahead of the monotonic one.
        is_gone: whether no process of that id is left; the safe side is False.
        is_socket: whether a path is a socket's.
        off_loop: does what may block.
        read_config: reads the config and every secret anew, off the loop; raises Faults.
        learned: hears of every secret that is read.
        watchdog_interval: seconds between two signs of life to `manager`, None where it waits for none.
        open_register: opens what hosts talk to each other through.
        machine: a fingerprint of this host, empty where it has none.
        is_shutting_down: whether the whole host is going down, or nobody can tell.
        signals: those to be obeyed, SIGHUP to reload and any other to stop.
        serve_control: answers operators, as `control.server.serve` does.
    """

    clock: Clock
    boottime: Callable[[], float]
    offsets: Callable[[], Offsets]
    chance: Random
    is_gone: Callable[[int], bool]
    is_socket: Callable[[Path], bool]
    off_loop: OffLoop
    store: Store
    silences: SilenceStore
    inboxes: Inboxes
    dialler: Dialler
    lookup: Lookup
    environment: Mapping[str, str]
    read_config: Callable[[], Config]
    learned: Callable[[Secret], None]
    manager: ServiceManager
    watchdog_interval: float | None
    signals: Callable[[], AbstractContextManager[AsyncIterator[int]]]
    serve_control: Callable[..., Awaitable[None]]
    open_register: OpenRegister = open_etcd
    machine: str = ""
    is_shutting_down: Callable[[], Awaitable[bool]] = is_shutting_down


def real_ports(config: Config, environment: Mapping[str, str], store: FileStore) -> Ports:
    """The machine's own. Raises OSError for a descriptor that systemd handed over and that cannot be taken."""
    clock = Clock(trio.lowlevel.current_clock().current_time, time.time, boottime, boot_id())
    directory, group = config.daemon.runtime_directory / "watch", config.daemon.socket_group
    return Ports(
        clock=clock,
        boottime=boottime,
        offsets=clock_offsets,
        chance=SystemRandom(),
        is_gone=is_gone,
        is_socket=Path.is_socket,
        off_loop=in_thread,
        store=store,
        silences=SilenceFiles([config.daemon.state_directory, config.daemon.runtime_directory]),
        inboxes=SocketInboxes(directory, group, clock, watch_sockets(inherited(environment, os.getpid()))),
        dialler=Dialler(),
        lookup=system_lookup,
        environment=environment,
        read_config=partial(load_with_secrets, config.path, environment),
        learned=redact,
        manager=ServiceManager.from_environment(environment),
        watchdog_interval=watchdog_interval(environment, os.getpid()),
        signals=partial(trio.open_signal_receiver, signal.SIGTERM, signal.SIGINT, signal.SIGHUP),
        serve_control=serve,
        machine=machine(),
    )
