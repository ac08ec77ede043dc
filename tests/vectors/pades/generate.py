"""Write the vectors of documents that are signed by two, and of what may be done to them afterwards.

    python -m tests.vectors.pades.generate

Each file has a header (`expect:`, `finding:`, `comment:`), a blank line, and a PDF. `expect:` is the integrity that a
verifier must find, `finding:` what the check of the release fields says (docs/spec/release.md §5): `passed`, a code, or
`-` where there is nothing to check. The keys are made from well-known numbers and certify themselves: who signed is not
the question here. Files differ each time in their /ID and signatures; a test makes them anew and judges both.
"""

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pikepdf
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.generic import pdf_name, pdf_string

from esign.document import Box, Mark
from esign.keys import Mechanism
from esign.pades.fields import (
    AGENCY_FIELD,
    PERSON_FIELD,
    FilledField,
    ReleaseField,
    ReleaseName,
    add_release_fields,
)
from esign.pades.sign import Appearance, prepare, sign
from esign.pdf.seal_marks import qr_mark
from esign.seal import Symbol, assemble, digest_of, salted, to_be_signed
from esign.softkey import SoftwareKey
from tests.vectors.pades.attacker import find_field, numbers, open_update
from tests.vectors.seal import generate as seals

HERE = Path(__file__).parent
SIGNED = datetime(2026, 11, 19, 8, 15, tzinfo=UTC)
RELEASED = datetime(2026, 11, 21, 3, 32, 58, tzinfo=UTC)
MM = 72 / 25.4
A5 = (0, 0, 420, 595)

NUMBER = Box(page=0, left=60, bottom=520, width=40, height=16)
DAY = Box(page=0, left=250, bottom=520, width=20, height=16)
MONTH = Box(page=0, left=310, bottom=520, width=20, height=16)
SEAL = Box(page=0, left=40, bottom=60, width=66, height=66)
PERSON = Box(page=0, left=250, bottom=120, width=113, height=57)
AGENCY = Box(page=0, left=190, bottom=90, width=102, height=102)
FIELDS = (
    ReleaseField(ReleaseName.NUMBER, NUMBER),
    ReleaseField(ReleaseName.DAY, DAY),
    ReleaseField(ReleaseName.MONTH, MONTH),
    ReleaseField(ReleaseName.SEAL, SEAL),
)
LOCK = tuple(field.name for field in FIELDS)


def _key(name: str, number: int) -> SoftwareKey:
    key = ec.derive_private_key(number, ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(number)
        .not_valid_before(SIGNED - timedelta(days=1))
        .not_valid_after(SIGNED + timedelta(days=3650))
        .sign(key, hashes.SHA256())
    )
    return SoftwareKey.from_private_key(key, [certificate.public_bytes(Encoding.DER)])


LEADER = _key("Người có thẩm quyền MẪU", 1001)
OFFICE = _key("Cơ quan MẪU", 1002)
STRANGER = _key("Người lạ", 1003)


def picture(content: bytes, *, width: float, height: float) -> Mark:
    """A mark of `width` x `height` points."""
    pdf = _page(content, (0, 0, width, height))
    return Mark(pdf=pdf, width_mm=width / MM, height_mm=height / MM, alt="-")


def text(words: str, box: Box, *, colour: str = "0 g") -> Mark:
    """`words` in Helvetica, which these vectors do not embed: no PDF/A is claimed."""
    content = f"{colour} BT /F 11 Tf 1 3 Td ({words}) Tj ET".encode("latin-1")
    return picture(content, width=box.width, height=box.height)


def _page(content: bytes, media: Sequence[float], *, streams: bool = False) -> bytes:
    pdf = pikepdf.new()
    pdf.add_blank_page(page_size=(100, 100))
    page = pdf.pages[0].obj
    page.MediaBox = pikepdf.Array(list(media))
    page.Contents = pdf.make_stream(content)
    font = pikepdf.Dictionary(Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica)
    page.Resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(F=font))
    out = io.BytesIO()
    mode = pikepdf.ObjectStreamMode.generate if streams else pikepdf.ObjectStreamMode.disable
    pdf.save(out, static_id=True, object_stream_mode=mode)
    return out.getvalue()


def decision(*, streams: bool = False) -> bytes:
    """A decision with blanks for number and date."""
    lines = (
        (40, 522, "So:"),
        (102, 522, "/QD-UBND"),
        (220, 522, "ngay"),
        (275, 522, "thang"),
        (335, 522, "nam 2026"),
        (170, 470, "QUYET DINH"),
        (40, 440, "Dieu 1. Van ban mau, khong co gia tri."),
        (265, 200, "CHU TICH"),
    )
    content = b"".join(f"BT /F 11 Tf {x} {y} Td ({t}) Tj ET\n".encode() for x, y, t in lines)
    return _page(content, A5, streams=streams)


