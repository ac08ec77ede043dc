"""What is issued and by whom: agencies, results, their standing, and places on a page; values only."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from esign.codes import AgencyCode, DossierCode, ProcedureCode, ResultCode, ResultId

__all__ = [
    "Agency",
    "Box",
    "CopyForm",
    "Drawing",
    "Mark",
    "Person",
    "ResultMetadata",
    "SignerRole",
    "Standing",
    "StandingChange",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Agency:
    """A public authority that issues results, and how it appears on them."""

    code: AgencyCode
    """Its identifier (QĐ 20/2020/QĐ-TTg Đ.4)."""
    name: str
    """As its documents print it, for instance `UỶ BAN NHÂN DÂN PHƯỜNG CỬA NAM`."""
    parent: str = ""
    """The authority above, printed over the name; empty where there is none."""
    place: str
    """Địa danh before the date, for instance `Hà Nội`."""
    address: str = ""
    """For the footer of page 1 (ND30 box 13)."""
    seal_image: bytes | None = field(default=None, repr=False)
    """The red seal, a PNG with transparency (ND30 Phụ lục I, II.8.a); None signs with text alone."""
    seal_diameter_mm: float = 36.0
    """The real size of the wet seal in mm: the image is drawn at exactly this size."""
    system: str = ""
    """The information system that keeps the original, for look-up (Luật GDĐT Đ.12)."""
    system_owner: str = ""
    """Chủ quản: who answers for that system."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultMetadata:
    """What a result is, apart from its pages."""

    procedure: ProcedureCode
    """The administrative procedure that it ends."""
    title: str
    """The kind of document, for instance `Quyết định`."""
    subject: str = ""
    """Trích yếu: what it is about."""
    dossier: DossierCode | None = None
    """The dossier that it answers."""
    ordinal: int = 1
    """Which result of the dossier it is: n of `-KQn` (NĐ 45/2020 Đ.14.3.d)."""
    holder: str = field(default="", repr=False)
    """Who it is for. Personal data: it is printed by templates and, masked, in the seal if the profile says so."""
    expires: datetime | None = None
    """When it stops being in force by itself; None for results that do not expire."""

    @property
    def result_code(self) -> ResultCode | None:
        """`<dossier>-KQ<n>`, the code under which citizens' document stores keep it."""
        return ResultCode(self.dossier, self.ordinal) if self.dossier else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """The competent person (người có thẩm quyền) who signs a result before its agency."""

    certificates: tuple[bytes, ...] = field(repr=False)
    """The person's certificate and its issuers, DER; known beforehand, because the signature names it."""
    image: bytes | None = field(default=None, repr=False)
    """The wet signature: blue, a PNG with transparency (ND30 Phụ lục I, II.7.d); None signs without a picture."""


class CopyForm(Enum):
    """Hình thức sao (ND30 Đ.3, Đ.25); the values are what copies print."""

    SAO_Y = "SAO Y"
    """The whole original, word for word."""
    SAO_LUC = "SAO LỤC"
    """The whole of a certified copy."""
    TRICH_SAO = "TRÍCH SAO"
    """A part of the original."""


class SignerRole(Enum):
    """In which role somebody signs a result; the person comes before the agency (ND30 Đ.5, Đ.32.2.d)."""

    PERSON = "person"
    """Người có thẩm quyền: who decides."""
    AGENCY = "agency"
    """The authority itself; the records clerk (văn thư) keeps its key."""


class Standing(Enum):
    """Whether a result is in force; independent of its signatures (DESIGN law 4)."""

    IN_FORCE = "in-force"
    """Hiệu lực."""
    CORRECTED = "corrected"
    """Đã đính chính: in force together with the correction (ND30 Đ.18.3)."""
    REPLACED = "replaced"
    """Đã thay thế by another result."""
    WITHDRAWN = "withdrawn"
    """Đã thu hồi (ND30 Đ.18.4)."""
    SUSPENDED = "suspended"
    """Tạm dừng hiệu lực."""
    EXPIRED = "expired"
    """Hết hạn: its own end has passed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingChange:
    """One entry of a result's history; entries are added, never changed or deleted."""

    standing: Standing
    """What it became."""
    at: datetime
    """When, UTC."""
    by: str
    """Who decided: a person's or a system's name in the office."""
    why: str
    """The reason, for instance the number of the decision to withdraw."""
    other: ResultId | None = None
    """The result that replaces or corrects this one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A place on a page for a mark, in points of the page's default user space (ISO 32000-1 §8.3.2.3)."""

    page: int
    """Index from 0."""
    left: float
    """x of the lower left corner, in user space."""
    bottom: float
    """y of the lower left corner, in user space."""
    width: float
    """Along x of user space, whatever the page's rotation."""
    height: float
    """Along y of user space."""
    rotate: int = 0
    """The page's /Rotate (0, 90, 180, 270): a mark is drawn so that it stands upright as the page is shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """What one of many marks draws on a page that they share: with the resources of that page, not its content."""

    page: bytes = field(repr=False)
    """The page, as a PDF."""
    content: bytes = field(repr=False)
    """A content stream, deflated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Something to draw into a `Box`: a one-page PDF with a transparent background and embedded fonts."""

    pdf: bytes = field(repr=False)
    """The page; drawn whole."""
    width_mm: float
    """Its width as shown."""
    height_mm: float
    """Its height as shown."""
    alt: str
    """What it says, for people who cannot see it."""
    drawing: Drawing | None = None
    """The same as `pdf`, for those who have met its page before; None for a mark of its own kind."""
