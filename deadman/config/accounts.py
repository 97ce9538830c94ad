"""`[accounts.…]`: the rules both venues share, and those between accounts."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from deadman.config import deribit, sxbet
from deadman.config.document import dotted
from deadman.config.fault import closest, shown, suggestion
from deadman.config.keys import DERIBIT, SXBET, VENUE, Section
from deadman.model.settings import SecretSource

NO_WATCH = "none"

_KEYS = {"deribit": DERIBIT, "sxbet": SXBET}
_SECRETS = ("client_secret", "private_key", "api_key")
_ONCE_ONLY = ("client_id", "key_name", "requestor", *_SECRETS)
_ELSEWHERE = {venue: {key.name: f"it is a key of {venue} accounts" for key in keys} for venue, keys in _KEYS.items()}


def read_account(section: Section, watches: Collection[str]) -> None:
    """Read one account's table by its venue's keys and rules, leaving what is right in `section.values`."""
    venue = _venue(section)
    if venue is None:
        return
    other = "sxbet" if venue == "deribit" else "deribit"
    section.read(_KEYS[venue], _ELSEWHERE[other])
    _settle_secrets(section)
    _settle_watches(section, watches)
    _settle_ca_file(section)
    (deribit if venue == "deribit" else sxbet).settle(section)


def secrets_of(section: Section) -> Iterator[tuple[str, SecretSource]]:
    """The keys of an account that name a secret, with where it lives."""
    for name in _SECRETS:
        if source := section.values.get(name):
            yield name, source


def check_shared(accounts: Sequence[Section]) -> None:
    """No key and no wallet twice: two keepers of one account at the venue would undo each other's work."""
    owners: dict[object, tuple[Section, str]] = {}
    for section in accounts:
        for name in _ONCE_ONLY:
            if (value := section.values.get(name)) is None:
                continue
            # A secret is told by where it lives, whatever the key it stands under.
            owner, key = owners.setdefault(value if isinstance(value, SecretSource) else (name, value), (section, name))
            if (owner, key) != (section, name):
                section.fault(name, f"the same as {dotted((*owner.path, key))}", "each account needs its own")


def _venue(section: Section) -> str | None:
    """The venue, or the nearest guess, so that the other faults of a misspelled one are told too."""
    given = section.raw.get("venue")
    if not isinstance(given, str):
        section.read_key(VENUE)
        return None
    venue = closest(given, _KEYS)
    if venue is None:
        section.read_key(VENUE)
    return venue


def _settle_secrets(section: Section) -> None:
    for name, source in tuple(secrets_of(section)):
        place = str(_beside(section, source.name)) if source.kind == "file" else source.name
        line = section.document.line((*section.path, name))
        section.values[name] = replace(source, name=place, line=line)


def _settle_watches(section: Section, watches: Collection[str]) -> None:
    names = section.values.pop("watch", None)
    if names is None:
        return
    if NO_WATCH in names and len(names) > 1:
        section.fault("watch", f'"{NO_WATCH}" stands alone or not at all')
    if not names and section.values.get("venue") == "sxbet":
        section.fault("watch", "names no watch", f'say "{NO_WATCH}" to renew even if no bot lives')
    for name in names:
        if name != NO_WATCH and name not in watches:
            hint = suggestion(name, watches) or f"define it: [watches.{dotted((name,))}]"
            section.fault("watch", f"no watch is called {shown(name)}", hint)
    section.values["watches"] = tuple(name for name in names if name != NO_WATCH)


def _settle_ca_file(section: Section) -> None:
    given = section.values.get("ca_file")
    if given is None:
        return
    path = section.values["ca_file"] = _beside(section, given)
    try:
        # Asked first, since reading a pipe or a device might never end.
        if not path.is_file():
            section.fault("ca_file", f"there is no file {path}")
        elif b"-----BEGIN CERTIFICATE-----" not in path.read_bytes():
            section.fault("ca_file", "holds no certificate in PEM form")
    except PermissionError:
        return  # perhaps only the service can read it
    except OSError as error:
        section.fault("ca_file", f"cannot be read: {error.strerror}")


def _beside(section: Section, path: str | Path) -> Path:
    """Relative paths are relative to the config file, wherever the daemon was started."""
    return section.document.path.absolute().parent / path
