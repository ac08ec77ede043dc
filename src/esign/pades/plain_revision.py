"""A signing revision for documents that are written plainly: what is the same in each of them is written only once.

What goes behind the document, in the order of its bytes (ISO 32000-2 §7.5.6); what varies stands in angle brackets:

    73 0 obj <the catalog, with a form> endobj          only where it had none
    55 0 obj <the page, with one more annotation> endobj
    74 0 obj <</Type/Annot/Subtype/Widget/FT/Sig … /AP<</N <82> 0 R>>/V <83> 0 R>> endobj
    75 0 obj <</Fields[<74> 0 R]/SigFlags 3>> endobj    the form
    76 0 obj … 82 0 obj                                 what the seal is drawn with: its font, its pictures, its form
    83 0 obj <</Type/Sig … /M (<time>) /ByteRange [0 <…>] /Contents <000…>>> endobj
    xref <where each of them begins>
    trailer <what the document said, and where its section is>
    startxref <…> %%EOF

What varies from one document to the next is little, and stands at the end: all before /Contents is hashed once, for
the signature and for the digest of the whole file.

The dictionaries come from where the general way has them (`esign.pades.signing_revision`), so both say the same.
"""

import hashlib
import re
from binascii import hexlify
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from itertools import accumulate
from typing import Final, NamedTuple, NoReturn, Self

from esign.pades.drawing import WrittenMark
from esign.pades.fields import signature_field
from esign.pades.placeholder import BEFORE_NUMBERS, BEFORE_VALUE, NUMBERS, WithRoom, byte_range
from esign.pades.plain_field import add_field, empty_field, fill_field
from esign.pades.signing_revision import SigningRevision, dress, pdf_date, signature_dictionary
from esign.syntax import Dict, Keyword
from esign.syntax.outline import Buffer, NotPlain, Outline, Spelt
from esign.syntax.writing import written

