"""The accounts of a desk in memory, and where their venues are."""

from __future__ import annotations

from deadman.model.secret import SecretSource
from deadman.model.settings import Account
from deadman.venues.deribit.settings import DeribitAccount
from deadman.venues.sxbet.settings import SxBetAccount, checksum_address

DERIBIT_HOST, COINBASE_HOST, SXBET_HOST = "deribit.localhost", "coinbase.localhost", "sxbet.localhost"
HOSTS = (DERIBIT_HOST, COINBASE_HOST, SXBET_HOST)
OTHER_DERIBIT_HOST, OTHER_SXBET_HOST = "mainnet.deribit.localhost", "mainnet.sxbet.localhost"


def deribit_account(name: str = "desk", **changes: object) -> DeribitAccount:
    fields = {
        "network": "testnet",
        "url": f"wss://{DERIBIT_HOST}/ws/api/v2",
        "client_id": f"id-{name}",
        "client_secret": SecretSource("env", name),
        **changes,
    }
    return DeribitAccount(name, **fields)  # type: ignore[arg-type]


def coinbase_account(name: str = "gate", **changes: object) -> DeribitAccount:
    fields = {
        "network": "coinbase",
        "url": f"wss://{COINBASE_HOST}/ws/api/v2",
        "key_name": f"keys/{name}",
        "private_key": SecretSource("env", name),
        **changes,
    }
    return DeribitAccount(name, **fields)  # type: ignore[arg-type]


def sxbet_account(name: str = "maker", api: str = "v3", **changes: object) -> SxBetAccount:
    requestor = checksum_address(f"0x{name.encode().hex():0>40}") if api == "v2" else None
    fields = {"network": "testnet", "url": f"https://{SXBET_HOST}", "requestor": requestor, **changes}
    return SxBetAccount(name, api=api, api_key=SecretSource("env", name), **fields)  # type: ignore[arg-type]


def host_of(account: Account) -> str:
    if isinstance(account, SxBetAccount):
        return SXBET_HOST
    return COINBASE_HOST if account.network == "coinbase" else DERIBIT_HOST
