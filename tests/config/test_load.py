"""What a valid config becomes, and the defaults that depend on other keys."""

from __future__ import annotations

from pathlib import Path

import pytest

from deadman.config.document import Faults
from deadman.config.load import load, load_daemon
from deadman.model.secret import SecretSource
from deadman.model.settings import Config, Selection, WatchConfig
from deadman.venues.deribit.settings import DeribitAccount
from deadman.venues.sxbet.settings import SxBetAccount

WATCHES = "[watches.quoter]\ntimeout = 5\n[watches.hedger]\ntimeout = 2.5\n"
DERIBIT = """
[accounts.desk]
venue = "deribit"
network = "mainnet"
client_id = "id"
client_secret = { credential = "desk" }
"""
COINBASE = """
[accounts.desk]
venue = "deribit"
network = "coinbase"
key_name = "organizations/1/apiKeys/2"
private_key = { file = "key.pem" }
"""
SXBET = """
[accounts.maker]
venue = "sxbet"
network = "mainnet"
api = "v3"
api_key = { env = "SX_KEY" }
watch = "none"
"""
SXBET_V2 = SXBET.replace('"v3"', '"v2"\nrequestor = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"')


@pytest.fixture
def write(tmp_path: Path) -> Write:
    return Write(tmp_path / "config.toml")


