"""The rules of a Deribit account (or one at Coinbase's gateway to it)."""

from __future__ import annotations

from importlib.util import find_spec

from deadman.config.keys import SELECTION, Section
from deadman.model.settings import Selection

URLS = {
    "mainnet": "wss://www.deribit.com/ws/api/v2",
    "testnet": "wss://test.deribit.com/ws/api/v2",
    "coinbase": "wss://drb.coinbase.com/ws/api/v2",
}
_COINBASE_KEYS = ("key_name", "private_key")
_DERIBIT_KEYS = ("client_id", "client_secret")


def settle(section: Section) -> None:
    """Check the rules between keys and fill in the defaults that depend on other keys."""
    values = section.values
    if values.get("network") == "coinbase":
        _check_coinbase_keys(section)
    else:
        _check_deribit_keys(section)
    if "url" in values and values["url"] is None and "network" in values:
        values["url"] = URLS[values["network"]]
    if "on_trip" in values and values["on_trip"] is None:
        values["on_trip"] = "cancel" if values.get("watches") else "none"
    _settle_selection(section)


def _check_coinbase_keys(section: Section) -> None:
    if find_spec("jwt") is None:
        section.fault("network", "coinbase needs an extra package", "pip install 'deadman[coinbase]'")
    for name in _COINBASE_KEYS:
        if not section.given(name):
            section.fault(name, "missing", "Coinbase logs in with key_name and private_key")
    for name in _DERIBIT_KEYS:
        if section.given(name):
            section.fault(name, "not for Coinbase", "it logs in with key_name and private_key")
    if section.values.get("auth") == "secret":
        section.fault("auth", '"secret" is not for Coinbase', "leave it out: a private key always signs")


def _check_deribit_keys(section: Section) -> None:
    if section.given("key_name"):
        section.fault("key_name", 'only for network "coinbase"', "Deribit knows a key by its client_id")
    if not section.given("client_id"):
        section.fault("client_id", "missing", "it is the API key's id at Deribit")
    if section.given("client_secret") and section.given("private_key"):
        section.fault("private_key", "given beside client_secret", "keep the one this API key was made with")
    if not section.given("client_secret") and not section.given("private_key"):
        section.fault("client_secret", "missing", "or private_key, for an asymmetric API key")
    if section.given("private_key") and section.values.get("auth") == "secret":
        section.fault("auth", '"secret" does not go with private_key', "leave it out: a private key always signs")


def _settle_selection(section: Section) -> None:
    if "cancel" not in section.values:
        return
    selection = section.below("cancel")
    selection.read(SELECTION)
    section.values["cancel"] = Selection(**selection.values)
