"""`check` reads the unit that is installed, and compares its watchdog with the venues' patience."""

from __future__ import annotations

from pathlib import Path

import pytest

from deadman.cli.check import judge
from deadman.config.advice import early_watchdog, unit_texts, watchdog_seconds
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
    assert watchdog_seconds([SHIPPED]) == 30
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
    return list(early_watchdog(config, watchdog))


def test_the_shipped_watchdog_suits_the_default_heartbeat() -> None:
    assert told(watchdog_seconds([SHIPPED]), deribit("desk"), sxbet("maker")) == []


def test_a_watchdog_that_comes_before_deribit_is_told_with_the_account() -> None:
    (sentence,) = told(15, deribit("desk"), sxbet("maker"))
    assert "WatchdogSec=15" in sentence
    assert "desk, after 20 s" in sentence


def test_leases_and_absent_units_have_no_say() -> None:
    assert told(1, sxbet("maker")) == []
    assert told(None, deribit("desk")) == []


def test_check_tells_it(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    account = '[accounts.a]\nvenue = "deribit"\nnetwork = "mainnet"\nclient_id = "i"\nclient_secret = { env = "S" }\n'
    path.write_text(account)
    assert any("WatchdogSec=5 " in one for one in judge(path, {"S": "k"}, frozenset(), 5).warnings)
    assert judge(path, {"S": "k"}, frozenset(), 30).warnings == ()