class Write:
    """Loads a text as if it stood in a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __call__(self, text: str) -> Config:
        self.path.write_text(text)
        return load(self.path, {})

    def deribit(self, text: str) -> DeribitAccount:
        account = self(text).accounts["desk"]
        assert isinstance(account, DeribitAccount)
        return account

    def sxbet(self, text: str) -> SxBetAccount:
        account = self(text).accounts["maker"]
        assert isinstance(account, SxBetAccount)
        return account


def test_a_deribit_account_gets_the_documented_defaults(write: Write) -> None:
    assert write.deribit(DERIBIT) == DeribitAccount(
        name="desk",
        network="mainnet",
        url="wss://www.deribit.com/ws/api/v2",
        client_id="id",
        client_secret=SecretSource("credential", "desk"),
        auth="signature",
        heartbeat_interval=10,
        verify_interval=30.0,
        watches=(),
        on_trip="none",
        cancel=Selection(),
        orders_via=("websocket",),
        observe=False,
    )


def test_an_sx_bet_account_gets_the_documented_defaults(write: Write) -> None:
    assert write.sxbet(SXBET) == SxBetAccount(
        name="maker",
        network="mainnet",
        url="https://api.sx.bet",
        api="v3",
        api_key=SecretSource("env", "SX_KEY"),
        timeout_seconds=30,
        renew_interval=10.0,
        watches=(),
        on_trip="cancel",
    )


def test_the_daemon_has_defaults_without_its_table(write: Write) -> None:
    daemon = write(DERIBIT).daemon
    assert (daemon.listen, daemon.log_format, daemon.log_level) == (("127.0.0.1", 9847), "auto", "info")
    assert (daemon.operators, daemon.socket_group, daemon.webhook, daemon.ping) == ((), None, None, None)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        (DERIBIT.replace("mainnet", "testnet"), "wss://test.deribit.com/ws/api/v2"),
        (COINBASE, "wss://drb.coinbase.com/ws/api/v2"),
        (SXBET.replace("mainnet", "testnet"), "https://api.toronto.sx.bet"),
        (DERIBIT + 'url = "ws://127.0.0.1:8080/ws/api/v2"', "ws://127.0.0.1:8080/ws/api/v2"),
        (DERIBIT + 'url = "wss://gateway.example:444/x"', "wss://gateway.example:444/x"),
        (SXBET + 'url = "http://[::1]:8081/"', "http://[::1]:8081"),
        (SXBET + 'url = "http://localhost:8081"', "http://localhost:8081"),
    ],
)
def test_the_url_is_the_networks_unless_given(write: Write, text: str, url: str) -> None:
    (account,) = write(text).accounts.values()
    assert account.url == url


def test_a_watch_turns_cancelling_on(write: Write) -> None:
    account = write.deribit(WATCHES + DERIBIT + 'watch = ["quoter", "hedger"]')
    assert (account.watches, account.on_trip) == (("quoter", "hedger"), "cancel")


def test_one_watch_needs_no_list(write: Write) -> None:
    assert write.deribit(WATCHES + DERIBIT + 'watch = "quoter"\non_trip = "none"').watches == ("quoter",)


def test_a_trip_of_v2_expires_the_lease(write: Write) -> None:
    assert write.sxbet(SXBET_V2).on_trip == "expire"
    assert write.sxbet(SXBET_V2 + 'on_trip = "lapse"').on_trip == "lapse"


def test_renewals_come_three_to_a_lease(write: Write) -> None:
    assert write.sxbet(SXBET + "timeout_seconds = 12").renew_interval == 4
    assert write.sxbet(SXBET + "timeout_seconds = 12\nrenew_interval = 4").renew_interval == 4
    assert write.sxbet(SXBET + "timeout_seconds = 12\nrenew_interval = 2.5").renew_interval == 2.5


def test_watches_are_read(write: Write) -> None:
    text = WATCHES + '[watches.other]\ntimeout = 1\non_stopping = "release"\nuser = "bot"\n' + DERIBIT
    assert write(text).watches == {
        "quoter": WatchConfig("quoter", 5.0),
        "hedger": WatchConfig("hedger", 2.5),
        "other": WatchConfig("other", 1.0, "release", "bot"),
    }


def test_a_selection_narrows_what_is_cancelled(write: Write) -> None:
    narrow = DERIBIT + '[accounts.desk.cancel]\ncurrency = "BTC"\nkind = "option"\ntype = "limit"'
    assert write.deribit(narrow).cancel == Selection("BTC", "option", "limit")
    assert write.deribit(DERIBIT + 'cancel = { label = "mm", currency = "ETH" }').cancel == Selection("ETH", label="mm")


@pytest.mark.parametrize(
    ("given", "listen"),
    [("", None), ("192.0.2.1:80", ("192.0.2.1", 80)), ("[::1]:9847", ("::1", 9847)), ("localhost:0", ("localhost", 0))],
)
def test_listen_is_a_host_and_a_port(write: Write, given: str, listen: tuple[str, int] | None) -> None:
    assert write(f'[daemon]\nlisten = "{given}"\n' + DERIBIT).daemon.listen == listen


def test_relative_paths_are_relative_to_the_config(write: Write, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\n")
    account = write.deribit(COINBASE + 'ca_file = "ca.pem"')
    assert account.ca_file == tmp_path / "ca.pem"
    assert account.private_key == SecretSource("file", str(tmp_path / "key.pem"))
    assert write('[daemon]\nstate_directory = "state"\n' + DERIBIT).daemon.state_directory == tmp_path / "state"


def test_a_source_knows_its_line_yet_a_moved_line_is_no_change(write: Write) -> None:
    first = write.deribit(DERIBIT)
    moved = write.deribit("\n\n" + DERIBIT)
    assert first.client_secret is not None
    assert moved.client_secret is not None
    assert (first.client_secret.line, moved.client_secret.line) == (6, 8)
    assert first == moved


def test_a_byte_order_mark_and_foreign_line_ends_are_forgiven(write: Write) -> None:
    write.path.write_bytes(b"\xef\xbb\xbf" + DERIBIT.replace("\n", "\r\n").encode())
    assert "desk" in load(write.path, {}).accounts


def test_clients_need_nothing_but_the_daemons_table(write: Write) -> None:
    write.path.write_text('[daemon]\nruntime_directory = "/x"\n[accounts.broken]\nvenue = "nope"\n')
    assert load_daemon(write.path, {}).runtime_directory == Path("/x")


def test_clients_are_told_of_faults_in_the_daemons_table(write: Write) -> None:
    write.path.write_text("[daemon]\nlisten = 80\n")
    with pytest.raises(Faults, match=r"config.toml:2: daemon.listen: must be a string"):
        load_daemon(write.path, {})
