"""The heart: what is known of one account, and what may be claimed of it.

A guard holds facts only, and every judgement is a pure function of them and `now`. It errs one way: claims rest on the
last *confirmed* renewal, deaths on the last *attempted* one, so that no order is called safe or gone before it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from math import inf

from deadman.model import facts
from deadman.model.drill import Drills
from deadman.model.errors import Reason
from deadman.model.facts import Cause, Fact
from deadman.model.identity import Identity, Relation
from deadman.model.leases import Leases
from deadman.model.proof import Coverage, Proof, SwitchRecord
from deadman.model.settings import Terms
from deadman.model.sight import Sight, Witness
from deadman.model.trip import Book, Trip


class Phase(StrEnum):
    """Where an account stands, in one word; the names are published and stay."""

    CONNECTING = "connecting"
    WAITING = "waiting"
    ARMING = "arming"
    ARMED = "armed"
    DEGRADED = "degraded"
    EXPIRED = "expired"
    UNVERIFIED = "unverified"
    EXPOSED = "exposed"
    REFUSED = "refused"
    TRIPPING = "tripping"
    TRIPPED = "tripped"
    DISARMED = "disarmed"


UNCLAIMABLE = frozenset({Phase.DISARMED, Phase.TRIPPING, Phase.TRIPPED, Phase.EXPOSED})
UNWANTED = frozenset({Phase.DISARMED, Phase.WAITING, Phase.TRIPPED})


@dataclass(frozen=True, slots=True)
class Trouble:
    """What went wrong last; `phase` EXPOSED or REFUSED when it was the venue's word, None when the network failed."""

    at: float
    reason: Reason | None
    detail: str
    phase: Phase | None = None


