"""The entries of a signature dictionary that a verifier needs (ISO 32000-2 §12.8.1, Table 255)."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone

from esign.pades.reading import Reader
from esign.pades.signature_kinds import is_timestamp
from esign.syntax import Dict, String

__all__ = ["SignatureDictionary", "read_date"]

_DATE = re.compile(r"(?:D:)?(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?(?:(Z)|([+-])(\d\d)'?(\d\d)?)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureDictionary:
    """What stands beside the container, typed; an entry of the wrong kind counts as missing."""

    type: str
    """/Type: `Sig`, `DocTimeStamp`, or empty."""
    filter: str
    """/Filter: whose software made it."""
    subfilter: str
    """/SubFilter: the form of /Contents."""
    timestamp: bool
    """Whether it is a document time-stamp."""
    contents: bytes = field(repr=False)
    """/Contents: the container, with what is behind it."""
    certificates: tuple[bytes, ...] = field(repr=False)
    """/Cert: for `adbe.x509.rsa_sha1`."""
    date: str
    """/M as it stands."""
    reason: str = field(repr=False)
    """/Reason."""

    @classmethod
    def read(cls, reader: Reader, node: Dict) -> "SignatureDictionary":
        """From the value of a signature field."""
        held = reader.entry(node, "Cert")
        certificates = held if isinstance(held, list) else [held]
        contents = reader.entry(node, "Contents")
        return cls(
            type=reader.name(node, "Type"),
            filter=reader.name(node, "Filter"),
            subfilter=reader.name(node, "SubFilter"),
            timestamp=is_timestamp(reader, node),
            contents=bytes(contents) if isinstance(contents, String) else b"",
            certificates=tuple(bytes(c) for c in map(reader.resolve, certificates) if isinstance(c, String)),
            date=reader.text(node.get("M")),
            reason=reader.text(node.get("Reason")),
        )

    @property
    def time(self) -> datetime | None:
        """/M, where it is a date in a known zone: a claim."""
        found = read_date(self.date)
        return found.astimezone(UTC) if found is not None and found.tzinfo is not None else None


def read_date(text: str) -> datetime | None:
    """A date (ISO 32000-2 §7.9.4); naive where it names no zone, None where it is none."""
    found = _DATE.match(text.strip())
    if found is None:
        return None
    year, month, day, hour, minute, second = (
        int(part or default) for part, default in zip(found.groups()[:6], _LEAST, strict=True)
    )
    zulu, sign, hours, minutes = found.groups()[6:]
    try:
        zone = None
        if zulu or sign:
            offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
            zone = timezone(-offset if sign == "-" else offset)
        return datetime(year, month, day, hour, minute, second, tzinfo=zone)
    except (ValueError, OverflowError):
        return None


_LEAST = (1, 1, 1, 0, 0, 0)
"""What a date leaves out from the right."""
