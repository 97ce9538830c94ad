"""What a person writes into the config: one edit for each key there is, and the edits that go beyond one key."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from deadman.config.load import account_keys
from deadman.model.keys import Key, keys_of
from deadman.model.secret import SecretSource
from deadman.model.settings import Account, DaemonConfig, Selection, WatchConfig
from deadman.simulator.sxbet.venue import SxBet
from deadman.venues.deribit.settings import DrillOrder
from tests.swarm.world.accounts import OTHER_DERIBIT_HOST, OTHER_SXBET_HOST, deribit_account, sxbet_account
from tests.swarm.world.desk import Desk
from tests.swarm.world.market import FULL, GATEWAY_SCOPE, GATEWAY_SEED

BESIDE_ANOTHER_HOST = {"witness_of"}
"""Keys that mean nothing on a host that is alone: `tests/cluster/edits` edits them on one of two."""

TABLES: Mapping[str, tuple[Key, ...]] = {
    "daemon": keys_of(DaemonConfig),
    "watches": keys_of(WatchConfig),
    "deribit": tuple(key for key in account_keys("deribit") if key.name not in BESIDE_ANOTHER_HOST),
    "sxbet": account_keys("sxbet"),
    "cancel": keys_of(Selection),
}
"""Every table of the config that holds keys."""

SUBJECTS: Mapping[str, str] = {
    "daemon": "desk",
    "watches": "desk",
    "deribit": "desk",
    "sxbet": "maker",
    "cancel": "desk",
}
"""The account that an edit of a table is tried on, where the edit does not say another."""


@dataclass(frozen=True)
class Written:
    """What the file says: the typed config before it is rendered."""

    accounts: Mapping[str, Account]
    watches: Mapping[str, WatchConfig]
    daemon: Mapping[str, Any]

    @classmethod
    def of(cls, desk: Desk) -> Written:
        return cls(dict(desk.accounts), dict(desk.watches), dict(desk.daemon))

    def account(self, name: str, **changes: Any) -> Written:
        return self.exchange(name, replace(self.accounts[name], **changes))

    def exchange(self, name: str, account: Account) -> Written:
        return replace(self, accounts={**self.accounts, name: account})

    def without(self, name: str) -> Written:
        return replace(self, accounts={known: one for known, one in self.accounts.items() if known != name})

    def watch(self, name: str = "quoter", **changes: Any) -> Written:
        known = self.watches.get(name, WatchConfig(name, 2.0))
        return replace(self, watches={**self.watches, name: replace(known, **changes)})

    def daemons(self, **changes: Any) -> Written:
        return replace(self, daemon={**self.daemon, **changes})


@dataclass(frozen=True)
class Edit:
    """`write` may also do at the venues and on the disk what such an edit goes with; `subject` is whom it concerns."""

    write: Callable[[Desk, Written], Written]
    subject: str = ""


def change(name: str, **changes: Any) -> Edit:
    return Edit(lambda _, written: written.account(name, **changes), name)


def daemon(**changes: Any) -> Edit:
    return Edit(lambda _, written: written.daemons(**changes))


def watch(**changes: Any) -> Edit:
    return Edit(lambda _, written: written.watch(**changes))


def select(**parts: str) -> Edit:
    return change("desk", cancel=Selection(**parts))


def to_the_other_venue(to: Account) -> Callable[[Desk, Written], Written]:
    """The name goes on, over an account that another venue knows."""

    def write(desk: Desk, written: Written) -> Written:
        desk.market.enroll(replace(to, name="elsewhere"))
        return written.exchange(to.name, to)

    return write


def other_path(name: str, key: str) -> Edit:
    """The same secret, kept elsewhere."""

    def write(desk: Desk, written: Written) -> Written:
        desk.market.secrets[f"{name}_copy"] = desk.market.secrets[name]
        return written.account(name, **{key: SecretSource("env", f"{name}_copy")})

    return Edit(write, name)


def other_key_of_the_account(desk: Desk, written: Written) -> Written:
    desk.market.deribit.add_key("id-second", "desk", secret=desk.market.secrets["desk"].reveal(), scope=FULL)
    return written.account("desk", client_id="id-second")


def key_of_another_account(desk: Desk, written: Written) -> Written:
    """The new key opens an account of somebody else, who has set its switch himself and has orders of his own."""
    desk.market.deribit.add_key("id-other", "other", secret=desk.market.secrets["desk"].reveal(), scope=FULL)
    desk.market.deribit.switch("other", on=True)
    desk.market.deribit.exchange.place("other")
    return written.account("desk", client_id="id-other")


def other_gateway_key(desk: Desk, written: Written) -> Written:
    public = Ed25519PrivateKey.from_private_bytes(GATEWAY_SEED).public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    desk.market.coinbase.add_key("keys/second", "gate", public_key=pem, scope=GATEWAY_SCOPE)
    return written.account("gate", key_name="keys/second")


def to_v2(desk: Desk, written: Written) -> Written:
    """A key of the other generation, of a wallet of its own."""
    second = sxbet_account("second", "v2")
    desk.market.enroll(second)
    return written.account("maker", api="v2", requestor=second.requestor, api_key=second.api_key, on_trip="expire")


def other_wallet(desk: Desk, written: Written) -> Written:
    second = sxbet_account("second", "v2")
    desk.market.enroll(second)
    desk.market.sxbet.exchange.place("second")
    return written.account("legacy", requestor=second.requestor, api_key=second.api_key)


def key_of_another_wallet(desk: Desk, written: Written) -> Written:
    """The config names another key, and only the venue's list tells that it is another wallet's."""
    desk.market.enroll(sxbet_account("second"))
    desk.market.sxbet.exchange.place("second")
    return written.account("maker", api_key=SecretSource("env", "second"))


def other_network(name: str, **changes: Any) -> Edit:
    """The same key opens an account at another venue, which has somebody's order and switch."""

    def write(desk: Desk, written: Written) -> Written:
        after = written.account(name, **changes)
        account, there = after.accounts[name], f"{name}, elsewhere"
        venue, secret = desk.market.venue(account), desk.market.secrets[name].reveal()
        if isinstance(venue, SxBet):
            venue.add_account(there, secret)
        else:
            venue.add_key(f"id-{name}", there, secret=secret, scope=FULL)
            venue.switch(there, on=True)
        venue.exchange.place(there)
        return after

    return Edit(write, name)


