from __future__ import annotations

import tomllib
from typing import Any

import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from deadman.config.document import lines_of
from deadman.model.keys import KeyPath

TRICKY = '''\
# accounts.a = 1
top = "# not a comment"

[accounts."a.b"]          # line 4
venue = 'deribit'
"client id" = """
[accounts.fake]
x = 1
"""
list = [
  1, # one ]
  { deep = "}" },
]
when = 1979-05-27 07:32:00
secret = { file = "a]b", env = [1, 2] }
dotted . key . "\\u0061" = -1.5e3

  [ watches . w ]
timeout=5
[[many]]
n = 1
[[many]]
n = 2
'''

LINES = {
    ("top",): 2,
    ("accounts", "a.b"): 4,
    ("accounts", "a.b", "venue"): 5,
    ("accounts", "a.b", "client id"): 6,
    ("accounts", "a.b", "list"): 10,
    ("accounts", "a.b", "list", "deep"): 12,
    ("accounts", "a.b", "when"): 14,
    ("accounts", "a.b", "secret", "file"): 15,
    ("accounts", "a.b", "secret", "env"): 15,
    ("accounts", "a.b", "dotted", "key", "a"): 16,
    ("watches", "w"): 18,
    ("watches", "w", "timeout"): 19,
    ("many", "n"): 23,
}

keys = st.text(min_size=1, max_size=6)
scalars = st.text(max_size=8) | st.integers(-9, 9) | st.booleans() | st.floats(allow_nan=False) | st.datetimes()
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3), max_leaves=8
)


def test_every_key_of_a_tricky_file_has_its_line() -> None:
    found = lines_of(TRICKY)
    tomllib.loads(TRICKY)
    assert {path: found.get(path) for path in LINES} == LINES
    assert ("accounts", "fake") not in found


@given(st.dictionaries(keys, values, max_size=5))
def test_every_key_of_any_toml_is_found(tables: dict[str, Any]) -> None:
    text = tomli_w.dumps(tables)
    found = lines_of(text.replace("\r\n", "\n"))
    assert set(found) == set(_paths(tomllib.loads(text)))


@given(st.text(max_size=60))
def test_text_that_is_no_toml_does_no_harm(text: str) -> None:
    assert isinstance(lines_of(text), dict)


def _paths(value: Any, above: KeyPath = ()) -> list[KeyPath]:
    match value:
        case dict():
            inner = [path for key, part in value.items() for path in ((*above, key), *_paths(part, (*above, key)))]
        case list():
            inner = [path for part in value for path in _paths(part, above)]
        case _:
            inner = []
    return inner