def prepared(*, streams: bool = False, fields: Sequence[ReleaseField] = FIELDS) -> bytes:
    """The decision with its preparation revision."""
    return add_release_fields(
        decision(streams=streams), fields, agency_box=AGENCY, alt="Chữ ký số của cơ quan", person_box=PERSON
    )


def signed(
    pdf: bytes, key: SoftwareKey, at: datetime, field: str, appearance: Appearance | None, **release: Any
) -> bytes:
    """`pdf` with one more signature."""
    made = prepare(
        pdf,
        certificates=key.certificates,
        mechanism=Mechanism.ECDSA_P256_SHA256,
        signing_time=at,
        field_name=field,
        appearance=appearance,
        **release,
    )
    return sign(made, key)


def by_person(pdf: bytes) -> bytes:
    """Signed by the leader."""
    mark = picture(b"0 0 1 RG 2 w 5 10 m 30 50 60 0 105 45 c S", width=PERSON.width, height=PERSON.height)
    return signed(pdf, LEADER, SIGNED, PERSON_FIELD, Appearance(mark=mark, box=PERSON))


def stamp(words: str = "CO QUAN MAU") -> Appearance:
    """A red seal."""
    content = f"1 0 0 RG 2 w 2 2 98 98 re S 1 0 0 rg BT /F 11 Tf 10 45 Td ({words}) Tj ET".encode()
    return Appearance(mark=picture(content, width=AGENCY.width, height=AGENCY.height), box=AGENCY)


def sealed(pdf: bytes) -> tuple[bytes, str, Mark]:
    """`pdf` with its salt, the URL of a seal over it, and the symbol."""
    before = salted(pdf, bytes(range(16)))
    claims = replace(seals.CLAIMS, issued_at=RELEASED, digest=digest_of(before))
    kid = seals.GOOD.kid
    url = assemble(claims, kid, seals.sign(to_be_signed(claims, kid))).url(seals.HOST)
    symbol = Symbol.of(url)
    return before, url, qr_mark(symbol.rows, size_mm=symbol.size_mm, quiet_mm=symbol.quiet_mm, alt="Tem QR")


def by_agency(pdf: bytes, **changes: Any) -> bytes:
    """Released: numbered, dated, sealed and signed by the agency, in one revision."""
    before, url, symbol = sealed(pdf)
    fill = (
        FilledField(ReleaseName.NUMBER, "1234", text("1234", NUMBER)),
        FilledField(ReleaseName.DAY, "21", text("21", DAY)),
        FilledField(ReleaseName.MONTH, "11", text("11", MONTH)),
        FilledField(ReleaseName.SEAL, "", symbol),
    )
    parts: dict[str, Any] = {"field": AGENCY_FIELD, "fill": fill, "lock": LOCK, "seal_url": url} | changes
    field = parts.pop("field")
    return signed(before, OFFICE, RELEASED, field, stamp(), **parts)


@cache
def pending() -> bytes:
    """Signed by the leader, not released."""
    return by_person(prepared())


@cache
def released() -> bytes:
    """Signed by both."""
    return by_agency(pending())


@cache
def unlocked() -> bytes:
    """Released by software that signs a field of its own and locks nothing."""
    return by_agency(pending(), field="Signature1", lock=())


@cache
def adopted() -> bytes:
    """A leader's document from elsewhere, taken over: number and seal are in the agency's widget."""
    before, url, symbol = sealed(signed(decision(), LEADER, SIGNED, "Signature1", None))
    # What composes the widget is not the question here: the symbol stands for all of it.
    return signed(before, OFFICE, RELEASED, AGENCY_FIELD, Appearance(mark=symbol, box=AGENCY), seal_url=url)


# Attacks: one more revision, by somebody without the agency's key.


def updated(pdf: bytes, *changes: Callable[[Any], None]) -> bytes:
    """`pdf` with one more revision that makes `changes`."""
    update = open_update(pdf)
    for change in changes:
        change(update)
    out = io.BytesIO()
    update.write(out)
    return out.getvalue()


def field_of(update: Any, name: str) -> Any:
    """A reference to a field that is there."""
    found = find_field(update, name)
    assert found is not None
    return found


def value(name: str, words: str) -> Callable[[Any], None]:
    """Give a field another value."""

    def change(update: Any) -> None:
        field_of(update, name).get_object()[pdf_name("/V")] = pdf_string(words)
        update.mark_update(field_of(update, name))

    return change


