"""What an anchor says, and how its two files are called (docs/spec/audit.md §4)."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from esign.errors import InputError

__all__ = ["CONTENT", "SIGNATURE", "AnchorText"]

FORMAT = "esign-audit-anchor/1"
CONTENT, SIGNATURE = ".anchor", ".p7s"
"""How the two files of an anchor end."""
_FIELDS = ("register", "entries", "sequence", "hash", "time")
_MOST_BYTES = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorText:
    """What an anchor says."""

    register: str
    """The register's identity: the object of its first entry."""
    sequence: int
    """The entry that it was signed for; so many entries and one are before and in it."""
    hash: str
    """Of that entry, and so of everything before it."""
    at: datetime
    """When, by the clock of whoever signed."""

    @property
    def text(self) -> str:
        """The lines that are signed, each ended by a line feed."""
        at = self.at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        values = (self.register, str(self.sequence + 1), str(self.sequence), self.hash, at)
        said = (f"{name} {value}" for name, value in zip(_FIELDS, values, strict=True))
        return "".join(f"{line}\n" for line in (FORMAT, *said))

    @property
    def name(self) -> str:
        """Its name in a folder, without an ending."""
        return f"{self.sequence:012}"

    @classmethod
    def read(cls, text: str) -> Self:
        """What `text` says.

        Raises:
            InputError: `audit-anchor-malformed`: another format, or another spelling.
        """
        try:
            first, *lines = text[:_MOST_BYTES].splitlines()
            values = dict(line.split(" ", 1) for line in lines)
            read = cls(
                register=values["register"],
                sequence=int(values["sequence"]),
                hash=values["hash"],
                at=datetime.fromisoformat(values["time"]).astimezone(UTC),
            )
        except (ValueError, KeyError) as e:
            raise InputError("audit-anchor-malformed", name=_digest(text)) from e
        if first != FORMAT or read.text != text:  # one spelling only
            raise InputError("audit-anchor-malformed", name=_digest(text))
        return read


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]
