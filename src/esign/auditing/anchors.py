"""Anchors: the agency's key signs how far the audit chain is, for a place elsewhere (docs/spec/audit.md §4).

Whoever can write to the database can write a whole new chain; they cannot sign it, and they cannot reach what lies in a
folder on another machine.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

from esign.cms.detached import sign_detached, signer_of
from esign.errors import Error, InputError
from esign.files import Folder
from esign.keys import Mechanism, SigningKey
from esign.registry import Anchor
from esign.registry.audit_log import AuditLog
from esign.report import SubIndication
from esign.trust import TrustStore
from esign.trust.result import Evidence
from esign.trust.validation import validate_certificate

__all__ = ["AnchorText", "Anchoring", "SignerJudge", "is_signed", "read_folder", "trusted_by"]

FORMAT = "esign-audit-anchor/1"
_CONTENT, _SIGNATURE = ".anchor", ".p7s"
_FIELDS = ("register", "entries", "sequence", "hash", "time")
_MOST_BYTES = 2_000

SignerJudge = Callable[[tuple[bytes, ...], datetime], bool]
"""Whether the owner of a certificate (DER, then its issuers) may sign anchors at that time."""


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


class Anchoring:
    """Makes anchors; the service calls `keep_up` from time to time, and `anchor` before it ends."""

    def __init__(  # what is signed, with what, when, and where it is kept
        self,
        log: AuditLog,
        *,
        key: SigningKey,
        mechanism: Mechanism,
        folder: Folder | None,
        now: Callable[[], datetime],
        entries: int = 1000,
        interval: timedelta = timedelta(hours=1),
    ) -> None:
        """One is due after `entries` entries, or `interval` after something happened; `folder` is kept elsewhere."""
        self._log = log
        self._key = key
        self._mechanism = mechanism
        self._folder = folder
        self._now = now
        self._entries = entries
        self._interval = interval

    def keep_up(self) -> Anchor | None:
        """Make an anchor if one is due.

        Raises:
            KeyStoreError, SigningError, RegistryError: It could not be made; the next call tries again.
        """
        head, last = self._log.head(), self._log.last_anchor()
        if head is None:
            return None
        behind = head.sequence - (last.sequence if last else -1)
        due = behind >= self._entries or (last is None or self._now() - last.at >= self._interval)
        return self.anchor() if due else None

    def anchor(self) -> Anchor | None:
        """Sign how far the chain is; None where the newest entry is an anchor's own.

        Raises:
            KeyStoreError, SigningError, RegistryError: as `keep_up`.
        """
        head, last = self._log.head(), self._log.last_anchor()
        if head is None or (last is not None and last.sequence == head.sequence):
            self.export()
            return None
        first = self._log.entries(limit=1)[0]
        entry = self._log.begin_anchor()
        said = AnchorText(register=first.object, sequence=entry.sequence, hash=entry.hash, at=self._now())
        signature = sign_detached(said.text.encode(), self._key, mechanism=self._mechanism)
        made = Anchor(sequence=entry.sequence, at=said.at, content=said.text, signature=signature)
        self._log.keep(made)
        self.export()
        return made

    def export(self) -> int:
        """Put into the folder what is not there yet, and say how many that were."""
        if self._folder is None:
            return 0
        there = set(self._folder.names())
        missing = [a for a in self._log.anchors() if f"{AnchorText.read(a.content).name}{_SIGNATURE}" not in there]
        for anchor in missing:
            name = AnchorText.read(anchor.content).name
            self._folder.put(f"{name}{_CONTENT}", anchor.content.encode())
            self._folder.put(f"{name}{_SIGNATURE}", anchor.signature)
        return len(missing)


def read_folder(folder: Folder) -> Mapping[str, Anchor]:
    """The anchors of a folder by their names, none of them believed yet.

    Raises:
        InputError: `audit-anchor-malformed`.
    """
    found: dict[str, Anchor] = {}
    names = sorted(n for n in folder.names() if n.endswith((_CONTENT, _SIGNATURE)))
    for name in dict.fromkeys(n.rpartition(".")[0] for n in names):
        content, signature = folder.get(f"{name}{_CONTENT}"), folder.get(f"{name}{_SIGNATURE}")
        if content is None or signature is None:
            raise InputError("audit-anchor-malformed", name=name)
        text = content.decode("utf-8", "replace")
        try:
            said = AnchorText.read(text)
        except InputError as e:
            raise InputError("audit-anchor-malformed", name=name) from e
        found[name] = Anchor(sequence=said.sequence, at=said.at, content=text, signature=signature)
    return found


def is_signed(anchor: Anchor, judge: SignerJudge) -> bool:
    """Whether somebody signed it who may."""
    try:
        said = AnchorText.read(anchor.content)
        certificates = signer_of(anchor.content.encode(), anchor.signature)
    except Error:
        return False
    return said.sequence == anchor.sequence and bool(certificates) and judge(certificates, said.at)


def trusted_by(trust: TrustStore, *, pins: frozenset[str] = frozenset()) -> SignerJudge:
    """Whoever `trust` leads to; with `pins`, only owners of certificates with these SHA-256."""

    def judge(certificates: tuple[bytes, ...], at: datetime) -> bool:
        if pins:
            return hashlib.sha256(certificates[0]).hexdigest() in pins
        found = validate_certificate(
            certificates[0], trust=trust, at=at, evidence=Evidence(certificates=certificates[1:])
        )
        # Nobody keeps the revocation lists of years ago for this; what leads nowhere, or was revoked, is refused.
        return found.passed or found.sub_indication is SubIndication.TRY_LATER

    return judge