def shown(name: str, words: str, *, in_place: bool = False) -> Callable[[Any], None]:
    """Give a field another picture: as a new object, or under the number of the old one."""

    def change(update: Any) -> None:
        field = field_of(update, name).get_object()
        x1, y1, x2, y2 = (float(v) for v in field["/Rect"])
        form = drawn(update, words, x2 - x1, y2 - y1)
        if in_place:
            old = field["/AP"].raw_get("/N").reference
            update.objects[(old.generation, old.idnum)] = form
        else:
            field[pdf_name("/AP")] = generic.DictionaryObject({pdf_name("/N"): update.add_object(form)})
            update.mark_update(field_of(update, name))

    return change


def drawn(update: Any, words: str, width: float, height: float) -> Any:
    """An appearance that covers its place with white and says `words`."""
    font = {pdf_name("/Type"): pdf_name("/Font"), pdf_name("/Subtype"): pdf_name("/Type1")}
    font[pdf_name("/BaseFont")] = pdf_name("/Helvetica")
    fonts = {pdf_name("/F"): update.add_object(generic.DictionaryObject(font))}
    resources = {pdf_name("/Font"): generic.DictionaryObject(fonts)}
    return generic.StreamObject(
        {
            pdf_name("/Type"): pdf_name("/XObject"),
            pdf_name("/Subtype"): pdf_name("/Form"),
            pdf_name("/BBox"): numbers(0, 0, width, height),
            pdf_name("/Resources"): generic.DictionaryObject(resources),
        },
        stream_data=f"1 g 0 0 {width} {height} re f 0 g BT /F 11 Tf 1 3 Td ({words}) Tj ET".encode(),
    )


def entry(name: str, key: str, new: Callable[[], Any]) -> Callable[[Any], None]:
    """Set another entry of a field."""

    def change(update: Any) -> None:
        field = field_of(update, name)
        field.get_object()[pdf_name(key)] = new()
        update.mark_update(field)

    return change


def widget(kind: str, box: Box, words: str) -> Callable[[Any], None]:
    """A new field with a picture, empty otherwise."""

    def change(update: Any) -> None:
        page, _ = update.find_page_for_modification(box.page)
        right, top = box.left + box.width, box.bottom + box.height
        form = update.add_object(drawn(update, words, box.width, box.height))
        made = generic.DictionaryObject(
            {
                pdf_name("/Type"): pdf_name("/Annot"),
                pdf_name("/Subtype"): pdf_name("/Widget"),
                pdf_name("/FT"): pdf_name(kind),
                pdf_name("/T"): pdf_string("Extra"),
                pdf_name("/P"): page,
                pdf_name("/F"): generic.NumberObject(4),
                pdf_name("/Rect"): numbers(box.left, box.bottom, right, top),
                pdf_name("/AP"): generic.DictionaryObject({pdf_name("/N"): form}),
            }
        )
        reference = update.add_object(made)
        update.root["/AcroForm"]["/Fields"].append(reference)
        update.update_container(update.root["/AcroForm"]["/Fields"])
        update.register_annotation(page, reference)

    return change


def deleted(update: Any) -> None:
    """Take the number's field out of the form, and leave its widget on the page."""
    parent = field_of(update, "esign.release")
    kids = parent.get_object()["/Kids"]
    kids.remove(field_of(update, ReleaseName.NUMBER))
    update.mark_update(parent)


def reordered(update: Any) -> None:
    """Draw the agency's mark before everything else; a new field elsewhere is the occasion."""
    widget("/Sig", Box(page=0, left=10, bottom=10, width=20, height=20), "x")(update)
    page, _ = update.find_page_for_modification(0)
    annotations = page.get_object()["/Annots"]
    annotations.sort(key=lambda a: a.reference != field_of(update, AGENCY_FIELD).reference)


def drawn_anew(update: Any) -> None:
    """Ask readers to set the fields anew, in a font whose glyphs say something else."""
    form = update.root["/AcroForm"]
    form[pdf_name("/NeedAppearances")] = generic.BooleanObject(True)
    glyph = update.add_object(generic.StreamObject(stream_data=b"500 0 d0 0 0 400 700 re f"))
    font = form["/DR"]["/Font"]["/EsignBlank"]
    font[pdf_name("/CharProcs")] = generic.DictionaryObject({pdf_name("/space"): glyph})
    other = update.add_object(generic.DictionaryObject({k: font.raw_get(k) for k in font}))
    form["/DR"]["/Font"][pdf_name("/EsignBlank")] = other
    update.update_container(form)


def other_font(update: Any) -> None:
    """Exchange the font that the fields would be set in, without asking that they be."""
    drawn_anew(update)
    del update.root["/AcroForm"]["/NeedAppearances"]


@dataclass(frozen=True)
class Vector:
    """One file."""

    name: str
    expect: str
    finding: str
    comment: str
    pdf: bytes

    def content(self) -> bytes:
        """The whole file."""
        header = f"expect: {self.expect}\nfinding: {self.finding}\ncomment: {self.comment}\n\n"
        return header.encode() + self.pdf


