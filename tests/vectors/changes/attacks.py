"""What attackers do to a signed file, and what no signature leaves open.

Incremental saving: "1 Trillion Dollar Refund" (Mladenov et al., CCS 2019). Hide, replace, hide-and-replace: "Shadow
Attacks" (Mainka et al., NDSS 2021). Annotations and signatures on certified files: "Breaking the Specification: PDF
Certification" (Rohlmann et al., IEEE S&P 2021). The rest is what lies next to these.
"""

from collections.abc import Iterator

from tests.support.raw_pdf import RawPDF, stream
from tests.vectors.changes.benign import A, B, C, certified_store, new_field, note, store
from tests.vectors.changes.document import (
    AMOUNT,
    BUTTON,
    CATALOG,
    CONTENTS,
    ELEMENT,
    FIELD,
    FONT,
    FORM,
    IMAGE,
    LAYER,
    NOTE,
    OBJECTS,
    PAGE,
    PAGE_2,
    PAGES,
    PICTURE,
    SECOND_FIELD,
    SHADOW_CONTENTS,
    STAMP,
    STAMP_PICTURE,
    TRAILER,
    VALUE,
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
    updated,
)
from tests.vectors.changes.vector import Vector, altered

__all__ = ["vectors"]

FORGED = stream(text(b"Permit: 9,999,999", at=b"72 750"))
SCRIPT = b"<</S/JavaScript/JS(app.alert\\(1\\))>>"


def vectors() -> Iterator[Vector]:
    base = approved()
    yield from _pages(base)
    yield from _shadows(base)
    yield from _disguises()
    yield from _annotations(base)
    yield from _form(base)
    yield from _signatures(base)
    yield from _document(base)
    yield from _structure(base)
    yield from _permissions()


def _pages(base: RawPDF) -> Iterator[Vector]:
    contents = updated(base, {CONTENTS: FORGED})
    yield altered("page-contents", contents, "incremental saving: other contents", "page-contents-changed")
    countersigned = new_field(contents)
    yield altered(
        "page-contents-countersigned", countersigned, "a later signature mends nothing", "page-contents-changed"
    )
    added = entry(PAGE, b"/Contents 4 0 R", b"/Contents[4 0 R 30 0 R]") | {A: FORGED}
    yield altered("page-contents-added", updated(base, added), "more contents on top", "page-contents-changed")
    kids = entry(PAGES, b"[3 0 R 12 0 R]/Count 2", b"[3 0 R 12 0 R 24 0 R]/Count 3")
    yield altered("pages-added", updated(base, kids), "a page more", "pages-added")
    fewer = entry(PAGES, b"[3 0 R 12 0 R]/Count 2", b"[3 0 R]/Count 1")
    yield altered("pages-removed", updated(base, fewer), "a page less", "pages-removed")
    swapped = entry(PAGES, b"[3 0 R 12 0 R]", b"[12 0 R 3 0 R]")
    codes = (
        "page-contents-changed",
        "page-resources-changed",
        "field-moved",
        "annotation-removed",
        "annotation-overlays",
        "signature-looks-changed",
    )
    yield altered("pages-swapped", updated(base, swapped), "pages change places", *codes)
    box = "page-geometry-changed"
    yield altered("page-cropped", updated(base, more(PAGE, b"/CropBox[0 760 595 842]")), "a line is cut away", box)
    yield altered("page-turned", updated(base, more(PAGE, b"/Rotate 180")), "a page upside down", box)
    inherited = entry(PAGES, b"[0 0 595 842]", b"[0 0 300 842]")
    yield altered("page-box-inherited", updated(base, inherited), "the size that pages inherit", box)
    yield altered("page-unit", updated(base, more(PAGE, b"/UserUnit 0.1")), "a page too small to read", box)
    tiny = updated(base, entry(PAGE, b"/Parent 2 0 R", b"/Parent 30 0 R") | {A: b"<</MediaBox[0 0 9 9]>>"})
    yield altered("page-box-by-parent", tiny, "a parent that is none in the tree, for readers that go up", box)
    astray = {PAGE: OBJECTS[PAGE].replace(b"/Parent 2 0 R", b"/Parent 30 0 R"), A: b"<</MediaBox[0 0 595 842]>>"}
    later = updated(approved(astray), {A: b"<</MediaBox[0 0 9 9]>>"})
    yield altered("page-box-by-parent-prepared", later, "which was signed, and changed later", box)
    twice = entry(PAGES, b"[3 0 R 12 0 R]", b"[3 0 R 3 0 R]")
    yield altered("pages-twice", updated(base, twice), "a page stands twice", "pages-unsound", "pages-removed")


