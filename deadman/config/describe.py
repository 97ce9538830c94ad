"""What people are shown of the config: the effective one, a commented example, and a reference of all keys."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import tomli_w

from deadman.config.load import NO_WATCH, account_keys
from deadman.model.keys import REQUIRED, Key, keys_of
from deadman.model.settings import ClusterConfig, Config, DaemonConfig, WatchConfig
from deadman.model.text import markdown
from deadman.venues import VENUES

COMMENT_COLUMN = 37
LONGEST_LINE = 120


def effective_text(config: Config) -> str:
    """The effective config as TOML."""
    return tomli_w.dumps(effective(config))


def effective(config: Config) -> dict[str, Any]:
    """The effective config as TOML's own types: defaults filled in, every secret as `***`."""
    accounts = {}
    for name, account in config.accounts.items():
        accounts[name] = {"venue": account.venue, **_written(account)}
        required = {key.name for key in keys_of(type(account)) if key.default is REQUIRED}
        if not account.watches and "watch" in required:
            accounts[name]["watch"] = NO_WATCH
    watches = {name: _written(watch) for name, watch in config.watches.items()}
    cluster = {} if config.cluster is None else {"cluster": _written(config.cluster)}
    return {"daemon": _written(config.daemon), **cluster, "watches": watches, "accounts": accounts}


def _written(record: object) -> dict[str, Any]:
    written = {}
    for key in keys_of(type(record)):
        value = getattr(record, key.attribute)
        value = _written(value) if key.reader.table else key.reader.write(value)
        if value is not None:
            written[key.name] = value
    return written


_HEAD = """\
# deadman: the dead-man's switch of a trading desk.
#
#   deadman check --config FILE      every fault at once, and what these settings promise
#   deadman config --config FILE     the effective settings, defaults included
#   deadman config --reference       every key with its range, default and meaning
#
# Spans are plain numbers of seconds. Relative paths are relative to this file. A key that is commented out shows its
# default or, where it has none or its comment tells the default, an example. Secrets are never written here: each key
# that needs one says where it lives, and it is read anew at every login, so that replacing it is enough to rotate it:
#
#   { credential = "NAME" }    systemd's LoadCredential=NAME:/path/to/it
#   { file = "PATH" }          readable by its owner alone (chmod 600)
#   { env = "NAME" }           an environment variable

[daemon]
{daemon}

# Hosts hear of each other through etcd: a deadman on another machine may watch over this one's accounts at venues whose
# own switch leaves orders behind when a whole host is lost, and cancel them then. Without this table it is alone.

# [cluster]
{cluster}

# A watch is one trading process. It says that it lives, more often than `timeout`, by WATCHDOG=1 to
# RUNTIME/watch/NAME.sock: the sd_notify protocol, or `deadman beat NAME`.

[watches.quoter]
{watch}
"""


def example() -> str:
    """A commented config to start from; every key is in it."""
    daemon, watch = _example_keys(keys_of(DaemonConfig)), _example_keys(keys_of(WatchConfig))
    lines = _example_keys(keys_of(ClusterConfig)).splitlines()
    cluster = "\n".join(line if line.startswith("#") else f"# {line}" for line in lines)
    accounts = (
        venue.settings.example.replace("{keys}", _example_keys(account_keys(name))) for name, venue in VENUES.items()
    )
    head = _HEAD.replace("{daemon}", daemon).replace("{cluster}", cluster).replace("{watch}", watch)
    return "".join((head, *accounts))


def foreground_example() -> str:
    """The same for `deadman run` in a terminal: secrets are files and the directories stand beside the config."""
    text = re.sub(r'\{ credential = "secrets_([^"]+)" \}', r'{ file = "secrets/\1" }', example())
    return re.sub(r'^# ((run|state)(?:time)?_directory) = "[^"]*"', r'\1 = "\2"', text, flags=re.MULTILINE)


def _example_keys(keys: Iterable[Key]) -> str:
    """Each key with its comment beside it; above it, where that would be too long a line."""
    lines: list[str] = []
    for key in keys:
        required = key.default is REQUIRED
        setting = f"{key.name} = {key.example or _default(key)}"
        setting = setting if key.active or required else f"# {setting}"
        comment = key.meaning + (f" ({key.reader.bounds})" if key.reader.bounds else "")
        comment += "; required" if required else f"; default: {key.otherwise}" if key.otherwise else ""
        line = f"{setting:<{COMMENT_COLUMN}}# {comment}" if len(setting) < COMMENT_COLUMN else f"{setting}  # {comment}"
        lines += [line] if len(line) <= LONGEST_LINE else [f"# {comment}", setting]
    return "\n".join(lines)


def _default(key: Key) -> str:
    """In words, or as TOML writes it."""
    value = _written(key.default) if key.reader.table else key.reader.write(key.default)
    if key.otherwise or value in (None, []):
        return key.otherwise or "none"
    return f"{value:g}" if isinstance(value, float) else json.dumps(value, ensure_ascii=False)


def reference() -> str:
    """Every key with its values, default and meaning: a Markdown table for each table of the file."""
    lines = [
        *_reference_of("[daemon]", keys_of(DaemonConfig)),
        *_reference_of("[cluster]", keys_of(ClusterConfig)),
        *_reference_of("[watches.NAME]", keys_of(WatchConfig)),
    ]
    for venue in VENUES:
        keys = account_keys(venue)
        lines += _reference_of(f'[accounts.NAME] with venue = "{venue}"', keys)
        for key in keys:
            if key.reader.table:
                lines += _reference_of(
                    f'{key.name} of [accounts.NAME] with venue = "{venue}"', keys_of(key.reader.table)
                )
    return "\n".join(lines[1:]) + "\n"


def _reference_of(title: str, keys: Iterable[Key]) -> Iterator[str]:
    rows: list[Sequence[str]] = [("Key", "Value", "Default", "Meaning")]
    for key in keys:
        default = "required" if key.default is REQUIRED else _default(key)
        rows.append((f"`{key.name}`", key.reader.form, default, key.meaning))
    yield from ("", f"### {title}", "", *markdown(rows))