def vectors() -> Iterator[Vector]:
    """Every vector of this folder, made anew."""
    yield from _good()
    yield from _attacks()


def _good() -> Iterator[Vector]:
    def good(name: str, finding: str, comment: str, pdf: bytes) -> Vector:
        return Vector(name, "INTACT", finding, comment, pdf)

    elsewhere = Box(page=0, left=300, bottom=20, width=80, height=30)
    third = Appearance(mark=text("third", elsewhere), box=elsewhere)
    yield good("ok-prepared-signed", "release-pending", "the leader has signed, number and seal are blank", pending())
    yield good("ok-released", "passed", "the agency filled, sealed, locked and signed in one revision", released())
    yield good(
        "ok-released-streams",
        "passed",
        "the same with cross-reference streams",
        by_agency(by_person(prepared(streams=True))),
    )
    yield good("ok-adopted", "passed", "no release fields: number and seal are in the agency's widget", adopted())
    yield good(
        "ok-third-elsewhere",
        "passed",
        "somebody else signs later, elsewhere on the page",
        signed(released(), STRANGER, RELEASED, "Third", third),
    )


def _attacks() -> Iterator[Vector]:
    def bad(name: str, finding: str, comment: str, pdf: bytes) -> Vector:
        return Vector(name, "ALTERED", finding, comment, pdf)

    number, seal = str(ReleaseName.NUMBER), str(ReleaseName.SEAL)
    both = (value(number, "9999"), shown(number, "9999"))
    unlock, change, cover = "release-fields-unlocked", "release-fields-changed", "release-fields-covered"
    over = Box(page=0, left=NUMBER.left + 5, bottom=NUMBER.bottom - 5, width=50, height=26)
    stranger = Appearance(mark=text("9999", over), box=over)
    yield bad("unlocked", unlock, "released without a lock, and not changed yet", unlocked())
    yield bad(
        "unlocked-number-changed", unlock, "released without a lock, then numbered anew", updated(unlocked(), *both)
    )
    yield bad(
        "unlocked-then-locked",
        unlock,
        "released without a lock, numbered anew, locked by somebody else's signature",
        signed(updated(unlocked(), *both), STRANGER, RELEASED, "Third", None, lock=LOCK),
    )
    yield bad("pending-number-filled", unlock, "filled in before the agency signed", updated(pending(), *both))
    yield bad("number-changed", change, "value and picture of the number", updated(released(), *both))
    yield bad("number-value-changed", change, "value, not picture", updated(released(), value(number, "9999")))
    yield bad("number-picture-changed", change, "picture, not value", updated(released(), shown(number, "9999")))
    yield bad(
        "number-picture-overwritten",
        change,
        "the picture's object is written again",
        updated(released(), shown(number, "9999", in_place=True)),
    )
    yield bad("seal-picture-changed", change, "another picture for the seal", updated(released(), shown(seal, "QR")))
    yield bad("number-deleted", change, "the field is taken out of the form", updated(released(), deleted))
    moved = entry(number, "/Rect", lambda: numbers(200, 300, 240, 316))
    yield bad("number-moved", change, "another place for the number", updated(released(), moved))
    hidden = entry(number, "/F", lambda: generic.NumberObject(2))
    yield bad("number-hidden", change, "the number is hidden", updated(released(), hidden))
    inherited = entry("esign.release", "/V", lambda: pdf_string("9999"))
    yield bad("parent-value", change, "a value for the field above", updated(released(), inherited))
    yield bad(
        "form-drawn-anew",
        change,
        "readers are asked to set the fields anew in another font",
        updated(released(), drawn_anew),
    )
    yield bad("form-other-font", change, "another font to set the fields in", updated(released(), other_font))
    yield bad(
        "covered-by-empty-field",
        cover,
        "an empty signature field with a picture over the number",
        updated(released(), widget("/Sig", over, "9999")),
    )
    yield bad(
        "covered-by-signature",
        cover,
        "somebody else signs, with another number as appearance",
        signed(released(), STRANGER, RELEASED, "Third", stranger),
    )
    yield bad(
        "covered-by-text-field", cover, "a text field over the number", updated(released(), widget("/Tx", over, "9999"))
    )
    yield bad("order-of-annotations", cover, "what was on top is below", updated(released(), reordered))
    yield bad(
        "adopted-covered",
        cover,
        "an empty signature field over number and seal of an adopted document",
        updated(adopted(), widget("/Sig", AGENCY, "9999")),
    )


if __name__ == "__main__":
    for old in HERE.glob("*.vector"):
        old.unlink()
    for vector in vectors():
        (HERE / f"{vector.name}.vector").write_bytes(vector.content())
