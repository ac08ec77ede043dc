"""Everything about a given PDF that could make issuing fail, found before a key is touched.

Findings block, notices inform. Any bytes end in a `Preflight`; nothing here writes the document.

The order: (1) size, before anything is parsed; (2) its ends and (3) what it unpacks to, on the bytes; (4) structure,
encryption, signatures, active content; (5) pages; (6) secrecy marks on the first page.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import pikepdf

from esign.errors import InputError, PreflightError
from esign.pdf._objects import Contents, survey
from esign.pdf._structure import open_pdf, page_geometry
from esign.pdf.expansion import expands_beyond, inflated
from esign.pdf.layout import LARGEST_MM, SMALLEST_MM
from esign.pdf.raster import page_text
from esign.pdf.secrecy import secrecy_mark
from esign.profile import ContentPolicy, IssuanceProfile
from esign.reasons import Reason

__all__ = ["Preflight", "preflight"]

_HEADER = re.compile(rb"%PDF-[12]\.[0-9]")
_HEADER_WITHIN = 1024  # where readers look for it (ISO 32000-1 Annex H.3, note 13)
_EOF = b"%%EOF"
_WHITE = b"\x00\t\n\x0c\r "
_BYTE_RANGE = re.compile(rb"/ByteRange\s*\[\s*\d")
# An attribute, or an element, which may declare its namespace itself.
_PDFA_PART = re.compile(rb"pdfaid:part(?:\s*=\s*[\"']|(?:\s[^<>]{0,200})?>)\s*([1-4])")
_PDFA_CONFORMANCE = re.compile(rb"pdfaid:conformance(?:\s*=\s*[\"']|(?:\s[^<>]{0,200})?>)\s*([ABUEFabuef])")
_LONGEST_XMP = 1 << 20
_HYBRID = re.compile(rb"/XRefStm\s+\d")
# What qpdf remarks and no reader stumbles over: PDFBox leaves its cross-reference stream out of itself, and a page
# without anything on it may have no /Resources.
_HARMLESS = re.compile(
    r"common error handled correctly by qpdf and most other applications"
    r"|reported number of objects \(\d+\) is not one plus the highest object number"
    r"|Resources is missing or invalid; repairing"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preflight:
    """What was found; a report, not a verdict: `require` makes it one."""

    findings: tuple[Reason, ...]
    """Why it cannot be issued; empty if it can."""
    notices: tuple[Reason, ...] = ()
    """What the record should say; nothing that blocks."""
    pages: int = 0
    """How many pages; 0 where they could not be counted."""
    page_mm: tuple[float, float] = (0.0, 0.0)
    """The first page's width and height as shown."""
    pdfa: str = ""
    """The conformance that its metadata claim, for instance `2B`; nobody checked it."""
    has_form: bool = False
    """Whether it has form fields."""

    @property
    def issuable(self) -> bool:
        """Whether nothing blocks."""
        return not self.findings

    def require(self) -> None:
        """Raise `document-not-issuable` with the findings, if there are any."""
        if self.findings:
            raise PreflightError("document-not-issuable", findings=self.findings, count=len(self.findings))


@dataclass(slots=True)
class _Seen:
    findings: list[Reason] = field(default_factory=list)
    notices: list[Reason] = field(default_factory=list)
    pages: int = 0
    page_mm: tuple[float, float] = (0.0, 0.0)
    pdfa: str = ""
    has_form: bool = False

    def report(self) -> Preflight:
        return Preflight(
            findings=tuple(self.findings),
            notices=tuple(self.notices),
            pages=self.pages,
            page_mm=self.page_mm,
            pdfa=self.pdfa,
            has_form=self.has_form,
        )


def preflight(pdf: bytes, profile: IssuanceProfile) -> Preflight:
    """Look at `pdf` with the limits and the content policy of `profile`."""
    seen = _Seen()
    if len(pdf) > profile.max_bytes:  # (1)
        facts = {"size": _mebibytes(len(pdf)), "limit": _mebibytes(profile.max_bytes)}
        return Preflight(findings=(Reason("pdf-too-large", facts),))
    seen.findings += _ends(pdf)  # (2)
    if any(f.code == "not-a-pdf" for f in seen.findings):
        return seen.report()
    if expands_beyond(pdf):  # (3)
        seen.findings.append(Reason("pdf-expands-too-much"))
        return seen.report()
    try:
        with open_pdf(pdf) as opened:
            _look(opened, pdf, profile, seen)  # (4), (5)
        if seen.pages:
            seen.findings += _secrecy(page_text(pdf, 0))  # (6)
    except InputError as e:
        if e.reason not in seen.findings:
            seen.findings.append(e.reason)
    return seen.report()