def own_authorities(name: str) -> Edit:
    def write(desk: Desk, written: Written) -> Written:
        path = desk.host.directory / "ca.pem"
        path.write_text("-----BEGIN CERTIFICATE-----\n")
        return written.account(name, ca_file=path)

    return Edit(write, name)


def second_watch(name: str) -> Edit:
    """A second bot, which is not up."""

    def write(_: Desk, written: Written) -> Written:
        return written.watch("hedger").account(name, watches=("quoter", "hedger"))

    return Edit(write, name)


def second_watch_that_is_up(desk: Desk, written: Written) -> Written:
    desk.bot("hedger")
    accounts = {name: replace(one, watches=("quoter", "hedger")) for name, one in written.accounts.items()}
    return replace(written.watch("hedger"), accounts=accounts)


EDITS: Mapping[tuple[str, str], Edit] = {
    ("daemon", "listen"): daemon(listen="127.0.0.1:9848"),
    ("daemon", "runtime_directory"): daemon(runtime_directory="/run/other"),
    ("daemon", "state_directory"): daemon(state_directory="/var/lib/other"),
    ("daemon", "name"): daemon(name="bravo"),
    ("daemon", "log_format"): daemon(log_format="json"),
    ("daemon", "log_level"): daemon(log_level="debug"),
    ("daemon", "socket_group"): daemon(socket_group="root"),
    ("daemon", "operators"): daemon(operators=["root"]),
    ("daemon", "webhook"): daemon(webhook="https://hook.localhost/x"),
    ("daemon", "ping"): daemon(ping="https://hook.localhost/y"),
    ("watches", "timeout"): watch(timeout=3.0),
    ("watches", "on_stopping"): watch(on_stopping="release"),
    ("watches", "user"): watch(user="1000"),
    ("deribit", "venue"): Edit(
        to_the_other_venue(
            replace(
                sxbet_account("desk", watches=("quoter",), timeout_seconds=15, renew_interval=5.0),
                api_key=SecretSource("env", "elsewhere"),
            )
        )
    ),
    ("deribit", "observe"): change("desk", observe=True),
    ("deribit", "ca_file"): own_authorities("desk"),
    ("deribit", "network"): other_network("desk", network="mainnet", url=f"wss://{OTHER_DERIBIT_HOST}/ws/api/v2"),
    ("deribit", "url"): change("desk", url="wss://deribit.localhost:443/ws/api/v2"),
    ("deribit", "client_id"): Edit(other_key_of_the_account, "desk"),
    ("deribit", "client_secret"): other_path("desk", "client_secret"),
    ("deribit", "private_key"): other_path("gate", "private_key"),
    ("deribit", "key_name"): Edit(other_gateway_key, "gate"),
    ("deribit", "auth"): change("desk", auth="secret"),
    ("deribit", "heartbeat_interval"): change("desk", heartbeat_interval=20),
    ("deribit", "verify_interval"): change("desk", verify_interval=3.0),
    ("deribit", "probe_interval"): change("desk", probe_interval=1.0),
    ("deribit", "watch"): second_watch("desk"),
    ("deribit", "on_trip"): change("desk", on_trip="none"),
    ("deribit", "cancel"): select(label="quotes"),
    ("deribit", "orders_via"): change("desk", orders_via=("rest", "fix")),
    ("deribit", "drill"): change("desk", drill=DrillOrder(percent=60)),
    ("cancel", "currency"): select(currency="BTC"),
    ("cancel", "kind"): select(kind="future"),
    ("cancel", "type"): select(type="limit"),
    ("cancel", "label"): select(label="quotes", type="limit"),
    ("sxbet", "venue"): Edit(
        to_the_other_venue(
            deribit_account(
                "maker", watches=("quoter",), client_id="id-elsewhere", client_secret=SecretSource("env", "elsewhere")
            )
        )
    ),
    ("sxbet", "observe"): change("maker", observe=True),
    ("sxbet", "ca_file"): own_authorities("maker"),
    ("sxbet", "network"): other_network("maker", network="mainnet", url=f"https://{OTHER_SXBET_HOST}"),
    ("sxbet", "url"): other_network("maker", url=f"https://{OTHER_SXBET_HOST}"),
    ("sxbet", "api"): Edit(to_v2, "maker"),
    ("sxbet", "requestor"): Edit(other_wallet, "legacy"),
    ("sxbet", "api_key"): other_path("maker", "api_key"),
    ("sxbet", "timeout_seconds"): change("maker", timeout_seconds=30),
    ("sxbet", "renew_interval"): change("maker", renew_interval=2.0),
    ("sxbet", "watch"): second_watch("maker"),
    ("sxbet", "on_trip"): change("maker", on_trip="lapse"),
}
"""By table and key. A key that is not here fails the play: nobody knows what its edit does."""

