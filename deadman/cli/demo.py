"""`deadman demo`: what the thing is for, in under a minute, on simulated venues over real sockets and TLS."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

FAILED = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = "Play an outage, a drift, a dead bot and a dead host, and show what becomes of the orders."
    parser.add_argument("--once", action="store_true", help="end after the story; exit 0 only if every claim held")


def run(arguments: argparse.Namespace) -> int:
    """Exit 0 when every claim held, 1 when one did not."""
    import trio  # late, with the simulator: no other verb is to wait for them

    with tempfile.TemporaryDirectory(prefix="deadman-demo-") as directory:
        try:
            return trio.run(_demo, Path(directory), arguments.once)
        except KeyboardInterrupt:
            return 0


async def _demo(directory: Path, once: bool) -> int:
    import trio

    from deadman.cli.simulation import free_port
    from deadman.cli.story.chapters import play
    from deadman.cli.story.telling import Telling
    from deadman.cli.story.world import open_world

    telling = Telling()
    print("deadman demo: Deribit and SX Bet simulated on this machine; nothing leaves it.")
    async with open_world(directory, free_port()) as world:
        print(f"metrics and status page: http://{world.listen_on}/")
        await play(world, telling)
        if not telling.all_held:
            print("\nA claim did NOT hold; the daemon's log:", file=sys.stderr)
            print((directory / "daemon.log").read_text(errors="replace"), file=sys.stderr)
            return FAILED
        print(f"\nAll {len(telling.claims)} claims held.")
        if not once:
            await world.start_daemon()
            print(f"The daemon runs again, its bot does not: see http://{world.listen_on}/ and /metrics. Ctrl-C ends.")
            await trio.sleep_forever()
    return 0