__all__ = ["PlainRevision", "plain_revision"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MARKED: Final = re.compile(rb"@@esign-(\w)@@")
_FILE_ID: Final = re.compile(
    rb"\[\s*+(\((?:[^()\\]|\\.)*+\)|<[^<>]*+>)\s*+(?:\((?:[^()\\]|\\.)*+\)|<[^<>]*+>)\s*+\]", re.DOTALL
)
_BEHIND_VALUE: Final = b">>\nendobj\n"
_ROW: Final = b"%010d 00000 n\r\n"
_OF_A_SECTION: Final = frozenset({b"Size", b"Prev", b"ID"})


class PlainRevision:
    """Everything of a signing revision that no document changes."""

    def __init__(self, revision: SigningRevision) -> None:
        """Raises: NotPlain: It fills or locks fields."""
        if revision.fill or revision.lock:
            _not_plain("release fields")
        appearance = revision.appearance
        self._wanted = revision.field_name
        self._box = appearance.box if appearance else None
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
        self._last: _Said | None = None

    def behind(self, pdf: Buffer, signing_time: datetime) -> WithRoom:
        """`pdf` with the revision.

        Raises:
            NotPlain: It, or what is asked of it, is not written plainly.
        """
        outline = Outline(pdf)
        said = self._said(outline)

        # Behind the last byte, on a line of its own: many writers end a file right behind %%EOF.
        line = b"" if pdf[-1:] in {b"\n", b"\r"} else b"\n"
        # The objects that were there, as they are from now on, and the new ones.
        first = len(pdf) + len(line)
        # The signature dictionary, up to the numbers of /ByteRange: they follow from the lengths of all the rest.
        value = first + len(said.objects)
        time = b"(%s)" % pdf_date(signing_time)
        signature = b"%d 0 obj\n%s" % (said.value, self._signature % {b"M": time})
        # /Contents, all zeros: what is not signed, and the only place that changes later.
        start = value + len(signature) + NUMBERS + len(BEFORE_VALUE)
        end = start + len(self._room)
        # The section: where each object begins, and what the document says of itself.
        xref = end + len(_BEHIND_VALUE)
        rows = said.rows % (*[first + offset for offset in said.starts], value)
        trailer = _trailer(outline, said.value + 1, identity=rows + signature)
        section = b"xref\n%strailer\n%s\nstartxref\n%d\n%%%%EOF\n" % (rows, trailer, xref)

        numbers = byte_range(start, end, xref + len(section))
        parts = (line, said.objects, signature, numbers, BEFORE_VALUE, self._room, _BEHIND_VALUE, section)
        return WithRoom(before=pdf, appended=b"".join(parts), start=start, end=end)

    def _said(self, outline: Outline) -> "_Said":
        """What the revision says of objects, but for the signature dictionary, which is the last of the new ones."""
        # What one program made has mostly as many objects as what it made before, and those that matter say the same.
        said = self._last  # other threads put theirs there meanwhile
        if said is None or not said.fits(outline):
            said = self._last = self._made(outline)
        return said

    def _made(self, outline: Outline) -> "_Said":
        first, page = outline.next, outline.page(self._page)
        existing = empty_field(outline, page, self._wanted, self._box)
        if existing is None:
            change = add_field(outline, page, self._wanted, first)
            form = [change.form] if change.form else []
            drawn = self._draw(first + 1 + len(form))
            value = b"%d 0 R" % (first + 1 + len(form) + len(drawn.objects))
            entries = {b"T": change.name, b"P": b"%d 0 R" % page.number, b"N": drawn.place, b"V": value}
            new = [self._field % entries, *form, *drawn.objects]
        else:
            drawn = self._draw(first)
            new = drawn.objects
            change = fill_field(existing, value=b"%d 0 R" % (first + len(new)), drawn=drawn.place or None)
        return _Said.of(change.changed, new, outline)

    def _draw(self, first: int) -> "_Drawn":
        """The objects of the picture, numbered from `first`."""
        if self._drawn is None:
            return _Drawn([], b"")
        objects = self._drawn.at(first)
        return _Drawn(objects, b"%d 0 R" % (first + len(objects) - 1))


class _Drawn(NamedTuple):
    """The objects of a picture."""

    objects: list[bytes]
    """What is between `obj` and `endobj` of each."""
    place: bytes
    """The reference to the last, which is the picture; empty where nothing is drawn."""


class _Said(NamedTuple):
    """What a revision says of objects, and its rows of the table (§7.5.4) but for the places."""

    objects: bytes
    """Those that were there and those that are new, whole, one behind the other, in the order of their numbers."""
    starts: tuple[int, ...]
    """Where each of these begins."""
    rows: bytes
    """For `%` with the places of these and of the signature dictionary."""
    value: int
    """The number of the signature dictionary: the one behind theirs."""
    next: int
    """The first number that nothing had in the document."""
    because: tuple[Spelt, ...]
    """The objects that it depends on; first the catalog, from which all others are found."""

    @classmethod
    def of(cls, changed: Mapping[int, bytes], new: Sequence[bytes], outline: Outline) -> Self:
        """Of the texts between `obj` and `endobj`, and all that `outline` was asked for to make them."""
        there = sorted(changed)
        objects = [_object(number, changed[number]) for number in there]
        objects += [_object(number, text) for number, text in enumerate(new, outline.next)]
        return cls(
            objects=b"".join(objects),
            starts=tuple(accumulate(map(len, objects[:-1]), initial=0)),
            rows=b"".join(b"%d 1\n%s" % (number, _ROW) for number in there)
            + b"%d %d\n%s" % (outline.next, len(new) + 1, _ROW * (len(new) + 1)),
            value=outline.next + len(new),
            next=outline.next,
            because=tuple(dict.fromkeys(outline.looked_at)),
        )

    def fits(self, outline: Outline) -> bool:
        """Whether the same is to be said of another document: everything that it depends on is the same there."""
        catalog, *others = self.because
        if outline.next != self.next or outline.catalog != catalog:
            return False
        return all(outline.object(each.number) == each for each in others)


def _object(number: int, text: bytes) -> bytes:
    return b"%d 0 obj\n%s\nendobj\n" % (number, text)


@lru_cache(maxsize=32)
def plain_revision(revision: SigningRevision) -> PlainRevision:
    """The same for the same revision: an office signs the same way again and again.

    Raises:
        NotPlain.
    """
    return PlainRevision(revision)


def _trailer(outline: Outline, size: int, *, identity: bytes) -> bytes:
    """What the document said, and what is new of this section (§7.5.5)."""
    entries = [b"/%s %s" % entry for entry in outline.trailer.items() if entry[0] not in _OF_A_SECTION]
    if b"ID" in outline.trailer:
        # The first stays for ever, the second is new with each update (§14.4).
        found = _FILE_ID.fullmatch(outline.trailer[b"ID"])
        if found is None:
            _not_plain("/ID")
        entries.append(b"/ID[%s<%s>]" % (found[1], hexlify(hashlib.sha256(identity).digest()[:16])))
    return b"<</Size %d/Prev %d%s>>" % (size, outline.startxref, b"".join(entries))


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
