"""Every bad input: where, what, and what to do. Each case is a text and the lines of its complaint."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from deadman.config import document
from deadman.config.document import Faults
from deadman.config.load import load

HEAD = '[watches.quoter]\ntimeout = 5\n[accounts.desk]\nvenue = "deribit"\n'
KEY = 'client_id = "id"\nclient_secret = { env = "S" }\n'
DESK = HEAD + 'network = "mainnet"\n' + KEY
SX = '[accounts.maker]\nvenue = "sxbet"\nnetwork = "mainnet"\n'
V3 = SX + 'api = "v3"\napi_key = { env = "K" }\n'
WALLET = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
V2 = SX + f'api = "v2"\nrequestor = "{WALLET}"\napi_key = {{ env = "K" }}\nwatch = "none"\n'

UNKNOWN = {
    DESK
    + "hearbeat_interval = 10": '8: accounts.desk.hearbeat_interval: unknown key; did you mean "heartbeat_interval"?',
    DESK + "zebra = 1": "8: accounts.desk.zebra: unknown key",
    DESK + 'requestor = "0x"': "8: accounts.desk.requestor: unknown key; it is a key of sxbet accounts",
    "[acounts.x]\n" + DESK: '1: acounts: unknown key; did you mean "accounts"?',
    "[daemon]\nlistn = 1\n" + DESK: '2: daemon.listn: unknown key; did you mean "listen"?',
    HEAD.replace("timeout", "user = 'x'\ntimout") + 'network = "mainnet"\n' + KEY: (
        '3: watches.quoter.timout: unknown key; did you mean "timeout"?'
    ),
    DESK + 'cancel = { curency = "BTC" }': '8: accounts.desk.cancel.curency: unknown key; did you mean "currency"?',
    DESK.replace("deribit", "deribt"): (
        '4: accounts.desk.venue: must be one of deribit, sxbet, not "deribt"; did you mean "deribit"?'
    ),
    DESK.replace("deribit", "kraken"): '4: accounts.desk.venue: must be one of deribit, sxbet, not "kraken"',
    DESK.replace("mainnet", "mainet"): (
        '5: accounts.desk.network: must be one of mainnet, testnet, coinbase, not "mainet"; did you mean "mainnet"?'
    ),
    V3.replace("mainnet", "coinbase"): '3: accounts.maker.network: must be one of mainnet, testnet, not "coinbase"',
    DESK + 'watch = ["qoter"]': '8: accounts.desk.watch: no watch is called "qoter"; did you mean "quoter"?',
    DESK + 'watch = "zebra"': '8: accounts.desk.watch: no watch is called "zebra"; define it: [watches.zebra]',
}

MISSING = {
    HEAD + 'network = "mainnet"\nclient_secret = { env = "S" }': (
        "3: accounts.desk.client_id: missing; it is the API key's id at Deribit"
    ),
    HEAD + 'network = "mainnet"\nclient_id = "x"': (
        "3: accounts.desk.client_secret: missing; or private_key, for an asymmetric API key"
    ),
    HEAD + KEY: '3: accounts.desk.network: missing; "mainnet", "testnet" or "coinbase"',
    "[accounts.a]\nobserve = true": '1: accounts.a.venue: missing; "deribit" or "sxbet"',
    "[watches.quoter]\n" + V2: (
        "1: watches.quoter.timeout: missing; seconds of silence after which the trading process is dead"
    ),
    SX
    + 'api_key = { env = "K" }\nwatch = "none"': "1: accounts.maker.api: missing; there is no default, since a V2 key",
    V3: "1: accounts.maker.watch: missing; there is no default, since renewing the lease of a dead bot defeats",
    SX + 'api = "v3"\nwatch = "none"': "1: accounts.maker.api_key: missing; where the API key lives",
    V2.replace("requestor", "# "): "1: accounts.maker.requestor: missing; with V2 it is the wallet",
    V3 + "watch = []": '6: accounts.maker.watch: names no watch; say "none" to renew even if no bot lives',
}

TYPES = {
    DESK + "heartbeat_interval = true": (
        "8: accounts.desk.heartbeat_interval: must be a whole number of seconds, not true"
    ),
    DESK + "heartbeat_interval = 10.5": "must be a whole number of seconds, not a fraction",
    DESK + 'verify_interval = "30s"': "8: accounts.desk.verify_interval: must be a number of seconds, not a string",
    DESK + "verify_interval = true": "must be a number of seconds, not true",
    DESK + "verify_interval = nan": "must be a number of seconds, not nan",
    DESK + "verify_interval = inf": "must be a number of seconds, not inf",
    DESK + "verify_interval = 1979-05-27": "must be a number of seconds, not a date or time",
    DESK + "observe = 1": "8: accounts.desk.observe: must be true or false, not a whole number",
    DESK + "watch = 3": "8: accounts.desk.watch: must be a string, not a whole number",
    DESK + "watch = [true]": "8: accounts.desk.watch: must be a string, not true",
    DESK + "cancel = 1": "8: accounts.desk.cancel: must be a table, not a whole number",
    DESK
    + 'cancel = { currency = "btc" }': "8: accounts.desk.cancel.currency: must be a currency as the venue writes it",
    DESK + 'cancel = { kind = "any" }': "8: accounts.desk.cancel.kind: must be one of future, option, spot",
    DESK + 'orders_via = "rest"': "8: accounts.desk.orders_via: must be a list of at least one of websocket, rest, fix",
    DESK + "orders_via = []": "must be a list of at least one of websocket, rest, fix, not an empty list",
    DESK + 'orders_via = ["rst"]': 'must be one of websocket, rest, fix, not "rst"; did you mean "rest"?',
    DESK.replace('"id"', "7"): "6: accounts.desk.client_id: must be a string, not a whole number",
    DESK.replace('"id"', '" "'): "6: accounts.desk.client_id: must be plain text and not empty",
    "daemon = 1\n" + DESK: "1: daemon: must be a table, not a whole number",
    "[[watches]]\n" + V2: "1: watches: must be a table, not a list",
    DESK + "[accounts]\nobserve = true": (
        "9: accounts.observe: must be a table, not true; write [accounts.NAME] above its keys"
    ),
    "[daemon]\noperators = 'alice'\n" + DESK: '2: daemon.operators: must be a list of strings such as ["alice"]',
    "[daemon]\nlisten = 9847\n" + DESK: '2: daemon.listen: must be a string such as "127.0.0.1:9847"',
    "[daemon]\nlisten = ':80'\n" + DESK: '2: daemon.listen: must be host:port, not ":80"',
    "[daemon]\nlisten = 'localhost:70000'\n" + DESK: "2: daemon.listen: must be host:port",
    "[daemon]\nlog_level = 'loud'\n" + DESK: "2: daemon.log_level: must be one of debug, info, warning, error",
    "[daemon]\nstate_directory = ''\n" + DESK: "2: daemon.state_directory: is no path a file can have",
}

RANGES = {
    DESK + "heartbeat_interval = 9": "8: accounts.desk.heartbeat_interval: must be 10 to 3600 seconds, not 9",
    DESK + "heartbeat_interval = 3601": "must be 10 to 3600 seconds, not 3601",
    DESK + f"heartbeat_interval = 0x{'f' * 5000}": "must be 10 to 3600 seconds, not a number beyond all bounds",
    DESK + "verify_interval = 0.9": "must be 1 to 3600 seconds, not 0.9",
    DESK.replace("timeout = 5", "timeout = 0"): "2: watches.quoter.timeout: must be 1 to 86400 seconds, not 0",
    V3 + 'watch = "none"\ntimeout_seconds = 0': (
        "7: accounts.maker.timeout_seconds: 0 is refused: at the venue it disarms the switch and cancels nothing"
    ),
    V3 + 'watch = "none"\ntimeout_seconds = 4': "7: accounts.maker.timeout_seconds: must be 5 to 3600 seconds, not 4",
    V3 + 'watch = "none"\ntimeout_seconds = 3601': "must be 5 to 3600 seconds, not 3601",
    V3 + 'watch = "none"\ntimeout_seconds = 30.0': "must be a whole number of seconds, not a fraction",
    V3 + 'watch = "none"\ntimeout_seconds = false': "must be a whole number of seconds, not false",
    V3 + 'watch = "none"\nrenew_interval = 10.1': (
        "7: accounts.maker.renew_interval: must be at most 10, a third of timeout_seconds, not 10.1"
    ),
    V3 + 'watch = "none"\nrenew_interval = 0': "7: accounts.maker.renew_interval: must be 0.2 to 1200 seconds, not 0",
    V3 + 'watch = "none"\nrenew_interval = -1': "must be 0.2 to 1200 seconds, not -1",
}

RULES = {
    V2.replace(WALLET, WALLET.lower()): f"if the digits are right it is spelled {WALLET}",
    V2.replace(WALLET, WALLET.replace("aA", "AA")): "5: accounts.maker.requestor: fails its EIP-55 checksum",
    V2.replace(WALLET, WALLET[:-1]): "5: accounts.maker.requestor: must be a wallet address",
    V3 + f'watch = "none"\nrequestor = "{WALLET}"': "7: accounts.maker.requestor: only for V2; with V3 the venue knows",
    V2 + 'on_trip = "cancel"': '8: accounts.maker.on_trip: "cancel" needs api = "v3"; V2 cancels only with the wallet',
    V3 + 'watch = "none"\non_trip = "none"': "must be one of cancel, expire, lapse",
    DESK + 'on_trip = "lapse"': "8: accounts.desk.on_trip: must be one of cancel, none",
    V3 + 'watch = ["none", "x"]': '6: accounts.maker.watch: "none" stands alone or not at all',
    "[watches.none]\ntimeout = 5\n" + V2: '1: watches.none: "none" is what an account without a watch says',
    DESK + 'key_name = "x"': '8: accounts.desk.key_name: only for network "coinbase"',
    DESK + 'private_key = { env = "P" }': "8: accounts.desk.private_key: given beside client_secret",
    DESK.replace("client_secret", "private_key") + 'auth = "secret"': (
        '8: accounts.desk.auth: "secret" does not go with private_key'
    ),
    DESK.replace("mainnet", "coinbase"): "6: accounts.desk.client_id: not for Coinbase; it logs in with key_name",
    HEAD + 'network = "coinbase"': "3: accounts.desk.key_name: missing; Coinbase logs in with key_name and private_key",
    DESK + 'url = "ws://example.com/ws"': (
        "8: accounts.desk.url: ws:// is only for a loopback address: it would send keys in the clear; use wss://"
    ),
    DESK + 'url = "https://example.com/ws"': "8: accounts.desk.url: must be a wss:// URL",
    DESK + 'url = "wss://u:p@example.com"': "8: accounts.desk.url: must hold no user name and no password",
    DESK + 'url = "wss:///ws"': "8: accounts.desk.url: must be a wss:// URL with a host",
    DESK + 'url = "wss://[::1"': "8: accounts.desk.url: must be a wss:// URL; its host or port cannot be read",
    DESK + 'url = "wss://a b"': "8: accounts.desk.url: must be a wss:// URL; without blanks",
    V3 + 'watch = "none"\nurl = "http://127.0.0.1.evil.com"': "http:// is only for a loopback address",
    V3 + 'watch = "none"\nurl = "https://a.example/?x=1"': "7: accounts.maker.url: must have no ? and no #",
    "[daemon]\nwebhook = 'http://example.com'\n" + DESK: "2: daemon.webhook: http:// is only for a loopback address",
    "[daemon]\nping = 'ftp://example.com'\n" + DESK: "2: daemon.ping: must be a https:// URL",
    DESK + 'ca_file = "nowhere.pem"': "8: accounts.desk.ca_file: there is no file ",
    DESK + 'ca_file = "."': "8: accounts.desk.ca_file: there is no file ",
    DESK + 'ca_file = "config.toml"': "8: accounts.desk.ca_file: holds no certificate in PEM form",
    DESK + '[accounts."Big Desk"]\nvenue = "sxbet"': '8: accounts."Big Desk": a name is of a-z, 0-9 and . _ -',
    DESK + f'[accounts.{"x" * 65}]\nvenue = "sxbet"': "a name has 64 characters at most, not 65",
    f"[daemon]\nruntime_directory = '/{'x' * 90}'\n" + DESK: (
        "3: watches.quoter: its socket's path has 109 bytes, Linux allows 107; shorten runtime_directory"
    ),
    f"[daemon]\nruntime_directory = '/{'x' * 95}'\n" + V2: (
        "2: daemon.runtime_directory: the control socket's path has 109 bytes, Linux allows 107; shorten it"
    ),
    DESK + DESK[len("[watches.quoter]\ntimeout = 5\n") :].replace("desk", "twin").replace('"S"', '"T"'): (
        "11: accounts.twin.client_id: the same as accounts.desk.client_id, line 6; each account needs its own"
    ),
    DESK + DESK[len("[watches.quoter]\ntimeout = 5\n") :].replace("desk", "twin").replace('"id"', '"other"'): (
        "12: accounts.twin.client_secret: the same as accounts.desk.client_secret, line 7; each account needs its own"
    ),
    V2 + V2.replace("maker", "twin").replace('"K"', '"L"'): (
        "12: accounts.twin.requestor: the same as accounts.maker.requestor, line 5; each account needs its own"
    ),
    DESK + V3.replace('"K"', '"S"') + 'watch = "none"': (
        "12: accounts.maker.api_key: the same as accounts.desk.client_secret, line 7; each account needs its own"
    ),
}

SECRETS = {
    DESK.replace('{ env = "S" }', '"hunter2"'): (
        "7: accounts.desk.client_secret: a secret is never written into the config itself; write { credential ="
    ),
    DESK.replace('{ env = "S" }', "12345678"): "must say where the secret lives, not be a whole number",
    DESK.replace("env", "evn"): '7: accounts.desk.client_secret.evn: unknown key; did you mean "env"?',
    DESK.replace('{ env = "S" }', '{ env = "S", file = "x" }'): "must have exactly one of credential, file, env",
    DESK.replace('{ env = "S" }', "{ }"): "must have exactly one of credential, file, env",
    DESK.replace('{ env = "S" }', '{ env = "hunter2 hunter2" }'): (
        "7: accounts.desk.client_secret.env: is not the name of an environment variable"
    ),
    DESK.replace('{ env = "S" }', '{ credential = "../hunter2" }'): "is not the name of a credential",
    DESK.replace('{ env = "S" }', "{ file = 3 }"): "is not the name of a file",
}

FILES = {
    "": "config.toml: no accounts: at least one [accounts.NAME] is needed; `deadman init` prints a config",
    "# nothing\n": "config.toml: no accounts",
    "[accounts]\n": "config.toml: no accounts",
    "a = 1\nb = = 2\n": "config.toml:2: not valid TOML: Invalid value, column 5",
    "[accounts.a]\n[accounts.a]\n": "config.toml:2: accounts.a: told twice; it stands in line 1 already",
    "a = 1\na = 2\n": "config.toml:2: a: told twice; it stands in line 1 already",
    'a = """\n\n': "config.toml:3: not valid TOML: ",
    "a = " + "[" * 5000: "config.toml: nested too deeply to be a config",
    "a = " + "9" * 5000: "config.toml: not valid TOML: Exceeds the limit",
}

