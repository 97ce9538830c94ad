"""The rules of an SX Bet account."""

from __future__ import annotations

from deadman.config.keys import Section

URLS = {"mainnet": "https://api.sx.bet", "testnet": "https://api.toronto.sx.bet"}
RENEWALS_PER_LEASE = 3  # so that two may fail and the third still comes in time


def settle(section: Section) -> None:
    """Check the rules between keys and fill in the defaults that depend on other keys."""
    _settle_url(section)
    _settle_renewals(section)
    match section.values.get("api"):
        case "v2":
            _settle_v2(section)
        case "v3":
            _settle_v3(section)


def _settle_url(section: Section) -> None:
    values = section.values
    if values.get("url") is not None:
        values["url"] = values["url"].rstrip("/")
    elif "url" in values and "network" in values:
        values["url"] = URLS[values["network"]]


def _settle_renewals(section: Section) -> None:
    values = section.values
    if "timeout_seconds" not in values or "renew_interval" not in values:
        return
    most = values["timeout_seconds"] / RENEWALS_PER_LEASE
    if values["renew_interval"] is None:
        values["renew_interval"] = most
    elif values["renew_interval"] > most:
        section.fault(
            "renew_interval",
            f"must be at most {most:g}, a third of timeout_seconds, not {values['renew_interval']:g}",
            "so that two renewals may fail and a third still comes in time",
        )


def _settle_v2(section: Section) -> None:
    values = section.values
    if not section.given("requestor"):
        section.fault("requestor", "missing", "with V2 it is the wallet whose orders are guarded")
    if values.get("on_trip") == "cancel":
        section.fault(
            "on_trip", '"cancel" needs api = "v3"', 'V2 cancels only with the wallet\'s private key; use "expire"'
        )
    if "on_trip" in values:
        values["on_trip"] = values["on_trip"] or "expire"


def _settle_v3(section: Section) -> None:
    if section.given("requestor"):
        section.fault("requestor", "only for V2", "with V3 the venue knows the account by its key: leave it out")
    if "on_trip" in section.values:
        section.values["on_trip"] = section.values["on_trip"] or "cancel"
