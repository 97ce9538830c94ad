"""Keys and tokens: who may do what, from where, until when."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from .errors import RpcError, expired_token, invalid_token
from .scope import FULL, lifetime, narrow
from .settings import Settings


@dataclass(frozen=True, slots=True)
class Key:
    """An API key. `scope` is the most it may ever do; `public_key` is PEM, for Ed25519, RSA and Coinbase's keys."""

    client_id: str
    account: str
    secret: str | None = field(default=None, repr=False)
    public_key: bytes | None = None
    scope: str = FULL


@dataclass(slots=True, eq=False)
class Session:
    """A grant and its current pair of tokens. Of connection scope unless it has a name."""

    key: Key
    scope: frozenset[str]
    connection: int
    access_token: str
    refresh_token: str
    lifetime: int
    refreshed_at: float

    @property
    def name(self) -> str | None:
        return next((word[8:] for word in self.scope if word.startswith("session:")), None)

    @property
    def expires_at(self) -> float:
        return self.refreshed_at + self.lifetime


@dataclass(slots=True)
class Vault:
    """All keys and all tokens that still mean something."""

    settings: Settings
    random: Random
    keys: dict[str, Key] = field(default_factory=dict)
    sessions: list[Session] = field(default_factory=list)

    def open(self, key: Key, requested: str, connection: int, now: float) -> Session:
        """Start a session; a 17th named one of a key silently costs the least recently refreshed."""
        scope = frozenset(key.scope.split()) if self.settings.words else narrow(requested, key.scope)
        seconds = lifetime(requested, self.settings.token_lifetime)
        session = Session(key, scope, connection, self._token(), self._token(), seconds, now)
        self.sessions.append(session)
        named = sorted((s for s in self.sessions if s.name and s.key is key), key=lambda s: s.refreshed_at)
        for oldest in named[: -self.settings.sessions]:
            self.sessions.remove(oldest)
        return session

    def refresh(self, refresh_token: str, connection: int, now: float) -> Session:
        """Renew the pair; the old one is void from here on.

        Raises:
            RpcError: 13009 where the token is unknown, used, or of another connection.
        """
        for session in self.sessions:
            if session.refresh_token == refresh_token and self.reaches(session, connection):
                session.access_token, session.refresh_token = self._token(), self._token()
                session.refreshed_at = now
                return session
        raise RpcError(13009, {"reason": "invalid_token", "param": "refresh_token"})

    def check(self, session: Session | None, connection: int, now: float) -> Session:
        """That session, if it still holds here and now; else the venue's 13009."""
        if session is None or session not in self.sessions or not self.reaches(session, connection):
            raise invalid_token()
        if now >= session.expires_at:
            raise expired_token()
        return session

    def find(self, access_token: object) -> Session | None:
        return next((s for s in self.sessions if s.access_token == access_token), None)

    def revoke(self, session: Session) -> None:
        """Log out: every token of the session's name goes with it."""
        gone = [
            s for s in self.sessions if s is session or (s.key is session.key and s.name and s.name == session.name)
        ]
        self.sessions = [s for s in self.sessions if s not in gone]

    def forget_connection(self, connection: int) -> None:
        self.sessions = [s for s in self.sessions if s.name or s.connection != connection]

    def expire(self, account: str, now: float) -> None:
        """A fault: let every token of an account run out this moment."""
        for session in self.sessions:
            if session.key.account == account:
                session.lifetime = min(session.lifetime, int(now - session.refreshed_at))

    def reaches(self, session: Session, connection: int) -> bool:
        return session.name is not None or session.connection == connection

    def _token(self) -> str:
        return f"{self.random.getrandbits(128):032x}"
