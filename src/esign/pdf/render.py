"""Pages from a template and data: PDF/A with the places where seal and signature will stand.

template = load("quyet-dinh")
rendered = Renderer().render(template, template.sample, agency=agency, number="15/QĐ-UBND", issued=date, at=now)

Number and date may be left blank for the records clerk (ND30 Đ.15): `Rendered.release` says where they will stand.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum
from threading import Lock
from typing import Any

from esign.document import Agency, Box
from esign.errors import InputError
from esign.pdf._typst import Project, Typeset, nfc
from esign.pdf.fonts import FontSet
from esign.pdf.marks import agency_mark_size, person_top
from esign.pdf.templates import MAIN, Template
from esign.profile import VIETNAM

__all__ = ["PDFA", "Rendered", "Renderer"]

_DATA = "data.json"
_SCHEMA = "schema.json"


class PDFA(Enum):
    """The conformance that a rendered document claims (ISO 19005-2, -3)."""

    A_2B = "2b"
    A_3B = "3b"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """A typeset result, not yet sealed or signed."""

    pdf: bytes = field(repr=False)
    """Depends on nothing but the arguments and the fonts: the same call gives the same bytes."""
    seal: Box | None
    """Where the QR seal goes; None where no room was asked for."""
    signature: Box
    """Where the agency's mark goes: `agency_mark_size` of the agency."""
    pages: int
    """How many pages it has."""
    font: str
    """The family that it is set in."""
    pdfa: PDFA | None
    """What it claims to be; None where pages of other origin came in (`append_statement`)."""
    template: str
    """The digest of the template."""
    person: Box | None = None
    """Where the image of the competent person's signature goes (`PERSON_MM`); None where nobody asked for it."""
    release: Mapping[str, Box] = field(default_factory=dict)
    """What is filled in at release, and where: `number`, `day`, `month` where they are blank, and then `seal`."""


class Renderer:
    """Sets templates; keeps compilers and fonts between calls. Safe to use from several threads."""

    def __init__(self, fonts: FontSet | None = None) -> None:
        self._fonts = fonts or FontSet.find()
        self._projects: dict[str, Project] = {}
        self._lock = Lock()

    @property
    def font(self) -> str:
        """The family that pages are set in."""
        return self._fonts.family

    def render(  # noqa: PLR0913 - what a page shows is a list; all but two are keywords
        self,
        template: Template,
        data: Mapping[str, Any],
        *,
        agency: Agency,
        number: str | None,
        issued: date | None,
        at: datetime,
        symbol: str = "",
        year: int | None = None,
        person: bool = False,
        seal_mm: tuple[float, float] | None = None,
        attach_data: bool = False,
    ) -> Rendered:
        """Check `data` and set them.

        `number` and `issued` are printed; `at` becomes the document's creation date. Without a number there is a blank
        before `/symbol`; without a date there are blanks for day and month of `year` (that of `at`, in Vietnam, if not
        given). `person` keeps room for the image of a person's signature. `seal_mm` is the room that the QR seal needs
        (`seal_mark_size`). With `attach_data` the data and their schema travel in the file (PDF/A-3b).

        Raises:
            InputError: `template-data-invalid`, `template-broken`, `template-font-unknown`.
            PreflightError: `glyph-missing`.
        """
        template.check(data)
        width, height = agency_mark_size(agency)
        inputs = {
            "data": data,
            "agency": {
                "name": agency.name,
                "parent": agency.parent,
                "place": agency.place,
                "address": agency.address,
            },
            "number": number,
            "symbol": symbol,
            "issued": issued.isoformat() if issued else None,
            "year": str(year or at.astimezone(VIETNAM).year),
            "font": self._fonts.family,
            "seal": seal_mm,
            "person": {"top": person_top(agency)} if person else None,
            "signature": {
                "width": width,
                "height": height,
                "diameter": agency.seal_diameter_mm if agency.seal_image is not None else 0,
            },
            "attachments": _attachments(template, data) if attach_data else [],
        }
        typeset = self._project(template).typeset(inputs, at=at, standard="a-3b" if attach_data else "a-2b")
        blanks = [*(["number"] if number is None else []), *(["day", "month"] if issued is None else [])]
        wanted = {"signature", *(["seal"] if seal_mm else []), *(["person"] if person else []), *blanks}
        places, pages = _places(typeset, template.name, wanted)
        filled = [*blanks, *(["seal"] if blanks and seal_mm else [])]
        return Rendered(
            pdf=typeset.pdf,
            seal=places.get("seal"),
            signature=places["signature"],
            pages=pages,
            font=self._fonts.family,
            pdfa=PDFA.A_3B if attach_data else PDFA.A_2B,
            template=template.digest,
            person=places.get("person"),
            release={kind: places[kind] for kind in filled},
        )

    def _project(self, template: Template) -> Project:
        with self._lock:
            if template.digest not in self._projects:
                project = Project(template.name, template.files, main=MAIN, fonts=self._fonts)
                self._projects[template.digest] = project
            return self._projects[template.digest]


def _attachments(template: Template, data: Mapping[str, Any]) -> list[dict[str, str]]:
    # ISO 32000-2 §7.11.3 has /Schema for AFRelationship, PDF/A-3 is on 32000-1 and has /Supplement.
    def text(value: object) -> str:
        return json.dumps(nfc(value), ensure_ascii=False, indent=1, allow_nan=False) + "\n"

    return [
        {
            "name": _DATA,
            "text": text(data),
            "relationship": "data",
            "type": "application/json",
            "description": f"Dữ liệu: {template.title}",
        },
        {
            "name": _SCHEMA,
            "text": text(template.schema),
            "relationship": "supplement",
            "type": "application/schema+json",
            "description": f"Lược đồ của dữ liệu: {template.title}",
        },
    ]


def _places(typeset: Typeset, template: str, wanted: set[str]) -> tuple[dict[str, Box], int]:
    """The places that the template reserved, each once, and the number of pages."""
    try:
        places = {str(place["kind"]): _box(place) for place in typeset.places}
        pages = int(typeset.places[0]["pages"])
    except (KeyError, IndexError, TypeError, ValueError) as e:
        raise InputError("template-broken", template=template, problem="closing()") from e
    if places.keys() != wanted or len(places) != len(typeset.places):
        broken = places.keys() ^ wanted or {"closing()"}
        raise InputError("template-broken", template=template, problem=", ".join(sorted(broken)))
    return places, pages


def _box(place: Mapping[str, Any]) -> Box:
    """Convert: typst measures from the top left corner, a page's user space from the bottom left."""
    return Box(
        page=place["page"] - 1,
        left=place["x"],
        bottom=place["page-height"] - place["y"] - place["height"],
        width=place["width"],
        height=place["height"],
    )
