"""The second net: a secret that got into a log line after all is struck out before the line leaves the thread.

The first is that secrets live in `Secret`, which does not print. This one knows exact values only.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from urllib.parse import quote

from deadman.secret import Secret

MASK = "***"
SHORTEST = 4
"""Characters: to strike out every shorter string would leave nothing readable, and no key is that short."""


class Redaction:
    """The secrets known so far; safe to use from any thread."""

    def __init__(self) -> None:
        self._values: frozenset[str] = frozenset()
        self._pattern: re.Pattern[str] | None = None

    def add(self, secret: Secret) -> None:
        """From now on strike this value out, as it is and as reprs, JSON and URLs spell it."""
        values = self._values | frozenset(spelling for spelling in _spellings(secret) if len(spelling) >= SHORTEST)
        if values == self._values:
            return
        # Longest first: a secret within a longer one must not leave the rest of that standing.
        longest_first = sorted(values, key=len, reverse=True)
        self._values, self._pattern = values, re.compile("|".join(map(re.escape, longest_first)))

    def __call__(self, text: str) -> str:
        return text if self._pattern is None else self._pattern.sub(MASK, text)


def _spellings(secret: Secret) -> Iterator[str]:
    """A key of several lines is also known by each line of its body: a traceback may show one alone."""
    value = secret.reveal()
    lines = value.splitlines()
    for part in {value, *(line for line in lines[1:-1] if len(lines) > 2)}:
        yield from (part, repr(part)[1:-1], json.dumps(part)[1:-1], quote(part, safe="", errors="backslashreplace"))


redacted = Redaction()
"""The one register of the process: whoever reads a secret registers it, whoever writes a log line asks it."""

redact = redacted.add
