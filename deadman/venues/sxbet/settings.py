"""An account at SX Bet: its settings, and the rules the model asks of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import KW_ONLY, replace
from typing import ClassVar, Literal

from deadman.model.keys import Table, key, settings
from deadman.model.leases import HEARD_WITHIN
from deadman.model.readers import Wrong, address, choice, integer, one_or_several, reader, seconds
from deadman.model.secret import KeyForm, SecretSource, key_of
from deadman.model.settings import REPLY_TIMEOUT, Account, Backoff, OnTrip, Timers
from deadman.model.text import tenths_up

CUT = 1
"""Seconds: the shortest lease SX Bet grants, and the only active cancel V2 offers to a key alone."""

REQUESTS_PER_MINUTE = 500
"""Beside orders and trades. Source: docs.sx.bet, rate limits."""

URLS = {"mainnet": "https://api.sx.bet", "testnet": "https://api.toronto.sx.bet"}


def _lease(value: object) -> int:
    """`timeoutSeconds`; 0 has a meaning at the venue that nobody wants from a switch."""
    if value == 0 and not isinstance(value, bool):
        raise Wrong("0 is refused: at the venue it disarms the switch and cancels nothing", "give 5 to 3600 seconds")
    return _LEASE.read(value)


_LEASE = integer(5, 3600, "seconds")
RENEWALS_PER_LEASE = 3  # so that two may fail and the third still comes in time


API_KEY = KeyForm(frozenset({"line"}), "an API key, which is one line", "copy it as the venue showed it")


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


@settings
class SxBetAccount(Account):
    """`timeout_seconds` is the lease."""

    venue: ClassVar[str] = "sxbet"
    example: ClassVar[str] = """
# SX Bet: the switch is a lease. deadman renews it while the watch lives; when the renewals stop, the venue cancels.

