"""What a config may say of other hosts, and each fault of it in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from deadman.cli.check import judge
from deadman.config.document import Faults
from deadman.config.load import load

DESK = """
[daemon]
name = "alpha"
[accounts.desk]
venue = "deribit"
network = "testnet"
client_id = "one"
client_secret = { env = "ONE" }
orders_via = ["websocket", "rest"]
"""
OF = 'witness_of = "alpha/desk"'
WITNESS = """
[daemon]
name = "bravo"
[cluster]
endpoints = ["https://10.0.0.5:2379", "http://127.0.0.1:2379"]
user = "bravo"
password = { env = "ETCD" }
[accounts.standby]
venue = "deribit"
network = "testnet"
client_id = "two"
client_secret = { env = "TWO" }
witness_of = "alpha/desk"
"""
SECRETS = {"ONE": "1", "TWO": "2", "ETCD": "3"}


def faults(path: Path, text: str) -> list[str]:
    file = path / "config.toml"
    file.write_text(text)
    with pytest.raises(Faults) as caught:
        load(file, {})
    return [f"{fault.key}: {fault.message}" for fault in caught.value.faults]


def test_a_witness_cancels_and_knows_the_register(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(WITNESS)
    config = load(file, {})
    assert config.cluster is not None
    assert (config.cluster.host_timeout, config.cluster.prefix) == (15.0, "deadman/")
    assert (config.accounts["standby"].on_trip, config.accounts["standby"].witness_of) == ("cancel", "alpha/desk")
    verdict = judge(file, SECRETS, frozenset())
    assert (verdict.faults, verdict.warnings) == ((), ())
    assert verdict.promises["standby"][0] == "stands by for alpha/desk: arms, repairs and renews nothing"
    assert "alpha's host_timeout and 10.3 s more, while etcd answers" in verdict.promises["standby"][2]


def test_a_desk_is_promised_what_a_witness_would_do(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(DESK)
    (warning,) = judge(file, SECRETS, frozenset()).warnings
    assert warning.startswith("accounts.desk: if this host dies its REST orders stay")
    file.write_text(DESK + '[cluster]\nendpoints = ["http://[::1]:2379"]\nhost_timeout = 8\n')
    verdict = judge(file, SECRETS, frozenset())
    assert [warning[:24] for warning in verdict.warnings] == ["cluster.host_timeout = 8"]
    assert "gone within 18.3 s by a witness that stands by" in verdict.promises["desk"][-1]


@pytest.mark.parametrize(
    ("changed", "to", "fault"),
    [
        (
            OF,
            'witness_of = "alpha"',
            "accounts.standby.witness_of: must be daemon",
        ),
        (
            OF,
            'witness_of = "bravo/desk"',
            'accounts.standby.witness_of: "bravo" is this daemon',
        ),
        (
            "[cluster]",
            "[watches.alpha]\ntimeout = 5\n[cluster]",
            'accounts.standby.witness_of: "alpha" is also',
        ),
        (OF, f'{OF}\nwatch = "none"', "accounts.standby.watch: not for a"),
        (OF, f"{OF}\ncancel = {{}}", "accounts.standby.cancel: not for a"),
        ('"https://10.0.0.5:2379"', '"http://10.0.0.5:2379"', "cluster.endpoints: http:// is only for a loopback"),
        ('user = "bravo"', "", "cluster.password: given without user"),
        ('password = { env = "ETCD" }', "", "cluster.user: given without password"),
        ('password = { env = "ETCD" }', 'password = "hush"', "cluster.password: a secret is never written"),
        (
            'user = "bravo"',
            'user = "bravo"\nhost_timeout = 5',
            "cluster.host_timeout: must be 7 to 3600 seconds",
        ),
        ('user = "bravo"', 'user = "bravo"\nkey_file = "x"', "cluster.key_file: given without cert_file"),
        ('user = "bravo"', 'user = "bravo"\nca_file = "nowhere"', "cluster.ca_file: there is no file"),
        ('user = "bravo"', 'user = "bravo"\nhost_timout = 9', "cluster.host_timout: unknown key"),
        ('name = "bravo"', 'name = "Bravo 1"', "daemon.name: must be a name of"),
    ],
)
def test_each_fault_is_told(tmp_path: Path, changed: str, to: str, fault: str) -> None:
    assert any(one.startswith(fault) for one in faults(tmp_path, WITNESS.replace(changed, to))), faults(
        tmp_path, WITNESS.replace(changed, to)
    )


def test_a_witness_needs_a_cluster_and_is_for_no_lease(tmp_path: Path) -> None:
    alone = WITNESS[: WITNESS.index("[cluster]")] + WITNESS[WITNESS.index("[accounts") :]
    assert faults(tmp_path, alone) == ["accounts.standby.witness_of: needs [cluster]"]
    lease = (
        '[accounts.maker]\nvenue = "sxbet"\nnetwork = "testnet"\napi = "v3"\nwatch = "none"\napi_key = { env = "K" }\n'
    )
    assert faults(tmp_path, f'{lease}witness_of = "alpha/desk"\n') == ["accounts.maker.witness_of: unknown key"]


def test_a_wrong_password_is_a_secret_like_any_other(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(WITNESS)
    (fault,) = judge(file, {"TWO": "2"}, frozenset()).faults
    assert (fault.key, fault.message) == ("cluster.password", "environment variable ETCD is not set")
