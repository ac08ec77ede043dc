"""A small PDF whose signature dictionary holds any container: what other software writes, also where it is wrong."""

from collections.abc import Callable

from esign.pades.inspect import Inspection
from tests.support.raw_pdf import RawPDF, stream

__all__ = ["SignedPDF", "said"]

_ROOM = 12_000
_RANGE = b"[0 %010d %010d %010d]"
_FIRST = 5
"""The number of the first field; its signature follows it, then the next field."""


class SignedPDF(RawPDF):
    """One page; each signature is a revision with a hidden field."""

    def __init__(self) -> None:
        super().__init__()
        self._names: list[str] = []
        self._store = b""

    def sign(
        self,
        make: Callable[[bytes], bytes],
        *,
        subfilter: str = "ETSI.CAdES.detached",
        kind: str = "Sig",
        date: str = "D:20261120100405+07'00'",
        entries: bytes = b"",
    ) -> "SignedPDF":
        """Add a signature: `make` is given the bytes that are signed and returns /Contents."""
        self._names.append(f"S{len(self._names) + 1}")
        first, field = len(self.data), _FIRST + 2 * (len(self._names) - 1)
        stamp = b"/M (%s)" % date.encode() if date else b""
        value = b"<</Type /%s /Filter /Adobe.PPKLite /SubFilter /%s /ByteRange %s /Contents <%s> %s %s>>" % (
            kind.encode(),
            subfilter.encode(),
            _RANGE % (0, 0, 0),
            b"0" * _ROOM,
            stamp,
            entries,
        )
        widget = b"<</Type /Annot /Subtype /Widget /FT /Sig /T (%s) /Rect [0 0 0 0] /F 132 /P 3 0 R /V %d 0 R>>"
        self.update({**self._document(), field: widget % (self._names[-1].encode(), field + 1), field + 1: value})
        self._fill(make, first)
        return self

    def add_store(self, **lists: list[bytes]) -> "SignedPDF":
        """Add a revision with a security store: `Certs`, `CRLs`, `OCSPs`."""
        number = max(self.size, 100)
        objects: dict[int, bytes] = {}
        names = []
        for key, pieces in lists.items():
            held = range(number + len(objects), number + len(objects) + len(pieces))
            objects |= {n: stream(piece) for n, piece in zip(held, pieces, strict=True)}
            names.append(b"/%s [%s]" % (key.encode(), b" ".join(b"%d 0 R" % n for n in held)))
        self._store = b"/DSS <<%s>>" % b" ".join(names)
        self.update({1: self._document()[1], **objects})
        return self

    def _document(self) -> dict[int, bytes]:
        count = len(self._names)
        fields = b" ".join(b"%d 0 R" % (_FIRST + 2 * i) for i in range(count))
        objects = {
            1: b"<</Type /Catalog /Pages 2 0 R /AcroForm <</SigFlags 3 /Fields [%s]>> %s>>" % (fields, self._store),
            3: b"<</Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] /Contents 4 0 R /Resources <<>> /Annots [%s]>>"
            % fields,
        }
        if count == 1:
            objects |= {2: b"<</Type /Pages /Kids [3 0 R] /Count 1>>", 4: stream(b"0 0 10 10 re f")}
        return objects

    def _fill(self, make: Callable[[bytes], bytes], start: int) -> None:
        first = self.data.index(b"<" + b"0" * _ROOM, start)
        second = first + _ROOM + 2
        at = self.data.index(_RANGE % (0, 0, 0), start)
        self.data[at : at + len(_RANGE % (0, 0, 0))] = _RANGE % (first, second, len(self.data) - second)
        digits = make(bytes(self.data[:first] + self.data[second:])).hex().encode()
        assert len(digits) <= _ROOM
        self.data[first + 1 : second - 1] = digits.ljust(_ROOM, b"0")


def said(found: Inspection, signature: int = 0) -> dict[str, str]:
    """The checks of a signature: by name the reason code, or how the check ended; the worst where one stands twice."""
    order = ["passed", "noted", "unknown", "failed"]
    checks = sorted(found.signatures[signature].checks, key=lambda c: order.index(c.outcome.value))
    return {c.name: c.reason.code if c.reason else c.outcome.value for c in checks}
