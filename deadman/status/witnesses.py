"""What is worth a look between a desk and its witnesses: nothing is lost yet, but nobody would help. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from deadman.model.guard import Phase
from deadman.model.text import instant, left, order_count
from deadman.status.schema import AccountReport, StatusReport, WitnessReport
from deadman.status.vocabulary import explain

FOREIGN_TOLD = 600.0
"""Seconds for which another daemon of our name is told of."""


def cluster_looks(report: StatusReport) -> Iterator[str]:
    """Of our own line to the witnesses."""
    cluster, now = report.cluster, report.timestamp
    if cluster is None:
        return
    if cluster.failing_since is not None:
        lost = f"no witness hears this host since {instant(cluster.failing_since, now)} ({cluster.because})"
        yield f"{lost}: no account is touched for that, but nobody helps if it dies"
    if cluster.foreign_at is not None and now < cluster.foreign_at + FOREIGN_TOLD:
        yield (
            f"another daemon beats as {report.name}: no witness can tell whose host is dead; give one of them another "
            "name"
        )


def desk_looks(account: AccountReport, is_clustered: bool, now: float) -> Iterator[str]:
    """Of an account and its witnesses: each of them that would not help now, and what they did.

    `is_clustered`: whether any witness could hear us.
    """
    if account.phase is Phase.DISARMED:
        return
    if account.outliving and is_clustered and not account.witnesses:
        yield f"no witness: its {' and '.join(account.outliving)} orders stay if this host dies"
    for witness in account.witnesses:
        if why := _why_not(witness, now):
            yield f"witness {witness.name} {why}"
        if witness.cancelled is not None and witness.heard:
            count = order_count(witness.cancelled)
            yield f"witness {witness.name} cancelled {count}: {witness.because}"
        yield from (f"witness {witness.name}: {fault}" for fault in witness.faults)


def _why_not(witness: WitnessReport, now: float) -> str:
    if witness.stopped:
        return "was stopped"
    if not witness.heard:
        if witness.heard_at is None:
            return "has not answered this run of deadman"
        return f"has not answered for {left(now - witness.heard_at)}"
    if witness.phase == "armed" and not witness.can_cancel:
        return "cannot tell whose host is dead"
    return "" if witness.can_cancel else f"cannot cancel now (it is {witness.phase})"


def witness_looks(account: AccountReport, now: float) -> Iterator[str]:
    """Of an account that we are the witness of."""
    if account.phase in (Phase.WAITING, Phase.DEGRADED):
        yield explain(account, now)
    if account.sight is not None:
        yield from account.sight.faults
