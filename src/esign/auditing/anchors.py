"""Anchors: the agency's key signs how far the audit chain is, for a place elsewhere (docs/spec/audit.md §4).

Whoever can write to the database can write a whole new chain; they cannot sign it, and they cannot reach what lies in a
folder on another machine.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta

from esign.auditing.anchor_text import CONTENT, SIGNATURE, AnchorText
from esign.auditing.elsewhere import KEPT, export_anchors
from esign.cms.detached import sign_detached, signer_of
from esign.errors import Error, InputError
from esign.files import Folder
from esign.keys import Mechanism, SigningKey
from esign.registry import Anchor, Entry
from esign.registry.audit_log import AuditLog
from esign.report import SubIndication
from esign.trust import TrustStore
from esign.trust.result import Evidence
from esign.trust.validation import validate_certificate

__all__ = ["Anchoring", "SignerJudge", "is_signed", "newest_first", "read_folder", "trusted_by"]

SignerJudge = Callable[[tuple[bytes, ...], datetime], bool]
"""Whether the owner of a certificate (DER, then its issuers) may sign anchors at that time."""


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
        """Sign how far the chain is; None where nothing happened since the last anchor.

        Raises:
            KeyStoreError, SigningError, RegistryError: as `keep_up`.
        """
        head, last = self._log.head(), self._log.last_anchor()
        if head is None or (last is not None and _is_own(head, last)):
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
        """Put into the folder what is not there yet, and say how many that were.

        Raises:
            RegistryError: `audit-anchors-gone`, `audit-anchors-nowhere`, `audit-anchors-other`: it is not the folder
                that the register remembers.
        """
        return export_anchors(self._log, self._folder)


def _is_own(head: Entry, last: Anchor) -> bool:
    """Whether the newest entry is of the anchor itself, or says where that is kept."""
    return head.sequence == last.sequence or (head.act == KEPT and head.sequence == last.sequence + 1)


def read_folder(folder: Folder) -> Mapping[str, Anchor]:
    """The anchors of a folder by their names, none of them believed yet.

    Raises:
        InputError: `audit-anchor-malformed`.
    """
    return dict(newest_first(folder))


def newest_first(folder: Folder) -> Iterator[tuple[str, Anchor]]:
    """The same one by one; who needs the newest reads no others.

    Raises:
        InputError: `audit-anchor-malformed`.
    """
    names = {n.rpartition(".")[0] for n in folder.names() if n.endswith((CONTENT, SIGNATURE))}
    for name in sorted(names, reverse=True):  # a name is a number of twelve digits
        content, signature = folder.get(f"{name}{CONTENT}"), folder.get(f"{name}{SIGNATURE}")
        if content is None or signature is None:
            raise InputError("audit-anchor-malformed", name=name)
        text = content.decode("utf-8", "replace")
        try:
            said = AnchorText.read(text)
        except InputError as e:
            raise InputError("audit-anchor-malformed", name=name) from e
        yield name, Anchor(sequence=said.sequence, at=said.at, content=text, signature=signature)


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
