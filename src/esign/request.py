"""A request to issue one document: what the caller asks for, and how it is stored so that a crash cannot lose it."""

import base64
import hashlib
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from itertools import chain
from typing import Any, Self

from esign.codes import DocumentNumber, DossierCode, ProcedureCode, ResultId
from esign.document import Box, CopyForm, Person, ResultMetadata
from esign.errors import InputError
from esign.registry import NextNumber

__all__ = ["Adopted", "Attached", "Content", "Copied", "Filled", "Given", "Request", "digest_of"]

_SMALL = 1 << 18
"""Bytes of what is worth being remembered as text."""
_PIECE = 3 << 18
"""Bytes of what is written as text at a time; a multiple of three."""

# Keys are sorted, so a PDF is the first thing in the text. It is put in and taken out as bytes: JSON would go over its
# base64 four times, and keep a copy each time. The person, with an image, comes last but one, and is put in likewise.
_BEFORE_PDF = re.compile(rb'\{"content":\{"(?:adopted|attached|copied|pdf)":"')
_BEFORE_PERSON, _AFTER_PERSON = b',"person":', b',"version":1}'


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """A template and the data that fill it."""

    template: str
    """A shipped template's name, or the path of an operator's own template folder."""
    data: Mapping[str, Any] = field(repr=False)
    """As the template's JSON schema asks; usually personal data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A PDF that other software made; it is never rewritten, only added to."""

    pdf: bytes = field(repr=False)
    """The file."""
    seal_place: Box | None = None
    """Where the QR seal goes; None finds white room."""
    signature_place: Box | None = None
    """Where the red seal goes; None finds white room."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopted:
    """A PDF that the competent person signed in other software: kept byte for byte, checked, and gone on from."""

    pdf: bytes = field(repr=False)
    """The signed file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """An appendix in a file of its own: the agency signs it top right on page 1, with the number of its main result."""

    pdf: bytes = field(repr=False)
    """The file."""
    main: ResultId
    """The result that it belongs to, whose number and metadata the request carries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """A copy that the agency certifies by its signature, top right on page 1 (ND30 Đ.25, Phụ lục I Phần II)."""

    pdf: bytes = field(repr=False)
    """The copy: a scan, or an extract of an e-document."""
    form: CopyForm
    """SAO Y, SAO LỤC or TRÍCH SAO."""
    scanned: bool = True
    """Whether it is a scan of paper, which then must be in colour and at 200 dpi or more."""


Content = Filled | Given | Adopted | Attached | Copied


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One document to issue."""

    idempotency_key: str
    """The caller's name for this request, 1 to 200 characters: repeating it never issues twice."""
    content: Content
    """What the document says."""
    metadata: ResultMetadata | None = None
    """What the result is; None signs a file that is no result of its own: no number, no seal, no standing."""
    number: DocumentNumber | NextNumber | None = None
    """A number that another system gave, or the next of a number book (templates only: they print it)."""
    issue_date: date | None = None
    """The date that the document carries; None takes today's in +07:00, at release where that is when it is dated."""
    person: Person | None = None
    """Who signs before the agency; None where the agency signs alone, or where the person has signed already."""

    def __post_init__(self) -> None:
        if not 1 <= len(self.idempotency_key) <= 200:
            raise InputError("idempotency-key-length", length=len(self.idempotency_key))
        if (self.metadata is None) != (self.number is None):
            raise InputError("number-and-metadata")
        if isinstance(self.content, Given | Attached) and isinstance(self.number, NextNumber):
            raise InputError("number-not-on-page")
        if isinstance(self.content, Filled | Attached) and self.metadata is None:
            raise InputError("template-needs-metadata")
        if self.metadata is None and (self.person is not None or isinstance(self.content, Adopted)):
            raise InputError("person-needs-metadata")
        if isinstance(self.content, Copied) and self.metadata is not None:
            raise InputError("copy-has-no-number")
        if self.person is not None and isinstance(self.content, Adopted | Attached | Copied):
            raise InputError("person-signs-twice")

    @property
    def two_signatures(self) -> bool:
        """Whether a competent person signs, or has signed, before the agency."""
        return self.person is not None or isinstance(self.content, Adopted)

    def digest(self, profile: str) -> str:
        """SHA-256 over everything that is asked for, hex: what "the same request" means."""
        return _hashed(chain((profile.encode(), b"\0"), self._parts()))

    def sha256(self) -> str:
        """Of `to_bytes`, hex."""
        return _hashed(self._parts())

    def to_bytes(self) -> bytes:
        """One canonical JSON text, with the PDF in it as base64."""
        text = io.BytesIO()
        text.writelines(self._parts())
        return text.getvalue()

    def _parts(self) -> Iterator[bytes]:
        """That text, piece by piece: of a large file not even the base64 is in memory as a whole."""
        content, pdf = self._content()
        stored = {
            "version": 1,
            "key": self.idempotency_key,
            "content": content,
            "metadata": self.metadata and _metadata(self.metadata),
            "number": _number(self.number),
            "date": self.issue_date and self.issue_date.isoformat(),
        }
        try:
            text = _json(stored)
        except (TypeError, ValueError) as e:
            raise InputError("template-data-not-json", problem=type(e).__name__) from e
        if pdf is not None:
            head = _BEFORE_PDF.match(text)
            assert head is not None
            yield head[0]
            yield from _base64(pdf)
            text = text[head.end() :]
        if self.person is None:
            yield text
            return
        # What is left out keeps its old digest: a portal may repeat a request over an upgrade of ours.
        yield text.removesuffix(_AFTER_PERSON)
        yield from (_BEFORE_PERSON, _person(self.person), _AFTER_PERSON)

    def _content(self) -> tuple[dict[str, Any], bytes | None]:
        """What the content is, and the PDF that goes between the first quotes that hold nothing."""
        match self.content:
            case Filled(template=template, data=data):
                return {"template": template, "data": data}, None
            case Adopted(pdf=pdf):
                return {"adopted": ""}, pdf
            case Attached(pdf=pdf, main=main):
                return {"attached": "", "main": str(main)}, pdf
            case Copied(pdf=pdf, form=form, scanned=scanned):
                return {"copied": "", "form": form.name, "scanned": scanned}, pdf
            case Given(pdf=pdf, seal_place=seal, signature_place=signature):
                return {"pdf": "", "places": [None if p is None else _box(p) for p in (seal, signature)]}, pdf

    @classmethod
    def from_bytes(cls, stored: bytes) -> Self:
        """Read what `to_bytes` wrote."""
        head = _BEFORE_PDF.match(stored)
        end = stored.index(b'"', head.end()) if head else 0
        pdf = base64.b64decode(memoryview(stored)[head.end() : end]) if head else b""
        found = json.loads(head[0] + stored[end:] if head else stored)
        number, metadata = found["number"], found["metadata"]
        return cls(
            idempotency_key=found["key"],
            content=_content(found["content"], pdf),
            metadata=None if metadata is None else _read_metadata(metadata),
            number=_read_number(number),
            issue_date=date.fromisoformat(found["date"]) if found["date"] else None,
            person=_read_person(found["person"]) if "person" in found else None,
        )


