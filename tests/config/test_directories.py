from __future__ import annotations

import os
from pathlib import Path

import pytest

from deadman.config.load import load, runtime_directory, runtime_directory_of_client, state_directory

DESK = '[accounts.a]\nvenue = "deribit"\nnetwork = "mainnet"\nclient_id = "i"\nclient_secret = { env = "S" }\n'


@pytest.fixture
def system(tmp_path: Path) -> Path:
    return tmp_path / "run" / "deadman"


def test_systemd_has_the_first_word_and_of_several_the_first_counts(system: Path) -> None:
    assert runtime_directory({"RUNTIME_DIRECTORY": "/run/a:/run/b"}, system) == Path("/run/a")
    assert runtime_directory_of_client({"RUNTIME_DIRECTORY": "/run/a:/run/b"}, system) == Path("/run/a")
    assert state_directory({"STATE_DIRECTORY": "/var/lib/a"}, system) == Path("/var/lib/a")


def test_the_systems_directory_is_used_where_it_is_writable(system: Path) -> None:
    system.mkdir(parents=True)
    assert runtime_directory({"XDG_RUNTIME_DIR": "/user"}, system) == system
    assert state_directory({"XDG_STATE_HOME": "/user"}, system) == system


def test_the_systems_directory_is_used_where_it_can_be_made(system: Path) -> None:
    system.parent.mkdir()
    assert runtime_directory({"XDG_RUNTIME_DIR": "/user"}, system) == system


def test_the_users_directory_is_used_where_the_systems_is_out_of_reach(system: Path) -> None:
    environment = {"XDG_RUNTIME_DIR": "/user", "XDG_STATE_HOME": "/state", "HOME": "/home/u"}
    assert runtime_directory(environment, system) == Path("/user/deadman")
    assert state_directory(environment, system) == Path("/state/deadman")
    assert state_directory({"HOME": "/home/u"}, system) == Path("/home/u/.local/state/deadman")


def test_a_directory_of_a_dynamic_user_is_out_of_reach_and_no_crash(
    system: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bot asking for `status`: /var/lib/deadman leads into /var/lib/private, where only root may look."""
    stat = os.stat

    def look(path: str | Path, **how: bool) -> os.stat_result:
        if Path(path) == system:
            raise PermissionError(13, "Permission denied", str(path))
        return stat(path, **how)

    monkeypatch.setattr(os, "stat", look)
    assert state_directory({"XDG_STATE_HOME": "/state"}, system) == Path("/state/deadman")


def test_without_any_directory_the_systems_stays_the_answer(system: Path) -> None:
    assert runtime_directory({"XDG_RUNTIME_DIR": "relative"}, system) == system
    assert state_directory({}, system) == system


def test_a_client_goes_where_a_daemon_listens(system: Path, tmp_path: Path) -> None:
    own = tmp_path / "user" / "deadman"
    environment = {"XDG_RUNTIME_DIR": str(own.parent)}
    system.mkdir(parents=True)
    own.mkdir(parents=True)
    assert runtime_directory_of_client(environment, system) == system
    (own / "control.sock").touch()
    assert runtime_directory_of_client(environment, system) == own
    (system / "control.sock").touch()
    assert runtime_directory_of_client(environment, system) == system


def test_a_directory_that_hides_its_socket_is_the_better_one_to_complain_of(
    system: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "stat", refuse)
    monkeypatch.setattr(Path, "exists", lambda path: False)
    assert runtime_directory_of_client({"XDG_RUNTIME_DIR": "/user"}, system) == system


def test_the_config_has_the_last_word(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[daemon]\nruntime_directory = "/mine"\nstate_directory = "/state"\n' + DESK)
    daemon = load(path, {"RUNTIME_DIRECTORY": "/theirs", "STATE_DIRECTORY": "/theirs"}).daemon
    assert (daemon.runtime_directory, daemon.state_directory) == (Path("/mine"), Path("/state"))