FURTHER: Mapping[str, Edit] = {
    "nothing": Edit(lambda _, written: written),
    "client_id of another account": Edit(key_of_another_account, "desk"),
    "api_key of another wallet": Edit(key_of_another_wallet, "maker"),
    "a second watch that is up": Edit(second_watch_that_is_up),
    "no watch at Deribit": change("desk", watches=(), on_trip="none"),
    "no watch at SX Bet": change("maker", watches=()),
    "a shorter lease": change("maker", timeout_seconds=6, renew_interval=2.0),
    "an account gone": Edit(lambda _, written: written.without("desk"), "desk"),
    "a lease gone": Edit(lambda _, written: written.without("maker"), "maker"),
    "another account": Edit(
        lambda _, written: written.exchange("spare", deribit_account("spare", watches=("quoter",), on_trip="cancel"))
    ),
}
"""What goes beyond one key; the file stays a good one."""

BROKEN: Mapping[str, Callable[[str], str]] = {
    "no TOML": lambda text: f"{text}\n[accounts.broken\n",
    "an unknown key": lambda text: f'{text}\n[accounts.spare]\nvenue = "deribit"\nnetwrok = "testnet"\n',
    "a user whom nobody knows": lambda text: text.replace("[watches.quoter]", '[watches.quoter]\nuser = "nosuchuser"'),
    "a secret that cannot be read": lambda text: text.replace('env = "desk"', 'env = "gone"'),
    "an empty file": lambda _: "",
}
"""What makes of a good file one that cannot be taken."""


def missing_keys() -> Iterator[tuple[str, str]]:
    """Keys of the config without an edit."""
    for table, keys in TABLES.items():
        yield from ((table, key.name) for key in keys if (table, key.name) not in EDITS)


def subject(table: str, edit: Edit) -> str:
    return edit.subject or SUBJECTS[table]
