"""The document that the vectors sign and attack: two pages, a form, notes and tags, written byte by byte.

Object numbers are fixed, so that an attack can name what it replaces.
"""

import copy
import hashlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from esign.cms.baseline import signed_attributes, signed_data
from esign.keys import Mechanism
from esign.softkey import SoftwareKey
from tests.support.raw_pdf import Kind, RawPDF, stream

SIGNED = datetime(2026, 11, 19, 8, 15, tzinfo=UTC)
ES256 = Mechanism.ECDSA_P256_SHA256
RESERVED = 1024
"""Bytes for a container."""

CATALOG, PAGES, PAGE, CONTENTS, FONT, FORM, AMOUNT, FIELD, PICTURE, INFO = range(1, 11)
XMP, PAGE_2, CONTENTS_2, NOTE, STAMP, STAMP_PICTURE, TAGS, ELEMENT, INDEX, VALUE = range(11, 21)
IMAGE, SECOND_FIELD, BUTTON, SHADOW_PAGE, SHADOW_CONTENTS, LAYER = range(21, 27)
FREE = 30
"""The first number that nothing uses."""


@cache
def key(number: int) -> SoftwareKey:
    """A key made from a well-known number, which certifies itself."""
    private = ec.derive_private_key(number, ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Người ký MẪU {number}")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(number)
        .not_valid_before(SIGNED - timedelta(days=1))
        .not_valid_after(SIGNED + timedelta(days=3650))
        .sign(private, hashes.SHA256())
    )
    return SoftwareKey.from_private_key(private, [certificate.public_bytes(Encoding.DER)])


def picture(content: bytes, entries: bytes = b"/BBox[0 0 100 20]/Resources<</Font<</Helv 5 0 R>>>>") -> bytes:
    """A form XObject."""
    return stream(content, b"/Type/XObject/Subtype/Form" + entries)


def text(words: bytes, size: int = 12, at: bytes = b"2 5") -> bytes:
    """Content that shows `words`."""
    return b"BT /Helv %d Tf %b Td (%b) Tj ET" % (size, at, words)


