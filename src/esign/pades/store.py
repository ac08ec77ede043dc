"""Write the document security store: what a verifier will need when nobody answers any more (EN 319 142-1 §5.4.2).

/DSS holds every certificate, revocation list and OCSP answer once; /VRI says which of them are for which signature,
by the SHA-1 of its /Contents. What an earlier revision holds is kept and not repeated.
"""

import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from esign.pades.reading import Reader
from esign.pades.updating import open_update, updating
from esign.syntax import Dict, Name, Object, Ref, Stream
from esign.syntax.update import Update
from esign.syntax.writing import Data
from esign.trust import Evidence

__all__ = ["StoreEntry", "add_to_store"]

_COMPRESSED_FROM = 4096  # lists shrink to a half; certificates hardly at all


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreEntry:
    """What speaks for one signature."""

    contents: bytes = field(repr=False)
    """Its /Contents as a reader sees them, the zeros behind the container included."""
    evidence: Evidence = field(repr=False)
    """Certificates, lists and answers, DER."""

    @property
    def key(self) -> str:
        """Its name in /VRI (§5.4.2.3)."""
        return hashlib.sha1(self.contents, usedforsecurity=False).hexdigest().upper()


@updating
def add_to_store(pdf: bytes, entries: Sequence[StoreEntry]) -> bytes:
    """`pdf` with a revision whose store has all of `entries`.

    Raises:
        InputError: `pdf-not-updatable`.
    """
    update = open_update(pdf)
    store = _Store(update)
    for entry in entries:
        store.add(entry)
    store.put()
    return update.write().data


class _Store:
    """The store of one revision while it is put together."""

    def __init__(self, update: Update) -> None:
        self._update = update
        # Whatever else somebody put there stays.
        self._store = Dict(update.dictionary(update.root, "DSS"))
        self._store["Type"] = Name("DSS")
        self._vri = Dict(update.dictionary(self._store, "VRI"))
        self._lists = {name: list(update.items(self._store, name)) for name in ("Certs", "CRLs", "OCSPs")}
        self._known = {name: dict(self._read(items)) for name, items in self._lists.items()}

    def add(self, entry: StoreEntry) -> None:
        """What speaks for a signature, in the store and by its name."""
        evidence = entry.evidence
        named = Dict({"Type": Name("VRI")})
        for stored, listed, pieces in (
            ("Certs", "Cert", evidence.certificates),
            ("CRLs", "CRL", evidence.crls),
            ("OCSPs", "OCSP", evidence.ocsps),
        ):
            if pieces:
                named[listed] = [self._place(stored, piece) for piece in pieces]
        self._vri[entry.key] = self._update.add(named)

    def put(self) -> None:
        """Name the store in the catalog."""
        for name, items in self._lists.items():
            if items:
                self._store[name] = self._update.add(items)
        self._store["VRI"] = self._update.add(self._vri)
        self._update.change(self._update.root_ref)["DSS"] = self._update.add(self._store)

    def _read(self, items: Sequence[Object]) -> list[tuple[bytes, Ref]]:
        reader = Reader(self._update.view)
        streams = [(item, reader.resolve(item)) for item in items if isinstance(item, Ref)]
        return [(reader.decoded(stream) or b"", ref) for ref, stream in streams if isinstance(stream, Stream)]

    def _place(self, name: str, piece: bytes) -> Ref:
        known = self._known[name]
        if piece not in known:
            packed = len(piece) >= _COMPRESSED_FROM
            data = (
                Data(Dict({"Filter": Name("FlateDecode")}), zlib.compress(piece, 9)) if packed else Data(Dict(), piece)
            )
            known[piece] = self._update.add(data)
            self._lists[name].append(known[piece])
        return known[piece]
