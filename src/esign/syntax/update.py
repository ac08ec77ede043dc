"""One incremental update (ISO 32000-2 §7.5.6): what a file says anew goes behind its last byte, nothing before moves.

    …%%EOF                    the file as it was, every byte of it
    12 0 obj <<…>> endobj     the objects that are new, or that take the place of older ones
    xref …                    where each of them stands: a table or a stream, as the file itself has it (§7.5.4, §7.5.8)
    trailer <</Prev …>>       what the file was called before, where its older section is (§7.5.5)
    startxref …               where the new section is
    %%EOF

>>> update = Update(pdf)
>>> page = update.change(page_ref)          # a dictionary of our own, written anew
>>> page["Contents"] = [page["Contents"], update.add(Data(Dict(), b"q Q"))]
>>> update.write().data
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from esign.syntax.newest import newest
from esign.syntax.objects import Dict, Name, Object, Ref, String
from esign.syntax.problems import SyntaxProblem
from esign.syntax.writing import Data, Writable, object_text, written
from esign.syntax.xref import SectionKind

__all__ = ["Update", "Written"]

# What of a trailer belongs to its section alone; all else is said again (§7.5.5, Table 15 and 17).
_OF_A_SECTION = frozenset({"Size", "Prev", "XRefStm", "Type", "W", "Index", "Length", "Filter", "DecodeParms"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """The updated file."""

    before: bytes = field(repr=False)
    """The file as it was."""
    appended: bytes = field(repr=False)
    """What goes behind it."""
    offsets: Mapping[int, int]
    """Where the content of each written object begins in `appended`, by object number: behind `obj` and its line."""

    @property
    def data(self) -> bytes:
        """All of it."""
        return self.before + self.appended


class Update:
    """One incremental update that touches nothing but what it is told to."""

    def __init__(self, pdf: bytes) -> None:
        """Raises: SyntaxProblem: `syntax-not-updatable`, or whatever `read` says."""
        self._pdf = pdf
        self.view = newest(pdf)
        """The document before."""
        self._next = self.view.next
        self._objects: dict[Ref, Writable] = {}

    # --- what the document will be ----------------------------------------------------------------------------------

    @property
    def root_ref(self) -> Ref:
        """The catalog's number."""
        ref = self.view.trailer.get("Root")
        if not isinstance(ref, Ref):
            raise SyntaxProblem("syntax-root-missing")
        return ref

    @property
    def root(self) -> Dict:
        """The catalog as it is now; `change(root_ref)` to write in it."""
        root = self.get(self.root_ref)
        if not isinstance(root, Dict):
            raise SyntaxProblem("syntax-root-missing")
        return root

    @property
    def next(self) -> int:
        """The number that the next new object gets."""
        return self._next

    def get(self, ref: Ref) -> Writable:
        """The object that `ref` names, with what this update says of it."""
        return self._objects[ref] if ref in self._objects else self.view.get(ref)

    def says(self, ref: Ref) -> bool:
        """Whether this update says something of what `ref` names."""
        return ref in self._objects

    def resolve(self, value: Writable) -> Writable:
        """`value`, or what it refers to."""
        for _ in range(32):
            if not isinstance(value, Ref):
                return value
            value = self.get(value)
        return None

    def entry(self, dictionary: Dict, key: str) -> Writable:
        """The value of `key`, its reference resolved."""
        return self.resolve(dictionary.get(key))

    def dictionary(self, owner: Dict, key: str) -> Dict:
        """The dictionary that `key` holds; empty where it holds none."""
        found = self.entry(owner, key)
        return found if isinstance(found, Dict) else Dict()

    def items(self, owner: Dict, key: str) -> list[Object]:
        """The items of the array that `key` holds, as they stand; empty where it holds none."""
        return self.array(owner.get(key)) or []

    def array(self, value: Object) -> list[Object] | None:
        """The array that `value` is or refers to; None where it is something else."""
        if isinstance(value, Ref) and value not in self._objects:
            return self.view.array(value)
        found = self.resolve(value)
        return found if isinstance(found, list) else None

    def add(self, value: Writable) -> Ref:
        """A new object."""
        ref = Ref(self._next)
        self._next += 1
        self._objects[ref] = value
        return ref

    def replace(self, ref: Ref, value: Writable) -> None:
        """Say `value` in the place of what `ref` named."""
        self._objects[ref] = value

    def change(self, ref: Ref) -> Dict:
        """The dictionary that `ref` names, as a copy of our own that is written anew; its values are shared.

        Raises:
            SyntaxProblem: It is no dictionary.
        """
        found = self.get(ref)
        if not isinstance(found, Dict):
            raise SyntaxProblem("syntax-not-updatable", problem=f"object {ref.num} is no dictionary")
        if ref not in self._objects:
            found = self._objects[ref] = Dict(found)
        return found

    def append(self, owner: Dict, key: str, *items: Object) -> None:
        """Put `items` behind those of the array that `key` of `owner` holds, in place or as an object of its own.

        `owner` itself has to be one that is written: from `change` or `add`.
        """
        longer = [*self.items(owner, key), *items]
        place = owner.get(key)
        if isinstance(place, Ref):
            self.replace(place, longer)
        else:
            owner[key] = longer

    # --- the bytes --------------------------------------------------------------------------------------------------

    def write(self) -> Written:
        """The updated file; an update that says nothing is none."""
        if not self._objects:
            return Written(before=self._pdf, appended=b"", offsets={})
        # The first object begins a line (ISO 19005-2 §6.1.9); many writers end a file right behind %%EOF.
        parts = [b"" if self._pdf.endswith((b"\n", b"\r")) else b"\n"]
        start = len(self._pdf)
        position = start + len(parts[0])
        places: dict[Ref, int] = {}
        offsets: dict[int, int] = {}
        for ref, value in sorted(self._objects.items()):
            head = b"%d %d obj\n" % ref
            text = b"%s%s%s\nendobj\n" % (head, *object_text(value))
            places[ref], offsets[ref.num] = position, position + len(head) - start
            parts.append(text)
            position += len(text)
        parts.append(self._section(places, position, hashlib.sha256(b"".join(parts)).digest()[:16]))
        return Written(before=self._pdf, appended=b"".join(parts), offsets=offsets)

    def _section(self, places: Mapping[Ref, int], start: int, identity: bytes) -> bytes:
        """The cross-reference section, and the end."""
        trailer = Dict({k: v for k, v in self.view.trailer.items() if k not in _OF_A_SECTION})
        file_id = self.view.direct(trailer.get("ID"))
        if isinstance(file_id, list) and file_id and isinstance(file_id[0], String):
            # The first stays for ever, the second is new with each update (§14.4).
            trailer["ID"] = [file_id[0], String(identity)]
        trailer["Prev"] = self.view.startxref
        section = _table if self.view.kind is SectionKind.TABLE else _stream
        return section(places, start, trailer, self._next) + b"startxref\n%d\n%%%%EOF\n" % start