def _shadows(base: RawPDF) -> Iterator[Vector]:
    gone = entry(PAGE, b"/XObject<</Im 21 0 R>>", b"")
    resources = "page-resources-changed"
    yield altered("hide-picture-removed", updated(base, gone), "what covered the page is taken away", resources)
    yield altered("hide-picture-freed", updated(base, {}, free=[IMAGE]), "or freed", resources)
    blank = {IMAGE: picture(b"", b"/BBox[0 0 1 1]")}
    yield altered("hide-picture-blank", updated(base, blank), "or made invisible", resources)
    dangling = approved({PAGE: OBJECTS[PAGE].replace(b"/Im 21 0 R", b"/Im 30 0 R")})
    revealed = updated(dangling, {A: OBJECTS[IMAGE]})
    yield altered("hide-object-defined-later", revealed, "a reference that led nowhere leads somewhere", resources)
    layer = entry(CATALOG, b"/ON[26 0 R]", b"/OFF[26 0 R]")
    yield altered("hide-layer", updated(base, layer), "a layer is switched off", "catalog-changed")
    yield altered(
        "hide-layer-object",
        updated(base, {LAYER: b"<</Type/OCG/Name(other)>>"}),
        "a layer is another",
        "catalog-changed",
    )
    font = {FONT: OBJECTS[FONT].replace(b"Helvetica", b"ZapfDingbats")}
    codes = ("page-fonts-changed", "form-fonts-changed", "field-redrawn", "annotation-changed")
    yield altered("replace-font", updated(base, font), "a font shows other letters", *codes)
    shown = updated(base, {PICTURE: picture(text(b"9,999,999"))})
    yield altered("replace-field-picture", shown, "another picture for the old value", "field-redrawn")
    hidden = approved(entry(AMOUNT, b"(1,000)", b"(9,999,999)"))
    again = updated(hidden, {PICTURE: picture(text(b"9,999,999"))})
    yield altered("replace-field-hidden-value", again, "the signer saw one value and signed another", "field-redrawn")
    told = updated(base, more(FORM, b"/NeedAppearances true"))
    yield altered("replace-field-drawn-anew", told, "readers are told to draw all fields", "form-redrawn")
    prepared = approved({AMOUNT: OBJECTS[AMOUNT].replace(b"/AP<</N 9 0 R>>", b"")})
    unveiled = updated(prepared, {AMOUNT: OBJECTS[AMOUNT]})
    yield altered("replace-field-unveiled", unveiled, "a value that had no picture gets one", "field-redrawn")
    other = entry(PAGES, b"[3 0 R", b"[24 0 R")
    lost = ("page-contents-changed", "page-resources-changed", "field-moved", "signature-looks-changed")
    yield altered("hide-and-replace-page", updated(base, other), "another page takes the place", *lost)
    catalog = {
        A: OBJECTS[CATALOG].replace(b"/Pages 2 0 R", b"/Pages 31 0 R"),
        B: OBJECTS[PAGES].replace(b"[3 0 R", b"[24 0 R"),
    }
    pointed = updated(base, catalog, trailer=TRAILER.replace(b"/Root 1 0 R", b"/Root 30 0 R"))
    yield altered("hide-and-replace-catalog", pointed, "another catalog takes the place", *lost)


