"""A machine of its own for the units: a container with a real systemd over this host's files, changes thrown away.

It needs root, systemd-nspawn and overlayfs; the host's own systemd, if any, is neither asked nor touched.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).parents[2]
HIDDEN = tuple(Path(each) for each in ("/home", "/root", "/run/user", "/tmp", "/var/tmp"))
"""What ProtectHome= and PrivateTmp= take away from a service."""

PROGRAM = """\
#!{python}
import signal, sys, time
sys.path[:0] = {paths}
from deadman.cli import main

def stall_the_loop(*_):
    time.sleep(3600)

signal.signal(signal.SIGUSR1, stall_the_loop)
sys.exit(main())
"""
"""`deadman`, which stalls at SIGUSR1: a signal's handler runs where the event loop would."""


class CannotBoot(Exception):
    """Why there is no machine to be had here."""


@dataclass
class Machine:
    """A booted container, by the process id of its init and the root of its files."""

    leader: int
    root: Path

    def run(self, *command: str, code: int | None = 0) -> str:
        """What a command in there says. Anything but this exit code is an AssertionError; None takes any."""
        inside = ("nsenter", "-t", str(self.leader), "-m", "-p", "-u", "-i", "-n", "-C", *command)
        done = subprocess.run(inside, capture_output=True, text=True, timeout=60)
        assert code in (None, done.returncode), f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def show(self, unit: str, name: str) -> str:
        return self.run("systemctl", "show", "--value", "-p", name, unit).strip()

    def journal(self, unit: str) -> str:
        return self.run("journalctl", "--no-pager", "-o", "cat", "-u", unit)

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        target = self.root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        target.chmod(mode)

    def read(self, path: str) -> str:
        return (self.root / path.lstrip("/")).read_text()

    def wait_for(self, found: Callable[[], object], what: str, patience: float = 20.0) -> float:
        """Seconds until `found`."""
        began = time.monotonic()
        while time.monotonic() < began + patience:
            if found():
                return time.monotonic() - began
            time.sleep(0.1)
        raise AssertionError(f"{what}: not within {patience} s\n{self.journal('deadman.service')}")


@contextmanager
def machine(directory: Path) -> Iterator[Machine]:
    """Boot one, to basic.target only. Raises CannotBoot."""
    python = interpreter()
    with ExitStack() as mounted:
        mounted.enter_context(alone())
        root = mounted.enter_context(layered(directory))
        prepare(root, python)
        booted = mounted.enter_context(boot(root))
        yield booted


@contextmanager
def alone() -> Iterator[None]:
    """Wait until no other worker has a machine: two of them in one control group kill each other's processes."""
    with (Path(tempfile.gettempdir()) / "deadman-test-machine.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def interpreter() -> str:
    """A Python that a sandboxed service can reach, of the version whose packages we have."""
    ours = Path(sys.executable).resolve()
    system = Path("/usr/bin") / f"python{sys.version_info.major}.{sys.version_info.minor}"
    for python in (ours, system):
        if python.exists() and not any(python.is_relative_to(home) for home in HIDDEN):
            return str(python)
    raise CannotBoot(f"{ours} lies below a home directory, and there is no {system}")


@contextmanager
def layered(directory: Path) -> Iterator[Path]:
    """The host's files at `directory`/root; what is written there is in memory, and gone afterwards."""
    if os.geteuid() != 0 or shutil.which("systemd-nspawn") is None:
        raise CannotBoot("it takes root and systemd-nspawn (systemd-container)")
    mount(directory, "-t", "tmpfs", "deadman-test")
    upper, work, root = (directory / name for name in ("upper", "work", "root"))
    for each in (upper, work, root):
        each.mkdir()
    try:
        mount(root, "-t", "overlay", "-o", f"lowerdir=/,upperdir={upper},workdir={work}", "deadman-test")
        try:
            yield root
        finally:
            subprocess.run(["umount", "-l", str(root)], check=True)
    finally:
        subprocess.run(["umount", "-l", str(directory)], check=True)


def mount(target: Path, *arguments: str) -> None:
    done = subprocess.run(["mount", *arguments, str(target)], capture_output=True, text=True)
    if done.returncode != 0:
        raise CannotBoot(f"cannot mount: {done.stderr.strip()}")


def prepare(root: Path, python: str) -> None:
    """Install the program and the units as an administrator would, and nothing of what the host has installed."""
    shutil.rmtree(root / "etc/systemd/system")
    units = root / "etc/systemd/system"
    units.mkdir()
    for unit in (SOURCE / "systemd").glob("deadman*"):
        shutil.copy(unit, units)
    (root / "etc/machine-id").write_text("")
    program = root / "opt/deadman/bin/deadman"
    program.parent.mkdir(parents=True, exist_ok=True)
    needed = dict.fromkeys((SOURCE, Path(sysconfig.get_path("purelib")), Path(sysconfig.get_path("platlib"))))
    paths = [reachable(root, path, number) for number, path in enumerate(needed)]
    program.write_text(PROGRAM.format(python=python, paths=paths))
    program.chmod(0o755)


def reachable(root: Path, path: Path, number: int) -> str:
    """Where the sandboxed service finds it: as it is, or shown once more where it lies in what the sandbox hides."""
    if not any(path.is_relative_to(hidden) for hidden in HIDDEN):
        return str(path)
    shown = Path("opt") / f"deadman-{number}"
    (root / shown).mkdir()
    mount(root / shown, "--bind", str(path))
    return f"/{shown}"


@contextmanager
def boot(root: Path) -> Iterator[Machine]:
    # Where systemd runs it gives the container a scope of its own; elsewhere there is nobody to ask for one.
    place = () if Path("/run/systemd/system").exists() else ("--keep-unit",)
    options = (*place, "-q", "-D", str(root), "--register=no", "--private-network", "--console=pipe", "-b")
    with (root.parent / "console").open("wb") as console:
        nspawn = subprocess.Popen(
            ["systemd-nspawn", *options, "systemd.unit=basic.target"],
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=subprocess.STDOUT,
        )
    try:
        yield Machine(leader_of(nspawn, root.parent / "console"), root)
    finally:
        nspawn.terminate()
        nspawn.wait(timeout=30)


def leader_of(nspawn: subprocess.Popen[bytes], console: Path) -> int:
    """The container's init, once it has booted."""
    for _ in range(200):
        children = Path(f"/proc/{nspawn.pid}/task/{nspawn.pid}/children")
        leader = int(children.read_text().split()[0]) if children.exists() and children.read_text() else 0
        if leader and systemctl_state(leader).strip() in (b"running", b"degraded"):
            return leader
        if nspawn.poll() is not None:
            break
        time.sleep(0.1)
    raise CannotBoot(f"no systemd came up: {console.read_text(errors='replace')[-400:]}")


def systemctl_state(leader: int) -> bytes:
    inside = ("nsenter", "-t", str(leader), "-m", "-p", "-u", "-i", "-C", "systemctl", "is-system-running")
    return subprocess.run(inside, capture_output=True, timeout=20).stdout
