"""One conversation with Deribit: requests and answers, the test_requests answered, and our own probe of its life."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Any, cast

import trio

from deadman.model import facts
from deadman.model.clock import Clock
from deadman.model.errors import Reason, Refused, Setback, Unavailable, ungrouped
from deadman.model.secret import Secret
from deadman.model.settings import Timers
from deadman.transport.websocket import WebSocket
from deadman.venues.deribit import wire
from deadman.venues.deribit.settings import DeribitAccount
from deadman.venues.deribit.wire import failure, scopes
from deadman.venues.venue import Post

READING = "account:read"
SWITCHING = "account:read_write"
LISTING = "trade:read"
TRADING = "trade:read_write"
COINBASE = frozenset({"rat#trade", "wallet:buys:create"})
"""Any one of these does all of it on Coinbase's gateway."""

REFRESH_AT, REFRESH_AGAIN = 0.8, 0.05
"""Of a token's life: when it is refreshed, early enough for several tries, and the time between two tries."""

REFRESH_FLOOR, REFRESH_CAP = 5.0, 60.0
"""Seconds between two refreshes at least, whatever lifetime the venue tells, and between two tries at most."""

ENDLESS = 1e9
"""Seconds; the venue's own longest figure is a third of it, and what is longer may not even fit a float."""

LIFETIME = 900.0
"""Seconds assumed where the venue tells none: the shortest one ever seen in a client's fixture."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What a login gave. `lifetime` in seconds, the venue's own figure."""

    access_token: Secret
    refresh_token: Secret | None
    lifetime: float
    scopes: frozenset[str]

    @property
    def can_cancel(self) -> bool:
        return bool(self.scopes & {TRADING, *COINBASE})

    @property
    def can_list_orders(self) -> bool:
        return bool(self.scopes & {LISTING, TRADING, *COINBASE})

    def token_params(self) -> dict[str, str]:
        """The token goes with every private request, a named session's too: the venue's reference asks for it.

        Coinbase's gateway knows the connection and wants none.
        """
        return {} if self.scopes & COINBASE else {"access_token": self.access_token.reveal()}

    def refresh_due(self, granted_at: float) -> float:
        return granted_at + max(REFRESH_AT * self.lifetime, REFRESH_FLOOR)

    def refresh_pause(self) -> float:
        """Seconds to the next try after a refresh that failed: several fit into what is left of the token's life."""
        return min(max(REFRESH_AGAIN * self.lifetime, REFRESH_FLOOR), REFRESH_CAP)


def login_params(
    account: DeribitAccount, secret: Secret, scope: str, timestamp: float, chance: Random
) -> dict[str, Any]:
    """`public/auth` by the configured method, asking for `scope`."""
    nonce = f"{chance.getrandbits(64):016x}"
    if account.network == "coinbase":
        token = web_token(secret, str(account.key_name), timestamp, nonce)
        return {"grant_type": "coinbase_cdp", "token": token}
    asked = {"client_id": account.client_id, "scope": scope}
    if account.auth == "secret" and account.private_key is None:
        return {"grant_type": "client_credentials", "client_secret": secret.reveal(), **asked}
    milliseconds = int(timestamp * 1000)
    sign = hmac_signature if account.private_key is None else ed25519_signature
    signature = sign(secret, f"{milliseconds}\n{nonce}\n")
    signed = {"timestamp": milliseconds, "nonce": nonce, "data": "", "signature": signature}
    return {"grant_type": "client_signature", **signed, **asked}


def asked_scope(account: DeribitAccount, session: str) -> str:
    """No more than the work needs, in a session name of our own: so our logins leave the desk's tokens alone."""
    if account.witness_of is not None:
        wanted = (READING, LISTING if account.observe else TRADING)
    else:
        wanted = (READING, LISTING) if account.observe else (SWITCHING, TRADING)
    return " ".join((f"session:{session}", *wanted, "wallet:none"))


def refresh_params(token: Secret) -> dict[str, Any]:
    return {"grant_type": "refresh_token", "refresh_token": token.reveal()}


def hmac_signature(secret: Secret, message: str) -> str:
    """Lower-case hex HMAC-SHA256 of `timestamp\\nnonce\\ndata`; both newlines stay where nonce or data are empty.

    Source: the venue's Authentication article.
    """
    return hmac.new(secret.reveal().encode(), message.encode(), hashlib.sha256).hexdigest()


