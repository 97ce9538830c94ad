"""Deribit's switch: cancel-on-disconnect for the account (docs.deribit.com, private/enable_cancel_on_disconnect).

What is proven: the account's setting reads on, and a connection opened afterwards starts with it on. That covers the
WebSocket orders of connections opened since; never REST, FIX, or older connections.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from deadman.model import facts
from deadman.model.errors import Reason, Refused, Setback, SwitchOff, Unavailable
from deadman.model.proof import Coverage, Proof
from deadman.venues.deribit.conversation import Conversation
from deadman.venues.deribit.settings import DeribitAccount
from deadman.venues.deribit.wire import READ_SWITCH, TURN_OFF, TURN_ON, Scope, switch_enabled


@dataclass
class Switch:
    """Reads and sets the switch over one conversation; what it reads and sends are facts, and the guard judges them.

    `starts_armed` tells whether a connection opened now starts with the switch on: the only proof that bots inherit it.
    `account_on`: the account's setting as read last, None until read. `inherited`: whether this connection started
    with it on, None until read. That is read once, and not after the account's setting read off: the venue's
    documents disagree on whether turning that on reaches the connection itself, so that its own reading tells
    nothing of others any more.
    """

    account: DeribitAccount
    conversation: Conversation
    starts_armed: Callable[[], Awaitable[bool]]
    account_on: bool | None = None
    inherited: bool | None = None

    async def arm(self) -> Proof:
        """Read both scopes before touching either; turn on only where one of them is off.

        Raises SwitchOff where it does not go on, or new connections start without it; Refused where we may not read it.
        """
        try:
            if self.inherited is None:
                self.inherited = await self.read("connection")
            inherited, proof = self.inherited, await self._read_account()
        except Unavailable as error:
            if self.account_on is not None or error.reason is not Reason.CREDENTIALS:
                raise
            # Right after a login the token has not run out: the key itself is not good for this.
            words = f"{error.detail}; the login was accepted, so the key may lack account:read_write"
            raise Refused(Reason.SCOPE, words) from error
        # Where we may not turn it on, somebody else may have since our connection was opened.
        if proof is not None and (inherited or (self.account.observe and await self.starts_armed())):
            return proof
        return await self._turn_on()

    async def confirm(self) -> Proof:
        """Read the account's setting again; turn it on again where it has come undone."""
        return await self._read_account() or await self._turn_on()

    async def turn_off(self) -> None:
        """An operator's `disarm` only. The setting outlives us otherwise, and should."""
        await self._set(TURN_OFF, enabled=False)
        if await self.read("account"):
            raise Setback(Reason.VENUE_ERROR, "the venue said ok to turning it off, and still reads on")

    async def read(self, scope: Scope) -> bool:
        enabled = switch_enabled(await self.conversation.ask(READ_SWITCH, {"scope": scope}), scope)
        if enabled is None:
            raise Unavailable(Reason.GARBLED, f"{READ_SWITCH}: an answer that says neither on nor off")
        if scope == "account":
            self.account_on, self.inherited = enabled, self.inherited if enabled else False
        clock = self.conversation.clock
        self.conversation.post(facts.SwitchRead(clock.now(), scope, enabled, clock.timestamp()))
        return enabled

    async def _read_account(self) -> Proof | None:
        """The proof a reading of the account's setting gives, dated from the asking; None when it is off."""
        asked_at, vouch = self._now(), self.conversation.timers.vouch
        self.conversation.post(facts.Attempted(asked_at, vouch, Coverage.INHERITED))
        return Proof(asked_at, vouch, Coverage.INHERITED) if await self.read("account") else None

    async def _turn_on(self) -> Proof:
        """Turn it on, read it back, and see a fresh connection inherit it."""
        if self.account.observe:
            raise SwitchOff(Reason.VENUE_ERROR, "it is off; observing only, so it stays off")
        if not self.account_on:
            self.conversation.post(facts.TurnedOn(self._now()))
        self.inherited = False
        await self._set(TURN_ON, enabled=True)
        proof = await self._read_account()
        if proof is None:
            raise SwitchOff(Reason.VENUE_ERROR, "the venue said ok to turning it on, and still reads off")
        if not await self.starts_armed():
            raise SwitchOff(Reason.VENUE_ERROR, "the account reads on, and yet new connections start without it")
        self.conversation.post(facts.Repaired(self._now()))
        return proof

    async def _set(self, method: str, *, enabled: bool) -> None:
        """Turn it on or off. That we are about to is a fact first: unanswered, it may be carried out all the same.

        It may be until our patience has ended, and then as long again as a venue takes for what has reached it. A
        passing error settles nothing either: 13028 is the venue's own word for "nobody knows".
        """
        post, until = self.conversation.post, self._now() + 2 * self.conversation.timers.reply_timeout
        post(facts.SwitchSent(self._now(), enabled, until))
        try:
            await self.conversation.ask(method, {"scope": "account"})
        except (Refused, SwitchOff):
            post(facts.SwitchAnswered(self._now(), until))
            raise
        post(facts.SwitchAnswered(self._now(), until))

    def _now(self) -> float:
        return self.conversation.clock.now()
