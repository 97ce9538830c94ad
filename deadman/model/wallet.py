"""Wallet addresses in their EIP-55 spelling."""

from __future__ import annotations

import re

from deadman.model.readers import Wrong, reader

_RATE = 136  # bytes absorbed between permutations, for a digest of 256 bits
_KECCAK_PADDING = 0x01  # FIPS 202's SHA-3 has 0x06 here, and nothing else differs
_MASK = (1 << 64) - 1


def checksum_address(address: str) -> str:
    """The EIP-55 spelling of `address`, which must be 0x and 40 hexadecimal digits in any case."""
    digits = address[2:].lower()
    digest = sponge(digits.encode(), _KECCAK_PADDING).hex()
    return "0x" + "".join(
        digit.upper() if int(nibble, 16) >= 8 else digit for digit, nibble in zip(digits, digest, strict=False)
    )


def sponge(message: bytes, padding: int) -> bytes:
    """The 256-bit digest of `message`; `padding` tells Keccak (0x01) from SHA-3 (0x06)."""
    padded = bytearray(message) + bytes(_RATE - len(message) % _RATE)
    padded[len(message)] ^= padding
    padded[-1] ^= 0x80
    lanes = [0] * 25
    for start in range(0, len(padded), _RATE):
        for lane in range(_RATE // 8):
            lanes[lane] ^= int.from_bytes(padded[start + 8 * lane : start + 8 * lane + 8], "little")
        lanes = _permuted(lanes)
    return b"".join(lane.to_bytes(8, "little") for lane in lanes[:4])


def _permuted(lanes: list[int]) -> list[int]:
    """Keccak-f[1600]: 24 rounds over 5 × 5 lanes; lane (x, y) stands at x + 5 y. The names are those of FIPS 202."""
    register = 1
    for _ in range(24):
        lanes = _rho_and_pi(_theta(lanes))
        chi = [~lanes[at - at % 5 + (at + 1) % 5] & lanes[at - at % 5 + (at + 2) % 5] for at in range(25)]
        lanes = [lane ^ other & _MASK for lane, other in zip(lanes, chi, strict=True)]
        for bit in range(7):
            register = (register << 1) ^ (register >> 7) * 0x171  # the LFSR that the round constants come from
            lanes[0] ^= (register >> 1 & 1) << (1 << bit) - 1
    return lanes


def _theta(lanes: list[int]) -> list[int]:
    columns = [lanes[x] ^ lanes[x + 5] ^ lanes[x + 10] ^ lanes[x + 15] ^ lanes[x + 20] for x in range(5)]
    return [lane ^ columns[(at + 4) % 5] ^ _rotated(columns[(at + 1) % 5], 1) for at, lane in enumerate(lanes)]


def _rho_and_pi(lanes: list[int]) -> list[int]:
    moved, x, y = list(lanes), 1, 0
    for step in range(24):
        source = lanes[x + 5 * y]
        x, y = y, (2 * x + 3 * y) % 5
        moved[x + 5 * y] = _rotated(source, (step + 1) * (step + 2) // 2)
    return moved


def _rotated(lane: int, by: int) -> int:
    by %= 64
    return (lane << by | lane >> 64 - by) & _MASK


@reader("0x and 40 hexadecimal digits in their EIP-55 spelling")
def wallet(value: object) -> str:
    """A venue may take any other spelling for another wallet, one without orders."""
    if not isinstance(value, str) or not re.fullmatch(r"0x[0-9a-fA-F]{40}", value):
        raise Wrong("must be a wallet address: 0x and 40 hexadecimal digits")
    right = checksum_address(value)
    if value != right:
        raise Wrong(
            "fails its EIP-55 checksum; the venue tells upper from lower case, so a mistyped one would protect nothing",
            f"if the digits are right it is spelled {right}",
        )
    return value
