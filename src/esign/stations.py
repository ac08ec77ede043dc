"""The stations that a group of results walks through, each step taken for all of them before the next.

    foresee     which numbers they will probably get
    examine     everything that could fail; the page is set with that number
    reserve     one transaction for all intents                                                     RESERVED
    seal        one order for the seal's key
    person      stored, recorded, signed, stored, recorded                                          AWAITING, APPROVED
    prepare     stored in one file, recorded in one transaction                                     PREPARED
    sign        one order for the agency's key
    register    each file stored and looked at, then all recorded in one transaction                SIGNED, ISSUED
    deliver

The steps are those of `esign.issuance`, in the same order, made durable at the same points: only that one sync, and one
statement, stands for a group (docs/adr/0030-line.md). A member that anything is wrong with leaves the group and goes
the ordinary way from where the register has it, which says what is wrong, gives it up, or finishes it. After a crash
that is what becomes of all of them.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import replace

from esign.archive import sha256
from esign.codes import ResultId
from esign.equipment import Equipment
from esign.errors import Error, KeyStoreError
from esign.foresight import Foresight
from esign.handling import Handling
from esign.issuance import Issuer
from esign.issued import Issued
from esign.keys import SigningKey, sign_all
from esign.known import Known
from esign.member import Member
from esign.pades.sign import complete
from esign.registry import Actor, Intent, IntentState, Registration
from esign.request import digest_of
from esign.steps import Step

__all__ = ["Group"]


class Group:
    """Some requests that walk together."""

    def __init__(
        self,
        members: Sequence[Member],
        *,
        issuer: Issuer,
        person_key: SigningKey | None,
        setters: Executor,
        foresight: Foresight,
        known: Known,
    ) -> None:
        """`setters` are the threads that set pages."""
        self.members = members
        self._issuer = issuer
        self._with: Equipment = issuer.equipment
        self._handling = Handling(issuer, person_key=person_key, known=known)
        self._person_key = person_key
        self._setters = setters
        self._foresight = foresight

    # --- the walk ------------------------------------------------------------------------------------------------

    def foresee(self) -> None:
        """Who walks, and with which numbers, if nobody else asks the book meanwhile."""
        handling = self._handling
        recorded = self._with.registry.known_keys([m.request.idempotency_key for m in self.members])
        for member in self.members:
            member.alone = member.request.idempotency_key in recorded or not handling.fits(member.request)
        for member in self._walking():
            book = handling.guessable(member.request)
            if book is not None:
                member.foreseen = self._foresight.guess(*book)
                member.guess = book

    def examine(self) -> None:
        """What could fail; nothing is recorded."""
        walking = self._walking()
        for member, found in zip(walking, self._setters.map(self._handling.look, walking), strict=True):
            if isinstance(found, Error):
                member.outcome = found
                self._settle(member, None)
            else:
                member.laid_out = found
                self._with.on_step(Step.CHECKED, None)

    def reserve(self) -> None:
        """RESERVED: what was asked for is kept, and all intents are recorded."""
        tools, walking = self._with, self._walking()
        try:
            with tools.bench.together():
                for member in walking:
                    stored = member.request.to_bytes()
                    member.digest = digest_of(stored, profile=tools.profile.name)
                    tools.bench.put_request(member.digest, stored)
            asked = [tools.intake.new_intent(m.request, m.digest) for m in walking]
            _note(walking, tools.registry.many.reserve(asked, by=_actors(walking)))
        except Error:
            # One that the register refuses undoes them all: each finds its own answer.
            for member in walking:
                member.recorded, member.alone = None, True
        for member in walking:
            self._settle(member, member.recorded)
            intent = member.recorded
            if intent is not None and (intent.state, intent.agency) != (IntentState.RESERVED, self._issuer.agency):
                member.alone = True
        self._heard(Step.RESERVED)

    def take_up(self) -> None:
        """In the place of both, for what was recorded before and not begun: it was examined then."""
        for member in self.members:
            member.alone = not self._handling.fits(member.request)
        self._heard(Step.RESERVED)

    def finish(self) -> None:
        """Everything that follows; whoever has no outcome at the end goes `ordinarily`."""
        walking = self._walking()
        with self._with.registry.claim_all([m.intent.id for m in walking]) as claimed:
            for member in walking:
                member.alone = member.intent.id not in claimed
            self._leave_what_was_begun()
            self._make()

    def _leave_what_was_begun(self) -> None:
        """Between looking for what was accepted and claiming it, others may have begun it."""
        taken_up = [m for m in self._walking() if m.laid_out is None]
        if taken_up:
            accepted = {intent.id for intent in self._with.registry.accepted([m.intent.id for m in taken_up])}
            for member in taken_up:
                member.alone = member.intent.id not in accepted

    def ordinarily(self, member: Member) -> Issued | Error:
        """What becomes of a member that left the group, in the name of whoever asked."""
        return member.by_them(self._handling.ordinarily, member)

    def give_up_guesses(self) -> None:
        """No number is waited for any more."""
        for member in self.members:
            self._settle(member, None)

    def _settle(self, member: Member, intent: Intent | None) -> None:
        if member.guess is not None:
            self._foresight.settle(*member.guess, intent.number if intent else None)
            member.guess = None

    def _make(self) -> None:
        try:
            for station in (self._seal, self._person, self._prepare, self._sign, self._register, self._deliver):
                if self._walking():
                    station()
        except KeyStoreError as e:
            for member in self._walking():
                member.outcome = e  # what is recorded waits for the token
        except Error:
            for member in self._walking():
                member.alone = True

    # --- the stations --------------------------------------------------------------------------------------------

    def _seal(self) -> None:
        """The page, set anew where the number is not the one that was guessed, and its seal."""
        tools = self._with
        again = [m for m in self._walking() if not self._handling.is_as_recorded(m)]
        for member, layout in zip(again, self._setters.map(self._handling.set_again, again), strict=True):
            member.laid_out = layout
            member.alone = layout is None
        self._heard(Step.LAID_OUT)

        def order(member: Member) -> None:
            member.order = tools.composer.order(member.request, member.intent, member.layout)

        self._each(self._walking(), order)
        ordered = [(m, m.order) for m in self._walking() if m.order is not None]
        if ordered:
            signatures = tools.composer.sign_orders([asked for _, asked in ordered])
            for (member, asked), signature in zip(ordered, signatures, strict=True):
                member.sealed = tools.composer.sealed(member.layout, asked, signature)
        self._heard(Step.SEALED)

    def _person(self) -> None:
        """AWAITING, then APPROVED: for those that a person signs first."""
        tools, concerned = self._with, [m for m in self._walking() if m.request.person is not None]
        if self._person_key is None or not concerned:
            return
        self._each(concerned, self._handling.fix_for_person)
        concerned = [m for m in concerned if m.walks]
        with tools.bench.together():
            for member in concerned:
                fixed = member.fixed
                tools.bench.put_for_person(member.intent, fixed.prepared, fixed.record, digest=fixed.sha256)
        fixations = [(m.intent, m.fixed.fixation) for m in concerned]
        expires = [m.fixed.signing_time + tools.profile.person_within for m in concerned]
        _note(concerned, tools.registry.many.awaiting(fixations, expires=expires, by=_actors(concerned)))
        self._heard(Step.AWAITING, concerned)
        self._complete(concerned, self._person_key)
        self._approve(concerned)
        self._heard(Step.APPROVED, concerned)

    def _approve(self, concerned: Sequence[Member]) -> None:
        """The files with the person's signature are kept; those that were not numbered before get their numbers."""
        tools = self._with
        with tools.bench.together():
            for member in concerned:
                member.approved, member.approved_sha256 = member.signed, sha256(member.signed)
                tools.bench.put_approved(member.intent, member.signed)
        with tools.registry.together():
            digests = [(m.intent, m.approved_sha256) for m in concerned]
            _note(concerned, tools.registry.many.approved(digests, by=_actors(concerned)))
            late = [(m, m.request.number) for m in concerned if m.intent.number is None]
            wanted = [(m.intent, n, self._handling.issue_date(m.request)) for m, n in late if n is not None]
            numbered = [m for m, n in late if n is not None]
            duplicates = tools.profile.duplicates
            _note(numbered, tools.registry.many.numbered(wanted, duplicates=duplicates, by=_actors(numbered)))

    def _prepare(self) -> None:
        """PREPARED: every byte that the agency signs is fixed, stored and recorded."""
        tools = self._with
        self._each(self._walking(), self._handling.fix_for_agency)
        self._leave_what_is_not_ours()
        walking = self._walking()
        with tools.bench.together():
            for member in walking:
                fixed = member.fixed
                tools.bench.put_prepared(member.intent, fixed.prepared, fixed.record, digest=fixed.sha256)
        fixations = [(m.intent, m.fixed.fixation) for m in walking]
        _note(walking, tools.registry.many.prepared(fixations, by=_actors(walking)))
        self._heard(Step.PREPARED)

    def _sign(self) -> None:
        """The agency's key signs what was recorded as prepared, and was consented to."""
        tools = self._with
        if tools.consent is not None:
            for member in self._walking():
                try:
                    tools.consent.check(member.intent)
                except Error as e:
                    member.outcome = e
        key, _ = tools.admission.agency_key()
        self._leave_what_is_not_ours()
        self._complete(self._walking(), key)
        self._heard(Step.KEY_USED)

    def _leave_what_is_not_ours(self) -> None:
        """A claim that was lost with its connection may be another host's by now; that member goes on alone."""
        walking = self._walking()
        claimed = self._with.registry.all_still_claimed([m.intent.id for m in walking])
        for member in walking:
            member.alone = member.intent.id not in claimed

    def _complete(self, members: Sequence[Member], key: SigningKey) -> None:
        """Sign what is fixed for each of `members`, which is recorded."""
        if not members:
            return
        mechanism = members[0].fixed.prepared.mechanism
        for member in members:
            if member.fixed.prepared.certificates[0] != key.certificates[0]:
                raise KeyStoreError("prepared-for-other-key", id=str(member.intent.id))
        signatures = sign_all(key, [m.fixed.prepared.to_be_signed for m in members], mechanism=mechanism)
        for member, signature in zip(members, signatures, strict=True):
            member.signed = complete(member.fixed.prepared, signature)

    def _register(self) -> None:
        """SIGNED and ISSUED: stored, looked at, recorded."""
        tools = self._with
        walking = self._walking()
        kept = tools.bench.keep_all([(m.intent, m.fixed.prepared, m.signed) for m in walking])
        for member, pdf in zip(walking, kept, strict=True):
            member.signed = pdf
        facts: dict[ResultId, Registration] = {}

        def look(member: Member) -> None:
            facts[member.intent.id] = self._handling.registration(member)

        self._each(self._walking(), look)
        walking, many = self._walking(), tools.registry.many
        by = _actors(walking)
        with tools.registry.together():
            signed = many.signed([(m.intent, facts[m.intent.id].sha256) for m in walking], by=by)
            _note(walking, many.issued([(intent, facts[intent.id]) for intent in signed], by=by))
        for step in (Step.SIGNED, Step.READ_BACK, Step.ISSUED):
            self._heard(step)

    def _deliver(self) -> None:
        """Handed over, recorded; what was only needed to make them is forgotten."""
        tools = self._with
        places: dict[ResultId, str] = {}

        def deliver(member: Member) -> None:
            places[member.intent.id] = tools.deliver(Issued.of(member.intent, member.signed))

        self._each(self._walking(), deliver)
        walking, at = self._walking(), tools.now()
        tools.registry.many.delivered(places, at=at, by={m.intent.id: m.actor for m in walking})
        self._heard(Step.DELIVERED)
        for member in walking:
            tools.bench.forget(member.intent)
            member.outcome = Issued.of(replace(member.intent, delivered_at=at), member.signed)

    # --- all of them ---------------------------------------------------------------------------------------------

    def _walking(self) -> list[Member]:
        return [m for m in self.members if m.walks]

    def _heard(self, step: Step, members: Sequence[Member] | None = None) -> None:
        for member in self._walking() if members is None else members:
            self._with.on_step(step, member.recorded)

    def _each(self, members: Sequence[Member], do: Callable[[Member], object]) -> None:
        """Take one step for each; whoever fails goes the ordinary way."""
        for member in members:
            try:
                do(member)
            except KeyStoreError:
                raise
            except Error:
                member.alone = True


def _actors(members: Sequence[Member]) -> list[Actor]:
    return [member.actor for member in members]


def _note(members: Sequence[Member], intents: Sequence[Intent]) -> None:
    """What the register has of each now."""
    for member, intent in zip(members, intents, strict=True):
        member.recorded = intent