def read_grant(result: Any, account: DeribitAccount) -> Grant:
    """What the venue granted. Raises Refused for a login without the scope the switch needs, in words."""
    if not isinstance(result, Mapping) or not isinstance(result.get("access_token"), str):
        raise Refused(Reason.UNSUPPORTED, "public/auth: an answer without an access token")
    granted = scopes(result.get("scope"))
    needed = needed_for(account)
    if not granted & needed:
        told = " ".join(sorted(granted)) or "nothing"
        raise Refused(Reason.SCOPE, f"the key lacks {' or '.join(sorted(needed))}; it grants: {told}")
    refresh, lifetime = result.get("refresh_token"), result.get("expires_in")
    return Grant(
        Secret(result["access_token"]),
        Secret(refresh) if isinstance(refresh, str) else None,
        float(min(lifetime, ENDLESS)) if isinstance(lifetime, int | float) and lifetime > 0 else LIFETIME,
        granted,
    )


def needed_for(account: DeribitAccount) -> frozenset[str]:
    """The scopes any one of which the switch needs: to turn it on, or where we only observe, to read it.

    A witness turns on nothing: it needs to cancel, or where it only observes, to list.
    """
    if account.witness_of is not None:
        return frozenset({TRADING, *COINBASE, *([LISTING] if account.observe else [])})
    if account.network == "coinbase":
        return COINBASE | {SWITCHING}
    return frozenset({READING, SWITCHING} if account.observe else {SWITCHING})


HARMLESS = frozenset({SWITCHING, READING, TRADING, LISTING, "mainaccount", "connection", "rat#view"})


def excess(granted: frozenset[str], needed: frozenset[str]) -> list[str]:
    """The scopes by which a thief of the key could do more than we do. Reading is none of them."""
    return sorted(word for word in granted - HARMLESS - needed if not word.endswith((":none", ":read")))


def ed25519_signature(secret: Secret, message: str) -> str:
    """URL-safe base64 without padding, as Deribit's article on asymmetric keys has it. Raises Refused in words."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = _private_key(secret)
    if not isinstance(key, Ed25519PrivateKey):
        raise Refused(Reason.SECRET, "private_key: Deribit keys are signed with as Ed25519 here; this is another kind")
    return base64.urlsafe_b64encode(key.sign(message.encode())).decode().rstrip("=")


def web_token(secret: Secret, key_name: str, timestamp: float, nonce: str) -> str:
    """A fresh token for one login at Coinbase: ES256 or EdDSA by the kind of key, and no `uri`. Raises Refused."""
    try:
        import jwt
    except ImportError:
        words = "Coinbase's login needs an extra package: pip install 'deadman[coinbase]'"
        raise Refused(Reason.UNSUPPORTED, words) from None
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    # Good for the 120 s that Coinbase takes at most. A clock a little ahead must not make it one of the future.
    key, good_from = _private_key(secret), int(timestamp) - 30
    claims = {"sub": key_name, "iss": "cdp", "nbf": good_from, "exp": good_from + 120}
    header = {"kid": key_name, "nonce": nonce}
    match key:
        case Ed25519PrivateKey():
            return jwt.encode(claims, key, algorithm="EdDSA", headers=header)
        case EllipticCurvePrivateKey() if isinstance(key.curve, SECP256R1):
            return jwt.encode(claims, key, algorithm="ES256", headers=header)
        case _:
            raise Refused(Reason.SECRET, "private_key: neither an EC P-256 nor an Ed25519 key")


def _private_key(secret: Secret) -> Any:
    """PEM, or Coinbase's base64 of an Ed25519 seed with its public half."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    text = secret.reveal().replace("\\n", "\n")
    try:
        if "-----BEGIN" in text:
            return cast(Any, load_pem_private_key(text.encode(), password=None))
        return Ed25519PrivateKey.from_private_bytes(base64.b64decode(text, validate=True)[:32])
    except (ValueError, TypeError, binascii.Error):
        raise Refused(Reason.SECRET, "private_key: neither PEM (unencrypted) nor base64 of an Ed25519 key") from None


BENEFIT_OF_DOUBT = 0.05
"""Seconds after the deadline: if it was we who stalled, the answer lies unread, and the reader needs a turn."""


TESTS_BURST, TESTS_RATE = 10.0, 2.0
"""Answers to test_requests, at once and a second: they are due every ten seconds at most, and a venue that asks
without end would have us spend, in its favour, the requests that end our own session."""


@dataclass
class _Pending:
    """A request under way. `answered` is set when the reply is read, which was at `answered_at`."""

    answered: trio.Event
    asked_at: float
    asked_timestamp: float
    reply: wire.Reply | None = None
    answered_at: float = 0.0


