"""Write PDF files byte by byte, with any structure that a reader may meet: for what no library would write.

>>> pdf = RawPDF()
>>> pdf.update({1: b"<</Type/Catalog/Pages 2 0 R>>", 2: b"<</Type/Pages/Kids[]/Count 0>>"})
>>> bytes(pdf)
"""

import zlib
from collections.abc import Iterable, Mapping
from typing import Literal

__all__ = ["RawPDF", "stream"]

Kind = Literal["table", "stream", "hybrid"]


def stream(data: bytes, entries: bytes = b"", *, deflate: bool = False) -> bytes:
    """A stream object with `entries` beside its /Length."""
    if deflate:
        data, entries = zlib.compress(data), entries + b"/Filter/FlateDecode"
    return b"<<%b/Length %d>>\nstream\n%b\nendstream" % (entries, len(data), data)


class RawPDF:
    """A file that grows by updates."""

    def __init__(self, header: bytes = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n") -> None:
        self.data = bytearray(header)
        self.startxref: int | None = None
        self.size = 1

    def __bytes__(self) -> bytes:
        return bytes(self.data)

    def update(
        self,
        objects: Mapping[int, bytes],
        *,
        free: Iterable[int] = (),
        kind: Kind = "table",
        trailer: bytes = b"/Root 1 0 R",
        packed: Mapping[int, bytes] | None = None,
        end: bytes = b"%%EOF\n",
        shift: int = 0,
    ) -> "RawPDF":
        """Append an update with `objects` by number; `packed` go to an object stream, which a table cannot list."""
        entries: dict[int, tuple[int, int, int]] = dict.fromkeys(free, (0, 0, 1))
        for num, body in objects.items():
            entries[num] = (1, len(self.data) - shift, 0)
            self.data += b"%d 0 obj\n%b\nendobj\n" % (num, body)
        self.size = max([self.size, *(num + 1 for num in entries), *(num + 1 for num in packed or ())])
        hidden: dict[int, tuple[int, int, int]] = {}
        if packed:
            container, self.size = self.size, self.size + 1
            hidden[container] = (1, len(self.data) - shift, 0)
            hidden |= {num: (2, container, index) for index, num in enumerate(packed)}
            self.data += b"%d 0 obj\n%b\nendobj\n" % (container, _object_stream(packed))
        if kind == "stream":
            self._stream(entries | hidden, trailer, shift)
        else:
            self._table(entries, trailer, hidden, shift)
        self.data += b"startxref\n%d\n%b" % (self.startxref or 0, end)
        return self

    def _previous(self) -> bytes:
        return b"" if self.startxref is None else b"/Prev %d" % self.startxref

    def _table(
        self,
        entries: dict[int, tuple[int, int, int]],
        trailer: bytes,
        hidden: dict[int, tuple[int, int, int]],
        shift: int,
    ) -> None:
        previous = self._previous()
        if hidden:
            trailer += b"/XRefStm %d" % (len(self.data) - shift)
            self._stream(hidden, b"", shift, previous=b"")
            entries = entries | dict.fromkeys(hidden, (0, 0, 0))
        if not previous:
            entries = {0: (0, 0, 65535)} | entries
        start = len(self.data)
        self.data += b"xref\n"
        for num in sorted(entries):
            kind, where, minor = entries[num]
            self.data += b"%d 1\n%010d %05d %b \n" % (num, where, minor, b"n" if kind else b"f")
        self.data += b"trailer\n<</Size %d%b%b>>\n" % (self.size, trailer, previous)
        self.startxref = start - shift

    def _stream(
        self,
        entries: dict[int, tuple[int, int, int]],
        trailer: bytes,
        shift: int,
        previous: bytes | None = None,
    ) -> None:
        own, self.size = self.size, self.size + 1
        start = len(self.data)
        entries = entries | {own: (1, start - shift, 0)}
        rows = b"".join(
            bytes([kind]) + where.to_bytes(4, "big") + minor.to_bytes(2, "big")
            for kind, where, minor in (entries[num] for num in sorted(entries))
        )
        index = b" ".join(b"%d 1" % num for num in sorted(entries))
        given = trailer + (self._previous() if previous is None else previous)
        head = b"/Type/XRef/W[1 4 2]/Index[%b]/Size %d%b" % (index, self.size, given)
        self.data += b"%d 0 obj\n%b\nendobj\n" % (own, stream(rows, head, deflate=True))
        self.startxref = start - shift


def _object_stream(packed: Mapping[int, bytes]) -> bytes:
    pairs, body = b"", b""
    for num, value in packed.items():
        pairs += b"%d %d " % (num, len(body))
        body += value + b" "
    return stream(pairs + body, b"/Type/ObjStm/N %d/First %d" % (len(packed), len(pairs)), deflate=True)