def _runs(numbers: list[int]) -> Iterator[tuple[int, int]]:
    """Neighbouring object numbers, as (first, count)."""
    first = last = numbers[0]
    for number in numbers[1:]:
        if number != last + 1:
            yield first, last - first + 1
            first = number
        last = number
    yield first, last - first + 1


def _table(places: Mapping[Ref, int], _start: int, trailer: Dict, size: int) -> bytes:
    """A table: each entry takes exactly 20 bytes, its end of line two of them (§7.5.4)."""
    rows = {ref.num: b"%010d %05d n\r\n" % (place, ref.gen) for ref, place in places.items()}
    parts = [b"xref\n"]
    for first, count in _runs(sorted(rows)):
        parts.append(b"%d %d\n" % (first, count))
        parts += [rows[number] for number in range(first, first + count)]
    return b"".join([*parts, b"trailer\n", written(Dict({"Size": size, **trailer})), b"\n"])


def _stream(places: Mapping[Ref, int], start: int, trailer: Dict, size: int) -> bytes:
    """A stream that is its own trailer, and lists itself: type 1, offset, generation (§7.5.8.3)."""
    known = {ref.num: (place, ref.gen) for ref, place in places.items()} | {size: (start, 0)}
    width = (max(place for place, _ in known.values()).bit_length() + 7) // 8
    numbers = sorted(known)
    rows = b"".join(b"\x01" + known[n][0].to_bytes(width, "big") + known[n][1].to_bytes(2, "big") for n in numbers)
    dictionary = Dict(
        {
            "Type": Name("XRef"),
            "Size": size + 1,
            "W": [1, width, 2],
            "Index": [value for run in _runs(numbers) for value in run],
            **trailer,
        }
    )
    return b"%d 0 obj\n%s%s\nendobj\n" % (size, *object_text(Data(dictionary, rows)))
