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
from itertools import count
from typing import Final, NoReturn, Self

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
_OF_A_SECTION: Final = frozenset({b"Size", b"Prev", b"ID"})


class PlainRevision:
    """Everything of a signing revision that no document changes."""

    def __init__(self, revision: SigningRevision) -> None:
        """Raises: NotPlain: It fills or locks fields."""
        if revision.fill or revision.lock:
            _not_plain("release fields")
        appearance = revision.appearance
        self._revision = revision
        self._page = appearance.box.page if appearance else 0
        self._drawn = WrittenMark(appearance.mark, rotate=appearance.box.rotate) if appearance else None
        signature = signature_dictionary(revision, _EPOCH)
        signature["M"] = _Varying("M")
        self._signature = _template(signature)[:-2]
        field = signature_field(
            _Varying("T"),
            _Varying("P"),
            appearance.box if appearance else None,
            alt=appearance.mark.alt if appearance else "",
        )
        dress(field, _Varying("N") if appearance else None, _Varying("V"))
        self._field = _template(field)
        self._room = b"<%s>" % (b"0" * (2 * revision.room))

    def behind(self, pdf: Buffer, signing_time: datetime) -> WithRoom:
        """`pdf` with the revision.

        Raises:
            NotPlain: It, or what is asked of it, is not written plainly.
        """
        outline = Outline(pdf)
        value, field, form = range(outline.next, outline.next + 3)
        page = outline.page(self._page)
        changed, has_form, name = _with_field(outline, page, field, form, self._revision.field_name)
        first = form if has_form else form + 1
        size = first + (self._drawn.count if self._drawn else 0)

        # Behind the last byte, on a line of its own: many writers end a file right behind %%EOF.
        head = _Objects(len(pdf), b"" if pdf[-1:] in {b"\n", b"\r"} else b"\n")
        for number in sorted(changed.keys() - {form}):
            head.add(number, changed[number])
        head.begin(value, self._signature % {b"M": b"(%s)" % pdf_date(signing_time)} + BEFORE_NUMBERS)
        start = head.end + NUMBERS + len(BEFORE_VALUE)
        end = start + 2 + 2 * self._revision.room

        tail = _Objects(end, b">>\nendobj\n")
        names = {b"T": name, b"P": b"%d 0 R" % page[0], b"V": b"%d 0 R" % value, b"N": b"%d 0 R" % (size - 1)}
        tail.add(field, self._field % names)
        if form in changed:
            tail.add(form, changed[form])
        if self._drawn is not None:
            blob, starts = self._drawn.at(first)
            tail.extend(first, blob, starts)
        identity = hashlib.sha256(b"".join(head.parts)).hexdigest()[:32].encode()
        places = head.places | tail.places
        tail.parts.append(_section(outline, places, tail.end, size, identity))
        behind = b"".join(tail.parts)

        numbers = byte_range(start, end, end + len(behind))
        appended = b"".join((*head.parts, numbers, BEFORE_VALUE, self._room, behind))
        return WithRoom(before=pdf, appended=appended, start=start, end=end)


@lru_cache(maxsize=32)
def plain_revision(revision: SigningRevision) -> PlainRevision:
    """The same for the same revision: an office signs the same way again and again.

    Raises:
        NotPlain.
    """
    return PlainRevision(revision)


class _Objects:
    """Objects, one behind the other, and where each begins."""

    def __init__(self, start: int, before: bytes) -> None:
        self.parts = [before]
        self.end = start + len(before)
        """Where the next one begins."""
        self.places: dict[int, int] = {}

    def add(self, number: int, value: bytes) -> None:
        self.begin(number, value + b"\nendobj\n")

    def begin(self, number: int, value: bytes) -> None:
        self.extend(number, b"%d 0 obj\n%s" % (number, value), (0,))

    def extend(self, first: int, objects: bytes, starts: tuple[int, ...]) -> None:
        end = self.end
        self.places.update(zip(count(first), [end + start for start in starts]))
        self.parts.append(objects)
        self.end = end + len(objects)


def _with_field(
    outline: Outline, page: tuple[int, Entries], field: int, form: int, wanted: str
) -> tuple[dict[int, bytes], bool, bytes]:
    """The objects that change with a new `field`; whether the document had a form; and the field's name, spelt.

    Without a form the document gets one, as the object `form`.
    """
    changed: dict[int, bytes] = {}
    root = outline.dictionary(outline.root)
    held = root.get(b"AcroForm")
    if held is None:
        root[b"AcroForm"] = b"%d 0 R" % form
        changed[form] = b"<</Fields[%d 0 R]/SigFlags 3>>" % field
        changed[outline.root] = spelt(root)
        name = written(text(wanted))
    else:
        place = reference(held)
        entries = direct(held) if place is None else outline.dictionary(place)
        name = _add_to_form(outline, entries, field, wanted)
        if place is None:
            root[b"AcroForm"] = spelt(entries)
            changed[outline.root] = spelt(root)
        else:
            _put(changed, place, spelt(entries))

    number, entries = page
    annotations = entries.get(b"Annots", b"[]")
    place = reference(annotations)
    if place is not None:
        _put(changed, place, _longer(outline.array(place), field))
    else:
        _put(changed, number, spelt({**entries, b"Annots": _longer(annotations, field)}))
    return changed, held is not None, name


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


def _put(changed: dict[int, bytes], number: int, value: bytes) -> None:
    if number in changed:
        _not_plain("one object in two places")
    changed[number] = value


def _section(outline: Outline, places: dict[int, int], start: int, size: int, identity: bytes) -> bytes:
    """The table of references, each row of twenty bytes, and the trailer (§7.5.4, §7.5.5)."""
    rows = [b"xref\n"]
    new = [number for number in places if number >= outline.next]
    rows += [b"%d 1\n%010d 00000 n\r\n" % place for place in places.items() if place[0] < outline.next]
    rows.append(b"%d %d\n" % (outline.next, len(new)))
    rows += [b"%010d 00000 n\r\n" % places[number] for number in new]
    trailer = {key: value for key, value in outline.trailer.items() if key not in _OF_A_SECTION}
    if b"ID" in outline.trailer:
        # The first stays for ever, the second is new with each update (§14.4).
        found = _FILE_ID.fullmatch(outline.trailer[b"ID"])
        if found is None:
            _not_plain("/ID")
        trailer[b"ID"] = b"[%s<%s>]" % (found[1], identity)
    trailer |= {b"Size": b"%d" % size, b"Prev": b"%d" % outline.startxref}
    return b"%strailer\n%s\nstartxref\n%d\n%%%%EOF\n" % (b"".join(rows), spelt(trailer), start)


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
