"""What honest software does to a signed file, in all the ways that it does it."""

from collections.abc import Iterator

from tests.support.raw_pdf import RawPDF, stream
from tests.vectors.changes.document import (
    AMOUNT,
    BUTTON,
    CATALOG,
    CONTENTS,
    ELEMENT,
    FIELD,
    FORM,
    FREE,
    INDEX,
    INFO,
    NOTE,
    OBJECTS,
    PAGE,
    PAGE_2,
    SECOND_FIELD,
    TAGS,
    TRAILER,
    XMP,
    approved,
    certified,
    entry,
    locked,
    more,
    picture,
    refilled,
    signature,
    signed,
    text,
    unsigned,
    updated,
)
from tests.vectors.changes.vector import Vector, intact

__all__ = ["A", "B", "C", "certified_store", "new_field", "note", "store", "vectors"]

A, B, C = FREE, FREE + 1, FREE + 2
ROOT = OBJECTS[CATALOG]
CERT = stream(b"a certificate")
TIMESTAMP = b"/Type/DocTimeStamp/SubFilter/ETSI.RFC3161"
AUTHOR = entry(INFO, b"20261119081500Z", b"20261121000000Z")
DICTIONARY = signature()
NEW_FIELD = b"<</Type/Annot/Subtype/Widget/FT/Sig/T(New)/F 132/P 3 0 R/Rect[0 0 0 0]/V 31 0 R>>"


def store(entries: bytes) -> dict[int, bytes]:
    """A catalog with a security store, and a certificate for it."""
    return {CATALOG: ROOT[:-2] + b"/DSS 30 0 R>>", A: b"<<%b>>" % entries, B: CERT}


def new_field(pdf: RawPDF, value: bytes = DICTIONARY, **how: object) -> RawPDF:
    """A further signature in a field that is made for it."""
    fields = entry(FORM, b"23 0 R]", b"23 0 R 30 0 R]")
    page = entry(PAGE, b"23 0 R]", b"23 0 R 30 0 R]")
    return signed(pdf, fields | page, value=value, number=B, field={A: NEW_FIELD}, by=1002, **how)  # type: ignore[arg-type]


def note(subtype: bytes, entries: bytes = b"", others: dict[int, bytes] | None = None) -> dict[int, bytes]:
    """A new annotation on the first page."""
    made = b"<</Type/Annot/Subtype/%b/Rect[72 700 172 720]/P 3 0 R/F 4%b>>" % (subtype, entries)
    return entry(PAGE, b"23 0 R]", b"23 0 R 30 0 R]") | {A: made} | dict(others or {})


def vectors() -> Iterator[Vector]:
    base = approved()
    yield intact("ok-signed", base, "one signature over all of the file")
    yield intact("ok-signed-stream", signed(unsigned(kind="stream"), kind="stream"), "cross-reference streams")
    yield intact("ok-certified", certified(1), "a certification that permits nothing")
    yield from _signatures(base)
    yield from _evidence(base)
    yield from _metadata(base)
    yield from _writing(base)
    yield from _form(base)
    yield from _notes(base)
    yield from _tags(base)
    yield from _permissions()


def _signatures(base: RawPDF) -> Iterator[Vector]:
    yield intact("ok-second-signature", new_field(base), "a second person signs in a new field", "signature-added")
    existing = signed(base, value=DICTIONARY, number=A, field=more(SECOND_FIELD, b"/V 30 0 R"), by=1002)
    yield intact("ok-second-signature-there", existing, "in a field that was there", "signature-added")
    drawn = more(SECOND_FIELD, b"/V 30 0 R/AP<</N 32 0 R>>/MK<<>>/TU(agency)") | {C: picture(text(b"seal"))}
    shown = signed(base, value=DICTIONARY, number=A, field=drawn, by=1002)
    yield intact("ok-second-signature-drawn", shown, "with a picture of its own", "signature-added")
    yield intact("ok-timestamp", new_field(base, signature(TIMESTAMP)), "a document time-stamp", "timestamp-added")
    plain = signature(b"/Type/Sig/SubFilter/ETSI.RFC3161")
    yield intact("ok-timestamp-type-sig", new_field(base, plain), "one that calls itself /Sig", "timestamp-added")
    two = signed(unsigned(), field=more(FIELD, b"/V 20 0 R") | more(SECOND_FIELD, b"/V 20 0 R"))
    yield intact("ok-two-fields-one-signature", two, "two fields hold the same signature")
    nested = (
        entry(FORM, b"23 0 R]", b"23 0 R 32 0 R]")
        | {C: b"<</T(agency)/Kids[30 0 R]>>"}
        | entry(PAGE, b"23 0 R]", b"23 0 R 30 0 R]")
    )
    below = {A: NEW_FIELD[:-2] + b"/Parent 32 0 R>>"}
    deep = signed(base, nested, value=DICTIONARY, number=B, field=below, by=1002)
    yield intact("ok-second-signature-below", deep, "in a field below a new one", "signature-added")


