"""Access scopes. The server silently narrows a request to what the key may do: the answer's scope is the truth."""

from __future__ import annotations

from collections.abc import Mapping

LEVELS = {"none": 0, "read": 1, "read_write": 2}
NAMES = {level: name for name, level in LEVELS.items()}
REACH = ("session", "expires", "ip")

FULL = "account:read_write trade:read_write wallet:read_write block_trade:read_write custody:read_write mainaccount"
COINBASE = "wallet:user:read wallet:accounts:read wallet:transactions:read wallet:buys:create"

# The gateway's names for the same permissions: any one word does. What reads need there is documented nowhere.
COINBASE_WORDS = {
    "account:read": tuple(COINBASE.split()),
    "account:read_write": ("rat#trade", "wallet:buys:create"),
    "trade:read": tuple(COINBASE.split()),
    "trade:read_write": ("rat#trade", "wallet:buys:create"),
}


def narrow(requested: str, maximum: str) -> frozenset[str]:
    """What is granted of `requested` to a key that may do `maximum`; all of it where no resource was named."""
    most, wanted = levels(maximum), levels(requested)
    granted = {name: min(level, most.get(name, 0)) for name, level in (wanted or most).items()}
    words = {f"{name}:{NAMES[level]}" for name, level in granted.items() if level > 0}
    reach = {word for word in requested.split() if word.startswith("session:")} or {"connection"}
    return frozenset(words | reach | ({"mainaccount"} & set(maximum.split())))


def levels(scope: str) -> dict[str, int]:
    pairs = (word.partition(":") for word in scope.split())
    return {name: LEVELS[level] for name, _, level in pairs if level in LEVELS and name not in REACH}


def allows(granted: frozenset[str], need: str, words: Mapping[str, tuple[str, ...]]) -> bool:
    """Whether `need`, such as "account:read", is within what was granted; read_write includes read."""
    return not granted.isdisjoint(words.get(need, (need, f"{need}_write")))


def lifetime(requested: str, longest: int) -> int:
    """Seconds a token lives: `expires:N` can only shorten it."""
    asked = [int(w.removeprefix("expires:")) for w in requested.split() if w.startswith("expires:") and w[8:].isdigit()]
    return min([*asked, longest])