FAULTS = UNKNOWN | MISSING | TYPES | RANGES | RULES | SECRETS | FILES


def told(directory: Path, text: str | bytes) -> str:
    path = directory / "config.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(Faults) as caught:
        load(path, {})
    assert caught.value.exit_code == 78
    return str(caught.value).replace(f"{directory}/", "")


@pytest.mark.parametrize(("text", "complaint"), FAULTS.items(), ids=range(len(FAULTS)))
def test_a_fault_is_told_with_its_line_its_key_and_what_to_do(tmp_path: Path, text: str, complaint: str) -> None:
    assert complaint in told(tmp_path, text)


@pytest.mark.parametrize("text", SECRETS)
def test_a_misplaced_secret_is_never_shown(tmp_path: Path, text: str) -> None:
    complaints = told(tmp_path, text)
    assert "hunter2" not in complaints
    assert "12345678" not in complaints


def test_all_faults_are_told_at_once_in_the_order_of_their_lines(tmp_path: Path) -> None:
    text = (
        DESK.replace("deribit", "deribt").replace("timeout = 5", "timeout = true")
        + "heartbeat_interval = 9\nzebra = 1\n"
        + SX
        + "timeout_seconds = 0\nrequestor = '0x'\nwatch = 'who'"
    )
    lines = told(tmp_path, text).splitlines()
    assert [line.split(": ")[:2] for line in lines] == [
        ["config.toml:2", "watches.quoter.timeout"],
        ["config.toml:4", "accounts.desk.venue"],
        ["config.toml:8", "accounts.desk.heartbeat_interval"],
        ["config.toml:9", "accounts.desk.zebra"],
        ["config.toml:10", "accounts.maker.api"],
        ["config.toml:10", "accounts.maker.api_key"],
        ["config.toml:13", "accounts.maker.timeout_seconds"],
        ["config.toml:14", "accounts.maker.requestor"],
        ["config.toml:15", "accounts.maker.watch"],
    ]


