"""Distinguished names as RFC 5280 §7.1 compares them: two authorities spell one name differently and mean the same."""

import unicodedata
from dataclasses import dataclass, field
from functools import lru_cache

from esign.cms import ber

__all__ = ["Name", "general_names", "parse_name"]

_STRINGS = {0x0C: "utf-8", 0x13: "ascii", 0x14: "latin-1", 0x16: "ascii", 0x1C: "utf-32-be", 0x1E: "utf-16-be"}
"""UTF8String, PrintableString, TeletexString, IA5String, UniversalString, BMPString."""

Attribute = tuple[str, bytes]


@dataclass(frozen=True, slots=True)
class Name:
    """An X.501 name; equal to another that differs in case, spacing or string type only."""

    der: bytes = field(compare=False, repr=False)
    """As it stands in the certificate; OCSP hashes these bytes."""
    rdns: tuple[frozenset[Attribute], ...]
    """Its relative names, folded."""

    def __bool__(self) -> bool:
        return bool(self.rdns)

    def is_below(self, other: "Name") -> bool:
        """Whether `other` is an initial part of it (RFC 5280 §4.2.1.10, directoryName)."""
        return self.rdns[: len(other.rdns)] == other.rdns


@lru_cache(maxsize=2048)
def parse_name(der: bytes) -> Name:
    """Read a Name.

    Raises:
        ber.Malformed: It is none.
    """
    rdns = []
    for rdn in ber.read(der).items(ber.SEQUENCE):
        pairs = (pair.items(ber.SEQUENCE, least=2) for pair in rdn.items(ber.SET, least=1))
        rdns.append(frozenset((kind.oid(), _folded(value)) for kind, value, *_ in pairs))
    return Name(der, tuple(rdns))


def _folded(value: ber.Element) -> bytes:
    """A value as it is compared (RFC 4518 §2): composed, case folded, single spaces; other types stay bytes."""
    encoding = _STRINGS.get(value.tag)
    if encoding is None:
        return value.encoded
    try:
        text = value.value.decode(encoding)
    except UnicodeDecodeError:
        return value.encoded
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split()).encode()


def general_names(element: ber.Element) -> tuple[tuple[int, bytes], ...]:
    """GeneralNames as (context tag number, content) pairs (RFC 5280 §4.2.1.6)."""
    return tuple((name.tag & 0x1F, name.value) for name in element.children())