OBJECTS: dict[int, bytes] = {
    CATALOG: b"<</Type/Catalog/Pages 2 0 R/AcroForm 6 0 R/Metadata 11 0 R/StructTreeRoot 17 0 R"
    b"/MarkInfo<</Marked true>>"
    b"/OCProperties<</OCGs[26 0 R]/D<</ON[26 0 R]>>>>/Extensions<</ESIC<</BaseVersion/1.7/ExtensionLevel 2>>>>>>",
    PAGES: b"<</Type/Pages/Kids[3 0 R 12 0 R]/Count 2/MediaBox[0 0 595 842]>>",
    PAGE: b"<</Type/Page/Parent 2 0 R/Contents 4 0 R/Annots[7 0 R 8 0 R 22 0 R 23 0 R]/StructParents 0"
    b"/Resources<</Font<</Helv 5 0 R>>/XObject<</Im 21 0 R>>>>>>",
    CONTENTS: stream(text(b"Permit: 1,000", at=b"72 750") + b" q 50 0 0 50 72 650 cm /Im Do Q"),
    FONT: b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>",
    FORM: b"<</Fields[7 0 R 8 0 R 22 0 R 23 0 R]/SigFlags 3/DR<</Font<</Helv 5 0 R>>>>/DA(/Helv 0 Tf 0 g)>>",
    AMOUNT: b"<</Type/Annot/Subtype/Widget/FT/Tx/T(amount)/V(1,000)/DA(/Helv 12 Tf 0 g)/F 4/P 3 0 R"
    b"/Rect[72 600 172 620]/AP<</N 9 0 R>>>>",
    FIELD: b"<</Type/Annot/Subtype/Widget/FT/Sig/T(S1)/F 132/P 3 0 R/Rect[0 0 0 0]>>",
    PICTURE: picture(text(b"1,000")),
    INFO: b"<</Title(Permit)/Producer(a writer)/ModDate(D:20261119081500Z)>>",
    XMP: stream(b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>", b"/Type/Metadata/Subtype/XML"),
    PAGE_2: b"<</Type/Page/Parent 2 0 R/Contents 13 0 R/Annots[14 0 R 15 0 R]/Resources<</Font<</Helv 5 0 R>>>>>>",
    CONTENTS_2: stream(text(b"Conditions", at=b"72 750")),
    NOTE: b"<</Type/Annot/Subtype/Text/Rect[400 300 420 320]/Contents(see the register)/P 12 0 R/StructParent 1>>",
    STAMP: b"<</Type/Annot/Subtype/Stamp/Rect[100 100 300 150]/P 12 0 R/AP<</N 16 0 R>>>>",
    STAMP_PICTURE: picture(text(b"NOT VALID ABROAD")),
    TAGS: b"<</Type/StructTreeRoot/K 18 0 R/ParentTree 19 0 R/ParentTreeNextKey 2>>",
    ELEMENT: b"<</Type/StructElem/S/Document/P 17 0 R/Pg 3 0 R/ActualText(Permit: 1,000)"
    b"/K[0<</Type/OBJR/Obj 14 0 R/Pg 12 0 R>>]>>",
    INDEX: b"<</Nums[0[18 0 R]1 18 0 R]>>",
    IMAGE: picture(b"0 0 1 rg 0 0 1 1 re f", b"/BBox[0 0 1 1]"),
    SECOND_FIELD: b"<</Type/Annot/Subtype/Widget/FT/Sig/T(S2)/F 132/P 3 0 R/Rect[300 100 400 150]>>",
    BUTTON: b"<</Type/Annot/Subtype/Widget/FT/Btn/Ff 65536/T(qr)/F 4/P 3 0 R/Rect[400 100 450 150]>>",
    SHADOW_PAGE: b"<</Type/Page/Parent 2 0 R/Contents 25 0 R/Resources<</Font<</Helv 5 0 R>>>>>>",
    SHADOW_CONTENTS: stream(text(b"Permit: 9,999,999", at=b"72 750")),
    LAYER: b"<</Type/OCG/Name(layer)>>",
}
TRAILER = b"/Root 1 0 R/Info 10 0 R/ID[<00112233445566778899aabbccddeeff><00112233445566778899aabbccddeeff>]"


def unsigned(changes: Mapping[int, bytes] | None = None, *, kind: Kind = "table") -> RawPDF:
    """The document, with `changes` to its objects."""
    return RawPDF().update(OBJECTS | dict(changes or {}), trailer=TRAILER, kind=kind)


def entry(number: int, old: bytes, new: bytes) -> dict[int, bytes]:
    """An object of the document with a part of it replaced."""
    assert old in OBJECTS[number], (number, old)
    return {number: OBJECTS[number].replace(old, new, 1)}


def more(number: int, entries: bytes) -> dict[int, bytes]:
    """A dictionary of the document with `entries` added."""
    assert OBJECTS[number].endswith(b">>")
    return {number: OBJECTS[number][:-2] + entries + b">>"}


def updated(
    pdf: RawPDF,
    objects: Mapping[int, bytes],
    *,
    free: Iterable[int] = (),
    trailer: bytes = TRAILER,
    kind: Kind = "table",
) -> RawPDF:
    """`pdf` with one more revision; the given file stays as it is."""
    return copy.deepcopy(pdf).update(objects, free=free, trailer=trailer, kind=kind)


def signature(
    entries: bytes = b"/Type/Sig/SubFilter/ETSI.CAdES.detached",
    *,
    ranges: bytes = b"/ByteRange[0 %010d %010d %010d]" % (0, 0, 0),
    contents: bytes = b"/Contents<" + b"0" * 2 * RESERVED + b">",
) -> bytes:
    """A signature dictionary that waits for its signature."""
    return b"<</Filter/Adobe.PPKLite" + entries + ranges + contents + b">>"


def signed(
    pdf: RawPDF,
    objects: Mapping[int, bytes] | None = None,
    *,
    value: bytes | None = None,
    number: int = VALUE,
    field: Mapping[int, bytes] | None = None,
    by: int = 1001,
    kind: Kind = "table",
    free: Iterable[int] = (),
    trailer: bytes = TRAILER,
) -> RawPDF:
    """`pdf` with a revision that signs it in `field`, and holds `objects` besides."""
    given = dict(more(FIELD, b"/V 20 0 R") if field is None else field) | dict(objects or {})
    given[number] = signature() if value is None else value
    return fill(updated(pdf, given, kind=kind, free=free, trailer=trailer), by=by)


def fill(pdf: RawPDF, *, by: int = 1001, span: tuple[int, int] | None = None, end: int | None = None) -> RawPDF:
    """Sign: put /ByteRange and /Contents into the last signature dictionary; `span` is the gap if it is not `<…>`."""
    data = bytes(pdf)
    zeros = data.rindex(b"<" + b"0" * 2 * RESERVED + b">")
    start, stop = span or (zeros, zeros + 2 * RESERVED + 2)
    last = len(data) if end is None else end
    placeholder = b"/ByteRange[0 %010d %010d %010d]" % (0, 0, 0)
    written = b"/ByteRange[0 %010d %010d %010d]" % (start, stop, last - stop)
    data = data.replace(placeholder, written, 1)
    digest = hashlib.sha256(data[:start] + data[stop:last]).digest()
    signer = key(by)
    attributes = signed_attributes(digest, certificate=signer.certificates[0], mechanism=ES256)
    container = signed_data(
        attributes, signer.sign(attributes, mechanism=ES256), certificates=signer.certificates, mechanism=ES256
    )
    digits = container.hex().encode().ljust(2 * RESERVED, b"0")
    assert len(digits) == 2 * RESERVED
    result = copy.deepcopy(pdf)
    result.data = bytearray(data[: zeros + 1] + digits + data[zeros + 1 + 2 * RESERVED :])
    return result


def approved(changes: Mapping[int, bytes] | None = None) -> RawPDF:
    """The document with `changes`, and an approval signature."""
    return signed(unsigned(changes), field=more_of(changes, FIELD, b"/V 20 0 R"))


def more_of(changes: Mapping[int, bytes] | None, number: int, entries: bytes) -> dict[int, bytes]:
    """An object, as `changes` have it, with `entries` added."""
    body = (OBJECTS | dict(changes or {}))[number]
    return {number: body[:-2] + entries + b">>"}


def certified(level: int | None, changes: Mapping[int, bytes] | None = None) -> RawPDF:
    """The document with a certification that leaves `level` open."""
    parameters = b"/Type/TransformParams/V/1.2" + (b"" if level is None else b"/P %d" % level)
    reference = b"/Reference[<</Type/SigRef/TransformMethod/DocMDP/Data 1 0 R/TransformParams<<%b>>>>]" % parameters
    value = signature(b"/Type/Sig/SubFilter/ETSI.CAdES.detached" + reference)
    base = unsigned(changes)
    return signed(base, more_of(changes, CATALOG, b"/Perms<</DocMDP 20 0 R>>"), value=value)


def locked(lock: bytes, *, by_field: bool = True, by_reference: bool = True) -> RawPDF:
    """The document with a signature that locks fields."""
    reference = b"/Reference[<</Type/SigRef/TransformMethod/FieldMDP/Data 1 0 R/TransformParams<<%b>>>>]" % lock
    value = signature(b"/Type/Sig/SubFilter/ETSI.CAdES.detached" + (reference if by_reference else b""))
    added = b"/V 20 0 R" + (b"/Lock<</Type/SigFieldLock%b>>" % lock if by_field else b"")
    return signed(unsigned(), field=more(FIELD, added), value=value)


def refilled(value: bytes) -> dict[int, bytes]:
    """The field `amount` with another value and its picture."""
    return entry(AMOUNT, b"(1,000)", b"(%b)" % value) | {PICTURE: picture(text(value))}