def _ends(pdf: bytes) -> Iterator[Reason]:
    """The header stands at byte 0 and nothing but white space follows the last %%EOF, so that offsets are true."""
    header = _HEADER.search(pdf[:_HEADER_WITHIN])
    if not header:
        yield Reason("not-a-pdf")
        return
    if header.start():
        yield Reason("pdf-header-not-first", {"offset": header.start()})
    end = pdf.rfind(_EOF)
    if end < 0:
        yield Reason("pdf-damaged", {"problem": "%%EOF"})
        return
    rest = len(pdf[end + len(_EOF) :].strip(_WHITE))
    if rest:
        yield Reason("pdf-trailing-bytes", {"count": rest})


def _look(opened: pikepdf.Pdf, pdf: bytes, profile: IssuanceProfile, seen: _Seen) -> None:
    if opened.is_encrypted:  # also with an empty user password, where a reader sees no lock
        seen.findings.append(Reason("pdf-encrypted"))
        return
    contents = survey(opened)
    if _HYBRID.search(pdf) and "/XRefStm" in opened.trailer:
        seen.findings.append(Reason("pdf-hybrid-xref"))
    seen.findings += _signatures(contents, pdf)
    if contents.xfa:
        seen.findings.append(Reason("pdf-xfa"))
    active = [Reason("active-content", {"kind": kind}) for kind in sorted(contents.active)]
    (seen.findings if profile.active_content is ContentPolicy.REFUSE else seen.notices).extend(active)
    seen.notices += _notices(contents)
    seen.has_form = contents.fields > 0
    seen.pdfa = _claimed_pdfa(opened)
    _pages(opened, profile, seen)
    # Last, because qpdf parses late: by now every object was looked at.
    warnings = [str(w) for w in opened.get_warnings()]
    problems = [w for w in warnings if not _HARMLESS.search(w)]
    # The texts of qpdf quote the file; how many there are says enough.
    if problems:
        seen.findings.append(Reason("pdf-damaged", {"problem": f"qpdf: {len(problems)}"}))
    elif warnings:
        seen.notices.append(Reason("pdf-oddities", {"count": len(warnings)}))


def _signatures(contents: Contents, pdf: bytes) -> Iterator[Reason]:
    if contents.forbids_changes:
        yield Reason("signature-forbids-changes")
    # The bytes too: a signature that a later revision hides was still made, and its revision is in the file.
    if contents.signatures or contents.permissions or _BYTE_RANGE.search(pdf):
        yield Reason("already-signed", {"count": max(1, contents.signatures)})


def _notices(contents: Contents) -> Iterator[Reason]:
    if contents.attachments:
        yield Reason("pdf-has-attachments", {"count": contents.attachments})
    if contents.fonts_not_embedded:
        yield Reason("fonts-not-embedded", {"count": contents.fonts_not_embedded})
    if contents.layers:
        yield Reason("pdf-has-layers")
    if contents.needs_appearances:
        yield Reason("form-needs-appearances")


def _pages(opened: pikepdf.Pdf, profile: IssuanceProfile, seen: _Seen) -> None:
    seen.pages = len(opened.pages)
    if not seen.pages:
        seen.findings.append(Reason("pdf-no-pages"))
        return
    if seen.pages > profile.max_pages:
        seen.findings.append(Reason("too-many-pages", {"pages": seen.pages, "limit": profile.max_pages}))
        return
    if opened.Root.Pages.get("/Count") != seen.pages:  # qpdf walks the tree; others believe the number
        seen.findings.append(Reason("pdf-damaged", {"problem": "/Count"}))
    for index in range(seen.pages):
        width, height = page_geometry(opened, index).shown_mm
        if index == 0:
            seen.page_mm = (width, height)
        if not all(SMALLEST_MM <= side <= LARGEST_MM for side in (width, height)):
            facts = {"page": index + 1, "width": f"{width:.0f}", "height": f"{height:.0f}"}
            seen.findings.append(Reason("page-size-insane", facts))
            return


def _secrecy(lines: tuple[str, ...]) -> Iterator[Reason]:
    mark = secrecy_mark(lines)
    if mark:
        yield Reason("secrecy-mark", {"mark": mark})


def _claimed_pdfa(opened: pikepdf.Pdf) -> str:
    """What the XMP packet says (ISO 19005-1 §6.7.11). Not parsed as XML: it is a claim, and hostile XML is costly."""
    metadata = opened.Root.get("/Metadata")
    if not isinstance(metadata, pikepdf.Stream):
        return ""
    packet = inflated(metadata.read_raw_bytes(), _LONGEST_XMP)
    part, conformance = (pattern.search(packet) for pattern in (_PDFA_PART, _PDFA_CONFORMANCE))
    if not part:
        return ""
    return (part[1] + (conformance[1].upper() if conformance else b"")).decode("ascii")


def _mebibytes(size: int) -> str:
    return f"{size / 1024 / 1024:.1f}"
