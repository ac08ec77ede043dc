"""A signing revision for documents that are written plainly: what is the same in each of them is written only once.

What goes behind the document, in the order of its bytes (ISO 32000-2 §7.5.6); what varies stands in angle brackets:

    73 0 obj <the catalog, with a form> endobj          only where it had none
    55 0 obj <the page, with one more annotation> endobj
    74 0 obj <</Type/Sig … /M (<time>) /ByteRange [0 <…>] /Contents <000…>>> endobj
    75 0 obj <</Type/Annot/Subtype/Widget/FT/Sig … /AP<</N <83> 0 R>>/V <74> 0 R>> endobj
    76 0 obj <</Fields[<75> 0 R]/SigFlags 3>> endobj    the form
    77 0 obj … 83 0 obj                                 what the seal is drawn with: its font, its pictures, its form
    xref <where each of them begins>
    trailer <what the document said, and where its section is>
    startxref <…> %%EOF

The dictionaries come from where the general way has them (`esign.pades.signing_revision`), so both say the same.
"""

import hashlib
import re
from datetime import UTC, datetime
from functools import lru_cache
from itertools import accumulate
from typing import Final, NamedTuple, NoReturn, Self

from esign.pades.drawing import WrittenMark
from esign.pades.fields import signature_field
from esign.pades.placeholder import BEFORE_NUMBERS, BEFORE_VALUE, NUMBERS, WithRoom, byte_range
from esign.pades.signing_revision import SigningRevision, dress, free_name, pdf_date, signature_dictionary
from esign.pades.updating import text
from esign.syntax import Dict, Keyword
from esign.syntax.outline import Buffer, Entries, NotPlain, Outline, direct, reference, references, spelt
from esign.syntax.writing import written