def _evidence(base: RawPDF) -> Iterator[Vector]:
    certs = b"/Certs[31 0 R]"
    entries = b"/Certs[31 0 R]/VRI<</AAAA<</Cert[31 0 R]/TU(D:20261121000000Z)/Type/VRI>>>>/Type/DSS"
    added = updated(base, store(certs))
    yield intact("ok-evidence", added, "a security store is added", "evidence-added")
    yield intact("ok-evidence-typed", updated(base, store(entries)), "with /Type, /VRI and /TU", "evidence-added")
    direct = {CATALOG: ROOT[:-2] + b"/DSS<</Certs[31 0 R]/OCSPs 32 0 R>>>>", B: CERT, C: b"[31 0 R]"}
    yield intact("ok-evidence-direct", updated(base, direct), "direct, with an array of its own", "evidence-added")
    other = {CATALOG: ROOT[:-2] + b"/DSS 32 0 R>>", C: b"<</OCSPs[33 0 R]>>", 33: CERT}
    replaced = updated(added, other)
    yield intact(
        "ok-evidence-replaced", replaced, "another store takes its place", "evidence-added", "evidence-changed"
    )
    freed = updated(added, other, free=[A, B])
    yield intact("ok-evidence-freed", freed, "and the old one is freed", "evidence-added", "evidence-changed")
    rewritten = updated(
        updated(base, store(entries)), {A: b"<</Certs[31 0 R]/VRI<</AAAA<</TU(D:20261122000000Z)>>>>>>"}
    )
    yield intact(
        "ok-evidence-entry-overwritten", rewritten, "an entry is overwritten", "evidence-added", "evidence-changed"
    )
    renewed = new_field(
        updated(base, {CATALOG: ROOT[:-2] + b"/DSS<</Certs[34 0 R]>>>>", 34: CERT}), signature(TIMESTAMP)
    )
    yield intact(
        "ok-evidence-timestamp", renewed, "evidence and a time-stamp over it", "evidence-added", "timestamp-added"
    )


def _metadata(base: RawPDF) -> Iterator[Vector]:
    yield intact("ok-info-dated", updated(base, AUTHOR), "date and software of the last writing", "info-dated")
    titled = updated(base, entry(INFO, b"(Permit)", b"(Another)"))
    yield intact("ok-info-changed", titled, "another title: no page shows it", "info-changed")
    xmp = {XMP: OBJECTS[XMP].replace(b"adobe", b"ADOBE")}
    yield intact("ok-xmp", updated(base, xmp), "other XMP metadata", "metadata-changed")
    yield intact("ok-version", updated(base, more(CATALOG, b"/Version/2.0")), "a later version", "metadata-changed")
    raised = entry(
        CATALOG, b"ExtensionLevel 2>>", b"ExtensionLevel 5>>/ISO_[<</BaseVersion/2.0/ExtensionLevel 32002>>]"
    )
    higher = updated(base, raised)
    yield intact("ok-extensions", higher, "extensions added and raised", "metadata-changed")
    several = {CATALOG: raised[CATALOG][:-2] + b"/DSS<<>>>>"}
    yield intact(
        "ok-extensions-several",
        updated(higher, several),
        "an array of them stays",
        "metadata-changed",
        "evidence-added",
    )
    yield intact(
        "ok-private-data", updated(base, more(CATALOG, b"/PieceInfo<<>>")), "of some software", "metadata-changed"
    )


