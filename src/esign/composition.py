"""What a document looks like before it is signed: first revision, places of the marks, seal, appearance.

Nothing here touches the signing key or the register; the seal's key is used, for the seal alone.
"""

import os
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from esign.codes import DocumentNumber
from esign.document import Agency, Box, Mark, Person
from esign.errors import PreflightError, SigningError
from esign.keys import SigningKey
from esign.pades.fields import FilledField, ReleaseField, ReleaseName, add_release_fields
from esign.pades.revision import stamp
from esign.pades.sign import Appearance
from esign.pdf.adopted import AdoptedPlace, adopted_mark, adopted_parts, find_adopted
from esign.pdf.layout import find_places, find_top_right
from esign.pdf.links import seal_links
from esign.pdf.marks import (
    PERSON_MM,
    agency_mark,
    agency_mark_size,
    person_mark,
    person_top,
)
from esign.pdf.preflight import Preflight, preflight
from esign.pdf.raster import page_count
from esign.pdf.release_marks import field_mark, release_texts
from esign.pdf.render import Renderer
from esign.pdf.scan import check_scan
from esign.pdf.templates import load
from esign.pdf.text_marks import attachment_text, copy_text, text_line_mark, text_line_mark_size
from esign.pdf.widgets import signature_boxes
from esign.profile import VIETNAM, IssuanceProfile, Numbering
from esign.reasons import Reason
from esign.registry import Intent, NextNumber
from esign.request import Adopted, Attached, Copied, Filled, Given, Request
from esign.seal import salted
from esign.trust import common_name

if TYPE_CHECKING:
    from esign.seal import MaskedHolder
    from esign.sealing import Sealing, SealOrder

__all__ = ["AgencyRevision", "Composer", "Layout", "Places"]

