"""The first revision of a document, and the places of its marks: a page that is set, or a file that is given.

    filled in           the template is set, and says where the marks go
    given               the file is examined, and room is looked for
    adopted             a file that a person signed already: there must be room for one more signature
    attached, copied    a line of text goes top right on page 1 (ND30 Phụ lục I)

Nothing is signed or sealed here.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import lru_cache
from threading import Lock
from typing import Final

from esign.archive import sha256
from esign.codes import DocumentNumber
from esign.document import Agency, Box
from esign.errors import PreflightError
from esign.pdf.adopted import AdoptedPlace, adopted_parts, find_adopted
from esign.pdf.layout import find_places, find_top_right
from esign.pdf.links import seal_links
from esign.pdf.marks import PERSON_MM, agency_mark_size, person_top
from esign.pdf.preflight import Preflight, preflight
from esign.pdf.raster import page_count
from esign.pdf.render import Renderer
from esign.pdf.templates import load
from esign.pdf.text_marks import attachment_text, copy_text, text_line_mark_size
from esign.pdf.widgets import signature_boxes
from esign.profile import IssuanceProfile
from esign.reasons import Reason
from esign.registry import Intent
from esign.request import Adopted, Attached, Copied, Filled, Given, Request

__all__ = ["FORMS", "LARGEST_FORM", "GivenFiles", "Layout", "Layouts", "Places"]

FORMS: Final = 16
"""So many given files are remembered: forms that many results share."""
LARGEST_FORM: Final = 1 << 20
"""How large such a form may be."""
_EXAMINED = 1 << 13
"""So many given files are known by their digests, a kilobyte for each."""


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


class GivenFiles:
    """What was found in given files: each is examined once, for a plan and for what is done by it; safe for threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._found: OrderedDict[object, Layout] = OrderedDict()

    def layout(self, content: Given, circumstances: object, examine: Callable[[], Layout]) -> Layout:
        """What `examine` finds in a file with these bytes under `circumstances`, which is all that it depends on."""
        digest = _form_digest(content.pdf) if len(content.pdf) <= LARGEST_FORM else sha256(content.pdf)
        asked = digest, content.seal_place, content.signature_place, circumstances
        with self._lock:
            found = self._found.get(asked)
        if found is None:
            found = replace(examine(), pdf=b"")  # hundreds of files need not be in memory together
            with self._lock:
                self._found[asked] = found
                while len(self._found) > _EXAMINED:
                    self._found.popitem(last=False)
        return replace(found, pdf=content.pdf)


@lru_cache(maxsize=FORMS)
def _form_digest(pdf: bytes) -> str:
    """Of a form that many results may share."""
    return sha256(pdf)


class Layouts:
    """Lays out the documents of one agency under one profile."""

    def __init__(
        self,
        *,
        agency: Agency,
        profile: IssuanceProfile,
        renderer: Renderer,
        given: GivenFiles,
        now: Callable[[], datetime],
    ) -> None:
        self._agency = agency
        self._profile = profile
        self._renderer = renderer
        self._now = now
        self._known = given

    def lay_out(
        self,
        request: Request,
        *,
        number: DocumentNumber | None,
        issued: date | None,
        room: tuple[float, float] | None,
    ) -> Layout:
        """The first revision, where `room` (width and height, mm) is kept for a seal.

        Without `number` and `issued` they are left blank.

        Raises:
            PreflightError, InputError: It cannot be issued.
        """
        content, person = request.content, request.person is not None
        match content:
            case Filled():
                layout = self._filled(request, content, number, issued, room)
            case Given():
                circumstances = self._agency, self._profile, room, person
                layout = self._known.layout(content, circumstances, lambda: self._given(content, room, person=person))
            case Adopted():
                layout = self._adopted(content, room)
            case Attached() | Copied():
                layout = self._top_right(content, room, number)
        return replace(layout, shows=(number, issued if number else None))

    def _filled(
        self,
        request: Request,
        content: Filled,
        number: DocumentNumber | None,
        issued: date | None,
        room: tuple[float, float] | None,
    ) -> Layout:
        rendered = self._renderer.render(
            load(content.template),
            content.data,
            agency=self._agency,
            number=str(number) if number else None,
            issued=issued,
            symbol=request.number.symbol if request.number else "",
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

    def _given(self, content: Given, room: tuple[float, float] | None, *, person: bool) -> Layout:
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

    def _adopted(self, content: Adopted, room: tuple[float, float] | None) -> Layout:
        """Nothing may be laid out any more; that there is room for the agency's mark is all that is checked."""
        place = self.adopted_place(content.pdf, room)
        return Layout(
            pdf=content.pdf,
            seal_place=None,
            signature_place=place.box,
            pages=page_count(content.pdf),
            fonts=(),
            notices=(),
        )

    def adopted_place(self, pdf: bytes, room: tuple[float, float] | None) -> AdoptedPlace:
        """Where the agency's mark goes on a file that a person signed.

        Raises:
            PreflightError: There is no room.
        """
        boxes = tuple(signature_boxes(pdf).values())
        return find_adopted(pdf, adopted_parts(self._agency, seal=room), person=boxes[-1] if boxes else None)

    def _top_right(
        self, content: Attached | Copied, room: tuple[float, float] | None, number: DocumentNumber | None
    ) -> Layout:
        found = self._examined(content.pdf)
        notices = found.notices
        if isinstance(content, Copied) and content.scanned:
            from esign.pdf.scan import check_scan  # noqa: PLC0415  # late: only scans need it

            scan = check_scan(content.pdf)
            if scan.findings:
                raise PreflightError("document-not-issuable", findings=scan.findings, count=len(scan.findings))
            notices = (*notices, *scan.notices)
        place = find_top_right(content.pdf, text_line_mark_size(self.top_right_text(content, number, self._now())))
        return Layout(
            pdf=content.pdf,
            seal_place=find_places(content.pdf, seal=room, signature=None).seal if room else None,
            signature_place=place,
            pages=found.pages,
            fonts=(),
            notices=notices,
        )

    def top_right_text(self, content: Attached | Copied, number: DocumentNumber | None, at: datetime) -> str:
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
