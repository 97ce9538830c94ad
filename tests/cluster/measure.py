"""What a witness does when a host dies, and when it does not, with real daemons and a real etcd.

python -m tests.cluster.measure deaths 20            one member
python -m tests.cluster.measure deaths 20 kill       three, the leader killed at the same moment; or `stop`
python -m tests.cluster.measure mercies              all that must cancel nothing
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import trio

from deadman.model.promise import NOTICE
from deadman.model.settings import REPLY_TIMEOUT
from deadman.model.sight import noticed_within
from deadman.simulator.deribit.connection import Cause
from tests.cluster.hosts import DESKS, Pair, open_pair
from tests.support.etcds import Members, etcd

HOST_TIMEOUT = 15.0
BOUND = noticed_within(HOST_TIMEOUT) + NOTICE + REPLY_TIMEOUT


def say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


async def started(pair: Pair) -> None:
    pair.desk.start()
    for witness in pair.witnesses:
        witness.start()
    await pair.desk.until(lambda told: told["accounts"][DESKS]["protected"], 30)
    pair.desk.start_bot()
    await pair.stands_by()


async def deaths(directory: Path, members: Members, times: int, leader: str) -> None:
    """Daemon and bot are killed at once, again and again; how long their orders rest on."""
    spans = []
    async with open_pair(directory, members.endpoints, HOST_TIMEOUT) as pair:
        await started(pair)
        for number in range(times):
            pair.rest(3)
            await trio.sleep(1.0 + 0.37 * (number % 9))
            struck = members.leader() if leader else None
            pair.desk.die()
            if struck is not None:
                struck.signal(signal.SIGKILL if leader == "kill" else signal.SIGSTOP)
            spans.append(await pair.gone(120))
            if struck is not None:
                await revive(struck, leader, members)
            pair.desk.start()
            await pair.desk.until(lambda told: told["accounts"][DESKS]["protected"], 30)
            pair.desk.start_bot()
            await pair.stands_by(60)
            say(f"{number + 1}: {spans[-1]:.1f} s")
    found = f"{min(spans):.1f} / {median(spans):.1f} / {max(spans):.1f} s (least, median, most)"
    within = sum(span <= BOUND for span in spans)
    say(f"deaths {leader or 'alone'}: {times}: {found}; {within} within {BOUND:.1f} s")


async def revive(struck: Any, leader: str, members: Members) -> None:
    if leader == "stop":
        struck.signal(signal.SIGCONT)
    else:
        struck.kill()
        struck.start()
    await trio.to_thread.run_sync(members.wait)


async def stop_and_start(pair: Pair, members: Members) -> None:
    """`systemctl stop`, a pause of two timeouts, `systemctl start`."""
    assert pair.desk.daemon is not None
    pair.desk.daemon.terminate()
    await pair.stays(2 * HOST_TIMEOUT + 5)
    pair.desk.start()


async def restart(pair: Pair, members: Members) -> None:
    for _ in range(3):
        assert pair.desk.daemon is not None
        pair.desk.daemon.terminate()
        pair.desk.daemon.wait()
        pair.desk.start()
        await pair.stays(4)
    await pair.stays(HOST_TIMEOUT)


async def crash(pair: Pair, members: Members) -> None:
    """The daemon alone, started anew by its manager."""
    assert pair.desk.daemon is not None
    pair.desk.daemon.kill()
    pair.desk.daemon.wait()
    await trio.sleep(1)
    pair.desk.start()
    await pair.stays(HOST_TIMEOUT + 10)


async def etcd_lost(pair: Pair, members: Members) -> None:
    for member in members.members:
        member.kill()
    await pair.stays(60)
    for member in members.members:
        member.start()
    await pair.stays(HOST_TIMEOUT + 10)


async def leader_stopped(pair: Pair, members: Members) -> None:
    leader = members.leader()
    leader.signal(signal.SIGSTOP)
    await pair.stays(14)
    leader.signal(signal.SIGCONT)
    await pair.stays(HOST_TIMEOUT + 5)


async def etcd_full(pair: Pair, members: Members) -> None:
    """Its quota is a few megabytes, which somebody fills; then the alarm is lifted."""
    for number in range(40):
        if await run([*members.ctl, "put", f"ballast/{number}"], b"x" * 1_000_000):
            break
    await pair.stays(HOST_TIMEOUT + 10)
    await run([*members.ctl, "del", "ballast/", "--prefix"])
    told = await trio.run_process([*members.ctl, "get", "deadman/", "-w=json"], capture_stdout=True)
    revision = told.stdout.decode().partition('"revision":')[2].partition(",")[0]
    await run([*members.ctl, "compact", revision])
    await run(["etcdctl", f"--endpoints={','.join(members.endpoints)}", "defrag"])
    await run([*members.ctl, "alarm", "disarm"])
    await pair.stays(HOST_TIMEOUT + 5)


async def etcd_restored(pair: Pair, members: Members) -> None:
    """From a backup that is half a minute old: beats and revisions go back, and all members start anew."""
    backup = pair.directory / "backup.db"
    assert await run([*members.ctl, "snapshot", "save", str(backup)]) == 0
    await pair.stays(2 * HOST_TIMEOUT)
    for member in members.members:
        member.kill()
    for member in members.members:
        await trio.to_thread.run_sync(member.restore, backup)
        member.start()
    await pair.stays(2 * HOST_TIMEOUT + 10)


async def witness_frozen(pair: Pair, members: Members) -> None:
    pair.witness.signal(signal.SIGSTOP)
    await pair.stays(2 * HOST_TIMEOUT)
    pair.witness.signal(signal.SIGCONT)
    await pair.stays(HOST_TIMEOUT + 5)


async def witness_restarted(pair: Pair, members: Members) -> None:
    pair.witness.die()
    await pair.stays(HOST_TIMEOUT + 2)
    pair.witness.start()
    await pair.stays(HOST_TIMEOUT + 5)


async def witness_cut_off(pair: Pair, members: Members) -> None:
    """From the venue: every session of its key ends, and no login goes through for a while."""
    key = pair.venue.vault.keys.pop("bravo-id")
    for number, one in list(pair.venue.connections.items()):
        if any(r.connection == number and r.params.get("client_id") == "bravo-id" for r in pair.received):
            pair.venue.end(one, Cause.GONE)
    await pair.stays(HOST_TIMEOUT)
    pair.venue.vault.keys["bravo-id"] = key
    await pair.stays(HOST_TIMEOUT)


async def run(command: list[str], stdin: bytes = b"") -> int:
    done = await trio.run_process(command, check=False, capture_stdout=True, capture_stderr=True, stdin=stdin)
    return done.returncode


Mercy = Callable[[Pair, Members], Awaitable[None]]
MERCIES: tuple[Mercy, ...] = (
    stop_and_start,
    restart,
    crash,
    etcd_lost,
    leader_stopped,
    etcd_restored,
    witness_frozen,
    witness_restarted,
    witness_cut_off,
    etcd_full,
)


async def mercies(directory: Path, members: Members, names: list[str]) -> None:
    """Everything after which orders rest on, one after the other; each ends with the witness standing by again."""
    async with open_pair(directory, members.endpoints, HOST_TIMEOUT) as pair:
        await started(pair)
        pair.rest(3)
        for mercy in MERCIES:
            if names and mercy.__name__ not in names:
                continue
            try:
                await mercy(pair, members)
                await pair.stands_by(60)
                say(f"{mercy.__name__}: nothing cancelled, stands by again")
            except (AssertionError, trio.TooSlowError) as error:
                say(f"{mercy.__name__}: FAILED {error!r}")
                with suppress(OSError):
                    say(pair.witness.log()[-1500:])
                    say(pair.desk.log()[-1500:])
                pair.rest(3 - len(pair.open))
        forbidden = [method for method in pair.sent_by("bravo-id") if "disconnect" in method or "cancel" in method]
        say(f"the witness sent of those that it never may: {forbidden or 'none'}")


def main(words: list[str]) -> None:
    quota = ["--quota-backend-bytes", "16777216"] if words[0] == "mercies" else []
    with TemporaryDirectory(prefix="pair-") as name:
        directory = Path(name)
        (directory / "etcd").mkdir()
        count = 1 if words[0] == "deaths" and len(words) < 3 else 3
        with etcd(directory / "etcd", count, *quota) as members:
            if words[0] == "deaths":
                trio.run(deaths, directory, members, int(words[1]), words[2] if len(words) > 2 else "")
            else:
                trio.run(mercies, directory, members, words[1:])


if __name__ == "__main__":
    main(sys.argv[1:])
