from __future__ import annotations

from pathlib import Path

import pytest

from deadman.config.advice import advice, as_the_service
from deadman.config.load import load

WATCH = "[watches.quoter]\ntimeout = 5\n"


def deribit(name: str) -> str:
    source = f'client_id = "{name}"\nclient_secret = {{ credential = "{name}" }}\n'
    return f'[accounts.{name}]\nvenue = "deribit"\nnetwork = "mainnet"\n{source}'


def sxbet(name: str, renew_interval: float) -> str:
    source = f'api = "v3"\napi_key = {{ credential = "{name}" }}\nwatch = "none"\n'
    return f'[accounts.{name}]\nvenue = "sxbet"\nnetwork = "mainnet"\n{source}renew_interval = {renew_interval}\n'


def sentences(directory: Path, text: str, *interpreter: str) -> tuple[str, ...]:
    path = directory / "config.toml"
    path.write_text(text)
    path.chmod(0o644)
    return advice(load(path, {}), interpreter)


def test_a_sound_config_needs_no_advice(tmp_path: Path) -> None:
    text = WATCH + deribit("a") + 'watch = "quoter"\n' + sxbet("b", 10)
    assert sentences(tmp_path, text, "/opt/deadman/bin/python", "/usr") == ()


@pytest.mark.parametrize(("accounts", "warned"), [(8, False), (9, True)])
def test_half_of_an_addresss_connections_is_where_the_warning_begins(
    tmp_path: Path, accounts: int, warned: bool
) -> None:
    found = sentences(tmp_path, "".join(deribit(f"a{number}") for number in range(accounts)))
    assert any("www.deribit.com allows 32 connections per address" in sentence for sentence in found) is warned


@pytest.mark.parametrize(("accounts", "warned"), [(4, False), (5, True)])
def test_renewals_near_the_venues_limit_are_warned_of(tmp_path: Path, accounts: int, warned: bool) -> None:
    found = sentences(tmp_path, "".join(sxbet(f"s{number}", 1) for number in range(accounts)))
    assert any("requests per minute" in sentence for sentence in found) is warned


@pytest.mark.parametrize("home", ["/home/alice/.venv/bin/python", "/root/.local/share/uv/python"])
def test_an_interpreter_in_a_home_directory_is_warned_of(tmp_path: Path, home: str) -> None:
    (sentence,) = sentences(tmp_path, deribit("a"), "/usr/bin/python3", home)
    assert home in sentence
    assert "ProtectHome=" in sentence


@pytest.mark.parametrize("place", ["/homestead/bin/python", "/rootless", "/opt/home/python"])
def test_what_only_sounds_like_a_home_is_not(tmp_path: Path, place: str) -> None:
    assert sentences(tmp_path, deribit("a"), place) == ()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (WATCH + deribit("a"), "watches.quoter: no account names it"),
        (
            WATCH + deribit("a") + 'watch = "quoter"\non_trip = "none"',
            'accounts.a: on_trip = "none", so the silence of quoter cancels nothing',
        ),
        (deribit("REPLACE_ME".lower()).replace('"replace_me"', '"REPLACE_ME"', 1), "still the placeholder REPLACE_ME"),
        ("[daemon]\noperators = ['nobody-of-that-name']\n" + deribit("a"), "daemon.operators: this host has no user"),
        ("[daemon]\nsocket_group = 'no-such-group'\n" + deribit("a"), "daemon.socket_group: this host has no group"),
        (
            WATCH + "user = 'no-such-user'\n" + deribit("a") + 'watch = "quoter"',
            "watches.quoter.user: this host has no",
        ),
        (
            '[accounts.c]\nvenue = "deribit"\nnetwork = "coinbase"\nkey_name = "k"\nheartbeat_interval = 30\n'
            'private_key = { env = "P" }',
            "accounts.c: Coinbase's gateway drops connections",
        ),
    ],
)
def test_what_is_valid_but_may_hurt_is_told(tmp_path: Path, text: str, complaint: str) -> None:
    (sentence,) = sentences(tmp_path, text)
    assert complaint in sentence


@pytest.mark.parametrize("mode", [0o664, 0o646])
def test_a_config_that_others_can_change_is_warned_of(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "config.toml"
    path.write_text(deribit("a"))
    path.chmod(mode)
    (sentence,) = advice(load(path, {}), ())
    assert f"chmod go-w {path}" in sentence


UNITS = Path(__file__).parents[2] / "systemd"


@pytest.mark.parametrize(
    ("config", "name", "secrets"), [("config", "deadman", "secrets"), ("alpha", "deadman-alpha", "alpha.secrets")]
)
def test_the_command_that_can_read_the_services_secrets_is_told(
    config: str, name: str, secrets: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["/opt/deadman/bin/deadman", "trip"])
    path = Path(f"/etc/deadman/{config}.toml")
    assert as_the_service(path, ["trip", "--direct", "a b"], [UNITS]) == (
        "with the service's secrets: sudo systemd-run --quiet --pipe --wait --collect -p DynamicUser=yes "
        f"-p User={name} -p StateDirectory={name} -p StateDirectoryMode=0700 "
        f"-p LoadCredential=secrets:/etc/deadman/{secrets} /opt/deadman/bin/deadman --config {path} "
        "trip --direct 'a b'"
    )


def test_where_no_unit_reads_that_config_no_command_is_made_up(tmp_path: Path) -> None:
    assert as_the_service(tmp_path / "config.toml", ["check"], [UNITS]) == ""
    assert as_the_service(Path("/etc/deadman/config.toml"), ["check"], [tmp_path]) == ""
