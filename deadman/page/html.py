"""HTML in which a stranger's text cannot become markup: whatever is not `Markup` is escaped on its way in."""

from __future__ import annotations

import html

from deadman import spoken


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def element(name: str, *children: str, **attributes: str) -> Markup:
    """`<name …>children</name>`; `class_` and `data_head` become `class` and `data-head`, an empty one is left out."""
    given = "".join(f' {_attribute(key)}="{_escaped(value)}"' for key, value in attributes.items() if value)
    return Markup(f"<{name}{given}>{joined(*children)}</{name}>")


def joined(*children: str) -> Markup:
    return Markup("".join(child if isinstance(child, Markup) else _escaped(child) for child in children))


def _escaped(value: str) -> str:
    """What does not print is spelled out: a name must not turn the reading direction, nor vanish."""
    return html.escape(spoken.plain(value))


def _attribute(key: str) -> str:
    return key.rstrip("_").replace("_", "-")