def _disguises() -> Iterator[Vector]:
    """Objects that are two things, so that a change to the one passes as a change to the other."""
    resources = b"<</Type/Annot/Subtype/Text/Rect[0 0 0 0]/F 2/Font<</Helv 5 0 R>>/XObject<</Im 21 0 R>>>>"
    as_note = {
        PAGE: OBJECTS[PAGE].replace(b"/Resources<</Font<</Helv 5 0 R>>/XObject<</Im 21 0 R>>>>", b"/Resources 14 0 R"),
        NOTE: resources,
    }
    changed = updated(approved(as_note), {NOTE: resources.replace(b"/Im 21 0 R", b"/Im 16 0 R")})
    yield altered("disguise-note", changed, "resources that are a note too", "page-resources-changed")
    nodes = {
        PAGE: OBJECTS[PAGE].replace(b"/Resources<</Font<</Helv 5 0 R>>/XObject<</Im 21 0 R>>>>", b"/Resources 2 0 R"),
        PAGES: OBJECTS[PAGES][:-2] + b"/Font<</Helv 5 0 R>>/XObject<</Im 21 0 R>>>>",
    }
    changed = updated(approved(nodes), {PAGES: nodes[PAGES].replace(b"/Im 21 0 R", b"/Im 16 0 R")})
    yield altered("disguise-page-tree", changed, "resources that are a node of the tree too", "page-resources-changed")
    stored = {CATALOG: OBJECTS[CATALOG][:-2] + b"/DSS<</Certs[4 0 R]>>>>"}
    changed = updated(approved(stored), {CONTENTS: FORGED})
    yield altered("disguise-evidence", changed, "contents that are evidence too", "page-contents-changed")
    described = {CATALOG: OBJECTS[CATALOG].replace(b"/Metadata 11 0 R", b"/Metadata 4 0 R")}
    changed = updated(approved(described), {CONTENTS: FORGED})
    yield altered("disguise-metadata", changed, "contents that are metadata too", "page-contents-changed")
    broken = {STAMP: OBJECTS[STAMP][:-2]}
    changed = updated(approved(broken), {STAMP_PICTURE: picture(text(b"VALID ABROAD"))})
    yield altered("disguise-broken", changed, "what other readers mend leads to what is changed", "annotation-changed")
    apart = updated(approved(), {SHADOW_CONTENTS: stream(text(b"Permit: 0", at=b"72 750"))})
    yield altered("disguise-unreached", apart, "a hidden part of the file is rewritten", "object-overwritten")
    filled = {PAGE: OBJECTS[PAGE].replace(b"/Im 21 0 R", b"/Im 9 0 R")}
    changed = updated(approved(filled), refilled(b"9,999,999"))
    yield altered("disguise-field", changed, "a picture of a field that the page shows too", "page-resources-changed")


