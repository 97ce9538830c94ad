"""Whatever a venue, or something between it and us, may send instead of an answer."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

HUGE = 10**400
"""An integer that JSON carries and no float can hold."""

odd = st.sampled_from([HUGE, -HUGE, float("inf"), float("-inf"), float("nan"), "", "\0", "9" * 5000, True, None, -1])
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | odd
values: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
"""Any JSON, and the numbers that Python's reader lets through besides."""


def objects(*names: str) -> st.SearchStrategy[dict[str, Any]]:
    """Objects that hold some of these names, each with anything at all."""
    return st.fixed_dictionaries({}, optional=dict.fromkeys(names, values))


texts = (
    values.map(json.dumps)
    | st.text(max_size=40)
    | st.sampled_from(
        ["", "null", "[" * 100_000, "{" * 100_000, "<html>502</html>", '{"id":1,"result"', "\ud800", "﻿{}"]
    )
)
"""Text that may be JSON or not."""