[accounts.sx-maker]
{keys}
"""

    network: Literal["mainnet", "testnet"] = key(choice(*URLS), "which exchange", example='"testnet"')
    url: str = key(
        address("https", "http"), "replaces the network's address", otherwise="the network's", example='"https://…"'
    )
    api: Literal["v2", "v3"] = key(
        choice("v2", "v3"),
        "as the API key was made for",
        missing=(
            'there is no default, since a V2 key does not work with V3 nor the other way round: "v3" if the key was '
            'made after the move to V3 of August 2026, else "v2"'
        ),
        example='"v3"',
    )
    api_key: SecretSource = key(
        key_of(API_KEY, is_account=True),
        "where the API key lives",
        example='{ credential = "secrets_sx-maker" }',
        unique=True,
    )
    _: KW_ONLY
    requestor: str | None = key(
        wallet,
        "the wallet whose orders are guarded: needed for V2, not for V3",
        default=None,
        example='"0x…"',
        unique=True,
    )
    timeout_seconds: int = key(replace(_LEASE, read=_lease), "the lease: the venue cancels when it ends", default=30)
    renew_interval: float = key(
        seconds(0.2, 1200),
        "between renewals of the lease; at most the default",
        default=10.0,
        otherwise="a third of timeout_seconds",
        example="10",
    )
    watches: tuple[str, ...] = key(
        one_or_several,
        'whose silence trips this account; "none": renew even if no bot lives',
        name="watch",
        missing=(
            "there is no default, since renewing the lease of a dead bot defeats the switch: name the watch on the "
            'trading process, or say "none" to renew even if no bot lives'
        ),
        default=(),
        example='"quoter"',
    )
    on_trip: OnTrip = key(
        choice("cancel", "expire", "lapse"),
        "what a trip does; V2 has no cancel; expire cuts the lease to 1 s",
        default="cancel",
        otherwise="cancel; with V2 expire",
        example='"cancel"',
    )

    @staticmethod
    def settle(table: Table) -> None:
        values = table.values
        if values.get("url") is not None:
            values["url"] = values["url"].rstrip("/")
        elif "url" in values and "network" in values:
            values["url"] = URLS[values["network"]]
        if table.raw.get("watch") == []:
            table.fault("watch", "names no watch", 'say "none" to renew even if no bot lives')
        if "timeout_seconds" in values and "renew_interval" in values:
            _settle_renewals(table)
        _settle_api(table)

    @property
    def timers(self) -> Timers:
        """Three whole tries fit between a renewal's due time and the lease's end, each hung for all it may."""
        lease = float(self.timeout_seconds)
        attempt = min(REPLY_TIMEOUT, 0.3 * (lease - self.renew_interval))
        return Timers(
            renew_interval=self.renew_interval,
            reply_timeout=attempt,
            probe_interval=self.renew_interval,
            probe_timeout=attempt,
            vouch=lease,
            overdue_after=self.renew_interval + attempt,
            retry=Backoff(first=min(0.5, lease / 40), cap=min(5.0, max(0.5, self.renew_interval / 2))),
            patient_after=300.0,
            look_interval=25.0,
            rearm=attempt,
        )

    @property
    def place(self) -> str:
        return f"{self.venue} {self.network} {self.url} {self.api}"

    @property
    def credential(self) -> tuple[str | None, ...]:
        """A path to a key file is no identity: V3 knows the account by its key alone, so its name stands for it."""
        return (self.name if self.requestor is None else self.requestor,)

    @property
    def account_id(self) -> str | None:
        return None if self.requestor is None else self.requestor.lower()

    @property
    def lease(self) -> float:
        return float(self.timeout_seconds)

    @property
    def strongest_cancel(self) -> OnTrip:
        return "cancel" if self.api == "v3" else "expire"

    @property
    def what_stays(self) -> str:
        if self.observe:
            return "deadman only observes and holds no lease; its orders stay"
        late = tenths_up(HEARD_WITHIN + self.timers.reply_timeout)
        return (
            f"a renewal that the venue carries out late adds up to {late} s, "
            "and its own delay in cancelling is not documented"
        )


def _settle_renewals(table: Table) -> None:
    values = table.values
    most = values["timeout_seconds"] / RENEWALS_PER_LEASE
    if values["renew_interval"] is None:
        values["renew_interval"] = most
    elif values["renew_interval"] > most:
        table.fault(
            "renew_interval",
            f"must be at most {most:g}, a third of timeout_seconds, not {values['renew_interval']:g}",
            "so that two renewals may fail and a third still comes in time",
        )


def _settle_api(table: Table) -> None:
    """What only one of the two interfaces takes."""
    api, on_trip, named = table.values.get("api"), table.values.get("on_trip"), table.given("requestor")
    if api == "v2" and not named:
        table.fault("requestor", "missing", "with V2 it is the wallet whose orders are guarded")
    if api == "v3" and named:
        table.fault("requestor", "only for V2", "with V3 the venue knows the account by its key: leave it out")
    if api == "v2" and on_trip == "cancel":
        use = 'V2 cancels only with the wallet\'s private key; use "expire"'
        table.fault("on_trip", '"cancel" needs api = "v3"', use)
    if api is not None and "on_trip" in table.values:
        table.values["on_trip"] = on_trip or ("cancel" if api == "v3" else "expire")


def advice(accounts: Sequence[SxBetAccount]) -> Iterator[str]:
    requests = sum(60 / account.renew_interval for account in accounts)
    if requests > REQUESTS_PER_MINUTE / 2:
        yield (
            f"renewals take {requests:.0f} of the {REQUESTS_PER_MINUTE} requests per minute that SX Bet allows: "
            "lengthen renew_interval"
        )


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
    """The 256-bit digest of `message`; `padding` tells Keccak (0x01), which `hashlib` lacks, from SHA-3 (0x06)."""
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
        columns = [lanes[x] ^ lanes[x + 5] ^ lanes[x + 10] ^ lanes[x + 15] ^ lanes[x + 20] for x in range(5)]
        theta = [columns[(x + 4) % 5] ^ _rotated(columns[(x + 1) % 5], 1) for x in range(5)]
        moved, x, y = [lane ^ theta[at % 5] for at, lane in enumerate(lanes)], 1, 0
        turned = moved[1]
        for step in range(24):  # rho and pi
            x, y = y, (2 * x + 3 * y) % 5
            turned, moved[x + 5 * y] = moved[x + 5 * y], _rotated(turned, (step + 1) * (step + 2) // 2)
        chi = [~moved[at - at % 5 + (at + 1) % 5] & moved[at - at % 5 + (at + 2) % 5] for at in range(25)]
        lanes = [lane ^ other & _MASK for lane, other in zip(moved, chi, strict=True)]
        for bit in range(7):
            register = (register << 1) ^ (register >> 7) * 0x171  # the LFSR that the round constants come from
            lanes[0] ^= (register >> 1 & 1) << (1 << bit) - 1
    return lanes


def _rotated(lane: int, by: int) -> int:
    by %= 64
    return (lane << by | lane >> 64 - by) & _MASK