def _annotations(base: RawPDF) -> Iterator[Vector]:
    words = {B: picture(text(b"9,999,999"))}
    shows = b"/AP<</N 31 0 R>>"
    over = "annotation-overlays"
    for name, subtype, entries, others in (
        ("text-box", b"FreeText", b"/DA(/Helv 12 Tf)/Contents(9,999,999)", {}),
        ("stamp", b"Stamp", shows, words),
        ("redaction", b"Redact", b"/OverlayText(x)", {}),
        ("watermark", b"Watermark", shows, words),
        ("unknown", b"Novel", shows, words),
        ("picture-of-a-note", b"Text", shows, words),
        ("picture-of-a-link", b"Link", shows, words),
        ("opaque-box", b"Square", b"/IC[1 1 1]/C[1 1 1]", {}),
        ("opaque-picture", b"Square", shows, {B: picture(b"1 1 1 rg 0 0 100 20 re f")}),
        ("opaque-marker", b"Highlight", shows, {B: picture(b"1 1 1 rg 0 0 100 20 re f")}),
        ("broad-line", b"Line", b"/L[72 710 172 710]/C[1 1 1]/BS<</W 60>>", {}),
        (
            "image",
            b"Ink",
            shows,
            {
                B: picture(b"/Im Do", b"/BBox[0 0 9 9]/Resources<</XObject<</Im 32 0 R>>>>"),
                C: stream(
                    b"\0", b"/Type/XObject/Subtype/Image/Width 1/Height 1/BitsPerComponent 8/ColorSpace/DeviceGray"
                ),
            },
        ),
    ):
        pdf = updated(base, note(subtype, entries, others))
        yield altered(f"evil-{name}", pdf, "an annotation that passes for the page's own", over)
    certified_ = updated(certified(3), note(b"FreeText", b"/Contents(x)"))
    yield altered("evil-p3-text-box", certified_, "also where P = 3 permits notes", over)
    acts = "annotation-acts"
    yield altered("evil-script", updated(base, note(b"Link", b"/A" + SCRIPT)), "a link that runs a script", acts)
    launches = note(b"Link", b"/A<</S/Launch/F(x.exe)>>")
    yield altered("evil-launch", updated(base, launches), "a link that starts a program", acts)
    yield altered("evil-automatic", updated(base, note(b"Text", b"/AA<</PO%b>>" % SCRIPT)), "a note that acts", acts)
    stray = note(b"Widget", b"/FT/Tx/T(x)/V(9)")
    yield altered("evil-widget", updated(base, stray), "a box that belongs to no field", "widget-stray")
    taken = updated(base, entry(PAGE_2, b"[14 0 R 15 0 R]", b"[14 0 R]"))
    yield altered("stamp-removed", taken, "a stamp is taken off", "annotation-removed")
    rewritten = updated(base, {STAMP_PICTURE: picture(text(b"VALID ABROAD"))})
    yield altered("stamp-changed", rewritten, "a stamp says something else", "annotation-changed")
    order = entry(PAGE_2, b"[14 0 R 15 0 R]", b"[15 0 R 14 0 R]")
    yield altered("annotations-reordered", updated(base, order), "what lies over what", "annotations-reordered")


def _form(base: RawPDF) -> Iterator[Vector]:
    added = entry(FORM, b"23 0 R]", b"23 0 R 30 0 R]") | entry(PAGE, b"23 0 R]", b"23 0 R 30 0 R]")
    box = b"<</Type/Annot/Subtype/Widget/FT/%b/T(new)%b/F 4/P 3 0 R/Rect[72 700 172 720]/AP<</N 31 0 R>>>>"
    words = {B: picture(text(b"9,999,999"))}
    yield altered(
        "field-added", updated(base, added | {A: box % (b"Tx", b"/V(9)")} | words), "a text field more", "field-added"
    )
    yield altered(
        "field-added-for-signature",
        updated(base, added | {A: box % (b"Sig", b"")} | words),
        "an empty field that shows something",
        "field-added",
    )
    less = entry(FORM, b"7 0 R ", b"") | entry(PAGE, b"7 0 R ", b"")
    yield altered("field-removed", updated(base, less), "a field less", "field-removed")
    changed = "field-changed"
    yield altered(
        "field-renamed", updated(base, entry(AMOUNT, b"(amount)", b"(total)")), "another name", "field-renamed"
    )
    yield altered("field-hidden", updated(base, entry(AMOUNT, b"/F 4", b"/F 2")), "a field is hidden", changed)
    below = {AMOUNT: OBJECTS[AMOUNT][:-2] + b"/Parent 30 0 R>>", A: b"<</T(group)/Kids[7 0 R]>>"}
    grouped = below | entry(FORM, b"[7 0 R", b"[30 0 R")
    child = updated(approved(grouped), {AMOUNT: below[AMOUNT].replace(b"/F 4", b"/F 2")})
    yield altered("field-hidden-below", child, "a field below another one is hidden", changed)
    orphaned = updated(approved(grouped), {AMOUNT: below[AMOUNT].replace(b"/Parent 30 0 R", b"/Parent 1")})
    yield altered("field-orphaned", orphaned, "a field that denies its parent", changed)
    yield altered("field-style", updated(base, entry(AMOUNT, b"/Helv 12", b"/Helv 1")), "drawn another way", changed)
    moved = entry(AMOUNT, b"[72 600 172 620]", b"[72 740 172 760]")
    yield altered("field-moved", updated(base, moved), "elsewhere on the page", "field-moved")
    off = updated(base, entry(PAGE, b"7 0 R ", b""))
    yield altered("field-off-page", off, "no longer on the page", "field-moved")
    yield altered(
        "field-action",
        updated(base, more(AMOUNT, b"/AA<</K%b>>" % SCRIPT)),
        "a script behind a field",
        "field-action-changed",
    )
    yield altered(
        "field-type", updated(base, entry(AMOUNT, b"/FT/Tx", b"/FT/Ch")), "a field of another type", "field-rebuilt"
    )
    order = updated(base, more(FORM, b"/CO[7 0 R]"))
    yield altered("form-order", order, "an order of calculation", "form-changed")
    reset = updated(base, entry(FORM, b"/SigFlags 3", b"/SigFlags 0"))
    yield altered("form-flags", reset, "the form denies its signatures", "form-changed")
    shown = more(SECOND_FIELD, b"/AP<</N 30 0 R>>") | {A: picture(text(b"signed"))}
    yield altered("field-drawn-unsigned", updated(base, shown), "an empty field looks signed", "field-redrawn")
    replaced = updated(
        updated(base, more(BUTTON, b"/AP<</N 30 0 R>>") | {A: picture(b"0 0 9 9 re f", b"/BBox[0 0 50 50]")}),
        {A: picture(b"1 0 9 9 re f", b"/BBox[0 0 50 50]")},
    )
    yield altered("button-redrawn", replaced, "a picture without value is exchanged", "field-redrawn")
    twice = entry(FORM, b"23 0 R]", b"23 0 R 30 0 R]") | {A: OBJECTS[AMOUNT].replace(b"/P 3 0 R", b"")}
    yield altered("field-name-twice", updated(base, twice), "two fields of one name", "field-added", "field-name-twice")


