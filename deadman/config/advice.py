"""What is valid and yet may hurt: told by `check`, never a reason to fail."""

from __future__ import annotations

import grp
import pwd
import stat
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from deadman.config.schema import Config, DeribitAccount, SxBetAccount
from deadman.config.secrets import PLACEHOLDER

DERIBIT_CONNECTIONS = 32
"""Connections per address, authenticated or not; the next one gets HTTP 429 (docs.deribit.com)."""

CONNECTIONS_PER_ACCOUNT = 2
"""A session, and for a moment a second one that proves what a new connection inherits."""

SXBET_REQUESTS = 500
"""Requests per minute beside orders and trades (docs.sx.bet, rate limits)."""

COINBASE_IDLE = 15
"""Seconds: Coinbase's gateway drops a connection that sent no message for about 30, so half of that is safe."""

_HOMES = (Path("/home"), Path("/root"))


def advice(config: Config, interpreter: Iterable[str]) -> tuple[str, ...]:
    """Sentences for people; `interpreter` names the paths that Python runs from."""
    return (
        *_placeholders(config),
        *_crowded_addresses(config),
        *_hasty_renewals(config),
        *_slow_heartbeats(config),
        *_idle_watches(config),
        *_toothless_watches(config),
        *_open_config(config.path),
        *_unknown_people(config),
        *_hidden_interpreter(interpreter),
    )


def _placeholders(config: Config) -> Iterator[str]:
    for account in _deribit(config):
        if PLACEHOLDER in (account.client_id or account.key_name or ""):
            yield f"accounts.{account.name}: its key's name is still the placeholder {PLACEHOLDER}"


def _crowded_addresses(config: Config) -> Iterator[str]:
    hosts = Counter(urlsplit(account.url).hostname for account in _deribit(config))
    for host, accounts in hosts.items():
        mine = accounts * CONNECTIONS_PER_ACCOUNT
        if mine > DERIBIT_CONNECTIONS // 2:
            yield (
                f"{host} allows {DERIBIT_CONNECTIONS} connections per address, all programs together: "
                f"{accounts} accounts take {accounts}, and up to {mine} while they are proven; your bots need the rest"
            )


def _hasty_renewals(config: Config) -> Iterator[str]:
    accounts = [account for account in config.accounts.values() if isinstance(account, SxBetAccount)]
    requests = sum(60 / account.renew_interval for account in accounts)
    if requests > SXBET_REQUESTS / 2:
        yield (
            f"renewals take {requests:.0f} of the {SXBET_REQUESTS} requests per minute that SX Bet allows: "
            "lengthen renew_interval"
        )


def _slow_heartbeats(config: Config) -> Iterator[str]:
    for account in _deribit(config):
        if account.network == "coinbase" and account.heartbeat_interval > COINBASE_IDLE:
            yield (
                f"accounts.{account.name}: Coinbase's gateway drops connections that are quiet for about 30 s; "
                f"keep heartbeat_interval at {COINBASE_IDLE} or less"
            )


def _idle_watches(config: Config) -> Iterator[str]:
    used = {name for account in config.accounts.values() for name in account.watches}
    for name in sorted(config.watches.keys() - used):
        yield f"watches.{name}: no account names it, so its silence trips nothing"


def _toothless_watches(config: Config) -> Iterator[str]:
    for account in config.accounts.values():
        if account.watches and account.on_trip == "none":
            names = " and ".join(account.watches)
            yield f'accounts.{account.name}: on_trip = "none", so the silence of {names} cancels nothing here'


def _open_config(path: Path) -> Iterator[str]:
    """Whoever may write it may lead every key to an address of his own."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        yield f"{path} can be changed by group or others, and with it where the keys are sent: chmod go-w {path}"


def _unknown_people(config: Config) -> Iterator[str]:
    users = [(f"watches.{watch.name}.user", watch.user) for watch in config.watches.values() if watch.user]
    users += [("daemon.operators", name) for name in config.daemon.operators]
    yield from (f'{key}: this host has no user "{name}"' for key, name in users if _lacks(pwd.getpwnam, name))
    group = config.daemon.socket_group
    if group and _lacks(grp.getgrnam, group):
        yield f'daemon.socket_group: this host has no group "{group}"'


def _hidden_interpreter(interpreter: Iterable[str]) -> Iterator[str]:
    for place in sorted(interpreter):
        if any(Path(place).is_relative_to(home) for home in _HOMES):
            yield (
                f"Python runs from {place}: a service with ProtectHome= cannot see it; "
                "install deadman outside of home directories, in /opt for instance"
            )
            return


def _deribit(config: Config) -> Iterator[DeribitAccount]:
    return (account for account in config.accounts.values() if isinstance(account, DeribitAccount))


def _lacks(find: Callable[[str], object], name: str) -> bool:
    try:
        find(name)
    except KeyError:
        return True
    return False
