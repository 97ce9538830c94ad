"""`deadman simulate --cluster`: two configs that `run` takes, and a register that both reach."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from deadman.cli.check import judge
from deadman.config.load import load
from tests.support.etcds import is_healthy, needs_etcd


@needs_etcd
@pytest.mark.xdist_group("etcd")
def test_it_writes_two_hosts_that_hear_of_each_other_and_leaves_no_etcd_behind(tmp_path: Path) -> None:
    desk, witness = tmp_path / "config.toml", tmp_path / "witness" / "config.toml"
    command = [sys.executable, "-m", "deadman", "simulate", "--directory", str(tmp_path), "--cluster"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            while "kill -9 the first" not in (line := process.stdout.readline()):
                assert line
            one, other = load(desk, {}), load(witness, {})
            assert one.cluster is not None
            assert one.cluster == other.cluster
            assert (one.daemon.name, other.daemon.name) == ("alpha", "bravo")
            assert [account.witness_of for account in other.accounts.values()] == ["alpha/options-desk"]
            assert all(judge(file, {}, frozenset()).faults == () for file in (desk, witness))
            (endpoint,) = one.cluster.endpoints
            until = time.monotonic() + 10
            while not is_healthy(endpoint) and time.monotonic() < until:
                time.sleep(0.05)
            assert is_healthy(endpoint)
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    assert not is_healthy(endpoint)


def test_without_etcd_it_says_what_is_missing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "deadman", "simulate", "--directory", str(tmp_path), "--cluster"]
    done = subprocess.run(command, capture_output=True, text=True, env={"PATH": "/nowhere"}, timeout=20)
    assert done.returncode == 1
    assert "--cluster needs etcd, which is not installed here" in done.stderr
