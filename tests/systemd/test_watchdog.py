"""`check` reads the unit that is installed, and compares its watchdog with the leases."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from deadman.cli.check import judge
from deadman.config.advice import late_watchdog, unit_texts, watchdog_seconds
from deadman.model.settings import Account, Config, DaemonConfig
from tests.support.boards import deribit, sxbet

SHIPPED = (Path(__file__).parents[2] / "systemd" / "deadman.service").read_text()


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("30s", 30), ("45", 45), ("1min 30s", 90), ("2 min", 120), ("500ms", 0.5), ("0", None), ("infinity", None)],
)
def test_a_span_is_read_as_systemd_reads_it(said: str, seconds: float | None) -> None:
    assert watchdog_seconds([f"[Service]\nWatchdogSec={said}\n"]) == seconds


def test_a_drop_in_has_the_last_word() -> None:
    assert watchdog_seconds([SHIPPED]) == 15
    assert watchdog_seconds([SHIPPED, "[Service]\nWatchdogSec=60\n"]) == 60
    assert watchdog_seconds(["[Service]\n#WatchdogSec=5\n"]) is None


def test_the_administrators_unit_stands_before_the_packaged_one(tmp_path: Path) -> None:
    packaged, own = tmp_path / "lib", tmp_path / "etc"
    for place, text in ((packaged, "packaged"), (own, "own")):
        (place / "deadman.service.d").mkdir(parents=True)
        (place / "deadman.service").write_text(text)
    (own / "deadman.service.d" / "a.conf").write_text("first drop-in")
    (packaged / "deadman.service.d" / "b.conf").write_text("second drop-in")
    assert unit_texts((packaged, own)) == ["own", "first drop-in", "second drop-in"]
    assert unit_texts((tmp_path / "nowhere",)) == []


def told(watchdog: float | None, *accounts: Account) -> list[str]:
    config = Config(Path("c"), DaemonConfig(Path("r"), Path("s")), {}, {one.name: one for one in accounts})
    return list(late_watchdog(config, watchdog))


def test_the_shipped_watchdog_and_the_default_lease_suit_each_other() -> None:
    assert told(watchdog_seconds([SHIPPED]), deribit("desk"), sxbet("maker")) == []


def test_a_lease_that_ends_before_a_stalled_daemon_is_back_is_told_with_its_account() -> None:
    (sentence,) = told(
        15, deribit("desk"), sxbet("maker"), replace(sxbet("short"), timeout_seconds=20, renew_interval=6)
    )
    assert "accounts.short.timeout_seconds = 20: " in sentence
    assert "WatchdogSec=15 " in sentence


def test_where_no_unit_is_installed_nothing_is_told() -> None:
    assert told(None, replace(sxbet("maker"), timeout_seconds=5)) == []


def test_check_tells_it(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    account = (
        '[accounts.a]\nvenue = "sxbet"\nnetwork = "testnet"\napi = "v3"\nwatch = "none"\napi_key = { env = "S" }\n'
    )
    path.write_text(account)
    assert any("WatchdogSec=30 " in one for one in judge(path, {"S": "k"}, frozenset(), 30).warnings)
    assert judge(path, {"S": "k"}, frozenset(), 15).warnings == ()
