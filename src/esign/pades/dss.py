"""The validation data that a document carries: its security store (EN 319 142-1 §5.4) and what containers hold.

Whatever any revision listed still stands in the file and is used: a later revision that drops evidence takes nothing
away.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from esign.cms import SignedData, SignerInfo
from esign.cms.attributes import revocation_values
from esign.cms.ber import Malformed
from esign.pades.reading import Reader
from esign.syntax import Dict, File, Stream
from esign.trust import Evidence

__all__ = ["SecurityStore", "evidence_of", "read_stores"]

_MOST_STREAMS = 5_000
_LISTS = (("Certs", "Cert"), ("CRLs", "CRL"), ("OCSPs", "OCSP"))


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityStore:
    """/DSS as of one revision, its /VRI entries included."""

    revision: int
    """From which revision on it stands."""
    evidence: Evidence = field(repr=False)
    """All of it, those of /VRI too."""
    keys: frozenset[str]
    """The keys of /VRI: the SHA-1 of a signature's /Contents, upper-case hex."""

    def speaks_of(self, contents: bytes) -> bool:
        """Whether /VRI has an entry for the signature with these /Contents."""
        return hashlib.sha1(contents, usedforsecurity=False).hexdigest().upper() in self.keys


def read_stores(file: File) -> tuple[SecurityStore, ...]:
    """The store of each revision that has one other than the revision before, oldest first."""
    return tuple(_Stores(file).read())


class _Stores:
    """Reads each stream once, however many revisions list it."""

    def __init__(self, file: File) -> None:
        self._file = file
        self._known: dict[object, bytes] = {}
        self._left = _MOST_STREAMS

    def read(self) -> Iterator[SecurityStore]:
        latest = Reader(self._file.latest)
        if "DSS" not in latest.root and b"/DSS" not in self._file.data:
            return
        before = None
        for index in range(len(self._file.revisions)):
            reader = Reader(self._file.at(index))
            store = reader.dictionary(reader.root, "DSS")
            if not store:
                continue
            found = self._store(reader, store, index)
            if before is None or (found.evidence, found.keys) != (before.evidence, before.keys):
                before = found
                yield found

    def _store(self, reader: Reader, store: Dict, index: int) -> SecurityStore:
        entries = reader.dictionary(store, "VRI")
        nodes = [(store, 0), *((reader.dictionary(entries, key), 1) for key in entries)]
        found: list[dict[bytes, None]] = [{}, {}, {}]
        for node, form in nodes:
            for pieces, names in zip(found, _LISTS, strict=True):
                pieces.update(dict.fromkeys(self._streams(reader, node, names[form])))
        certificates, crls, ocsps = (tuple(pieces) for pieces in found)
        return SecurityStore(
            revision=index,
            evidence=Evidence(certificates=certificates, crls=crls, ocsps=ocsps),
            keys=frozenset(key.upper() for key in entries),
        )

    def _streams(self, reader: Reader, node: Dict, key: str) -> Iterator[bytes]:
        for item in reader.items(node, key):
            stream = reader.resolve(item)
            if not isinstance(stream, Stream):
                continue
            known = self._known.get(stream.start)
            if known is None:
                self._left -= 1
                if self._left < 0:
                    return
                known = self._known[stream.start] = reader.decoded(stream) or b""
            if known:
                yield known


def evidence_of(signed: SignedData, signer: SignerInfo | None = None) -> Evidence:
    """What a container brings along: its certificates and lists, and those in the attributes of `signer`."""
    crls, ocsps = list(signed.crls), list(signed.ocsps)
    for attributes in (signer.signed, signer.unsigned) if signer else ():
        try:
            more = revocation_values(attributes) if attributes else ((), ())
        except Malformed:
            continue
        crls += more[0]
        ocsps += more[1]
    return Evidence(certificates=tuple(c.der for c in signed.certificates), crls=tuple(crls), ocsps=tuple(ocsps))
