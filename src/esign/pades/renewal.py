"""Keep a document's proof alive: store what proves its outermost time-stamp, then stamp all of it again.

EN 319 142-1 §5.5 (the archive life cycle), EN 319 102-1 §5.6.3. Only what stands outermost is proven anew: it protects
what lies below, whose certificates may have expired long ago.
"""

from collections.abc import Callable
from datetime import datetime

from esign.cms import parse_token
from esign.errors import ConfigurationError, InputError, SigningError
from esign.pades.dss import evidence_of, read_stores
from esign.pades.inspect import Inspection, inspect_signatures
from esign.pades.signed_fields import signed_fields
from esign.pades.store import StoreEntry, add_to_store
from esign.pades.timestamp import complete_timestamp, prepare_timestamp
from esign.report import Indication, Integrity, SignatureKind
from esign.syntax import SyntaxProblem, read
from esign.timestamp import Timestamper
from esign.trust import Evidence, Purpose, TrustStore
from esign.trust.gathering import Fetcher, gather

__all__ = ["Renewer"]

_ROOM = 16 * 1024


class Renewer:
    """Renews proofs; safe for threads."""

    def __init__(
        self,
        *,
        timestamper: Timestamper | None,
        network: Fetcher,
        trust: TrustStore,
        now: Callable[[], datetime],
        digest: str = "sha256",
    ) -> None:
        """Without `timestamper` it can inspect only."""
        self._timestamper = timestamper
        self._network = network
        self._trust = trust
        self._now = now
        self._digest = digest

    def inspect(self, pdf: bytes) -> Inspection:
        """What is said of `pdf` as of now."""
        return inspect_signatures(pdf, trust=self._trust, at=self._now())

    def renew(self, pdf: bytes) -> bytes:
        """`pdf` with evidence for its last document time-stamp, and one more document time-stamp over everything.

        Raises:
            InputError: `augment-altered`; `renewal-no-timestamp`: it has to reach B-LTA first.
            SigningError: `renewal-too-late`: the last time-stamp proves nothing any more. `augment-failed`.
            TimestampError: No authority gave a time-stamp.
            ConfigurationError: `timestamp-no-authorities`.
        """
        if self._timestamper is None:
            raise ConfigurationError("timestamp-no-authorities")
        found = self.inspect(pdf)
        if found.integrity is not Integrity.INTACT:
            raise InputError("augment-altered")
        last = found.signatures[-1]
        if last.kind is not SignatureKind.TIMESTAMP:
            raise InputError("renewal-no-timestamp", level=last.level)
        with_evidence = add_to_store(pdf, [self._entry(pdf)])
        prepared = prepare_timestamp(with_evidence, digest=self._digest, room=_ROOM)
        stamp = self._timestamper.stamp(prepared.imprint, digest=self._digest)
        made = complete_timestamp(prepared, stamp.token)
        after = self.inspect(made)
        whole = after.integrity is Integrity.INTACT and after.signatures[-1].covers_whole_file
        if not made.startswith(pdf) or not whole or len(after.signatures) != len(found.signatures) + 1:
            raise SigningError("augment-failed", level="B-LTA")
        return made

    def _entry(self, pdf: bytes) -> StoreEntry:
        """What proves the last time-stamp's authority, gathered and judged now."""
        try:
            file = read(pdf)
            last = signed_fields(file)[-1]
            known = Evidence()
            for store in read_stores(file):
                known |= store.evidence
            contents = bytes(last.contents or b"")
            token = parse_token(contents)
        except (SyntaxProblem, IndexError) as e:
            raise InputError("augment-altered") from e
        if token.certificate is None:
            raise InputError("augment-altered")
        gathered = gather(
            token.certificate.der,
            network=self._network,
            trust=self._trust,
            at=self._now(),
            evidence=known | evidence_of(token.signed, token.signer),
            purpose=Purpose.TIMESTAMP,
        )
        result = gathered.result
        if result.indication is not Indication.TOTAL_PASSED:
            reason = next((c.reason for c in result.checks if c.reason is not None), None)
            raise SigningError("renewal-too-late", problem=reason.code if reason else "-")
        proof = Evidence(
            certificates=result.chain,
            crls=tuple(s.evidence for s in result.revocation if s.source == "crl"),
            ocsps=tuple(s.evidence for s in result.revocation if s.source == "ocsp"),
        )
        return StoreEntry(contents=contents, evidence=proof)
