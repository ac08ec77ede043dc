"""The validation data that a document carries: its security store (EN 319 142-1 §5.4) and what containers hold.

Whatever any revision listed still stands in the file and is used: a later revision that drops evidence takes nothing
away.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from esign.cms import SignedData, SignerInfo
from esign.cms.attributes import revocation_values
from esign.cms.ber import Malformed
from esign.pades.reading import Reader
from esign.syntax import Dict, File, Object, Stream
from esign.trust import Evidence

__all__ = ["SecurityStore", "evidence_of", "read_stores"]

_MOST_STREAMS = 5_000
_STORE = ("Certs", "CRLs", "OCSPs")
_ENTRY = ("Cert", "CRL", "OCSP")


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityStore:
    """/DSS as of one revision."""

    revision: int
    """From which revision on it stands."""
    evidence: Evidence = field(repr=False)
    """All of it, that of /VRI too."""


def read_stores(file: File) -> tuple[SecurityStore, ...]:
    """The store of each revision that has one other than the revision before, oldest first."""
    return tuple(_Stores(file).read())


class _Stores:
    """Reads each stream once, however many revisions list it."""

    def __init__(self, file: File) -> None:
        self._file = file
        self._known: dict[int, bytes] = {}

    def read(self) -> Iterator[SecurityStore]:
        before: list[Object] = []
        for index in range(len(self._file.revisions)):
            reader = Reader(self._file.at(index))
            store = reader.dictionary(reader.root, "DSS")
            if not store:
                continue
            nodes = _nodes(reader, store)
            # Values are shared between revisions: what an update did not touch is the very same list.
            listed = [reader.entry(node, key) for node, keys in nodes for key in keys]
            if len(listed) != len(before) or any(a is not b for a, b in zip(listed, before, strict=True)):
                before = listed
                yield SecurityStore(revision=index, evidence=self._evidence(reader, nodes))

    def _evidence(self, reader: Reader, nodes: Sequence[tuple[Dict, Sequence[str]]]) -> Evidence:
        found: tuple[dict[bytes, None], ...] = ({}, {}, {})
        for node, keys in nodes:
            for pieces, key in zip(found, keys, strict=True):
                pieces.update(dict.fromkeys(self._streams(reader, node, key)))
        certificates, crls, ocsps = map(tuple, found)
        return Evidence(certificates=certificates, crls=crls, ocsps=ocsps)

    def _streams(self, reader: Reader, node: Dict, key: str) -> Iterator[bytes]:
        for item in reader.items(node, key):
            stream = reader.resolve(item)
            if not isinstance(stream, Stream):
                continue
            if stream.start not in self._known:
                if len(self._known) >= _MOST_STREAMS:
                    return
                self._known[stream.start] = reader.decoded(stream) or b""
            if self._known[stream.start]:
                yield self._known[stream.start]


def _nodes(reader: Reader, store: Dict) -> list[tuple[Dict, Sequence[str]]]:
    """What holds lists of evidence: the store, and each entry of /VRI, with the keys of the lists."""
    entries = reader.dictionary(store, "VRI")
    return [(store, _STORE), *((reader.dictionary(entries, key), _ENTRY) for key in entries)]


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
