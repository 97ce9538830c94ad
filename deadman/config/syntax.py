"""What was probably meant where a file is no TOML. No hint shows a value: it may be a secret."""

from __future__ import annotations

import re

_PAIR = re.compile(r"""\s*(?P<key>[\w."'-]+)\s*=\s*(?P<value>.*)""")

_OPEN = re.compile(r"=\s*\[[^\]#]*(#.*)?$")

_VALUES: tuple[tuple[str, str], ...] = (
    (r"[“”„‘’«»]", "the quotes must be straight ones"),
    (r"(True|TRUE|False|FALSE)\b", "true and false are written in small letters"),
    (r"(?i)(none|null|nil)\s*(#|$)", "leave the key out, or put the word in quotes where it is meant as text"),
    (r"\d+(\.\d+)?\s*(ms|s|sec|m|min|h)\b", "a span is a plain number of seconds"),
    (r"[^\"'\[{]*=", "one equals sign stands between a key and its value"),
    (r"\"[^\"]*\\", "in double quotes a backslash is written twice; single quotes take it as it is"),
    (r"\"[^\"]*(#.*)?$|'[^']*(#.*)?$", "a quote is not closed"),
    (r"(\"[^\"]*\"|'[^']*')\s*[^\s#]", "nothing but a comment stands behind a value"),
    (r"[\[{][^\"']*[\]}]", "text in a list or in braces stands in quotes, too"),
    (r"\{[^}]*$", "the braces are not closed"),
    (r"$", "a value is missing"),
    (r"[^\"'\[{]", 'text stands in quotes: {key} = "…"'),
)
"""For what stands behind the equals sign, the first that fits."""

_LINES: tuple[tuple[str, str], ...] = (
    (r"\s*\[", "a table is written [accounts.NAME], and a name is of a-z, 0-9 and . _ -"),
    (r"\s*(//|;|--|/\*)", "a comment begins with #"),
    (r"\s*[\w.-]+\s*:", "between a key and its value stands an equals sign"),
    (r"\s*[\w.-]+\s*$", "a line is a key = value, a [table] or a # comment"),
)
"""The same for lines without one."""


def hint(text: str, line: int) -> str:
    """What to write in line `line`, from 1, of `text`, in which the parser stumbled; empty where nothing is guessed."""
    lines = text.split("\n")
    stumbled = lines[line - 1] if 0 < line <= len(lines) else ""
    pair = _PAIR.match(stumbled)
    opened = next((at for at in range(min(line, len(lines)), 0, -1) if _OPEN.search(lines[at - 1])), None)
    if opened is not None and not any("]" in one for one in lines[opened:line]):
        return f"the list that begins in line {opened} is not closed"
    if pair is None:
        return _first(_LINES, stumbled)
    return _first(_VALUES, pair["value"].strip()).format(key=pair["key"])


def _first(table: tuple[tuple[str, str], ...], text: str) -> str:
    return next((words for pattern, words in table if re.match(pattern, text)), "")
