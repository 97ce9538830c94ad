"""Spans as people type them: 90s, 15m, 1h30m, or a bare number of seconds."""

from __future__ import annotations

import argparse
import re

_SPAN = re.compile(r"(?:(?P<h>\d{1,6})h)?(?:(?P<m>\d{1,6})m)?(?:(?P<s>\d{1,9}(?:\.\d{1,3})?)s)?", re.ASCII)
_BARE = re.compile(r"\d{1,9}(?:\.\d{1,3})?", re.ASCII)

SPELLED = "90s, 15m, 1h30m; a bare number is seconds"


def span(text: str) -> float:
    """Seconds, more than 0. Raises argparse.ArgumentTypeError in words, as argparse wants it."""
    seconds = seconds_of(text)
    if seconds is None or seconds <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no span: write 90s, 15m or 1h30m")
    return seconds


def patience(text: str) -> float:
    """The same for a wait, which may be 0: look once."""
    seconds = seconds_of(text)
    if seconds is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no span: write 30, 30s or 2m")
    return seconds


def seconds_of(text: str) -> float | None:
    if _BARE.fullmatch(text):
        return float(text)
    found = _SPAN.fullmatch(text) if text else None
    if found is None:
        return None
    return 3600 * float(found["h"] or 0) + 60 * float(found["m"] or 0) + float(found["s"] or 0)
