"""The stations that a group of results walks through, each step taken for all of them before the next.

    examine     everything that could fail; the page is set with the number that it will probably get
    reserve     one transaction for all intents                                                     RESERVED
    seal        one order for the seal's key
    person      stored, recorded, signed, stored, recorded                                          AWAITING, APPROVED
    prepare     stored in one file, recorded in one transaction                                     PREPARED
    sign        one order for the agency's key
    register    each file stored and looked at, then all recorded in one transaction                SIGNED, ISSUED
    deliver

The steps are those of `esign.issuance`, in the same order, made durable at the same points: only that one sync stands
for a group (docs/adr/0030-line.md). A member that anything is wrong with leaves the group and goes the ordinary way
from where the register has it, which says what is wrong, gives it up, or finishes it. After a crash that is what
becomes of all of them.
"""

import contextvars
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from threading import Lock
from typing import ParamSpec, TypeVar

from esign.archive import sha256
from esign.composition import Layout, SealOrder
from esign.document import Person
from esign.errors import Error, KeyStoreError, RequestInFlight, SigningError
from esign.foresight import Foresight
from esign.issuance import Equipment, Issued, Issuer
from esign.keys import SigningKey, sign_all
from esign.pades.sign import complete
from esign.preparation import Fixed
from esign.profile import VIETNAM
from esign.readback import Seen, compare, read_back
from esign.reasons import Reason
from esign.registry import Intent, IntentState, NextNumber
from esign.request import Filled, Given, Request, digest_of
from esign.steps import Step

__all__ = ["Group", "Known", "Member"]

P = ParamSpec("P")
T = TypeVar("T")
_JUDGED_FOR = timedelta(seconds=1)
_REMEMBERED = 1024
"""So many kinds of documents a line knows; each given page is one, and a line may run for months."""


