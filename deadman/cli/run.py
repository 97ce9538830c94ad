"""`deadman run`: the daemon, in the foreground."""

from __future__ import annotations

import argparse
import faulthandler
import os
import resource
from pathlib import Path

from deadman.cli.parser import NotDone
from deadman.config.load import load_with_secrets
from deadman.model.settings import Config


def run(arguments: argparse.Namespace) -> int:
    """The daemon, in the foreground. A second one on the same state directory exits 1."""
    faulthandler.enable()
    config = read_config(arguments.config)
    import trio  # late: a faulty config is told without waiting for it

    from deadman.daemon.daemon import main
    from deadman.model.errors import Unable
    from deadman.telemetry.log import logging_set_up

    with logging_set_up(config.daemon) as writer:
        try:
            trio.run(main, config, os.environ, writer)
        except Unable as error:
            raise NotDone(str(error)) from None
    return 0


def read_config(path: Path) -> Config:
    """The config with every secret readable. Raises Faults. From here on a core dump would hold keys: there is none."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    return load_with_secrets(path, os.environ)