@dataclass(frozen=True, slots=True)
class Guard:
    """Facts about one account, folded.

    Attributes:
        overdue_after: seconds from one asking until the next answer is late.
        leases: what the venue may hold, as far as it may have heard us.
        orders_seen_at: when the venue last listed an open order, None when it never did.
        bots: the watches that were seen alive since a lease is taken for them; None while none is. One that is
            configured later and was never up is not among them, and takes no lease from those that live.
        provable: False for a lease that is only observed: the venue tells nobody whether one stands, so that nothing
            is wanted of it.
        switch: of a setting, what we asked of it, and so what it may be expected to read.
        identity: whose account it is; every fact here is of that account.
        untold: the venue would not tell whose account it is, over this session.
        unchecked: since the config changed or we started, the venue has not told once more whose account it is,
            where that may have changed with the key alone.
        terms: how a trip that begins now would cancel.
        aside: the account that the config named before, unless it is known to be this one. Never acted upon.
        withheld: the disarm is an operator's word about `aside`: this account is left alone for its name's sake.
        called_at: when somebody last asked for a try at once.
        taken_on_at: when this account took the place of another, until each of its bots was heard since.
        sight: of a witness's account, what it knows of the one it watches over.
        witnesses: who watches over this account from other hosts.
    """

    overdue_after: float
    provable: bool = True
    identity: Identity | None = None
    untold: bool = False
    unchecked: bool = False
    terms: Terms | None = None
    aside: Guard | None = None
    withheld: bool = False
    called_at: float | None = None
    taken_on_at: float | None = None
    drills: Drills = field(default_factory=Drills)
    session_at: float | None = None
    can_cancel: bool = False
    proof: Proof | None = None
    covered_since: float | None = None
    leases: Leases = field(default_factory=Leases)
    trouble: Trouble | None = None
    doubted_at: float | None = None
    turned_on: bool = False
    switch: SwitchRecord = field(default_factory=SwitchRecord)
    awaited: bool = False
    bots: frozenset[str] | None = None
    trip: Trip | None = None
    disarm: facts.Disarmed | None = None
    disarm_confirmed: bool = False
    open_orders: int | None = None
    open_orders_at: float | None = None
    orders_seen_at: float | None = None
    book: Book = field(default_factory=Book)
    sight: Sight | None = None
    witnesses: tuple[Witness, ...] = ()

    def phase(self, now: float) -> Phase:
        """The first that holds, from an operator's last word down to "not yet"."""
        if self.disarm is not None:
            return Phase.DISARMED
        if self.trip is not None:
            return Phase.TRIPPING if self.trip.done_at is None else Phase.TRIPPED
        if self.trouble is not None and self.trouble.phase is not None:
            return self.trouble.phase
        if self.sight is not None:
            return self._standing_by(self.sight)
        if self.proof is not None and self.proof.stands(now):
            # Degraded: a renewal failed or is overdue, or the session is lost, though the proof stands.
            in_time = self.trouble is None and now < self.proof.asked_at + self.overdue_after
            return Phase.ARMED if in_time and self.session_at is not None else Phase.DEGRADED
        if self.awaited:
            return Phase.WAITING
        if self.proof is not None:
            return Phase.EXPIRED if self.proof.coverage is Coverage.LEASE else Phase.UNVERIFIED
        return Phase.CONNECTING if self.session_at is None else Phase.ARMING

    def _standing_by(self, sight: Sight) -> Phase:
        """A witness's account stands as its sight and its session do: it is never armed itself."""
        if sight.is_blind:
            return Phase.DEGRADED
        if sight.awaits:
            return Phase.WAITING
        if sight.seen_at is None or (self.session_at is None and self.trouble is None and self.proof is None):
            return Phase.CONNECTING
        return Phase.ARMED if self.can_cancel else Phase.DEGRADED

    def protected(self, now: float) -> bool:
        """Whether the claim holds: a standing proof, and no word of ours or the venue's against it."""
        return self.proof is not None and self.proof.stands(now) and self.phase(now) not in UNCLAIMABLE

    def wanted(self, now: float) -> bool:
        """Not while an operator's drill lets the lease run out, which is his word for as long as one may take."""
        if self.drills.lapses(now) and (self.proof is None or not self.proof.stands(now)):
            return False
        return self.provable and self.phase(now) not in UNWANTED

    @property
    def tripping(self) -> bool:
        """Whether a trip is under way that a disarm has not ended."""
        return self.disarm is None and self.trip is not None and self.trip.under_way

    @property
    def nameless(self) -> bool:
        """Whether the venue has yet to tell whose account it is, once, so that a changed key can be judged later."""
        return self.identity is not None and self.identity.account is None and not self.untold

    @property
    def stranger(self) -> bool:
        """Whether the venue must tell whose account it is before anything that was kept is acted upon."""
        if self.untold or self.identity is None:
            return False
        if self.aside is not None and self.aside.identity is not None and not self.tripping:
            told = self.identity.account is not None or self.aside.identity.account is None
            return not told and self.aside.identity.relation(self.identity) is Relation.UNKNOWN
        unfinished = self.tripping or (self.disarm is not None and not self.disarm_confirmed)
        return self.unchecked and unfinished

    def margin(self, now: float) -> float:
        """Seconds until the standing claim runs out; 0 when there is none."""
        return self.proof.margin(now) if self.proof is not None and self.protected(now) else 0.0

    @property
    def lease_end(self) -> float | None:
        """The latest end of any lease that the venue may hold, None for none; before it no orders are gone."""
        return self.leases.end

    def may_be_leased(self, now: float) -> bool:
        """Whether the venue may hold a lease, whatever has been proven: while it may, nobody is left waiting."""
        return self.lease_end is not None and self.lease_end > now

    def may_be_heard(self, now: float) -> bool:
        """Whether the venue may hold, or carry out yet, anything that we asked for."""
        return self.may_be_leased(now) or any(until > now for _, until in self.switch.unsettled)

    def lapsed(self, now: float) -> bool:
        """Whether what rested when the trip began is gone by the end of a lease, though no list says so."""
        return self.trip is not None and self.leases.lapsed(self.trip.at, now, self.orders_seen_at)

    def next_change(self, after: float) -> float:
        """The next instant at which time alone may change a judgement; infinite when only a fact can."""
        drill = self.drills.under_way
        instants = [drill.until if drill is not None else self.drills.rearmed_until]
        if self.proof is not None:
            instants += (self.proof.asked_at + self.overdue_after, self.proof.expiry)
        return min([at for at in instants if at > after], default=inf)

    def post(self, fact: Fact) -> Guard:
        """The guard after one more fact. Facts it does not judge by leave it as it is."""
        match fact:
            case facts.Proven(at=at, proof=proof):
                return self._proven(proof, at)
            case facts.Attempted(at=at, ttl=ttl, coverage=Coverage.LEASE):
                return replace(self, leases=self.leases.ask(at, ttl), proof=self._at_most(at + ttl))
            case facts.LeaseGranted(at=at, ttl=ttl):
                return replace(self, leases=self.leases.after(fact), proof=self._at_most(at + ttl))
            case facts.LeaseDenied() | facts.LeaseGivenUp() | facts.LeasePresumed():
                return replace(self, leases=self.leases.after(fact))
            case facts.SessionOpened(at=at, can_cancel=can_cancel):
                return replace(self, session_at=at, can_cancel=can_cancel, untold=False)
            case facts.Lost(at=at, reason=reason, detail=detail) | facts.Failed(at=at, reason=reason, detail=detail):
                known, trouble = self._offline() if isinstance(fact, facts.Lost) else self, self.trouble
                if trouble is None or trouble.phase is None:
                    # It does not take back the venue's last word, and dates from the first one in a row.
                    trouble = Trouble(trouble.at if trouble else at, reason, detail)
                return replace(known, trouble=trouble)
            case facts.SessionClosed():
                return self._offline()
            case facts.TurnedAway(at=at, reason=reason, detail=detail):
                return replace(self._offline(), trouble=Trouble(at, reason, detail, Phase.REFUSED))
            case facts.FoundOff(at=at, detail=detail):
                return replace(self, proof=None, covered_since=None, trouble=Trouble(at, None, detail, Phase.EXPOSED))
            case facts.Doubted(at=at, missed=missed):
                # The confirmed lease may have ended so much sooner.
                held = self.leases.held and replace(self.leases.held, sure_until=self.leases.held.sure_until - missed)
                book, leases = replace(self.book, unwatched=True), replace(self.leases, held=held)
                return replace(self, proof=None, covered_since=None, leases=leases, doubted_at=at, book=book)
            case facts.TurnedOn() | facts.SwitchRead() | facts.SwitchSent() | facts.SwitchAnswered():
                return self._switched(fact)
            case facts.OrdersCounted(at=at, count=count):
                return replace(self._counted(at, count), book=self._listed(fact))
            case facts.OrdersRemembered(count=count, listed_at=listed_at):
                return replace(self, book=Book(count, listed_at, unwatched=True, gone=self.book.gone))
            case facts.VenueFired(orders=orders) if self.book.count is not None:
                return replace(self, book=replace(self.book, count=max(0, self.book.count - orders)))
            case facts.Awaited(at=at):
                book = self.book.known(None, at) if self.proof is not None else self.book
                return replace(self, awaited=True, bots=None, book=book)
            case facts.BotSeen(watches=watches):
                return replace(self, awaited=False, bots=watches)
            case facts.Sighted(sight=sight):
                return self._sighted(sight)
            case facts.StoodBy():
                return replace(self, trouble=None)
            case facts.Witnessed(witnesses=witnesses):
                return replace(self, witnesses=witnesses)
            case _:
                return self._commanded(fact)

    def _sighted(self, sight: Sight | None) -> Guard:
        """A look that went through proves, for as long as the desk's timeout, that its death would be acted upon."""
        known = replace(self, sight=sight, terms=(sight and sight.terms) or self.terms)
        if sight is None or sight.awaits:
            return replace(known, proof=None)
        if sight.is_blind or sight.seen_at is None or not self.can_cancel:
            return known
        return replace(known, proof=Proof(sight.seen_at, sight.timeout, Coverage.WITNESS))

    def _switched(self, fact: Fact) -> Guard:
        """The facts of a setting. What reads off covers nobody, whoever reads it, in whatever phase."""
        match fact:
            case facts.TurnedOn():
                return replace(self, turned_on=True)
            case facts.SwitchRead(at=at, enabled=False):
                # Exposed only where it had been proven on, and not turned off by us: else it is just not armed yet.
                undone = replace(self.switch, undone=self.switch.proven_on)
                news = undone.undone and not self.switch.undone
                why = "cancel-on-disconnect had come undone"
                trouble = Trouble(at, None, why, Phase.EXPOSED) if news else self.trouble
                return replace(self, proof=None, covered_since=None, switch=undone, trouble=trouble)
            case facts.SwitchSent(at=at, enabled=enabled, until=until):
                known = self if enabled else self._let_go()
                pending = {one for one in self.switch.unsettled if one[1] > at} | {(enabled, until)}
                return replace(known, switch=replace(known.switch, unsettled=frozenset(pending)))
            case facts.SwitchAnswered(until=until):
                pending = {one for one in self.switch.unsettled if one[1] != until}
                return replace(self, switch=replace(self.switch, unsettled=frozenset(pending)))
            case _:
                return self

    def _let_go(self) -> Guard:
        """The switch is off by our own hand, or about to be: that covers nobody, and blames nobody."""
        exposed = self.trouble is not None and self.trouble.phase is Phase.EXPOSED
        bare = replace(self, proof=None, covered_since=None, switch=replace(self.switch, proven_on=False, undone=False))
        return replace(bare, trouble=None) if exposed else bare

    def _commanded(self, fact: Fact) -> Guard:
        """The facts of trips and of the operator's hand."""
        match fact:
            case facts.Tripped() if self.disarm is None or fact.cause is Cause.OPERATOR:
                # A disarmed account is tripped by nobody but an operator, whose later word it is.
                terms = fact.terms or self.terms
                return self._tripped(
                    Trip(fact.at, fact.cause, fact.by, fact.reason, cancelled=fact.cancelled, terms=terms)
                )
            case facts.RoundDone(at=at, remaining=remaining) if self.trip is not None:
                book = self.book.known(remaining, at)
                return replace(self._counted(at, remaining), trip=self.trip.after(fact), book=book)
            case facts.TripDone(at=at, presumed=presumed) if self.trip is not None:
                done = replace(self, trip=replace(self.trip, done_at=at, presumed=presumed))
                if not presumed:
                    return done
                # What was counted is presumed gone.
                return replace(done, open_orders=None, open_orders_at=None, book=self.book.known(None, at))
            case facts.Disarmed():
                return replace(self, disarm=fact, disarm_confirmed=False, trip=None, withheld=False)
            case facts.Slept(slept=slept) if self.disarm is not None:
                # A quarter of an hour is one for people too, whose clocks go on while the machine sleeps.
                until = None if self.disarm.until is None else self.disarm.until - (slept - self.disarm.slept)
                return replace(self, disarm=replace(self.disarm, until=until, slept=slept))
            case facts.DisarmConfirmed(at=at) if self.disarm is not None:
                # Nothing is held; what may yet be carried out stays.
                leases = Leases(tuple(one for one in self.leases.asked if one.heard_until > at))
                return replace(self._let_go(), leases=leases, disarm_confirmed=True, turned_on=False)
            case facts.Rearmed():
                return self._rearmed()
            case _:
                return self

    def _proven(self, proof: Proof, answered_at: float) -> Guard:
        """The claim counts from the asking. A lease that an unanswered request may yet end is none."""
        leases = self.leases
        if proof.coverage is Coverage.LEASE:
            leases = leases.prove(answered_at, proof)
            proof = replace(proof, ttl=leases.lasting(proof))
            if proof.ttl == 0:
                return replace(self, leases=leases, proof=None, covered_since=None, trouble=None)
        gap = self.proof is None or not self.proof.stands(proof.asked_at)
        since = proof.asked_at if gap or self.covered_since is None else self.covered_since
        book = self._book(proof.asked_at)
        switch = replace(self.switch, proven_on=True, undone=False)
        return replace(self, proof=proof, covered_since=since, trouble=None, leases=leases, book=book, switch=switch)

    def _counted(self, at: float, count: int | None) -> Guard:
        """A list that cannot be read takes nothing back: the last count goes on, with its age."""
        if count is None:
            return self
        seen_at = at if count else self.orders_seen_at
        return replace(self, open_orders=count, open_orders_at=at, orders_seen_at=seen_at)

    def _at_most(self, expiry: float) -> Proof | None:
        """A shorter lease than the one that stands replaces it, though its answer may never reach us."""
        proof = self.proof
        if proof is None or proof.coverage is not Coverage.LEASE or proof.expiry <= expiry:
            return proof
        return replace(proof, ttl=expiry - proof.asked_at)

    def _offline(self) -> Guard:
        """Where the switch is a setting, a lost session may be the bots' loss too; a lease hangs on no session."""
        leased = self.proof is not None and self.proof.coverage is Coverage.LEASE
        book = self.book if leased else replace(self.book, unwatched=True)
        return replace(self, session_at=None, can_cancel=False, book=book)

    def _book(self, now: float) -> Book:
        """The book, in which it is noted that the lease has run out by now."""
        proof = self.proof
        if proof is None or proof.coverage is not Coverage.LEASE or proof.stands(now):
            return self.book
        return replace(self.book, lapsed_at=proof.expiry)

    def _listed(self, count: facts.OrdersCounted) -> Book:
        """One more listing. What goes on a trip, on a disarm, or with a lease that was let go, is known to go."""
        if count.count is None:
            return self.book
        let_go = self.awaited and self.proof is not None
        known = let_go or self.sight is not None or self.drills.takes_orders
        if known or self.trip is not None or self.disarm is not None:
            return self.book.known(count.count, count.at)
        return self._book(count.at).listed(count.count, count.at, count.by_venue, count.accounted)

    def _tripped(self, trip: Trip) -> Guard:
        """A later trip never ends an earlier one; an operator's stays latched whatever follows."""
        if self.trip is None or trip.cause is Cause.OPERATOR:
            terms = self.trip.terms if self.trip is not None and self.trip.under_way else trip.terms
            return replace(self, trip=replace(trip, terms=terms), disarm=None, withheld=False)
        if trip.cause is Cause.TRIGGER and self.trip.done_at is not None:
            again = replace(trip, cause=self.trip.cause, by=self.trip.by, reason=self.trip.reason)
            return replace(self, trip=replace(again, rounds=self.trip.rounds, cancelled=self.trip.cancelled))
        return self

    def _rearmed(self) -> Guard:
        """Start over; a trip still under way is carried to zero first, so that no half of a book is left."""
        if self.disarm is not None:
            bare = replace(self, disarm=None, disarm_confirmed=False, withheld=False, aside=None)
            return replace(bare, proof=None, covered_since=None)
        if self.trip is None:
            return replace(self, aside=None)
        if self.trip.under_way:
            return self
        leased = self.proof is not None and self.proof.coverage is Coverage.LEASE
        return replace(self, trip=None, proof=None if leased else self.proof)