_FORMS, _LARGEST_FORM = 16, 1 << 20
"""Given pages that are remembered, and how large one may be for that: forms that many results share."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The first revision, and where the marks go."""

    pdf: bytes
    """The given bytes, or the rendered ones."""
    seal_place: Box | None
    """For the QR seal; None where there is none."""
    signature_place: Box | None
    """For the agency's mark; None where the signature is hidden."""
    person_place: Box | None = None
    """For the image of the person's signature; None where nobody signs before the agency, or without a picture."""
    release: Mapping[str, Box] = field(default_factory=dict)
    """What stays blank until the agency signs: `number`, `day`, `month` and `seal`; empty where nothing does."""
    pages: int
    """How many pages it has."""
    fonts: tuple[str, ...]
    """The families that it was set in; empty for given files."""
    notices: tuple[Reason, ...]
    """What preflight found and let pass."""
    shows: tuple[DocumentNumber | None, date | None] = (None, None)
    """The number and the date that it was laid out with."""

    def is_for(self, intent: Intent) -> bool:
        """Whether it shows the number and the date that the register gave."""
        return self.shows == (intent.number, intent.issue_date if intent.number else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """The places of a layout that are needed again when the agency signs, perhaps days later."""

    signature: Box | None
    """For the agency's mark."""
    release: Mapping[str, Box]
    """The blanks, by name."""


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
        now: Callable[[], datetime],
        salt: Callable[[Intent], bytes] = lambda _intent: os.urandom(16),
    ) -> None:
        """`salt` goes into each sealed file.

        Raises:
            SigningError: `seal-key-and-profile`: only one of seal key and seal profile is there.
        """
        if (profile.seal is None) != (seal_key is None):
            raise SigningError("seal-key-and-profile")
        self._agency = agency
        self._profile = profile
        self._seal_key = seal_key
        self._tried: deque[object] = deque(maxlen=_FORMS)
        self._forms = lru_cache(_FORMS)(self._lay_out_given)
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
        if len(content.pdf) <= _LARGEST_FORM:
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
        return replace(self._laid_out(request, number, issued), shows=(number, issued if number else None))

    def _laid_out(self, request: Request, number: DocumentNumber | None, issued: date | None) -> Layout:
        longest = number or self._proof_number(request)
        room = self._sealing.room(request, longest) if self._profile.seal and longest and request.metadata else None
        content = request.content
        if isinstance(content, Given):
            small = len(content.pdf) <= _LARGEST_FORM
            lay_out = self._forms if small else self._lay_out_given
            return lay_out(content, room, person=request.person is not None)
        if isinstance(content, Adopted):
            return self._lay_out_adopted(content, room)
        if isinstance(content, Attached | Copied):
            return self._lay_out_top_right(content, room, number)
        symbol = request.number.symbol if request.number else ""
        rendered = self.renderer.render(
            load(content.template),
            content.data,
            agency=self._agency,
            number=str(number) if number else None,
            issued=issued,
            symbol=symbol,
            at=self._now(),
            seal_mm=room,
            attach_data=self._profile.attach_data,
            person=request.person is not None,
        )
        return Layout(
            pdf=rendered.pdf,
            seal_place=rendered.seal,
            signature_place=rendered.signature if self._profile.visible else None,
            person_place=rendered.person if request.person and request.person.image else None,
            release=rendered.release,
            pages=rendered.pages,
            fonts=(rendered.font,),
            notices=(),
        )

    def _lay_out_given(self, content: Given, room: tuple[float, float] | None, *, person: bool) -> Layout:
        found = self._examined(content.pdf)
        seal = None if content.seal_place else room
        mark = agency_mark_size(self._agency) if self._profile.visible and not content.signature_place else None
        places = find_places(content.pdf, seal=seal, signature=mark)
        signature = content.signature_place or places.signature
        return Layout(
            pdf=content.pdf,
            seal_place=content.seal_place or places.seal,
            signature_place=signature,
            person_place=_person_box(signature, self._agency) if person and signature else None,
            pages=found.pages,
            fonts=(),
            notices=found.notices,
        )

    def _lay_out_adopted(self, content: Adopted, room: tuple[float, float] | None) -> Layout:
        """Nothing may be laid out any more; that there is room for the agency's mark is all that is checked."""
        place = self._adopted_place(content.pdf, room)
        return Layout(
            pdf=content.pdf,
            seal_place=None,
            signature_place=place.box,
            pages=page_count(content.pdf),
            fonts=(),
            notices=(),
        )

    def _adopted_place(self, pdf: bytes, room: tuple[float, float] | None) -> AdoptedPlace:
        boxes = tuple(signature_boxes(pdf).values())
        return find_adopted(pdf, adopted_parts(self._agency, seal=room), person=boxes[-1] if boxes else None)

    def _lay_out_top_right(
        self, content: Attached | Copied, room: tuple[float, float] | None, number: DocumentNumber | None
    ) -> Layout:
        found = self._examined(content.pdf)
        notices = found.notices
        if isinstance(content, Copied) and content.scanned:
            scan = check_scan(content.pdf)
            if scan.findings:
                raise PreflightError("document-not-issuable", findings=scan.findings, count=len(scan.findings))
            notices = (*notices, *scan.notices)
        place = find_top_right(content.pdf, text_line_mark_size(self._top_right_text(content, number, self._now())))
        return Layout(
            pdf=content.pdf,
            seal_place=find_places(content.pdf, seal=room, signature=None).seal if room else None,
            signature_place=place,
            pages=found.pages,
            fonts=(),
            notices=notices,
        )

    def _top_right_text(self, content: Attached | Copied, number: DocumentNumber | None, at: datetime) -> str:
        """What ND30 asks to be printed top right on page 1 (Phụ lục I, II.8.b and Phần II.I.3)."""
        time_format = self._profile.signature.time_format
        if isinstance(content, Copied):
            return copy_text(content.form, self._agency.name, at, time_format=time_format)
        assert number is not None
        return attachment_text(number, at, time_format=time_format)

    def _examined(self, pdf: bytes) -> Preflight:
        found = preflight(pdf, self._profile)
        findings = list(found.findings)
        if not findings and self._profile.seal is not None and seal_links(pdf):
            findings.append(Reason("already-sealed"))
        if findings:
            raise PreflightError("document-not-issuable", findings=findings, count=len(findings))
        return found

    def agency_appearance(
        self, request: Request, intent: Intent, place: Box | None, *, certificate: bytes, signing_time: datetime
    ) -> Appearance | None:
        """What the agency's signature shows: its red seal, or a line of text on attachments and copies."""
        if place is not None and isinstance(request.content, Attached | Copied):
            text = self._top_right_text(request.content, intent.number, signing_time)
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
        place = self._adopted_place(approved, room)
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


def _person_box(signature: Box, agency: Agency) -> Box:
    """Where the person's image goes so that the agency's seal covers its left third (ND30 Phụ lục I, II.8.a)."""
    width, height = (mm * 72 / 25.4 for mm in PERSON_MM)
    left = (agency.seal_diameter_mm if agency.seal_image else 0) * 72 / 25.4 - width / 3
    down = person_top(agency) * 72 / 25.4
    right = signature.left + signature.width
    top = signature.bottom + signature.height
    # The corner of the mark's upper left, as the page is shown, in user space.
    x, y = {
        0: (signature.left + left, top - down - height),
        90: (signature.left + down, signature.bottom + left),
        180: (right - left - width, signature.bottom + down),
        270: (right - down - height, top - left - width),
    }[signature.rotate]
    turned = signature.rotate in {90, 270}
    return replace(signature, left=x, bottom=y, width=height if turned else width, height=width if turned else height)
