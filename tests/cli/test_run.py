"""What `run` does before the daemon begins."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CONFIG = """
[accounts.desk]
venue = "deribit"
network = "testnet"
client_id = "desk"
client_secret = { env = "SECRET" }
"""

READ = """
import resource, sys
from pathlib import Path
from deadman.cli.run import read_config
hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
read_config(Path(sys.argv[1]))
print(resource.getrlimit(resource.RLIMIT_CORE)[0])
"""


def test_whoever_holds_keys_leaves_no_core_dump(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(CONFIG)
    command = [sys.executable, "-c", READ, str(config)]
    done = subprocess.run(command, env={"SECRET": "hush"}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "0\n", "")


def test_the_daemon_loads_no_more_than_every_desk_needs() -> None:
    """HTTP, Coinbase's keys, the simulator and its certificates come when they are asked for: some MiB each."""
    code = "import sys, deadman.daemon.daemon; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"httpx", "httpcore", "trio_websocket", "cryptography", "jwt", "trustme", "deadman.simulator"}
    assert heavy & set(done.stdout.split()) == set()