@dataclass
class Conversation:
    """Requests multiplexed by id over one WebSocket. `answered_at`: when the last answer to us was read.

    `stirred` is set by news of any order; who waits for it puts a new one there.
    """

    socket: WebSocket
    clock: Clock
    timers: Timers
    post: Post
    answered_at: float
    token: Mapping[str, str] = field(default_factory=dict, repr=False)
    stirred: trio.Event = field(default_factory=trio.Event)
    _tests_paid_until: float = 0.0
    _ids: Iterator[int] = field(default_factory=lambda: count(1))
    _pending: dict[int, _Pending] = field(default_factory=dict)
    _life: trio.Event = field(default_factory=trio.Event)

    async def ask(self, method: str, params: Mapping[str, Any], within: float | None = None) -> Any:
        """The result of `method`, within the reply timeout.

        Raises Unavailable without an answer in time, when nobody knows what the venue did; else as `failure` tells.
        """
        limit = self.timers.reply_timeout if within is None else within
        pending = await self._exchange(method, params, trio.Event(), limit)
        if pending.reply is None:
            raise Unavailable(Reason.SILENT, f"{method} unanswered for {limit:.1f} s")
        return self._outcome(method, pending, pending.reply)

    async def _exchange(self, method: str, params: Mapping[str, Any], until: trio.Event, limit: float) -> _Pending:
        """Send, and wait for the reply, or for `until` to be set by another, but no longer than `limit` seconds."""
        identity, pending = next(self._ids), _Pending(until, self.clock.now(), self.clock.timestamp())
        self._pending[identity] = pending
        try:
            private = self.token if method.startswith("private/") else {}
            await self.socket.send(wire.request(identity, method, {**params, **private}))
            with trio.move_on_after(limit):
                await until.wait()
            with trio.move_on_after(BENEFIT_OF_DOUBT):
                await until.wait()
        finally:
            del self._pending[identity]
        return pending

    def _outcome(self, method: str, pending: _Pending, reply: wire.Reply) -> Any:
        """The result, or the error raised. `offset` is the venue's clock less ours; our wall clock sees a suspend."""
        asked, answered_at, offset = pending.asked_timestamp, pending.answered_at, 0.0
        self.post(facts.Answered(answered_at, answered_at - pending.asked_at))
        if reply.sent_timestamp is not None:
            answered = self.clock.timestamp_of(answered_at)
            offset = reply.sent_timestamp - (asked + answered) / 2
            self.post(facts.ClockCompared(answered_at, offset, abs(answered - asked)))
        if reply.error is not None:
            self.post(facts.Erred(self.answered_at, str(reply.error.code)))
            raise failure(method, reply.error, offset)
        return reply.result

    async def read(self) -> None:
        """Take in every frame. A test_request is answered here and now: nothing may stand between."""
        while True:
            text = await self.socket.receive()
            read_at = self.clock.now()
            match wire.parse(text):
                case wire.TestRequest() if self._may_answer(read_at):
                    await self.socket.send(wire.request(next(self._ids), "public/test", {}))
                    self.post(facts.TestRequestAnswered(read_at, self.clock.now() - read_at))
                case wire.Reply() as reply:
                    self._take(reply, read_at)
                case wire.Notification() as news:
                    if news.channel.startswith("user.orders"):
                        self.stirred.set()
                    if fired := wire.fired(news):
                        self.post(facts.VenueFired(read_at, fired))

    def _may_answer(self, now: float) -> bool:
        """Whether one more test_request is to be answered; what is given to it counts as given."""
        paid_until = max(self._tests_paid_until, now)
        if paid_until > now + TESTS_BURST / TESTS_RATE:
            return False
        self._tests_paid_until = paid_until + 1 / TESTS_RATE
        return True

    def _take(self, reply: wire.Reply, read_at: float) -> None:
        """Any answer is life; one nobody waits for any more is no more than that."""
        self.answered_at = read_at
        pending = self._pending.get(reply.id)
        if pending is not None:
            pending.reply, pending.answered_at = reply, read_at
            pending.answered.set()
        self._life.set()
        self._life = trio.Event()

    async def probe(self) -> None:
        """Ask for a sign of life whenever none was seen for a while: a pong is not life, an answer is."""
        while True:
            await trio.sleep_until(self.answered_at + self.timers.probe_interval)
            if self.clock.now() >= self.answered_at + self.timers.probe_interval:
                with suppress(Setback, Refused):  # an answer, whatever it says
                    await self._seek_life()

    async def _seek_life(self) -> None:
        """Return at the first answer to whatever we asked: a venue that is slow to answer a probe is not dead.

        The next probe then counts from that answer, so that a venue that fell silent after it is found out in time.
        """
        life, limit = self._life, self.timers.probe_timeout
        probe = await self._exchange("public/test", {}, life, limit)
        if probe.reply is not None:
            self._outcome("public/test", probe, probe.reply)
        elif not life.is_set():
            raise Unavailable(Reason.SILENT, f"nothing was answered for {limit:.1f} s")


@asynccontextmanager
async def converse(socket: WebSocket, clock: Clock, timers: Timers, post: Post) -> AsyncIterator[Conversation]:
    """A conversation with its reader running; it ends with `Unavailable` the moment the peer is gone."""
    conversation = Conversation(socket, clock, timers, post, clock.now())
    with ungrouped():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(conversation.read)
            nursery.start_soon(conversation.probe)
            yield conversation
            nursery.cancel_scope.cancel()