def _writing(base: RawPDF) -> Iterator[Vector]:
    same = {PAGE: OBJECTS[PAGE], CONTENTS: OBJECTS[CONTENTS], CATALOG: ROOT}
    yield intact("ok-written-again", updated(base, same), "objects are written again as they were")
    renumbered = entry(PAGE, b"/Resources<<", b"/Resources 30 0 R/Old<<")
    renumbered = {PAGE: renumbered[PAGE].partition(b"/Old")[0] + b">>", A: b"<</Font 31 0 R/XObject<</Im 21 0 R>>>>"}
    renumbered[B] = b"<</Helv 5 0 R>>"
    yield intact("ok-resources-renumbered", updated(base, renumbered), "equal resources under other numbers")
    listed = entry(PAGE, b"/Contents 4 0 R", b"/Contents[4 0 R]")
    yield intact("ok-contents-listed", updated(base, listed), "a lone stream becomes an array of one")
    moved = entry(PAGE, b"[7 0 R 8 0 R 22 0 R 23 0 R]", b" 30 0 R") | {A: b"[7 0 R 8 0 R 22 0 R 23 0 R]"}
    yield intact("ok-annotations-indirect", updated(base, moved), "the list of annotations gets a number")
    fields = entry(FORM, b"[7 0 R 8 0 R 22 0 R 23 0 R]", b" 30 0 R") | {A: b"[7 0 R 8 0 R 22 0 R 23 0 R]"}
    yield intact("ok-fields-indirect", updated(base, fields), "the list of fields gets a number")
    yield intact("ok-orphan", updated(base, {A: b"(unused)"}), "an object that nothing uses")
    yield intact("ok-freed", updated(updated(base, {A: b"(unused)"}), {}, free=[A]), "which is freed again")
    packed = approved().update({}, kind="stream", trailer=TRAILER, packed={INFO: AUTHOR[INFO], A: b"(unused)"})
    yield intact("ok-object-stream", packed, "an update in an object stream", "info-dated")
    hybrid = approved().update({INFO: AUTHOR[INFO]}, kind="hybrid", trailer=TRAILER, packed={A: b"(unused)"})
    yield intact("ok-hybrid", hybrid, "an update for older and newer readers", "info-dated")
    salted = approved()
    salted.data += b"%esign-salt 00112233445566778899aabbccddeeff\n"
    yield intact(
        "ok-comment-between", salted.update(AUTHOR, trailer=TRAILER), "a comment between revisions", "info-dated"
    )
    spaced = approved()
    spaced.data += b"\r\n \n"
    yield intact("ok-white-space-behind", spaced, "white space behind the end")


def _form(base: RawPDF) -> Iterator[Vector]:
    yield intact("ok-field-filled", updated(base, refilled(b"2,000")), "value and picture of a field", "field-filled")
    drawn = more(BUTTON, b"/AP<</N 30 0 R>>") | {A: picture(b"0 0 9 9 re f", b"/BBox[0 0 50 50]")}
    yield intact("ok-button-filled", updated(base, drawn), "a blank button gets its picture", "field-filled")
    read_only = entry(AMOUNT, b"/F 4", b"/F 68/Ff 1")
    frozen = signed(base, read_only, value=DICTIONARY, number=A, field=more(SECOND_FIELD, b"/V 30 0 R"), by=1002)
    yield intact("ok-fields-frozen", frozen, "a signer makes fields read-only", "signature-added")
    empty = entry(FORM, b"23 0 R]", b"23 0 R 30 0 R]") | entry(PAGE, b"23 0 R]", b"23 0 R 30 0 R]")
    empty[A] = b"<</Type/Annot/Subtype/Widget/FT/Sig/T(Next)/F 4/P 3 0 R/Rect[300 300 400 350]>>"
    yield intact(
        "ok-room-for-another", updated(base, empty), "an empty field for the next signer", "signature-field-added"
    )
    fonts = entry(FORM, b"/Helv 5 0 R", b"/Helv 5 0 R/ZaDb 30 0 R") | {A: OBJECTS[5].replace(b"Helvetica", b"Courier")}
    yield intact("ok-form-font-added", updated(base, fonts), "software adds a font of its own to the form")


def _notes(base: RawPDF) -> Iterator[Vector]:
    added = "annotation-added"
    yield intact("ok-note", updated(base, note(b"Text", b"/Contents(checked)")), "a sticky note", added)
    yield intact("ok-link", updated(base, note(b"Link", b"/A<</S/URI/URI(https://q.gov.vn)>>")), "a link", added)
    yield intact("ok-circle", updated(base, note(b"Circle", b"/C[1 0 0]")), "a ring around something", added)
    marker = picture(
        b"/G gs 1 1 0 rg 0 0 100 20 re f", b"/BBox[0 0 100 20]/Resources<</ExtGState<</G<</BM/Multiply>>>>>>"
    )
    quads = b"/QuadPoints[72 720 172 720 72 700 172 700]/AP<</N 31 0 R>>"
    yield intact("ok-highlight", updated(base, note(b"Highlight", quads, {B: marker})), "a translucent marker", added)
    removed = entry(PAGE_2, b"[14 0 R 15 0 R]", b"[15 0 R]")
    untagged = entry(ELEMENT, b"<</Type/OBJR/Obj 14 0 R/Pg 12 0 R>>", b"")
    gone = updated(base, removed | untagged | {INDEX: b"<</Nums[0[18 0 R]]>>"})
    yield intact("ok-note-removed", gone, "a sticky note is taken off", "annotation-removed", "tags-updated")
    changed = updated(base, entry(NOTE, b"see the register", b"see the ledger"))
    yield intact("ok-note-changed", changed, "a sticky note says something else", "annotation-changed")


