"""A verification receipt: what was verified, with which outcome, when and on what basis, signed by a key in a token.

A bank or a notary keeps it beside the document and shows years later what its own verification said that day. It is
two files: canonical JSON, and a detached CMS signature over these very bytes, which `openssl cms -verify` checks
(docs/spec/receipt.md). It names the file and the full report by their SHA-256 and holds nothing else of them.

>>> receipt = Receipt.of(report, basis=basis, issued_at=now())
>>> signed = sign_receipt(receipt, key, mechanism=Mechanism.RSA_PSS_SHA256)
>>> check_receipt(signed.content, signed.signature, trust=trust, at=now(), file=pdf).receipt.answer
<Answer.GOOD: 'good'>
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, Self

from esign.cms.detached import sign_detached, signer_of
from esign.errors import InputError
from esign.keys import Mechanism, SigningKey
from esign.reasons import Reason
from esign.report import Block, Check, Integrity, Outcome, VerificationReport
from esign.reports.answer import Answer, answer_of
from esign.reports.json import canonical, to_json
from esign.trust import TrustStore, ValidationPolicy
from esign.trust.result import Evidence
from esign.trust.validation import validate_certificate

__all__ = [
    "FORMAT",
    "Basis",
    "Receipt",
    "ReceiptFinding",
    "SignedReceipt",
    "check_receipt",
    "report_bytes",
    "sign_receipt",
]

FORMAT = "esign-receipt/1"
_CLAUSE = "docs/spec/receipt.md"
_MOST_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """What a verification rested on, by versions that can be looked up later."""

    trust: str
    """Which anchors: `sha256:` and the digest of their sorted fingerprints."""
    policy: str
    """Which validation policy: the version of the table of algorithms."""
    software: str
    """Which program."""

    @classmethod
    def of(cls, trust: TrustStore, policy: ValidationPolicy) -> Self:
        """That of a verifier with these parts."""
        anchors = "".join(sorted(anchor.sha256 for anchor in trust.anchors))
        return cls(
            trust=f"sha256:{hashlib.sha256(anchors.encode('ascii')).hexdigest()}",
            policy=f"EN 319 102-1; algorithms {policy.algorithms.version}",
            software=f"esign {version('esign')}",
        )


def report_bytes(report: VerificationReport) -> bytes:
    """The full report as a receipt names it: canonical JSON, without the names of files."""
    return canonical(to_json(report))


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What a receipt says."""

    file_sha256: str
    """Hex, of the file that was verified."""
    report_sha256: str
    """Hex, of `report_bytes`."""
    answer: Answer
    """The verdict."""
    integrity: Integrity
    """The headline, whoever signed."""
    reasons: tuple[str, ...]
    """The codes of why it is not simply good."""
    verified_at: datetime
    """The time as of which trust and standing were judged."""
    issued_at: datetime
    """When the receipt was made, by the clock of whoever signs it."""
    basis: Basis
    """On what the verdict rests."""

    @classmethod
    def of(cls, report: VerificationReport, *, basis: Basis, issued_at: datetime) -> Self:
        """The receipt on `report`."""
        return cls(
            file_sha256=report.sha256,
            report_sha256=hashlib.sha256(report_bytes(report)).hexdigest(),
            answer=answer_of(report),
            integrity=report.integrity,
            reasons=tuple(dict.fromkeys(r.code for r in report.reasons)),
            verified_at=report.at,
            issued_at=issued_at,
            basis=basis,
        )

    @property
    def content(self) -> bytes:
        """The bytes that are signed."""
        basis = {"policy": self.basis.policy, "software": self.basis.software, "trust": self.basis.trust}
        return canonical(
            {
                "format": FORMAT,
                "file": {"sha256": self.file_sha256},
                "report": {"sha256": self.report_sha256},
                "answer": self.answer.value,
                "integrity": self.integrity.value,
                "reasons": list(self.reasons),
                "verified_at": _time(self.verified_at),
                "issued_at": _time(self.issued_at),
                "basis": basis,
            }
        )

    @classmethod
    def read(cls, content: bytes) -> Self:
        """The receipt that `content` is.

        Raises:
            InputError: `receipt-unreadable`: another format, or not in its canonical spelling.
        """
        try:
            found = json.loads(content) if len(content) <= _MOST_BYTES else None
            read = cls._of_members(found) if isinstance(found, Mapping) and found["format"] == FORMAT else None
        except (ValueError, KeyError, TypeError, RecursionError) as e:
            raise InputError("receipt-unreadable", problem=type(e).__name__) from e
        if read is None or read.content != content:
            # One spelling only: nothing stands in the file that these fields do not say.
            raise InputError("receipt-unreadable", problem=FORMAT)
        return read

    @classmethod
    def _of_members(cls, members: Mapping[str, Any]) -> Self:
        basis = members["basis"]
        return cls(
            file_sha256=bytes.fromhex(members["file"]["sha256"]).hex(),
            report_sha256=bytes.fromhex(members["report"]["sha256"]).hex(),
            answer=Answer(members["answer"]),
            integrity=Integrity(members["integrity"]),
            reasons=tuple(str(code) for code in members["reasons"]),
            verified_at=datetime.fromisoformat(members["verified_at"]).astimezone(UTC),
            issued_at=datetime.fromisoformat(members["issued_at"]).astimezone(UTC),
            basis=Basis(trust=str(basis["trust"]), policy=str(basis["policy"]), software=str(basis["software"])),
        )