def test_a_key_cannot_play_with_the_terminal(tmp_path: Path) -> None:
    complaints = told(tmp_path, DESK + '"\\u001b[2J" = 1\nauth = "\\u001b[2J"')
    assert "\x1b" not in complaints
    assert 'accounts.desk."\\u001b[2J": unknown key' in complaints


@pytest.mark.parametrize("content", [b"\x00\xff\xfe", b"\x7fELF\x02\x80", "a = 1".encode("utf-16")])
def test_what_is_no_text_is_refused_in_words(tmp_path: Path, content: bytes) -> None:
    assert "not a text file: no UTF-8 at byte" in told(tmp_path, content)


def test_a_missing_file_is_told_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(Faults, match=r"gone.toml: no such file; `deadman init` prints a config to start from"):
        load(tmp_path / "gone.toml", {})


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null"])
def test_a_device_is_no_config_and_is_not_read_for_ever(device: str) -> None:
    with pytest.raises(Faults, match=f"{device}: is not a regular file"):
        load(Path(device), {})


def test_a_pipe_that_nobody_writes_to_is_no_config_and_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(Faults, match="pipe: is not a regular file"):
        load(tmp_path / "pipe", {})


def test_a_file_of_more_than_a_mebibyte_is_no_config(tmp_path: Path) -> None:
    assert "larger than 1 MiB" in told(tmp_path, b"#" * (2**20 + 1))
    assert "larger than" not in told(tmp_path, b"#" * 2**20)


def test_a_directory_is_no_config(tmp_path: Path) -> None:
    with pytest.raises(Faults, match=r"is a directory, not a config file"):
        load(tmp_path, {})


def test_a_path_no_file_can_have_is_refused_in_words() -> None:
    with pytest.raises(Faults, match=r"is no path a file can have"):
        load(Path("a\0b"), {})


def test_an_unreadable_file_is_refused_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, mode: str, opener: object) -> None:
        raise PermissionError(13, os.strerror(13), str(path))

    monkeypatch.setattr(document, "open", refuse, raising=False)
    with pytest.raises(Faults, match=r"config.toml: cannot be read: Permission denied") as caught:
        load(tmp_path / "config.toml", {})
    assert caught.value.exit_code == 78
