"""The signatures of a file, found by our own walk: one bad field never hides a good one (ISO 32000-2 §12.7.5.5, §12.8).

>>> [s.name for s in signed_fields(read(pdf))]          # in the order of signing
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from esign.pades.form_tree import Field, Form, read_form
from esign.pades.page_tree import annotations, read_pages
from esign.pades.reading import Reader
from esign.pades.signature_kinds import is_timestamp
from esign.syntax import Dict, File, Object, Ref, String

__all__ = ["SignedField", "signed_fields", "stray_signatures", "stray_widgets"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SignedField:
    """A field with a signature in it, or with something that should be one."""

    names: tuple[str, ...]
    """The fully qualified names of all fields that hold this very signature; one, where all is well."""
    field: Field
    """The first of them."""
    ref: Ref | None
    """The object that the signature dictionary is."""
    value: Dict
    """The signature dictionary; empty where the field holds something else."""
    reader: Reader
    """The revision that it was found in: the last one."""
    revision: int
    """The revision in whose bytes it stands, from 0."""

    @property
    def name(self) -> str:
        """The fully qualified name of its field."""
        return self.names[0]

    @property
    def contents(self) -> String | None:
        """/Contents; None where there is none, or something else."""
        value = self.reader.entry(self.value, "Contents")
        return value if isinstance(value, String) else None

    @property
    def subfilter(self) -> str:
        """How the signature is encoded; empty where it does not say."""
        return self.reader.name(self.value, "SubFilter")

    @property
    def is_timestamp(self) -> bool:
        """Whether it is a document time-stamp."""
        return is_timestamp(self.reader, self.value)

    @property
    def start(self) -> int:
        """Where /Contents begins: signatures are made one behind the other."""
        span = self.contents.span if self.contents is not None else None
        return span[0] if span else len(self.reader.file.data)


def signed_fields(file: File) -> tuple[SignedField, ...]:
    """What the fields for signatures of the document, as it is now, hold."""
    reader = Reader(file.latest)
    groups: dict[object, list[Field]] = {}
    for field in read_form(reader, reader.root).fields:
        if field.is_signed:
            key = field.held.num if isinstance(field.held, Ref) else id(field.value)
            groups.setdefault(key, []).append(field)
    return tuple(sorted((_signed(reader, fields) for fields in groups.values()), key=lambda s: s.start))


def _signed(reader: Reader, fields: list[Field]) -> SignedField:
    field = fields[0]
    ref = field.held if isinstance(field.held, Ref) else None
    return SignedField(
        names=tuple(f.name for f in fields),
        field=field,
        ref=ref,
        value=field.value if isinstance(field.value, Dict) else Dict(),
        reader=reader,
        revision=_revision(reader, ref or field.ref, field.value),
    )


def _revision(reader: Reader, ref: Ref | None, value: Object) -> int:
    """The revision whose bytes hold a signature: those of /Contents, else those of the object."""
    file = reader.file
    contents = reader.entry(value, "Contents") if isinstance(value, Dict) else None
    span = contents.span if isinstance(contents, String) else None
    location = reader.view.location(ref.num) if ref is not None else None
    place = span[0] if span else location.offset if location is not None else len(file.data)
    return min(bisect_right([r.end for r in file.revisions], place), len(file.revisions) - 1)


def stray_widgets(reader: Reader, form: Form) -> Iterator[str]:
    """Signatures that a page shows and no field of the form holds, by their partial names: nobody verifies them."""
    known = form.widget_nodes
    for page in read_pages(reader, reader.root).pages:
        for annotation in annotations(reader, page):
            node = annotation.node
            if id(node) not in known and reader.name(node, "FT") == "Sig" and reader.entry(node, "V") is not None:
                yield reader.text(node.get("T"))


def stray_signatures(reader: Reader, known: Sequence[SignedField], since: int) -> Iterator[Dict]:
    """Signature dictionaries of the revisions behind `since` that no field holds: somebody signed, nobody verifies it.

    One in an object stream is left aside: no byte range can leave out its /Contents, so it never was a signature.
    """
    file = reader.file
    places = {signed.contents.span for signed in known if signed.contents is not None}
    for number in sorted(frozenset().union(*(file.touched(i) for i in range(since + 1, len(file.revisions))))):
        location = reader.view.location(number)
        if location is not None and location.within is None:
            for node in _dictionaries(reader.get_number(number)):
                contents = reader.entry(node, "Contents")
                if "ByteRange" in node and isinstance(contents, String) and contents.span not in places:
                    yield node


def _dictionaries(value: Object) -> Iterator[Dict]:
    """Those that stand in an object, it included."""
    pending = [value]
    while pending:
        inner = pending.pop()
        if isinstance(inner, Dict):
            yield inner
            pending += inner.values()
        elif isinstance(inner, list):
            pending += inner