@dataclass(slots=True, kw_only=True, eq=False)
class Member:
    """One request on its way."""

    request: Request
    """What is asked for."""
    context: contextvars.Context = field(default_factory=contextvars.copy_context)
    """Where it was asked for: what is done for it is done in the name of whoever asked (`esign.registry.audit`)."""
    outcome: Issued | Error | None = None
    """What became of it; None while it is on its way."""
    stored: bytes = field(default=b"", repr=False)
    """The request as it is kept."""
    guess: tuple[NextNumber, date] | None = None
    """The book that a number was guessed of."""
    laid_out: Layout | None = None
    """The page, with the number that was guessed."""
    intent: Intent | None = None
    """What the register has of it."""
    order: SealOrder | None = None
    """What the seal's key signs."""
    sealed: bytes | None = None
    """The page with its seal."""
    fixed: Fixed | None = None
    """What the next key signs."""
    approved: bytes | None = None
    """The file with the person's signature."""
    signed: bytes = field(default=b"", repr=False)
    """The file with the last signature."""
    alone: bool = False
    """It goes the ordinary way, by itself."""

    def by_them(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """What `work` returns, done in the name of whoever asked."""
        return self.context.run(work, *args, **kwargs)


class Known:
    """What a line has found out and need not find out for each document again."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kinds: OrderedDict[object, None] = OrderedDict()
        self._approvals: OrderedDict[object, tuple[datetime, tuple[Reason, ...]]] = OrderedDict()

    def is_read(self, kind: object) -> bool:
        """Whether a file made like this one was read as a stranger would."""
        with self._lock:
            return kind in self._kinds

    def add(self, kind: object) -> None:
        """One was, and it was as meant."""
        with self._lock:
            self._kinds[kind] = None
            _shorten(self._kinds)

    def approval(self, what: object, at: datetime, judge: Callable[[], tuple[Reason, ...]]) -> tuple[Reason, ...]:
        """What `judge` says of a person and a kind of document; certificates and grants speak in whole seconds."""
        with self._lock:
            known = self._approvals.get(what)
        if known is None or not timedelta(0) <= at - known[0] < _JUDGED_FOR:
            known = at.replace(microsecond=0), judge()
            with self._lock:
                self._approvals[what] = known
                _shorten(self._approvals)
        return known[1]


def _shorten(known: "OrderedDict[object, T]") -> None:
    """Forget what was learnt first."""
    while len(known) > _REMEMBERED:
        known.popitem(last=False)


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
        self._person_key = person_key
        self._setters = setters
        self._foresight = foresight
        self._known = known

    # --- the walk ------------------------------------------------------------------------------------------------

    def examine(self) -> None:
        """What could fail; nothing is recorded."""
        recorded = self._with.registry.known_keys([m.request.idempotency_key for m in self.members])
        for member in self.members:
            member.alone = member.request.idempotency_key in recorded or not self._fits(member.request)
        walking = list(self._walking())
        for member in walking:
            member.guess = self._guessable(member.request)
        numbers = [m.guess and self._foresight.guess(*m.guess) for m in walking]

        def look(member: Member, number: object) -> Layout | Error:
            try:
                return self._with.admission.request(member.request, number=number)  # type: ignore[arg-type]
            except Error as e:
                return e

        for member, found in zip(walking, self._setters.map(look, walking, numbers), strict=True):
            if isinstance(found, Error):
                member.outcome = found
                self._settle(member, None)
            else:
                member.laid_out = found
                self._with.on_step(Step.CHECKED, None)

    def reserve(self) -> None:
        """RESERVED: what was asked for is kept, and all intents are recorded."""
        tools, walking = self._with, list(self._walking())
        try:
            with tools.bench.together():
                for member in walking:
                    member.stored = member.request.to_bytes()
                    tools.bench.put_request(self._digest(member), member.stored)
            with tools.registry.together():
                for member in walking:
                    new = self._issuer.new_intent(member.request, self._digest(member))
                    member.intent = member.by_them(tools.registry.reserve, new)
        except Error:
            # One that the register refuses undoes them all: each finds its own answer.
            for member in walking:
                member.intent, member.alone = None, True
        for member in walking:
            self._settle(member, member.intent)
            intent = member.intent
            if intent is not None and (intent.state, intent.agency) != (IntentState.RESERVED, self._issuer.agency):
                member.alone = True
        self._heard(Step.RESERVED)

    def finish(self) -> None:
        """Everything that follows; whoever has no outcome at the end goes `ordinarily`."""
        with ExitStack() as claims:
            for member in self._walking():
                try:
                    claims.enter_context(self._with.registry.claim(self._intent(member).id))
                except RequestInFlight:
                    member.alone = True
            self._make()

    def ordinarily(self, member: Member) -> Issued | Error:
        """What becomes of a member that left the group, in the name of whoever asked."""
        return member.by_them(self._ordinarily, member)

    def give_up_guesses(self) -> None:
        """No number is waited for any more."""
        for member in self.members:
            self._settle(member, None)

    def _make(self) -> None:
        try:
            for station in (self._seal, self._person, self._prepare, self._sign, self._register, self._deliver):
                if any(self._walking()):
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
        again = [m for m in self._walking() if not self._is_as_recorded(m)]
        for member, layout in zip(again, self._setters.map(self._set_again, again), strict=True):
            member.laid_out = layout
            member.alone = layout is None
        self._heard(Step.LAID_OUT)
        self._each(lambda m: tools.composer.order(m.request, self._intent(m), self._layout(m)), into="order")
        ordered = [m for m in self._walking() if m.order is not None]
        signatures = tools.composer.sign_orders([m.order for m in ordered if m.order is not None]) if ordered else []
        for member, signature in zip(ordered, signatures, strict=True):
            assert member.order is not None
            member.sealed = tools.composer.sealed(self._layout(member), member.order, signature)
        self._heard(Step.SEALED)

    def _person(self) -> None:
        """AWAITING, then APPROVED: for those that a person signs first."""
        if self._person_key is None:
            return
        tools, concerned = self._with, [m for m in self._walking() if m.request.person is not None]
        self._each(self._fix_for_person, into="fixed", among=concerned)
        concerned = [m for m in concerned if m.fixed is not None and not m.alone]
        if not concerned:
            return
        with tools.bench.together():
            for member in concerned:
                fixed = self._fixed(member)
                tools.bench.put_for_person(self._intent(member), fixed.prepared, fixed.record, digest=fixed.sha256)
        with tools.registry.together():
            for member in concerned:
                fixed = self._fixed(member)
                member.intent = member.by_them(
                    tools.registry.awaiting,
                    self._intent(member).id,
                    prepared_sha256=fixed.sha256,
                    to_be_signed_sha256=sha256(fixed.prepared.to_be_signed),
                    signing_time=fixed.signing_time,
                    expires=fixed.signing_time + tools.profile.person_within,
                )
        self._heard(Step.AWAITING, concerned)
        self._complete(concerned, self._person_key)
        for member in concerned:
            member.approved, member.signed = member.signed, b""
        with tools.bench.together():
            for member in concerned:
                assert member.approved is not None
                tools.bench.put_approved(self._intent(member), member.approved)
        with tools.registry.together():
            for member in concerned:
                assert member.approved is not None
                digest = sha256(member.approved)
                member.intent = member.by_them(tools.registry.approved, self._intent(member).id, sha256=digest)
                if member.intent.number is None:
                    member.intent = member.by_them(self._numbered, member)
        self._heard(Step.APPROVED, concerned)

    def _prepare(self) -> None:
        """PREPARED: every byte that the agency signs is fixed, stored and recorded."""
        tools = self._with
        self._each(self._fix_for_agency, into="fixed")
        self._leave_what_is_not_ours()
        walking = list(self._walking())
        with tools.bench.together():
            for member in walking:
                fixed = self._fixed(member)
                tools.bench.put_prepared(self._intent(member), fixed.prepared, fixed.record, digest=fixed.sha256)
        with tools.registry.together():
            for member in walking:
                fixed = self._fixed(member)
                member.intent = member.by_them(
                    tools.registry.prepared,
                    self._intent(member).id,
                    prepared_sha256=fixed.sha256,
                    to_be_signed_sha256=sha256(fixed.prepared.to_be_signed),
                    signing_time=fixed.signing_time,
                )
        self._heard(Step.PREPARED)

    def _sign(self) -> None:
        """The agency's key signs what was recorded as prepared, and was consented to."""
        tools = self._with
        if tools.consent is not None:
            for member in self._walking():
                try:
                    tools.consent.check(self._intent(member))
                except Error as e:
                    member.outcome = e
        key, _ = tools.admission.agency_key()
        self._leave_what_is_not_ours()
        self._complete(list(self._walking()), key)
        self._heard(Step.KEY_USED)

    def _leave_what_is_not_ours(self) -> None:
        """A claim that was lost with its connection may be another host's by now; that member goes on alone."""
        for member in self._walking():
            try:
                self._with.registry.still_claimed(self._intent(member).id)
            except RequestInFlight:
                member.alone = True

    def _register(self) -> None:
        """SIGNED and ISSUED: stored, looked at, recorded."""
        tools = self._with
        for member in self._walking():
            fixed = self._fixed(member)
            member.signed = tools.bench.keep(self._intent(member), fixed.prepared, member.signed)
        seen: list[tuple[Member, Seen]] = []
        for member in self._walking():
            try:
                seen.append((member, self._look_back(member)))
            except Error:
                member.alone = True
        with tools.registry.together():
            for member, found in seen:
                fixed, intent = self._fixed(member), self._intent(member)
                digest = sha256(member.signed)
                member.by_them(tools.registry.signed, intent.id, sha256=digest)
                facts = tools.completion.facts(
                    intent, member.signed, seen=found, prepared=fixed.prepared, record=fixed.record, digest=digest
                )
                member.intent = member.by_them(tools.registry.issued, intent.id, facts)
        for step in (Step.SIGNED, Step.READ_BACK, Step.ISSUED):
            self._heard(step)

    def _deliver(self) -> None:
        """Handed over, recorded; what was only needed to make them is forgotten."""
        tools = self._with
        places: list[tuple[Member, str]] = []
        for member in self._walking():
            try:
                places.append((member, tools.deliver(Issued.of(self._intent(member), member.signed))))
            except Error:
                member.alone = True
        at = tools.now()
        with tools.registry.together():
            for member, where in places:
                member.by_them(tools.registry.handed_over, self._intent(member).id, at=at, where=where)
        self._heard(Step.DELIVERED)
        for member in list(self._walking()):
            intent = self._intent(member)
            tools.bench.forget(intent)
            member.outcome = Issued.of(replace(intent, delivered_at=at), member.signed)

    # --- one member ----------------------------------------------------------------------------------------------

    def _fits(self, request: Request) -> bool:
        """Whether it can walk in a group: what is to be stamped, adopted, attached or copied goes the ordinary way."""
        profile = self._with.profile
        if any(p is not None and p.timestamp_room for p in (profile.signature, profile.person_signature)):
            return False
        if not isinstance(request.content, Filled | Given):
            return False
        return request.person is None or self._signs_for(request.person)

    def _signs_for(self, person: Person) -> bool:
        return self._person_key is not None and self._person_key.certificates[:1] == person.certificates[:1]

    def _guessable(self, request: Request) -> tuple[NextNumber, date] | None:
        if isinstance(request.number, NextNumber) and not self._with.composer.late(request):
            return request.number, request.issue_date or self._with.now().astimezone(VIETNAM).date()
        return None

    def _settle(self, member: Member, intent: Intent | None) -> None:
        if member.guess is not None:
            self._foresight.settle(*member.guess, intent.number if intent else None)
            member.guess = None

    def _digest(self, member: Member) -> str:
        return digest_of(member.stored, profile=self._with.profile.name)

    def _is_as_recorded(self, member: Member) -> bool:
        """Whether the page shows number and date that the register gave."""
        intent, layout = self._intent(member), self._layout(member)
        return layout.shows == (intent.number, intent.issue_date if intent.number else None)

    def _set_again(self, member: Member) -> Layout | None:
        try:
            return self._with.preparation.lay_out(self._intent(member), member.request)
        except Error:
            return None

    def _fix_for_person(self, member: Member) -> Fixed:
        assert member.request.person is not None
        return self._with.preparation.for_person(
            self._intent(member), member.request, member.request.person, self._layout(member), sealed=member.sealed
        )

    def _fix_for_agency(self, member: Member) -> Fixed:
        tools, intent = self._with, self._intent(member)
        if member.approved is None:
            return tools.preparation.for_agency(intent, member.request, self._layout(member), sealed=member.sealed)
        key, _ = tools.admission.agency_key()
        notices = (*self._approval(member), *tools.admission.key(key))
        return tools.preparation.for_release(
            intent, member.request, member.approved, self._fixed(member).record, notices
        )

    def _approval(self, member: Member) -> tuple[Reason, ...]:
        """What is let pass of the person's signature.

        That it is sound and over what was prepared is known of each document: this process prepared it, and put in
        the signature that fits (`esign.pades.sign.complete`). Whether that person may sign such a document now is
        judged in full, on a document of each kind, once a second.
        """
        tools, intent, approved = self._with, self._intent(member), member.approved
        assert approved is not None
        assert member.request.person is not None
        procedure = member.request.metadata.procedure if member.request.metadata else None
        return self._known.approval(
            (member.request.person.certificates, procedure, self._kind(member)),
            tools.now(),
            lambda: tools.admission.approved(intent, member.request, approved).notices,
        )

    def _numbered(self, member: Member) -> Intent:
        tools, request = self._with, member.request
        assert request.number is not None
        return tools.registry.assign_number(
            self._intent(member).id,
            request.number,
            issue_date=request.issue_date or tools.now().astimezone(VIETNAM).date(),
            duplicates=tools.profile.duplicates,
        )

    def _look_back(self, member: Member) -> Seen:
        """As a stranger would, at the first of each kind; at all others byte by byte."""
        intent, prepared = self._intent(member), self._fixed(member).prepared
        kind = self._kind(member)
        sealed = self._with.profile.seal is not None and intent.number is not None
        if self._known.is_read(kind) and (member.order is not None) == sealed:
            person = member.request.person
            return compare(
                member.signed,
                intent=intent,
                prepared=prepared,
                approved=member.approved,
                person=person.certificates[0] if person else None,
                order=member.order,
            )
        seen = read_back(
            member.signed,
            intent=intent,
            certificate=prepared.certificates[0],
            size=len(prepared.document),
            stamped=False,
            sealed=self._with.profile.seal is not None,
            at=self._with.now(),
        )
        self._known.add(kind)
        return seen

    def _kind(self, member: Member) -> object:
        """What makes two files alike in their structure: the template, or the given page; who signs; what is drawn."""
        content = member.request.content
        page = (
            content.template
            if isinstance(content, Filled)
            else sha256(content.pdf)
            if isinstance(content, Given)
            else ""
        )
        layout = self._layout(member)
        return page, layout.pages, layout.fonts, bool(layout.release), member.request.person is not None

    def _ordinarily(self, member: Member) -> Issued | Error:
        """As `Issuer` does it, from wherever the register has it."""
        try:
            person = member.request.person
            if person is None or self._person_key is None or not self._signs_for(person):
                return self._issuer.issue(member.request)
            try:
                pending = self._issuer.submit(member.request)
            except SigningError as e:
                intent = self._with.registry.by_key(member.request.idempotency_key)
                if e.code != "not-awaiting" or intent is None:
                    raise
                return self._issuer.release(intent.id)
            signature = self._person_key.sign(pending.to_be_signed, mechanism=pending.mechanism)
            return self._issuer.release(self._issuer.complete(pending.id, signature).id)
        except Error as e:
            return e

    # --- all of them ---------------------------------------------------------------------------------------------

    def _walking(self) -> Iterator[Member]:
        return (m for m in self.members if m.outcome is None and not m.alone)

    def _heard(self, step: Step, members: Sequence[Member] | None = None) -> None:
        for member in self._walking() if members is None else members:
            self._with.on_step(step, member.intent)

    def _each(self, do: Callable[[Member], object], *, into: str, among: Sequence[Member] | None = None) -> None:
        """Take one step for each; whoever fails goes the ordinary way."""
        for member in list(self._walking()) if among is None else among:
            try:
                setattr(member, into, do(member))
            except KeyStoreError:
                raise
            except Error:
                member.alone = True

    def _complete(self, members: Sequence[Member], key: SigningKey) -> None:
        """Sign what is fixed for each of `members`, which is recorded."""
        if not members:
            return
        mechanism = self._fixed(members[0]).prepared.mechanism
        for member in members:
            if self._fixed(member).prepared.certificates[0] != key.certificates[0]:
                raise KeyStoreError("prepared-for-other-key", id=str(self._intent(member).id))
        signatures = sign_all(key, [self._fixed(m).prepared.to_be_signed for m in members], mechanism=mechanism)
        for member, signature in zip(members, signatures, strict=True):
            member.signed = complete(self._fixed(member).prepared, signature)

    def _intent(self, member: Member) -> Intent:
        assert member.intent is not None
        return member.intent

    def _layout(self, member: Member) -> Layout:
        assert member.laid_out is not None
        return member.laid_out

    def _fixed(self, member: Member) -> Fixed:
        assert member.fixed is not None
        return member.fixed
