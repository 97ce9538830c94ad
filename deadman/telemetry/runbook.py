"""What each alert means and what to do: one text for the terminal, the page, and whoever puts it elsewhere. Pure."""

from __future__ import annotations

import re
import textwrap
from functools import cache
from importlib.resources import files

from deadman.status.page import Markup, document, element, joined

TEXT = files("deadman.telemetry").joinpath("runbook.md").read_text(encoding="utf-8")
"""A title, an introduction, and a heading of the second level an alert."""

_RUNS = re.compile(r"`(?P<code>[^`]+)`|\*\*(?P<strong>[^*]+)\*\*|\*(?P<em>[^*]+)\*")


@cache
def texts() -> dict[str, str]:
    """By the alert's name, in the order of the rules."""
    parts = TEXT.split("\n## ")[1:]
    return {name: text.strip() for name, _, text in (part.partition("\n") for part in parts)}


def folded(text: str, width: int) -> str:
    """For a terminal: paragraphs as wide as it is, and of Markdown's marks only those of code."""
    bare = _RUNS.sub(lambda run: run[0] if run["code"] else run[str(run.lastgroup)], text)
    parts = re.split(r"\n\n+", re.sub(r"^#+ (.*\n)", r"\1\n", bare, flags=re.MULTILINE).strip())
    return "\n\n".join(textwrap.fill(part, width, break_on_hyphens=False) for part in parts)


@cache
def runbook_page() -> str:
    """The whole document; an alert's anchor is its name in lower case, as in the `runbook_url` of the rules."""
    title, _, introduction = TEXT.partition("\n## ")[0].removeprefix("# ").partition("\n")
    alerts = [
        element("section", element("h2", name), _paragraph(text), id=name.lower()) for name, text in texts().items()
    ]
    links = [element("li", element("a", name, href=f"#{name.lower()}")) for name in texts()]
    top = (element("h1", title, class_="title"), _paragraph(introduction), element("ul", *links, class_="links"))
    return document("runbook – deadman", element("main", *top, *alerts, class_="text"))


def _paragraph(text: str) -> Markup:
    """Code, stress and emphasis of Markdown, and nothing else of it."""
    text, parts, at = " ".join(text.split()), list[str](), 0
    for run in _RUNS.finditer(text):
        parts += [text[at : run.start()], element(str(run.lastgroup), run[str(run.lastgroup)])]
        at = run.end()
    return element("p", joined(*parts, text[at:]))
