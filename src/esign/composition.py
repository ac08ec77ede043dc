"""What a document looks like before it is signed: the page, and on its places the seal and the signatures' marks.

Nothing here touches the signing key or the register; the seal's key is used, for the seal alone.
"""

import os
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from esign.codes import DocumentNumber
from esign.document import Agency, Box, Mark, Person
from esign.errors import SigningError
from esign.keys import SigningKey
from esign.layout import FORMS, LARGEST_FORM, GivenFiles, Layout, Layouts, Places
from esign.pades.fields import FilledField, ReleaseField, ReleaseName, add_release_fields
from esign.pades.revision import stamp
from esign.pades.sign import Appearance
from esign.pdf.adopted import adopted_mark
from esign.pdf.marks import agency_mark, person_mark
from esign.pdf.release_marks import field_mark, release_texts
from esign.pdf.render import Renderer
from esign.pdf.text_marks import text_line_mark
from esign.profile import VIETNAM, IssuanceProfile, Numbering
from esign.registry import Intent, NextNumber
from esign.request import Adopted, Attached, Copied, Filled, Given, Request
from esign.seal import salted
from esign.trust import common_name

if TYPE_CHECKING:
    from esign.seal import MaskedHolder
    from esign.sealing import Sealing, SealOrder

__all__ = ["AgencyRevision", "Composer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgencyRevision:
    """What one revision of the agency says besides its signature."""

    pdf: bytes
    """What the revision is appended to: the person's file, with a salt behind it where a seal follows."""
    appearance: Appearance | None
    """What the signature shows."""
    fill: tuple[FilledField, ...] = ()
    """The blanks and what goes into them."""
    lock: tuple[str, ...] = ()
    """What must never change again."""
    seal_url: str | None = None
    """The seal's URL, where the seal is drawn in this revision."""


class Composer:
    """Composes the documents of one agency under one profile."""

    def __init__(
        self,
        *,
        agency: Agency,
        profile: IssuanceProfile,
        seal_key: SigningKey | None,
        renderer: Renderer,
        given: GivenFiles | None = None,
        now: Callable[[], datetime],
        salt: Callable[[Intent], bytes] = lambda _intent: os.urandom(16),
    ) -> None:
        """`salt` goes into each sealed file; `given` knows what others have examined.

        Raises:
            SigningError: `seal-key-and-profile`: only one of seal key and seal profile is there.
        """
        if (profile.seal is None) != (seal_key is None):
            raise SigningError("seal-key-and-profile")
        self._agency = agency
        self._profile = profile
        self._seal_key = seal_key
        self._tried: deque[object] = deque(maxlen=FORMS)
        self._layouts = Layouts(agency=agency, profile=profile, renderer=renderer, given=given or GivenFiles(), now=now)
        self.renderer = renderer
        """Sets pages."""
        self._now = now
        self._salt = salt

    def proof(self, request: Request, *, certificate: bytes | None, number: DocumentNumber | None = None) -> Layout:
        """Make the document once with placeholders for what is not known yet: finds what could fail.

        With the `number` that a book will probably give next, the proof is the document itself, if it does.

        Whatever fails later costs a number, for good. A template's page is our own; a given one may hide the seal, so
        the seal is drawn on it and read. `certificate` is the agency's, where it is at hand.

        Raises:
            PreflightError, InputError: It cannot be issued.
        """
        number, late = number or self._proof_number(request), self.late(request)
        dated = None if late else request.issue_date or self._today()
        layout = self.lay_out(request, number=None if late else number, issued=dated)
        appearance = None
        if certificate is not None:
            appearance = self.appearance(layout.signature_place, certificate=certificate, signing_time=self._now())
        if request.person is not None:
            self.person_appearance(layout, request.person)
        if isinstance(request.content, Given):
            self._try_given(request, request.content, layout, number, appearance)
        return layout

    def _try_given(
        self,
        request: Request,
        content: Given,
        layout: Layout,
        number: DocumentNumber | None,
        appearance: Appearance | None,
    ) -> None:
        """Draw seal and mark on a given page, and read the seal: the page may hide it.

        Where it stands and how long it is decides that, not what it says: of a form that is given for many results it
        is tried once.
        """
        tried = (content, layout.seal_place, number and len(str(number)), appearance and appearance.box)
        if tried in self._tried:
            return
        pdf, place = layout.pdf, layout.seal_place
        if self._profile.seal is not None and number is not None and place is not None:
            pdf = self._sealing.tried_on(pdf, place, request, number)
        if appearance is not None:
            stamp(pdf, appearance.mark, appearance.box, url="")
        if len(content.pdf) <= LARGEST_FORM:
            self._tried.append(tried)

    def late(self, request: Request) -> bool:
        """Whether number, date and seal come only when the agency signs."""
        by_book = isinstance(request.content, Filled) and request.person is not None
        adopted = isinstance(request.content, Adopted) and isinstance(request.number, NextNumber)
        return adopted or (by_book and self._profile.numbering is Numbering.AT_RELEASE)

    def _proof_number(self, request: Request) -> DocumentNumber | None:
        """The number, or one as long as the longest that a book gives."""
        number = request.number
        if isinstance(number, NextNumber):
            return DocumentNumber(9999, self._today().year if number.with_year else None, number.symbol)
        return number

    def masked_holder(self, request: Request) -> "MaskedHolder | None":
        """The holder as the seal may name them; None where the profile leaves them out."""
        wanted = self._profile.seal is not None and self._profile.seal.with_holder
        return self._sealing.masked_holder(request) if wanted and request.metadata else None

    def lay_out(self, request: Request, *, number: DocumentNumber | None, issued: date | None) -> Layout:
        """The first revision and the places on it; without `number` and `issued` they are left blank.

        Raises:
            PreflightError, InputError: It cannot be issued.
        """
        longest = number or self._proof_number(request)
        room = self._sealing.room(request, longest) if self._profile.seal and longest and request.metadata else None
        return self._layouts.lay_out(request, number=number, issued=issued, room=room)

    def agency_appearance(
        self, request: Request, intent: Intent, place: Box | None, *, certificate: bytes, signing_time: datetime
    ) -> Appearance | None:
        """What the agency's signature shows: its red seal, or a line of text on attachments and copies."""
        if place is not None and isinstance(request.content, Attached | Copied):
            text = self._layouts.top_right_text(request.content, intent.number, signing_time)
            return Appearance(mark=text_line_mark(text), box=place)
        return self.appearance(place, certificate=certificate, signing_time=signing_time)

    def _for_adopted(
        self, request: Request, intent: Intent, approved: bytes, *, certificate: bytes, at: datetime
    ) -> AgencyRevision:
        """After the person's signature only a signature may be added: its field shows number, date, seal and all."""
        assert intent.number is not None
        before, url, mark, room = approved, None, None, None
        if self._profile.seal is not None:
            room = self._sealing.room(request, intent.number)
            before = salted(approved, self._salt(intent))
            url, mark = self._sealed(request, intent, before)
        place = self._layouts.adopted_place(approved, room)
        shown = adopted_mark(
            self._agency,
            place=place,
            number=intent.number,
            issued=intent.issue_date,
            seal=mark,
            signer=common_name(certificate),
            signing_time=at,
            time_format=self._profile.signature.time_format,
        )
        return AgencyRevision(pdf=before, appearance=Appearance(mark=shown, box=place.box), seal_url=url)

    def appearance(self, place: Box | None, *, certificate: bytes, signing_time: datetime) -> Appearance | None:
        """What the agency's signature shows; None for a hidden one."""
        if not self._profile.visible or place is None:
            return None
        mark = agency_mark(
            self._agency,
            signer=common_name(certificate),
            signing_time=signing_time,
            time_format=self._profile.signature.time_format,
        )
        return Appearance(mark=mark, box=place)

    def person_appearance(self, layout: Layout, person: Person) -> Appearance | None:
        """The image of the person's signature, without any text (ND30 Phụ lục I, II.7.d)."""
        if person.image is None or layout.person_place is None:
            return None
        mark = person_mark(person.image, signer=common_name(person.certificates[0]))
        return Appearance(mark=mark, box=layout.person_place)

    def for_person(self, request: Request, intent: Intent, layout: Layout, *, sealed: bytes | None = None) -> bytes:
        """What the person signs: sealed where the number is known, with blank fields where it is not.

        The agency's empty field is made beforehand: a signature that forbids everything else permits to sign in it.
        """
        page = sealed if sealed is not None else self.seal(request, intent, layout)
        return add_release_fields(
            page,
            [ReleaseField(f"esign.release.{name}", box) for name, box in layout.release.items()],
            agency_box=layout.signature_place,
            alt=f"Chữ ký số của cơ quan: {self._agency.name}",
            person_box=layout.person_place,
            person_alt="Chữ ký số của người có thẩm quyền",
        )

    def for_agency(
        self, request: Request, intent: Intent, approved: bytes, places: Places, *, certificate: bytes, at: datetime
    ) -> AgencyRevision:
        """What the agency's revision adds to the file that the person signed: number, date, seal, appearance."""
        if isinstance(request.content, Adopted):
            return self._for_adopted(request, intent, approved, certificate=certificate, at=at)
        appearance = self.appearance(places.signature, certificate=certificate, signing_time=at)
        if not places.release:
            return AgencyRevision(pdf=approved, appearance=appearance)
        assert intent.number is not None
        texts = release_texts(intent.number, intent.issue_date)
        fill = [
            FilledField(
                f"esign.release.{kind.value}", text, field_mark(text, kind=kind, box=places.release[kind.value])
            )
            for kind, text in texts.items()
            if kind.value in places.release
        ]
        before, url = approved, None
        if self._profile.seal is not None:
            before = salted(approved, self._salt(intent))
            url, mark = self._sealed(request, intent, before)
            fill.append(FilledField(ReleaseName.SEAL, "", mark))
        return AgencyRevision(
            pdf=before, appearance=appearance, fill=tuple(fill), lock=tuple(f.name for f in fill), seal_url=url
        )

    def seal(self, request: Request, intent: Intent, layout: Layout) -> bytes:
        """The document with its sealing revision: a token over everything before it, drawn as a QR symbol."""
        order = self.order(request, intent, layout)
        return self.sealed(layout, order, *self.sign_orders([order])) if order else layout.pdf

    def order(self, request: Request, intent: Intent, layout: Layout) -> "SealOrder | None":
        """What the seal's key is to sign for this document; None where there is no seal on the page."""
        if self._profile.seal is None or intent.number is None or layout.seal_place is None or layout.release:
            return None
        return self._sealing.order(request, intent, salted(layout.pdf, self._salt(intent)))

    def sealed(self, layout: Layout, order: "SealOrder", signature: bytes) -> bytes:
        """`seal`, with what the seal's key made of the order."""
        assert layout.seal_place is not None
        url, mark = self._sealing.drawn(order, signature)
        return stamp(order.before, mark, layout.seal_place, url=url)

    def sign_orders(self, orders: "Sequence[SealOrder]") -> list[bytes]:
        """The seal key's signature for each order; here it is asked for the first time, and perhaps opened.

        Raises:
            SealError: `seal-key-unsuitable`.
            KeyStoreError: It cannot sign now.
        """
        return self._sealing.sign(orders)

    def _sealed(self, request: Request, intent: Intent, before: bytes) -> tuple[str, Mark]:
        """The seal over `before`: its URL, and the symbol with what is printed below."""
        order = self._sealing.order(request, intent, before)
        return self._sealing.drawn(order, *self.sign_orders([order]))

    @cached_property
    def _sealing(self) -> "Sealing":
        """Loaded late: who signs files that are no results makes no seals."""
        from esign.sealing import Sealing  # noqa: PLC0415

        assert self._profile.seal is not None
        assert self._seal_key is not None
        return Sealing(self._profile.seal, key=self._seal_key, now=self._now)

    def _today(self) -> date:
        return self._now().astimezone(VIETNAM).date()
