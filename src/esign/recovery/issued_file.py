"""What a signed file tells of its registration, when the register has forgotten it.

A file is believed only where a key of this agency made its last signature and, where it has a seal, a known seal key
the seal: whoever can write into the archive must not get a forgery registered.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from esign.archive import sha256
from esign.authority import public_key_sha256
from esign.codes import AgencyCode, ProcedureCode, ResultId
from esign.document import SignerRole
from esign.errors import Error, SigningError
from esign.keys import Mechanism
from esign.pades.inspect import inspect_signatures
from esign.pdf import page_count
from esign.pdf.links import seal_links
from esign.profile import VIETNAM, Level
from esign.reasons import Reason
from esign.registry import FileVersion, Registration, SignerCertificate
from esign.registry.recovery import Found
from esign.report import Integrity, SignatureKind, SignatureReport
from esign.seal import UNDISCLOSED, SealKeys, SealToken, binding
from esign.seal import verify as verify_seal
from esign.seal.digest import SALT_BYTES
from esign.trust import TrustStore, signer_facts

__all__ = ["IssuedFile", "Reader"]

_LEVELS = {level.value: level for level in Level}


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedFile:
    """A signed file, understood."""

    found: Found
    """As it was issued."""
    later: FileVersion | None
    """The newest version, where something was appended since."""


class Reader:
    """Reads the files of one agency's archive."""

    def __init__(
        self,
        *,
        agency: AgencyCode,
        profile: str,
        seal_keys: SealKeys,
        certificates: frozenset[str],
        now: Callable[[], datetime],
    ) -> None:
        """`certificates` (SHA-256) signed what the register knows; a seal key's table names its agency's signers."""
        self._agency = agency
        self._profile = profile
        self._seal_keys = seal_keys
        self._certificates = certificates
        self._now = now

    def read(self, result_id: ResultId, versions: Sequence[bytes]) -> IssuedFile:
        """What `versions`, which are kept under `result_id`, tell; each begins with the one before.

        Raises:
            SigningError: `recovery-not-ours`: it is not whole, or no known key of this agency made it.
        """
        try:
            return self._read(result_id, *sorted(versions, key=len))
        except SigningError:
            raise
        except Error as e:
            raise SigningError("recovery-not-ours", id=str(result_id), problem=e.reason) from e

    def _read(self, result_id: ResultId, issued: bytes, *later: bytes) -> IssuedFile:
        signatures = self._signatures(result_id, issued)
        token = self._seal(result_id, issued)
        ours = signatures[-1]
        self._check_signer(result_id, ours, token)
        claims = token.claims if token is not None else None
        signing_time = ours.signing_time or (claims.issued_at if claims else self._now())
        registration = Registration(
            sha256=sha256(issued),
            size=len(issued),
            signers=tuple(
                SignerCertificate(**signer_facts(s.certificates[0]), role=role)
                for s, role in zip(signatures, _roles(signatures), strict=True)
            ),
            signing_time=signing_time,
            level=_LEVELS[ours.level],
            mechanism=Mechanism(ours.mechanism),
            pages=page_count(issued),
            seal_token_sha256=sha256(bytes(token)) if token is not None else None,
            fonts=(),
            profile=self._profile,
            notices=(Reason("registered-by-recovery"),),
        )
        moment = claims.issued_at if claims is not None else signing_time
        found = Found(
            id=result_id,
            agency=self._agency,
            profile=self._profile,
            number=claims.number if claims else None,
            procedure=_disclosed(claims.procedure) if claims else None,
            status_number=claims.status_number if claims else None,
            masked_holder=str(claims.holder) if claims and claims.holder else "",
            issue_date=moment.astimezone(VIETNAM).date(),
            expires=claims.expires if claims else None,
            salt=_salt(issued, token) if token is not None else None,
            registration=registration,
        )
        return IssuedFile(found=found, later=self._later(result_id, issued, later[-1]) if later else None)

    def _later(self, result_id: ResultId, issued: bytes, pdf: bytes) -> FileVersion:
        last = self._signatures(result_id, pdf)[-1]
        if not pdf.startswith(issued):
            raise SigningError("recovery-not-ours", id=str(result_id), problem=Reason("recovery-version-other"))
        return FileVersion(sha256=sha256(pdf), size=len(pdf), level=_LEVELS[last.level], at=self._now())

    def _signatures(self, result_id: ResultId, pdf: bytes) -> list[SignatureReport]:
        seen = inspect_signatures(pdf, trust=TrustStore(), at=self._now())
        signatures = [s for s in seen.signatures if s.kind is SignatureKind.SIGNATURE]
        whole = seen.integrity is Integrity.INTACT and all(s.certificates for s in signatures)
        if not whole or not signatures or signatures[-1].level not in _LEVELS:
            raise SigningError("recovery-not-ours", id=str(result_id), problem=seen.integrity.value)
        return signatures

    def _seal(self, result_id: ResultId, pdf: bytes) -> SealToken | None:
        """Its seal, which a known key made for this file; None where it has none.

        Raises:
            SigningError: `recovery-not-ours`: it has one that is not.
        """
        url = next((link.url for link in seal_links(pdf)), None)
        if url is None:
            return None
        report = verify_seal(url, keys=self._seal_keys, at=self._now())
        if report.token is None or not report.authentic:
            raise SigningError("recovery-not-ours", id=str(result_id), problem=next(iter(report.findings), "—"))
        if report.token.claims.result_id != result_id or binding(pdf, report.token.claims.digest) is None:
            raise SigningError("recovery-not-ours", id=str(result_id), problem=Reason("recovery-seal-elsewhere"))
        return report.token

    def _check_signer(self, result_id: ResultId, last: SignatureReport, token: SealToken | None) -> None:
        key = self._seal_keys.get(token.kid) if token is not None else None
        by_seal = key is not None and public_key_sha256(last.certificates[0]) in key.signers
        if not by_seal and last.certificate_sha256 not in self._certificates:
            raise SigningError("recovery-not-ours", id=str(result_id), problem=Reason("recovery-signer-unknown"))


def _salt(pdf: bytes, token: SealToken) -> bytes | None:
    """Of the line that ends what the seal is bound to; `_seal` has found it."""
    end = binding(pdf, token.claims.digest)
    return None if end is None else bytes.fromhex(pdf[end - 2 * SALT_BYTES - 1 : end - 1].decode("ascii"))


def _roles(signatures: list[SignatureReport]) -> list[SignerRole]:
    """People sign before the agency (ND30 Đ.32.2.d)."""
    return [SignerRole.PERSON] * (len(signatures) - 1) + [SignerRole.AGENCY]


def _disclosed(procedure: ProcedureCode) -> ProcedureCode | None:
    return None if procedure == UNDISCLOSED else procedure