@dataclass(frozen=True, slots=True)
class SignedReceipt:
    """The two files of a receipt."""

    content: bytes = field(repr=False)
    """Canonical JSON."""
    signature: bytes = field(repr=False)
    """Detached CMS (RFC 5652) over `content`, DER."""


def sign_receipt(receipt: Receipt, key: SigningKey, *, mechanism: Mechanism) -> SignedReceipt:
    """Sign `receipt`; the signature carries the key's certificate and its issuers.

    Raises:
        SigningError: `no-certificate`.
        KeyStoreError: The token refused.
    """
    content = receipt.content
    return SignedReceipt(content, sign_detached(content, key, mechanism=mechanism))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptFinding:
    """What checking a receipt found; it has no truth value either: look at `checks`."""

    receipt: Receipt
    """What it says, whoever signed."""
    signer: bytes = field(default=b"", repr=False)
    """The signer's certificate, DER; empty where none was found."""
    checks: tuple[Check, ...] = ()
    """Signature, signer, and what was compared."""


def check_receipt(
    content: bytes,
    signature: bytes,
    *,
    trust: TrustStore,
    at: datetime,
    file: bytes | None = None,
    report: bytes | None = None,
) -> ReceiptFinding:
    """Whether `signature` was made over `content` by somebody whom `trust` leads to as of `at`, and what it is for.

    `file` and `report` are compared where they are given.

    Raises:
        InputError: `receipt-unreadable` or `cms-unreadable`.
    """
    receipt = Receipt.read(content)
    certificates = signer_of(content, signature)
    if not certificates:
        checks = [_failed("receipt-signature", "receipt-not-as-signed")]
    else:
        checks = [_passed("receipt-signature")]
        evidence = Evidence(certificates=certificates[1:])
        checks += validate_certificate(certificates[0], trust=trust, at=at, evidence=evidence).checks
    for name, code, given, named in (
        ("receipt-file", "receipt-file-differs", file, receipt.file_sha256),
        ("receipt-report", "receipt-report-differs", report, receipt.report_sha256),
    ):
        if given is not None:
            same = hashlib.sha256(given).hexdigest() == named
            checks.append(_passed(name) if same else _failed(name, code))
    return ReceiptFinding(receipt=receipt, signer=next(iter(certificates), b""), checks=tuple(checks))


def _passed(name: str) -> Check:
    return Check(name=name, outcome=Outcome.PASSED, clause=_CLAUSE, block=Block.CRYPTOGRAPHIC)


def _failed(name: str, code: str) -> Check:
    return Check(name=name, outcome=Outcome.FAILED, clause=_CLAUSE, reason=Reason(code), block=Block.CRYPTOGRAPHIC)


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