def _tags(base: RawPDF) -> Iterator[Vector]:
    element = entry(ELEMENT, b"12 0 R>>]>>", b"12 0 R>> 33 0 R]>>") | {
        33: b"<</S/Form/P 18 0 R/Pg 3 0 R/K<</Type/OBJR/Obj 30 0 R>>>>"
    }
    root = entry(TAGS, b"NextKey 2", b"NextKey 3") | {INDEX: b"<</Nums[0[18 0 R]1 18 0 R 2 33 0 R]>>"}
    page = entry(PAGE, b"23 0 R]/StructParents 0", b"23 0 R 30 0 R]/StructParents 0/Tabs/S")
    tagged = signed(
        base,
        element | root | page | entry(FORM, b"23 0 R]", b"23 0 R 30 0 R]"),
        value=DICTIONARY,
        number=B,
        field={A: NEW_FIELD[:-2] + b"/StructParent 2>>"},
        by=1002,
    )
    yield intact("ok-tagged-signature", tagged, "a signature gets an element", "signature-added", "tags-updated")
    remark = updated(base, note(b"Text", b"/StructParent 2") | element | root)
    yield intact("ok-tagged-note", remark, "a note gets an element", "annotation-added", "tags-updated")
    plain = {CATALOG: ROOT.replace(b"/StructTreeRoot 17 0 R", b"")}
    bare = approved(plain)
    first = note(b"Text", b"/StructParent 0") | {
        CATALOG: ROOT,
        TAGS: b"<</Type/StructTreeRoot/K 18 0 R/ParentTree 19 0 R>>",
        ELEMENT: b"<</S/Annot/P 17 0 R/Pg 3 0 R/K<</Type/OBJR/Obj 30 0 R>>>>",
    }
    yield intact("ok-first-tag", updated(bare, first), "the first element of a tree", "annotation-added", "tags-added")


def _permissions() -> Iterator[Vector]:
    yield intact("ok-p1-evidence", updated(certified(1), certified_store()), "P = 1 permits evidence", "evidence-added")
    stamped = new_field(certified(1), signature(TIMESTAMP))
    yield intact("ok-p1-timestamp", stamped, "P = 1 permits time-stamps", "timestamp-added")
    yield intact("ok-p2-filled", updated(certified(2), refilled(b"2,000")), "P = 2 permits to fill in", "field-filled")
    yield intact("ok-p2-signed", new_field(certified(2)), "P = 2 permits to sign", "signature-added")
    yield intact("ok-p-default", updated(certified(None), refilled(b"2,000")), "no P means 2", "field-filled")
    yield intact("ok-p3-note", updated(certified(3), note(b"Text")), "P = 3 permits notes", "annotation-added")
    unstamped = entry(PAGE_2, b"[14 0 R 15 0 R]", b"[14 0 R]")
    yield intact(
        "ok-p3-stamp-removed", updated(certified(3), unstamped), "and to take annotations off", "annotation-removed"
    )
    drawn = more(BUTTON, b"/AP<</N 30 0 R>>") | {A: picture(b"0 0 9 9 re f", b"/BBox[0 0 50 50]")}
    other = updated(locked(b"/Action/Include/Fields[(amount)]"), drawn)
    yield intact("ok-lock-other-field", other, "another field than the locked one", "field-filled")
    prefix = updated(locked(b"/Action/Include/Fields[(amo)]"), refilled(b"2,000"))
    yield intact("ok-lock-prefix", prefix, "a name that only begins alike", "field-filled")
    excluded = updated(locked(b"/Action/Exclude/Fields[(amount)]"), refilled(b"2,000"))
    yield intact("ok-lock-excluded", excluded, "all but this field are locked", "field-filled")
    stamped = new_field(locked(b"/Action/All"), signature(TIMESTAMP))
    yield intact("ok-lock-all-timestamp", stamped, "a lock on all fields that there are", "timestamp-added")


def certified_store() -> dict[int, bytes]:
    """A store for a document with a certification."""
    return {CATALOG: ROOT[:-2] + b"/Perms<</DocMDP 20 0 R>>/DSS 30 0 R>>", A: b"<</Certs[31 0 R]>>", B: CERT}