def digest_of(stored: bytes, *, profile: str) -> str:
    """`Request.digest` of a stored request, without reading it."""
    return _hashed((profile.encode(), b"\0", stored))


def _hashed(parts: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def _box(box: Box) -> list[float]:
    return [box.page, box.left, box.bottom, box.width, box.height, box.rotate]


def _read_box(stored: list[Any] | None) -> Box | None:
    if stored is None:
        return None
    page, left, bottom, width, height, rotate = stored
    return Box(page=page, left=left, bottom=bottom, width=width, height=height, rotate=rotate)


def _content(stored: Mapping[str, Any], pdf: bytes) -> Content:
    match stored:
        case {"template": template, "data": data}:
            return Filled(template=template, data=data)
        case {"adopted": _}:
            return Adopted(pdf=pdf)
        case {"attached": _, "main": main}:
            return Attached(pdf=pdf, main=ResultId.parse(main))
        case {"copied": _, "form": form, "scanned": scanned}:
            return Copied(pdf=pdf, form=CopyForm[form], scanned=scanned)
    seal, signature = (_read_box(p) for p in stored["places"])
    return Given(pdf=pdf, seal_place=seal, signature_place=signature)


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _base64(data: bytes) -> Iterator[bytes]:
    if len(data) <= _SMALL:
        yield _remembered_base64(data)
    else:
        yield from (base64.b64encode(memoryview(data)[at : at + _PIECE]) for at in range(0, len(data), _PIECE))


@lru_cache(maxsize=16)
def _remembered_base64(data: bytes) -> bytes:
    """Of a form that is given, which many requests share."""
    return base64.b64encode(data)


def _person(person: Person) -> bytes:
    return _remembered_person(person) if len(person.image or b"") <= _SMALL else _person_as_json(person)


def _person_as_json(person: Person) -> bytes:
    image = base64.b64encode(person.image).decode() if person.image else None
    return _json({"certificates": [base64.b64encode(c).decode() for c in person.certificates], "image": image})


_remembered_person = lru_cache(maxsize=16)(_person_as_json)
"""Of who signs many requests."""


def _read_person(stored: Mapping[str, Any]) -> Person:
    return Person(
        certificates=tuple(base64.b64decode(c) for c in stored["certificates"]),
        image=base64.b64decode(stored["image"]) if stored["image"] else None,
    )


def _metadata(metadata: ResultMetadata) -> dict[str, Any]:
    return {
        "procedure": str(metadata.procedure),
        "title": metadata.title,
        "subject": metadata.subject,
        "dossier": metadata.dossier and str(metadata.dossier),
        "ordinal": metadata.ordinal,
        "holder": metadata.holder,
        "expires": metadata.expires and metadata.expires.isoformat(),
    }


def _read_metadata(stored: Mapping[str, Any]) -> ResultMetadata:
    return ResultMetadata(
        procedure=ProcedureCode.parse(stored["procedure"]),
        title=stored["title"],
        subject=stored["subject"],
        dossier=DossierCode.parse(stored["dossier"]) if stored["dossier"] else None,
        ordinal=stored["ordinal"],
        holder=stored["holder"],
        expires=datetime.fromisoformat(stored["expires"]) if stored["expires"] else None,
    )


def _number(number: DocumentNumber | NextNumber | None) -> list[Any] | None:
    if isinstance(number, NextNumber):
        return ["next", number.symbol, number.with_year]
    return None if number is None else ["given", str(number)]


def _read_number(stored: list[Any] | None) -> DocumentNumber | NextNumber | None:
    if stored is None:
        return None
    if stored[0] == "next":
        return NextNumber(symbol=stored[1], with_year=stored[2])
    return DocumentNumber.parse(stored[1])
