"""What is being made, between two steps: files in the spool and the archive, each checked against the register.

Whoever can write to these folders can destroy, but cannot change what is signed or handed out: every file that is
read back must have the digest that the register recorded.
"""

import json
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from functools import partial
from typing import Self

from esign.archive import Archive, sha256
from esign.document import Box
from esign.errors import SigningError
from esign.files import Files
from esign.layout import Layout, Places
from esign.pades.sign import PreparedSignature, is_made_for
from esign.reasons import Reason
from esign.registry import Intent
from esign.request import Request, digest_of
from esign.spool import Spool

__all__ = ["Record", "Workbench"]

_MADE = ("pdf", "json", "record", "signature", "person.pdf", "person.json", "approved.pdf")
"""What may lie on the bench of an intent."""
_ORPHANED_AFTER = timedelta(hours=1)  # far longer than from spooling a request to recording it


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What the register will want to know and only the preparing process knew."""

    pages: int
    """How many pages the document has."""
    fonts: tuple[str, ...]
    """What it was set in."""
    notices: tuple[Reason, ...]
    """What was let pass."""
    places: Places
    """What is needed again when the agency signs."""

    @classmethod
    def of(cls, layout: Layout) -> Self:
        """From a layout."""
        places = Places(signature=layout.signature_place, release=layout.release)
        return cls(pages=layout.pages, fonts=layout.fonts, notices=layout.notices, places=places)

    def noting(self, *more: Reason) -> Self:
        """With what the checks of keys and people add."""
        return replace(self, notices=(*self.notices, *more))

    def to_bytes(self) -> bytes:
        """One JSON text."""
        return json.dumps(self, default=_plain).encode()

    @classmethod
    def from_bytes(cls, stored: bytes) -> Self:
        """Read what `to_bytes` wrote.

        Raises:
            SigningError: `prepared-damaged`.
        """
        try:
            found = json.loads(stored)
            notices = tuple(Reason(n["code"], n["facts"]) for n in found["notices"])
            signature, release = found["places"]["signature"], found["places"]["release"]
            places = Places(
                signature=Box(**signature) if signature else None, release={k: Box(**b) for k, b in release.items()}
            )
            return cls(pages=found["pages"], fonts=tuple(found["fonts"]), notices=notices, places=places)
        except (ValueError, KeyError, TypeError, AttributeError) as e:
            raise SigningError("prepared-damaged", problem=type(e).__name__) from e


def _plain(value: object) -> object:
    """What JSON knows no word for: a value's fields by their names, or its text."""
    if isinstance(value, Record | Places | Box | Reason):
        return {each.name: getattr(value, each.name) for each in fields(value)}
    return str(value)