def _signatures(base: RawPDF) -> Iterator[Vector]:
    second = new_field(base)
    gone = updated(second, {FIELD: OBJECTS[FIELD]})
    yield altered("signature-removed", gone, "the first of two signatures is taken away", "signature-removed")
    fields = entry(FORM, b"[7 0 R 8 0 R 22 0 R 23 0 R]", b"[7 0 R 22 0 R 23 0 R 30 0 R]")
    dropped = updated(second, fields | entry(PAGE, b"8 0 R 22 0 R 23 0 R]", b"22 0 R 23 0 R 30 0 R]"))
    yield altered("signature-field-removed", dropped, "with its field", "signature-removed")
    visible = approved(entry(FIELD, b"[0 0 0 0]", b"[300 300 400 350]/AP<</N 16 0 R>>"))
    drawn = {STAMP_PICTURE: picture(text(b"Another signer"))}
    yield altered(
        "signature-redrawn",
        updated(visible, drawn),
        "its picture is overwritten",
        "signature-looks-changed",
        "annotation-changed",
    )
    field = bytes(OBJECTS[FIELD][:-2]) + b"/V 20 0 R>>"
    moved = updated(base, {FIELD: field.replace(b"[0 0 0 0]", b"[0 0 595 842]")})
    yield altered("signature-moved", moved, "its field is over the page", "signature-looks-changed")
    off = updated(base, entry(PAGE, b"8 0 R ", b""))
    yield altered("signature-off-page", off, "it is taken off the page", "signature-looks-changed")
    copied = bytes(second)
    start = copied.index(b"20 0 obj") + 9
    own = copied[start : copied.index(b"\nendobj", start)]
    spoofed = updated(second, {VALUE: own.replace(b"/Filter", b"/Reason(I never read it)/Filter", 1)})
    codes = ("byte-range-other-contents", "signature-replaced")
    yield altered("signature-dictionary-rewritten", spoofed, "its dictionary says something else", *codes)
    lost = RawPDF(bytes(second).replace(b"/V 31 0 R", b"/V 62 0 R"))
    assert bytes(lost) != bytes(second)
    yield altered("signature-lost", lost, "the last signature's field leads nowhere", "signature-unreachable")
    unused = updated(base, {A: signature(), **more(SECOND_FIELD, b"/V 30 0 R")})
    yield altered("signature-empty", unused, "a signature field with no signature in it", "byte-range-shape")
    stray = entry(PAGE, b"23 0 R]", b"23 0 R 30 0 R]") | {
        A: OBJECTS[FIELD].replace(b"(S1)", b"(S9)")[:-2] + b"/V 20 0 R>>"
    }
    yield altered(
        "signature-stray", updated(base, stray), "a signature beside the form", "widget-stray", "signature-unreachable"
    )


