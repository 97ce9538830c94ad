"""What a scrape says, read back with the parsers Prometheus' own library has."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client.exposition import choose_encoder
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from deadman import __version__
from deadman.cli import main
from deadman.model import facts
from deadman.model.account import Histogram
from deadman.model.errors import Reason
from deadman.model.facts import Cause
from deadman.model.guard import Phase
from deadman.model.watch import Hold, Watch
from deadman.telemetry.scrape import Scrapes, registry
from tests.support.boards import NOON, Hand, deribit, hand, sxbet

OPENMETRICS = "application/openmetrics-text;version=1.0.0"
Series = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def scrape(held: Hand, accept: str = "") -> str:
    return Scrapes(registry(held.board)).answer(accept).body.decode()


def read(text: str) -> Series:
    parse = parse_openmetrics if text.endswith("# EOF\n") else parse_text
    samples = (sample for family in parse(text) for sample in family.samples)
    return {(sample.name, tuple(sorted(sample.labels.items()))): sample.value for sample in samples}


def value(held: Hand, name: str, **labels: str) -> float:
    return read(scrape(held))[name, tuple(sorted(labels.items()))]


def names(held: Hand) -> set[str]:
    return {name for name, _ in read(scrape(held))}


@pytest.fixture
def desk() -> Hand:
    return hand(deribit("desk"), sxbet("maker"))


CONTRACT = """
deadman_account_info{account,venue,network} deadman_account_phase{account,phase}
deadman_account_protected{account} deadman_account_wanted{account} deadman_account_can_cancel{account}
deadman_account_margin_seconds{account}
deadman_account_proof_timestamp_seconds{account} deadman_account_proof_expiry_timestamp_seconds{account}
deadman_account_unprotected_seconds_total{account} deadman_account_transitions_total{account,phase}
deadman_renewals_attempted_total{account} deadman_renewals_confirmed_total{account}
deadman_renewal_margin_seconds_bucket{account,le} deadman_renewal_margin_seconds_sum{account}
deadman_renewal_margin_seconds_count{account}
deadman_round_trip_seconds_bucket{account,le} deadman_round_trip_seconds_sum{account}
deadman_round_trip_seconds_count{account}
deadman_test_requests_total{account} deadman_test_request_reply_seconds_bucket{account,le}
deadman_test_request_reply_seconds_sum{account} deadman_test_request_reply_seconds_count{account}
deadman_sessions_opened_total{account} deadman_sessions_lost_total{account,reason}
deadman_cancel_on_disconnect_enabled{account,scope}
deadman_cancel_on_disconnect_verified_timestamp_seconds{account} deadman_cancel_on_disconnect_repairs_total{account}
deadman_venue_errors_total{account,code}
deadman_token_expiry_timestamp_seconds{account} deadman_venue_clock_offset_seconds{account}
deadman_watch_alive{watch} deadman_watch_held{watch} deadman_watch_last_check_in_timestamp_seconds{watch}
deadman_watch_check_ins_total{watch}
deadman_trips_total{account,cause} deadman_trip_unfinished{account} deadman_orders_cancelled_total{account}
deadman_orders_gone_unseen_total{account} deadman_drill_success_timestamp_seconds{account}
deadman_drill_seconds{account} deadman_drill_failed{account} deadman_drills_total{account,outcome}
deadman_trip_seconds_bucket{account,le} deadman_trip_seconds_sum{account} deadman_trip_seconds_count{account}
deadman_event_loop_tick_age_seconds{} deadman_clock_jumps_total{} deadman_event_loop_lag_seconds_bucket{le}
deadman_event_loop_lag_seconds_sum{} deadman_event_loop_lag_seconds_count{}
deadman_config_last_reload_successful{} deadman_config_last_reload_success_timestamp_seconds{}
deadman_build_info{version,python,openssl}
"""
ADDITIONS = """
deadman_account_phase_since_timestamp_seconds{account}
deadman_account_open_orders{account} deadman_account_open_orders_timestamp_seconds{account}
deadman_account_trip_ready{account} deadman_watch_stopped{watch} deadman_venue_fired_orders_total{account}
deadman_watch_ignored_datagrams_total{watch} deadman_log_dropped_total{} deadman_state_written{}
deadman_witness_proven{account} deadman_cluster_beats_total{outcome} deadman_cluster_beat_timestamp_seconds{}
deadman_webhook_posts_total{outcome} deadman_pings_total{outcome}
"""


def described(*lists: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    for name, labels in re.findall(r"(\w+)\{([\w,]*)\}", "".join(lists)):
        yield name, tuple(sorted(filter(None, labels.split(","))))


def test_every_name_of_the_contract_is_there_with_its_labels_and_nothing_unannounced(desk: Hand) -> None:
    desk.board.put_watch(Watch("quoter", 5.0))
    desk.post("desk", facts.Erred(desk.now, "13004"), facts.OrdersCounted(desk.now, 3))
    found = {(name, tuple(label for label, _ in labels)) for name, labels in read(scrape(desk))}
    assert {(name, labels) for name, labels in found if name.startswith("deadman_")} == set(
        described(CONTRACT, ADDITIONS)
    )


def test_both_formats_say_the_same(desk: Hand) -> None:
    desk.arm("desk")
    text, openmetrics = read(scrape(desk)), read(scrape(desk, OPENMETRICS))
    ours = [series for series in text if series[0].startswith("deadman_")]
    assert {series: openmetrics[series] for series in ours} == {series: text[series] for series in ours}


def test_a_phase_is_dated_when_it_came_and_not_when_it_is_scraped(desk: Hand) -> None:
    desk.arm("maker", ttl=30.0)
    desk.stall(100.0)
    assert value(desk, "deadman_account_phase", account="maker", phase="expired") == 1
    assert value(desk, "deadman_account_phase_since_timestamp_seconds", account="maker") == NOON + 30.0


def test_every_series_exists_from_the_start_at_zero(desk: Hand) -> None:
    series = read(scrape(desk))
    for closed, name, label in (
        (Phase, "deadman_account_phase", "phase"),
        (Phase, "deadman_account_transitions_total", "phase"),
        (Reason, "deadman_sessions_lost_total", "reason"),
        (Cause, "deadman_trips_total", "cause"),
    ):
        found = {dict(labels)[label]: number for (known, labels), number in series.items() if known == name}
        assert found.keys() == {str(member) for member in closed}
        assert {member for member, number in found.items() if number} <= {"connecting"}


def test_what_became_of_webhook_and_ping_is_counted_apart_and_from_zero(desk: Hand) -> None:
    assert value(desk, "deadman_webhook_posts_total", outcome="failed") == 0
    desk.board.notices = {("webhook", "failed"): 3, ("ping", "delivered"): 1}
    assert value(desk, "deadman_webhook_posts_total", outcome="failed") == 3
    assert value(desk, "deadman_pings_total", outcome="failed") == 0
    assert value(desk, "deadman_pings_total", outcome="delivered") == 1


def test_an_error_code_has_a_series_only_once_it_was_seen(desk: Hand) -> None:
    assert "deadman_venue_errors_total" not in names(desk)
    desk.post("maker", facts.Erred(desk.now, "429"), facts.Erred(desk.now, "429"))
    assert value(desk, "deadman_venue_errors_total", account="maker", code="429") == 2


def test_only_deribit_accounts_have_cancel_on_disconnect(desk: Hand) -> None:
    found = [labels for name, labels in read(scrape(desk)) if name.startswith("deadman_cancel_on_disconnect")]
    assert {dict(labels)["account"] for labels in found} == {"desk"}
    assert {dict(labels).get("scope") for labels in found} == {"account", "connection", None}


def test_a_read_back_shows_by_scope_and_time(desk: Hand) -> None:
    desk.post("desk", facts.SwitchRead(desk.now, "account", True, NOON - 3))
    assert value(desk, "deadman_cancel_on_disconnect_enabled", account="desk", scope="account") == 1
    assert value(desk, "deadman_cancel_on_disconnect_enabled", account="desk", scope="connection") == 0
    assert value(desk, "deadman_cancel_on_disconnect_verified_timestamp_seconds", account="desk") == NOON - 3


def test_protection_is_judged_at_the_scrape_though_the_loop_is_stalled(desk: Hand) -> None:
    desk.arm("maker", ttl=30.0)
    desk.stall(29.0)
    assert value(desk, "deadman_account_protected", account="maker") == 1
    assert value(desk, "deadman_account_margin_seconds", account="maker") == 1
    desk.stall(2.0)
    assert value(desk, "deadman_account_protected", account="maker") == 0
    assert value(desk, "deadman_account_margin_seconds", account="maker") == 0
    assert value(desk, "deadman_account_phase", account="maker", phase="expired") == 1
    assert value(desk, "deadman_account_unprotected_seconds_total", account="maker") == 1
    assert value(desk, "deadman_event_loop_tick_age_seconds") == 31


def test_exactly_one_phase_is_one(desk: Hand) -> None:
    desk.expose("desk")
    phases = {
        labels: number for (name, labels), number in read(scrape(desk)).items() if name == "deadman_account_phase"
    }
    assert sorted(dict(labels)["phase"] for labels, number in phases.items() if number) == ["connecting", "exposed"]


def test_a_proof_is_dated_by_the_clock_for_people(desk: Hand) -> None:
    assert value(desk, "deadman_account_proof_timestamp_seconds", account="desk") == 0
    desk.arm("desk", ttl=65.0)
    desk.advance(10.0)
    assert value(desk, "deadman_account_proof_timestamp_seconds", account="desk") == NOON
    assert value(desk, "deadman_account_proof_expiry_timestamp_seconds", account="desk") == NOON + 65


def test_a_trip_shows_as_unfinished_until_the_orders_are_gone(desk: Hand) -> None:
    desk.post("desk", facts.Tripped(desk.now, Cause.SILENCE, "quoter"))
    desk.post("desk", facts.RoundDone(desk.now, 4, 1))
    assert value(desk, "deadman_trip_unfinished", account="desk") == 1
    assert value(desk, "deadman_account_open_orders", account="desk") == 1
    desk.advance(2.0)
    desk.post("desk", facts.TripDone(desk.now, False))
    assert value(desk, "deadman_trip_unfinished", account="desk") == 0
    assert value(desk, "deadman_trips_total", account="desk", cause="silence") == 1
    assert value(desk, "deadman_orders_cancelled_total", account="desk") == 4
    assert value(desk, "deadman_trip_seconds_sum", account="desk") == 2


def test_open_orders_have_no_series_while_unknown(desk: Hand) -> None:
    desk.post("desk", facts.OrdersCounted(desk.now, None))
    assert "deadman_account_open_orders" not in names(desk)


def test_a_histogram_is_cumulated_for_prometheus(desk: Hand) -> None:
    desk.post("desk", *(facts.Answered(desk.now, seconds) for seconds in (0.003, 0.02, 0.02, 99.0)))
    assert value(desk, "deadman_round_trip_seconds_bucket", account="desk", le="0.005") == 1
    assert value(desk, "deadman_round_trip_seconds_bucket", account="desk", le="0.025") == 3
    assert value(desk, "deadman_round_trip_seconds_bucket", account="desk", le="10.0") == 3
    assert value(desk, "deadman_round_trip_seconds_bucket", account="desk", le="+Inf") == 4
    assert value(desk, "deadman_round_trip_seconds_count", account="desk") == 4
    assert value(desk, "deadman_round_trip_seconds_sum", account="desk") == pytest.approx(99.043)


BOUNDS = {
    "deadman_renewal_margin_seconds": "0.0 1.0 2.0 3.0 5.0 7.5 10.0 15.0 20.0 30.0 45.0 60.0",
    "deadman_round_trip_seconds": "0.005 0.01 0.025 0.05 0.1 0.25 0.5 1.0 2.5 5.0 10.0",
    "deadman_test_request_reply_seconds": "0.0005 0.001 0.0025 0.005 0.01 0.025 0.05 0.1 0.25 0.5 1.0",
    "deadman_trip_seconds": "0.1 0.25 0.5 1.0 2.0 3.0 5.0 10.0 30.0 60.0 300.0",
    "deadman_event_loop_lag_seconds": "0.001 0.0025 0.005 0.01 0.025 0.05 0.1 0.25 0.5 1.0 2.5",
}
"""The bounds of the buckets, published: whoever asks for a quantile over a restart needs them to stay."""


def test_the_bounds_of_the_buckets_are_those_published(desk: Hand) -> None:
    found = read(scrape(desk))
    for name, bounds in BOUNDS.items():
        labels = {dict(labels)["le"] for found_name, labels in found if found_name == f"{name}_bucket"}
        assert sorted(labels, key=float) == [*bounds.split(), "+Inf"]


TRUE_AT_FIRST = """
deadman_account_info deadman_account_phase deadman_account_phase_since_timestamp_seconds deadman_account_wanted
deadman_account_trip_ready deadman_account_transitions_total deadman_build_info deadman_config_last_reload_successful
deadman_config_last_reload_success_timestamp_seconds deadman_state_written
"""


def test_nothing_is_claimed_counted_or_dated_before_it_happens(desk: Hand) -> None:
    found = {key: count for key, count in read(scrape(desk)).items() if key[0].startswith("deadman_") and count}
    assert {name for name, _ in found} == set(TRUE_AT_FIRST.split())
    assert set(found.values()) == {1.0, NOON}
    phases = {dict(labels)["phase"] for name, labels in found if "phase" in dict(labels)}
    assert phases == {"connecting"}


def test_a_watch_shows_its_life(desk: Hand) -> None:
    watch = Watch("quoter", 5.0).check_in(desk.now, None)
    desk.board.put_watch(watch)
    assert value(desk, "deadman_watch_alive", watch="quoter") == 1
    assert value(desk, "deadman_watch_last_check_in_timestamp_seconds", watch="quoter") == NOON
    assert value(desk, "deadman_watch_check_ins_total", watch="quoter") == 1
    desk.advance(5.0)
    assert value(desk, "deadman_watch_alive", watch="quoter") == 0
    desk.board.put_watch(replace(watch, hold=Hold(desk.now + 60, "alice")))
    assert value(desk, "deadman_watch_held", watch="quoter") == 1


def test_a_stall_of_ours_makes_no_living_bot_look_dead(desk: Hand) -> None:
    desk.board.put_watch(Watch("quoter", 5.0).check_in(desk.now, None))
    desk.stall(60.0)
    assert value(desk, "deadman_watch_alive", watch="quoter") == 1
    assert value(desk, "deadman_event_loop_tick_age_seconds") == 60


def test_process_and_python_metrics_are_there_and_no_created_series(desk: Hand) -> None:
    found = names(desk)
    assert {"process_start_time_seconds", "process_open_fds", "python_info", "python_gc_collections_total"} <= found
    assert not [name for name in found if name.endswith("_created")]
    build = [dict(labels) for name, labels in read(scrape(desk)) if name == "deadman_build_info"]
    assert [labels["version"] for labels in build] == [__version__]


def test_a_forgotten_account_leaves_no_series(desk: Hand) -> None:
    desk.board.forget("maker")
    assert 'account="maker"' not in scrape(desk)
    assert 'account="desk"' in scrape(desk)


def test_a_state_that_cannot_be_written_shows(desk: Hand) -> None:
    assert value(desk, "deadman_state_written") == 1
    desk.board.state_fault = "No space left on device"
    assert value(desk, "deadman_state_written") == 0


def test_dropped_log_lines_are_counted(desk: Hand) -> None:
    text = Scrapes(registry(desk.board, lambda: 7)).answer("").body.decode()
    assert read(text)["deadman_log_dropped_total", ()] == 7


@pytest.mark.parametrize(
    "accept",
    [
        "application/openmetrics-text;version=x",
        "text/plain;version=1.x.0",
        "text/plain;version=" + "9" * 5000,
        "application/openmetrics-text;version=1.0.0\r\n Set-Cookie: a=b",
        ";;;,,,===",
    ],
)
def test_no_accept_header_breaks_a_scrape_or_its_answers_headers(desk: Hand, accept: str) -> None:
    rendering = Scrapes(registry(desk.board)).answer(accept)
    assert b"deadman_account_protected" in rendering.body
    assert not set("\r\n") & set(rendering.content_type)


def test_a_scrape_after_a_fact_never_gets_the_answer_from_before(desk: Hand) -> None:
    scrapes = Scrapes(registry(desk.board))
    before = scrapes.answer("").body
    desk.arm("desk")
    after = read(scrapes.answer("").body.decode())
    assert before != scrapes.answer("").body
    assert after["deadman_account_protected", (("account", "desk"),)] == 1


@pytest.mark.parametrize("accept", ["", "application/openmetrics-text;version=1.0.0"])
def test_what_is_kept_between_scrapes_reads_as_the_library_would_write_it(desk: Hand, accept: str) -> None:
    ours = registry(desk.board)
    scrapes = Scrapes(ours)
    encode, _ = choose_encoder(accept)
    steps: list[Callable[[], object]] = [
        lambda: desk.board.put_watch(Watch("quoter", 5.0)),
        lambda: desk.arm("desk"),
        lambda: desk.post("desk", facts.Erred(desk.now, 'odd "code"\\\n'), facts.OrdersCounted(desk.now, 1)),
        lambda: desk.post("desk", facts.Answered(desk.now, 0.004), facts.TestRequestAnswered(desk.now, 0.2)),
        lambda: desk.advance(20.0),
        lambda: desk.advance(200.0),
        lambda: desk.post("desk", facts.Lost(desk.now, Reason.CLOSED, "gone")),
    ]
    for step in steps:
        step()
        told = [scrapes.answer(accept).body.decode(), encode(ours).decode()]
        mine, theirs = ([line for line in text.splitlines() if "deadman_" in line] for text in told)
        assert mine == theirs


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
@pytest.mark.parametrize("seen", ["nothing", "everything"])
def test_promtool_has_no_complaint(desk: Hand, tmp_path: Path, seen: str) -> None:
    if seen == "everything":
        desk.board.put_watch(Watch("quoter", 5.0))
        desk.arm("desk")
        desk.post("desk", facts.Erred(desk.now, 'odd "code"\\\n'), facts.OrdersCounted(desk.now, 1))
        desk.board.loop = type(desk.board.loop)(desk.now, Histogram.empty((0.1, 1.0)).observe(0.5), 3)
    done = subprocess.run(["promtool", "check", "metrics"], input=scrape(desk), text=True, capture_output=True)
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


def test_the_reference_names_every_metric_that_a_scrape_can_show(
    desk: Hand, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["metrics", "--reference"]) == 0
    printed = set(re.findall(r"^\| `(deadman_\w+)`", capsys.readouterr().out, re.MULTILINE))
    shown = set(re.findall(r"^# TYPE (deadman_\w+)", scrape(desk), re.MULTILINE))
    assert printed == shown


def test_the_reference_says_who_asks_for_a_metric(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["metrics", "--reference"]) == 0
    rows = re.findall(r"^\| `(deadman_\w+)` .*\| (.*) \|$", capsys.readouterr().out, re.MULTILINE)
    users = {name: said.strip().split(", ") for name, said in rows}
    assert users["deadman_drill_failed"] == ["`DeadmanDrillFailed`"]
    assert users["deadman_trip_seconds"] == ["the panel “Duration of trips”"], "its sum and its count"
    assert "`DeadmanProofRunningOut`" in users["deadman_account_proof_timestamp_seconds"], "through a recording rule"
    assert users["deadman_drills_total"] == ["–"]
