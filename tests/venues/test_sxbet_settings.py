from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deadman.venues.sxbet.settings import checksum_address, sponge

# The vectors of EIP-55 itself.
VECTORS = (
    "0x52908400098527886E0F7030069857D2E4169EE7",
    "0x8617E340B3D01FA5F11F306F4090FD50E238070D",
    "0xde709f2102306220921060314715629080e2fb77",
    "0x27b1fdb04752bbc536007a920d24acb045561c26",
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
    "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
    "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
)


@pytest.mark.parametrize("address", VECTORS)
def test_every_spelling_of_a_vector_is_corrected_to_the_vector(address: str) -> None:
    assert checksum_address(address) == address
    assert checksum_address(address.lower()) == address
    assert checksum_address("0x" + address[2:].upper()) == address


def test_the_sponge_is_keccak_256() -> None:
    assert sponge(b"", 0x01).hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"


@given(st.binary(max_size=500))
def test_with_the_padding_of_sha_3_the_sponge_is_sha_3(message: bytes) -> None:
    assert sponge(message, 0x06) == hashlib.sha3_256(message).digest()


@pytest.mark.parametrize("size", [135, 136, 137, 271, 272])
def test_a_message_that_fills_its_last_block_is_padded_rightly(size: int) -> None:
    assert sponge(bytes(size), 0x06) == hashlib.sha3_256(bytes(size)).digest()