__all__ = ["PlainRevision", "plain_revision"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_PLAIN_NAME: Final = re.compile(rb"\(([ -'*-\[\]-~]*+)\)")
_MARKED: Final = re.compile(rb"@@esign-(\w)@@")
_FILE_ID: Final = re.compile(rb"\[\s*+(\([^()]*+\)|<[^<>]*+>)\s*+(?:\([^()]*+\)|<[^<>]*+>)\s*+\]")
_BEHIND_VALUE: Final = b">>\nendobj\n"
_OF_A_SECTION: Final = frozenset({b"Size", b"Prev", b"ID"})


class PlainRevision:
    """Everything of a signing revision that no document changes."""

    def __init__(self, revision: SigningRevision) -> None:
        """Raises: NotPlain: It fills or locks fields."""
        if revision.fill or revision.lock:
            _not_plain("release fields")
        appearance = revision.appearance
        self._wanted = revision.field_name
        self._name = written(text(revision.field_name))
        self._page = appearance.box.page if appearance else 0
        self._drawn = WrittenMark(appearance.mark, rotate=appearance.box.rotate) if appearance else None
        signature = signature_dictionary(revision, _EPOCH)
        signature["M"] = _Varying("M")
        self._signature = _template(signature)[:-2] + BEFORE_NUMBERS
        self._room = b"<%s>" % (b"0" * (2 * revision.room))
        field = signature_field(
            _Varying("T"),
            _Varying("P"),
            appearance.box if appearance else None,
            alt=appearance.mark.alt if appearance else "",
        )
        dress(field, _Varying("N") if appearance else None, _Varying("V"))
        self._field = _template(field)
        self._last: tuple[object, _Block] = (None, _Block(b"", ()))

    def behind(self, pdf: Buffer, signing_time: datetime) -> WithRoom:
        """`pdf` with the revision.

        Raises:
            NotPlain: It, or what is asked of it, is not written plainly.
        """
        outline = Outline(pdf)
        page, entries = outline.page(self._page)
        value, field, form = outline.next, outline.next + 1, outline.next + 2
        changed: dict[int, bytes] = {}
        had_form = b"AcroForm" in outline.catalog
        name = _enter(outline, changed, field, self._wanted) if had_form else self._name
        if not had_form:
            changed[outline.root] = spelt(outline.catalog | {b"AcroForm": b"%d 0 R" % form})
        _annotate(outline, changed, page, entries, field)

        # Behind the last byte, on a line of its own: many writers end a file right behind %%EOF.
        parts = [b"" if pdf[-1:] in {b"\n", b"\r"} else b"\n"]
        at = len(pdf) + len(parts[0])
        rows: list[bytes] = []
        for number in sorted(changed):
            rows.append(b"%d 1\n%010d 00000 n\r\n" % (number, at))
            parts.append(b"%d 0 obj\n%s\nendobj\n" % (number, changed[number]))
            at += len(parts[-1])
        parts.append(b"%d 0 obj\n%s" % (value, self._signature % {b"M": b"(%s)" % pdf_date(signing_time)}))
        start = at + len(parts[-1]) + NUMBERS + len(BEFORE_VALUE)
        end = start + len(self._room)

        block = self._block(value, page, name, had_form=had_form)
        behind = end + len(_BEHIND_VALUE)
        rows.append(b"%d %d\n%010d 00000 n\r\n" % (value, 1 + len(block.starts), at))
        rows += [b"%010d 00000 n\r\n" % (behind + start) for start in block.starts]
        trailer = _trailer(outline, value + 1 + len(block.starts), identity=b"".join(parts))
        section = b"xref\n%strailer\n%s\nstartxref\n%d\n%%%%EOF\n" % (
            b"".join(rows),
            trailer,
            behind + len(block.objects),
        )
        numbers = byte_range(start, end, behind + len(block.objects) + len(section))
        parts += (numbers, BEFORE_VALUE, self._room, _BEHIND_VALUE, block.objects, section)
        return WithRoom(before=pdf, appended=b"".join(parts), start=start, end=end)

    def _block(self, value: int, page: int, name: bytes, *, had_form: bool) -> "_Block":
        """All new objects behind the signature dictionary `value`."""
        # What one program made mostly has as many objects as what it made before.
        key = (value, page, name, had_form)
        if self._last[0] != key:
            self._last = (key, self._made_block(*key))
        return self._last[1]

    def _made_block(self, value: int, page: int, name: bytes, had_form: bool) -> "_Block":  # noqa: FBT001
        first = value + 1
        drawing = first + (1 if had_form else 2)
        drawn = self._drawn.at(drawing) if self._drawn else []
        names = {
            b"T": name,
            b"P": b"%d 0 R" % page,
            b"V": b"%d 0 R" % value,
            b"N": b"%d 0 R" % (drawing + len(drawn) - 1),
        }
        texts = [self._field % names]
        if not had_form:
            texts.append(b"<</Fields[%d 0 R]/SigFlags 3>>" % first)
        objects = [b"%d 0 obj\n%s\nendobj\n" % pair for pair in enumerate([*texts, *drawn], first)]
        return _Block(b"".join(objects), tuple(accumulate(map(len, objects[:-1]), initial=0)))


class _Block(NamedTuple):
    """Neighbouring objects, one behind the other."""

    objects: bytes
    """All of them."""
    starts: tuple[int, ...]
    """Where each begins."""


@lru_cache(maxsize=32)
def plain_revision(revision: SigningRevision) -> PlainRevision:
    """The same for the same revision: an office signs the same way again and again.

    Raises:
        NotPlain.
    """
    return PlainRevision(revision)


def _enter(outline: Outline, changed: dict[int, bytes], field: int, wanted: str) -> bytes:
    """Put `field` into the form that the document has; the field's name, spelt."""
    held = outline.catalog[b"AcroForm"]
    place = reference(held)
    entries = direct(held) if place is None else outline.dictionary(place)
    name = _add_to_form(outline, entries, field, wanted)
    if place is None:
        changed[outline.root] = spelt(outline.catalog | {b"AcroForm": spelt(entries)})
    else:
        changed[place] = spelt(entries)
    return name


def _annotate(outline: Outline, changed: dict[int, bytes], page: int, entries: Entries, field: int) -> None:
    """Put `field` on top of what `page` has."""
    held = entries.get(b"Annots", b"[]")
    place = reference(held)
    if place is None:
        place, value = page, spelt(entries | {b"Annots": _longer(held, field)})
    else:
        value = _longer(outline.array(place), field)
    if place in changed:
        _not_plain("one object in two places")
    changed[place] = value


def _add_to_form(outline: Outline, form: Entries, field: int, wanted: str) -> bytes:
    """Put `field` into the form; its name, spelt."""
    taken: set[str] = set()
    signed = False
    for number in references(form.get(b"Fields", b"[]")):
        entries = outline.dictionary(number)
        name = _PLAIN_NAME.fullmatch(entries.get(b"T", b""))
        if name is None or b"Kids" in entries or b"Parent" in entries:
            _not_plain("a tree of fields")
        taken.add(name[1].decode())
        has_value = b"V" in entries
        if name[1].decode() == wanted and not (has_value and entries.get(b"FT") == b"/Sig"):
            _not_plain("the field is there")
        signed = signed or (has_value and entries.get(b"FT") == b"/Sig")
    form[b"Fields"] = _longer(form.get(b"Fields", b"[]"), field)
    if not signed:
        # Once somebody has signed, other entries of the form dictionary than its fields must not change.
        flags = form.get(b"SigFlags", b"0")
        if not flags.isdigit():
            _not_plain("/SigFlags")
        form[b"SigFlags"] = b"%d" % (int(flags) | 3)
    return written(text(free_name(wanted, taken)))


def _longer(array: bytes, number: int) -> bytes:
    """An array with one reference more."""
    if array[:1] != b"[":
        _not_plain("no array")
    return b"%s %d 0 R]" % (array[:-1], number)


def _trailer(outline: Outline, size: int, *, identity: bytes) -> bytes:
    """What the document said, and what is new of this section (§7.5.5)."""
    trailer = {key: value for key, value in outline.trailer.items() if key not in _OF_A_SECTION}
    if b"ID" in outline.trailer:
        # The first stays for ever, the second is new with each update (§14.4).
        found = _FILE_ID.fullmatch(outline.trailer[b"ID"])
        if found is None:
            _not_plain("/ID")
        trailer[b"ID"] = b"[%s<%s>]" % (found[1], hashlib.sha256(identity).hexdigest()[:32].encode())
    return b"<</Size %d/Prev %d%s>>" % (size, outline.startxref, spelt(trailer)[2:-2])


class _Varying(Keyword):
    """A value that each document has its own."""

    __slots__ = ()

    def __new__(cls, name: str) -> Self:
        return super().__new__(cls, b"@@esign-%s@@" % name.encode())


def _template(dictionary: Dict) -> bytes:
    """`dictionary` in bytes, for `%` with the values that vary."""
    return _MARKED.sub(rb"%(\1)b", written(dictionary).replace(b"%", b"%%"))


def _not_plain(why: str) -> NoReturn:
    raise NotPlain(why)