class Workbench:
    """The spool of what is being made and the archive of what was signed."""

    def __init__(self, *, spool: Files, archive: Files, profile: str) -> None:
        self._spool = Spool(spool)
        self.archive = Archive(archive)
        self._profile = profile

    def together(self) -> AbstractContextManager[None]:
        """What this thread puts on the bench inside is stored as one when the block is left."""
        return self._spool.together()

    def put_request(self, digest: str, stored: bytes) -> None:
        """Keep what was asked for, before it is recorded."""
        self._spool.put(f"{digest}.request", stored)

    def request(self, intent: Intent) -> Request:
        """What was asked for.

        Raises:
            SigningError: `request-lost` or `request-altered`.
        """
        stored = self._spool.get(f"{intent.request_digest}.request")
        if stored is None:
            raise SigningError("request-lost")
        # The digest first: what has another one need not even be JSON.
        if digest_of(stored, profile=self._profile) != intent.request_digest:
            raise SigningError("request-altered")
        return Request.from_bytes(stored)

    def drop_request(self, digest: str) -> None:
        """Forget what was asked for and not recorded: it is mostly personal data."""
        self._spool.discard(f"{digest}.request")

    def put_prepared(self, intent: Intent, prepared: PreparedSignature, record: Record, *, digest: str) -> None:
        """Keep the bytes to be signed, before the register learns that they are fixed; `digest` is the document's."""
        self._put(intent, "", prepared, digest)
        self.put_record(intent, record)

    def put_record(self, intent: Intent, record: Record) -> None:
        """Keep what a later step, perhaps of another process, will need."""
        self._spool.put(f"{intent.id}.record", record.to_bytes())

    def put_for_person(self, intent: Intent, prepared: PreparedSignature, record: Record, *, digest: str) -> None:
        """The same for the person's signature."""
        self._put(intent, "person.", prepared, digest)
        self.put_record(intent, record)

    def _put(self, intent: Intent, whose: str, prepared: PreparedSignature, digest: str) -> None:
        self._spool.put(f"{intent.id}.{whose}pdf", prepared.document)
        self._spool.put(f"{intent.id}.{whose}json", prepared.to_json(document_sha256=digest).encode())

    def for_person(self, intent: Intent) -> PreparedSignature:
        """What the person's key is to sign.

        Raises:
            SigningError: `prepared-damaged`.
        """
        return self._get(intent, "person.", (intent.person_prepared_sha256, intent.person_to_be_signed_sha256))

    def prepared(self, intent: Intent) -> PreparedSignature:
        """What the agency's key is about to sign.

        Raises:
            SigningError: `prepared-damaged`: it is not what the register recorded; the key must not see it.
        """
        return self._get(intent, "", (intent.prepared_sha256, intent.to_be_signed_sha256))

    def _get(self, intent: Intent, whose: str, recorded: tuple[str | None, str | None]) -> PreparedSignature:
        document = self._spool.get(f"{intent.id}.{whose}pdf")
        sidecar = self._spool.get(f"{intent.id}.{whose}json")
        if document is None or sidecar is None:
            raise SigningError("prepared-damaged", problem="missing")
        prepared = PreparedSignature.from_json(sidecar.decode(errors="replace"), document)
        if (sha256(document), sha256(prepared.to_be_signed)) != recorded:
            raise SigningError("prepared-damaged", problem="not as registered")
        return prepared

    def record(self, intent: Intent) -> Record:
        """What the preparing process knew.

        Raises:
            SigningError: `prepared-damaged`.
        """
        stored = self._spool.get(f"{intent.id}.record")
        if stored is None:
            raise SigningError("prepared-damaged", problem="missing")
        return Record.from_bytes(stored)

    def put_signature(self, intent: Intent, signature: bytes) -> None:
        """Keep what the key made while it waits for its time-stamp: the key is not asked twice for the same bytes."""
        self._spool.put(f"{intent.id}.signature", signature)

    def signature(self, intent: Intent, prepared: PreparedSignature) -> bytes | None:
        """The signature that waits; None where there is none, or one that is not for `prepared`."""
        signature = self._spool.get(f"{intent.id}.signature")
        return signature if signature is not None and is_made_for(prepared, signature) else None

    def put_approved(self, intent: Intent, pdf: bytes) -> None:
        """Keep the file with the person's signature, which waits for the agency's."""
        self._spool.put(f"{intent.id}.approved.pdf", pdf)

    def approved(self, intent: Intent) -> bytes:
        """The file that the person signed.

        Raises:
            SigningError: `prepared-damaged`: it is not what the register recorded.
        """
        pdf = self._spool.get(f"{intent.id}.approved.pdf")
        if pdf is None or sha256(pdf) != intent.approved_sha256:
            raise SigningError("prepared-damaged", problem="missing" if pdf is None else "not as registered")
        return pdf

    def completed(self, intent: Intent, prepared: PreparedSignature) -> bytes | None:
        """The signed file that a crash left before the register learned of it: the first that was stored counts."""
        signed = self.archive.find(intent)
        return signed if signed is not None and _completes(prepared, signed) else None

    def keep(self, intent: Intent, prepared: PreparedSignature, signed: bytes) -> bytes:
        """Store the signed file, and give what is to be registered: the first that was stored counts."""
        return self.keep_all([(intent, prepared, signed)])[0]

    def keep_all(self, signed: Sequence[tuple[Intent, PreparedSignature, bytes]]) -> list[bytes]:
        """The same for many, which are all stored when this returns."""
        return self.archive.put_all([(i, pdf, partial(_completes, prepared)) for i, prepared, pdf in signed])

    def signed(self, intent: Intent) -> bytes:
        """The signed file that is to be registered.

        Raises:
            SigningError: `archive-damaged`.
        """
        return self.archive.signed(intent)

    def forget(self, intent: Intent, *, archived: bool = False) -> None:
        """Remove what was only needed to make it; with `archived` the signed file as well, for voided intents."""
        self._spool.discard(f"{intent.request_digest}.request", *(f"{intent.id}.{kind}" for kind in _MADE))
        if archived:
            self.archive.discard(intent)

    def sweep(self, left: Iterable[Intent]) -> None:
        """Forget what nobody will need who goes on with the intents that are `left`.

        These are requests whose process died before it could record them, for nobody was promised anything, and groups
        whose process died when all in them was done. Whoever is at it now is younger.
        """
        self._spool.sweep_parts()
        self.archive.sweep()
        wanted = {name for intent in left for name in (intent.request_digest, str(intent.id))}
        for name in self._spool.names():
            digest, _, kind = name.partition(".")
            if kind == "request" and digest not in wanted and self._spool.age(name) > _ORPHANED_AFTER:
                self._spool.discard(name)
        for group, names in self._spool.groups().items():
            idle = all(name.partition(".")[0] not in wanted for name in names)
            if idle and self._spool.age(group) > _ORPHANED_AFTER:
                self._spool.discard_group(group)


def _completes(prepared: PreparedSignature, signed: bytes) -> bool:
    """Whether `signed` is what was prepared, with something in the place of the signature."""
    start, end = prepared.contents
    document = prepared.document
    return signed[:start] == document[:start] and signed[end : len(document)] == document[end:]