def _document(base: RawPDF) -> Iterator[Vector]:
    changed = "catalog-changed"
    yield altered(
        "opens-with-script", updated(base, more(CATALOG, b"/OpenAction" + SCRIPT)), "a script at opening", changed
    )
    yield altered(
        "opens-elsewhere", updated(base, more(CATALOG, b"/OpenAction[12 0 R/Fit]")), "opens at another page", changed
    )
    yield altered(
        "page-action", updated(base, more(PAGE, b"/AA<</O%b>>" % SCRIPT)), "a script at a page", "page-action-changed"
    )
    scripts = more(CATALOG, b"/Names<</JavaScript<</Names[(x)%b]>>>>" % SCRIPT)
    yield altered("scripts", updated(base, scripts), "scripts of the document", "scripts-changed")
    files = more(CATALOG, b"/Names<</EmbeddedFiles<</Names[(x)<</F(x)>>]>>>>")
    yield altered("attachments", updated(base, files), "a file is attached", "attachments-changed")
    yield altered("associated-files", updated(base, more(CATALOG, b"/AF[<</F(x)>>]")), "an associated file", changed)
    yield altered("unknown-entry", updated(base, more(CATALOG, b"/Novel(x)")), "what nobody knows", changed)
    yield altered("language", updated(base, more(CATALOG, b"/Lang(xx)")), "what screen readers speak", changed)
    said = entry(ELEMENT, b"(Permit: 1,000)", b"(Permit: 9,999,999)")
    yield altered("tags-say-otherwise", updated(base, said), "what is read aloud is something else", "tags-changed")
    fewer = entry(ELEMENT, b"/K[0<<", b"/K[<<")
    yield altered("tags-leave-out", updated(base, fewer), "text that is no longer read aloud", "tags-changed")
    kept = entry(ELEMENT, b"<</Type/OBJR/Obj 14 0 R/Pg 12 0 R>>", b"")
    yield altered("tags-leave-out-note", updated(base, kept), "a note that is no longer read aloud", "tags-changed")
    removed = updated(updated(base, store(b"/Certs[31 0 R]")), {CATALOG: OBJECTS[CATALOG]})
    yield altered("evidence-removed", removed, "evidence is taken away", "evidence-removed")
    wrong = updated(base, {CATALOG: OBJECTS[CATALOG][:-2] + b"/DSS(not a store)>>"})
    yield altered("evidence-malformed", wrong, "something else where evidence belongs", "evidence-malformed")
    named = approved(more(CATALOG, b"/Version/2.0"))
    lower = updated(named, {CATALOG: OBJECTS[CATALOG][:-2] + b"/Version/1.4>>"})
    yield altered("version-lowered", lower, "an earlier version", "version-lowered")
    extension = entry(CATALOG, b"/Extensions<</ESIC<</BaseVersion/1.7/ExtensionLevel 2>>>>", b"")
    yield altered("extension-removed", updated(base, extension), "an extension is taken away", "extension-lowered")


