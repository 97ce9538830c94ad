"""A proof may end early, never late."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from deadman.model.proof import Coverage, Proof

seconds = st.floats(0, 1e9, allow_nan=False)
proofs = st.builds(Proof, seconds, st.floats(0, 1e5, allow_nan=False), st.sampled_from(Coverage))


@given(proofs, seconds)
def test_a_proof_stands_exactly_while_it_has_a_margin(proof: Proof, now: float) -> None:
    assert proof.stands(now) is (proof.margin(now) > 0)


@given(proofs, seconds)
def test_a_margin_is_never_negative_and_counts_from_the_asking(proof: Proof, now: float) -> None:
    assert proof.margin(now) == max(0.0, proof.asked_at + proof.ttl - now)


@given(proofs)
def test_a_proof_is_over_at_its_expiry(proof: Proof) -> None:
    assert not proof.stands(proof.expiry)
    assert proof.stands(proof.asked_at) is (proof.expiry > proof.asked_at)
