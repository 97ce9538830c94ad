"""What is written down of the facts, where they may be tried, and that no mainnet is ever among those places."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from tests.venue_facts.facts import BOOK, Book, Outcome
from tests.venue_facts.places import TEST_NETWORKS, address, place_of

MODULES = ("test_deribit_sessions", "test_deribit_switch", "test_deribit_orders", "test_coinbase", "test_sxbet")


def test_there_are_many_statements_and_each_names_a_public_document() -> None:
    for name in MODULES:
        import_module(f"tests.venue_facts.{name}")
    facts = [(statement, source) for statement, source, is_question in BOOK.statements if not is_question]
    assert len(facts) >= 60
    assert not [statement for statement, source in facts if not source.startswith("docs.")]


@pytest.mark.parametrize(
    "account",
    [
        {"venue": "deribit", "network": "mainnet"},
        {"venue": "deribit", "network": "coinbase"},
        {"venue": "deribit", "network": "testnet", "url": "wss://www.deribit.com/ws/api/v2"},
        {"venue": "sxbet", "network": "mainnet", "api": "v3"},
        {"venue": "sxbet", "network": "testnet", "api": "v3", "url": "https://api.sx.bet"},
        {"venue": "another", "network": "testnet"},
        {"venue": "deribit"},
    ],
)
def test_what_is_not_a_test_network_is_no_place(account: dict[str, str]) -> None:
    assert address(account) is None


def test_test_networks_and_this_machine_are() -> None:
    assert address({"venue": "deribit", "network": "testnet"}) == TEST_NETWORKS["deribit"]
    here = "wss://127.0.0.1:4433/ws/api/v2"
    assert address({"venue": "deribit", "network": "testnet", "url": here}) == here


def test_a_place_is_the_first_account_that_fits(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hush\n")
    config = tmp_path / "config.toml"
    config.write_text(
        f'[accounts.real]\nvenue = "deribit"\nnetwork = "mainnet"\nclient_id = "a"\n'
        f'client_secret = {{ file = "{tmp_path}/secret" }}\n'
        f'[accounts.test]\nvenue = "deribit"\nnetwork = "testnet"\nclient_id = "b"\n'
        f'client_secret = {{ file = "{tmp_path}/secret" }}\n'
    )
    place = place_of(config, "deribit")
    assert place is not None
    assert (place.host, place.port, place.key) == ("test.deribit.com", 443, ("b", "hush"))
    assert place_of(config, "sxbet", "v3") is None


def test_the_report_says_what_differs_first_and_what_was_answered() -> None:
    outcomes = [
        Outcome("it is so", "docs.one", "held"),
        Outcome("it is else", "docs.two", "differs", "assert 1 == 2"),
        Outcome("how long", "nowhere", "answered", "10 s"),
    ]
    report = Book(outcomes).report()
    assert report.startswith("# Venue facts\n\n1 differs, 1 held, 1 answered, 0 not testable.\n")
    assert report.index("* it is else: assert 1 == 2 (docs.two)") < report.index("* it is so (docs.one)")
    assert "## Questions\n\n* how long: 10 s (nowhere)\n" in report


def test_without_an_account_on_a_test_network_nothing_is_tried_and_the_report_says_why(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[accounts.real]\nvenue = "sxbet"\nnetwork = "mainnet"\napi = "v3"\n')
    tests = Path(__file__).with_name("test_sxbet.py")
    command = [sys.executable, "-m", "pytest", "-n", "0", "-q", "-p", "no:cacheprovider", str(tests)]
    done = subprocess.run(
        command, cwd=tmp_path, env=os.environ | {"DEADMAN_LIVE": str(config)}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout
    report = (tmp_path / "venue-facts.md").read_text()
    assert "0 differs, 0 held, 0 answered" in report
    assert "the config has no account there" in report