def _structure(base: RawPDF) -> Iterator[Vector]:
    hidden = approved()
    hidden.data += b"4 0 obj\n%b\nendobj\n" % FORGED
    hidden.update({}, trailer=TRAILER)
    yield altered(
        "object-unlisted",
        hidden,
        "an object that no table lists: readers that rebuild use it",
        "structure-ambiguous",
    )
    behind = approved()
    behind.data += b"4 0 obj\n%b\nendobj\n" % FORGED
    yield altered("bytes-behind-the-end", behind, "an object behind the end of the file", "structure-ambiguous")
    between = approved()
    between.data += b"what nobody signed\n"
    between.update({}, trailer=TRAILER)
    yield altered("bytes-between", between, "bytes between two revisions, that no object owns", "structure-ambiguous")
    newer = approved().update({CONTENTS: OBJECTS[CONTENTS]}, trailer=TRAILER)
    data = bytes(newer)
    at = data.rindex(b"4 0 obj")
    newer.data[at : at + 1] = b"5"
    codes = ("page-contents-changed", "structure-ambiguous")
    yield altered("entry-leads-to-another", newer, "an entry leads to an object of another number", *codes)
    broken = approved().update({CONTENTS: FORGED}, trailer=TRAILER)
    broken.data = broken.data.replace(b"\nxref\n", b"\nxxxx\n")
    yield altered(
        "tables-broken",
        broken,
        "tables that only rebuilding readers repair",
        "byte-range-coverage",
        "structure-rebuilt",
        "structure-ambiguous",
    )
    renamed = approved().update({}, free=[CONTENTS], trailer=TRAILER)
    yield altered("object-freed", renamed, "what a page shows is freed", "page-contents-changed")


def _permissions() -> Iterator[Vector]:
    filled = refilled(b"2,000")
    yield altered("p1-filled", updated(certified(1), filled), "P = 1 permits no filling in", "field-filled")
    yield altered("p1-signed", new_field(certified(1)), "nor signing", "signature-added")
    yield altered("p1-note", updated(certified(1), note(b"Text")), "nor notes", "annotation-added")
    yield altered("p2-note", updated(certified(2), note(b"Text")), "P = 2 permits no notes", "annotation-added")
    empty = entry(FORM, b"23 0 R]", b"23 0 R 30 0 R]") | {A: b"<</Subtype/Widget/FT/Sig/T(N)/Rect[0 0 0 0]>>"}
    yield altered("p2-room-for-another", updated(certified(2), empty), "nor empty fields", "signature-field-added")
    yield altered("p9-filled", updated(certified(9), filled), "P = 9 means nothing", "field-filled")
    taken = updated(certified(2), {CATALOG: OBJECTS[CATALOG]})
    yield altered("permissions-removed", taken, "what was permitted is no longer said", "permissions-removed")
    other = certified_store()[CATALOG].replace(b"/Perms<</DocMDP 20 0 R>>", b"/Perms<</DocMDP 33 0 R>>")
    codes = ("permissions-removed", "signature-unreachable")
    yield altered(
        "permissions-replaced",
        updated(certified(2), {**certified_store(), CATALOG: other, 33: signature()}),
        "or something else",
        *codes,
    )
    for name, lock in (
        ("included", b"/Action/Include/Fields[(amount)]"),
        ("all", b"/Action/All"),
        ("not-excluded", b"/Action/Exclude/Fields[(other)]"),
        ("unknown-action", b"/Action/Most"),
    ):
        yield altered(f"lock-{name}", updated(locked(lock), filled), "a locked field is filled in", "field-filled")
    include = b"/Action/Include/Fields[(amount)]"
    by_field = updated(locked(include, by_reference=False), filled)
    yield altered("lock-in-field-only", by_field, "the lock stands in the field", "field-filled")
    by_reference = updated(locked(include, by_field=False), filled)
    yield altered("lock-in-signature-only", by_reference, "or in the signature", "field-filled")
    level = updated(locked(b"/P 1", by_reference=False), filled)
    yield altered("lock-level", level, "a lock with P = 1", "field-filled")
    chain = new_field(locked(include))
    yield altered("lock-kept", updated(chain, filled), "a later signature unlocks nothing", "field-filled")
    weaker = signed(
        certified(1), value=signature(), number=A, field=more(SECOND_FIELD, b"/V 30 0 R/Lock<</P 3>>"), by=1002
    )
    yield altered("level-raised", weaker, "a later signature permits no more", "signature-added")
