"""`deadman demo`: what the thing is for, in under a minute, on simulated venues over real sockets and TLS."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from pathlib import Path

from deadman.errors import innermost

FAILED = 1
BY_SIGNAL = 128
"""What a shell adds to a signal's number: 130 is Ctrl-C."""

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = "Play an outage, a drift, a dead bot and a dead host, and show what becomes of the orders."
    parser.add_argument("--once", action="store_true", help="end after the story; exit 0 only if every claim held")


def run(arguments: argparse.Namespace) -> int:
    """Exit 0 when every claim held, 1 when one did not, 130 on Ctrl-C. Raises BrokenPipeError when nobody reads on."""
    import trio  # late, with the simulator: no other verb is to wait for them

    with tempfile.TemporaryDirectory(prefix="deadman-demo-") as directory:
        try:
            return trio.run(_until_signalled, Path(directory), arguments.once)
        except BaseExceptionGroup as group:
            raise innermost(group) from None  # a reader that left, for instance, is told of as itself


async def _until_signalled(directory: Path, once: bool) -> int:
    """The story, cut short by a signal: whatever it has started is stopped on the way out."""
    import trio

    code = FAILED

    async def listen(task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        nonlocal code
        with trio.open_signal_receiver(*_ENDING) as signals:
            task_status.started()
            code = BY_SIGNAL + await anext(aiter(signals))
            nursery.cancel_scope.cancel()

    async with trio.open_nursery() as nursery:
        await nursery.start(listen)
        code = await _demo(directory, once)
        nursery.cancel_scope.cancel()
    return code


async def _demo(directory: Path, once: bool) -> int:
    import trio

    from deadman.cli.simulation import USUAL_PORT, reserved_port
    from deadman.cli.story.chapters import play
    from deadman.cli.story.telling import Telling
    from deadman.cli.story.world import open_world

    telling = Telling()
    print("deadman demo: Deribit and SX Bet simulated on this machine; nothing leaves it.")
    with reserved_port() as port:
        async with open_world(directory, port) as world:
            taken = "" if port == USUAL_PORT else f" ({USUAL_PORT} is taken)"
            print(f"metrics and status page: http://{world.listen_on}/{taken}", flush=True)
            await play(world, telling)
            if not telling.all_held:
                print("\nA claim did NOT hold; the daemon's log:", file=sys.stderr)
                print((directory / "daemon.log").read_text(errors="replace"), file=sys.stderr)
                return FAILED
            print(f"\nAll {len(telling.claims)} claims held.")
            if not once:
                await world.start_daemon()
                page = f"http://{world.listen_on}/"
                print(f"The daemon runs again, its bot does not: see {page} and /metrics. Ctrl-C ends.", flush=True)
                await trio.sleep_forever()
    return 0
