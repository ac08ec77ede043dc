"""A report as ETSI TS 119 102-2 (v1.4.1) XML, for software that takes any validator's word in that form.

One `SignatureValidationReport` for each signature, a broken one too; document time-stamps are among them, because they
are signatures of their own kind in a PDF. Each check is a constraint with its own result; what has no place in the
standard (changes after signing, the headline) stands in `AdditionalValidationReportData` under our own URNs
(docs/spec/report.md §3). Certificates are named by digest: who has the file has them.

TS 119 102-2: https://www.etsi.org/deliver/etsi_ts/119100_119199/11910202/
"""

import base64
import hashlib
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from esign.errors import InputError
from esign.names import masked
from esign.reasons import Reason
from esign.report import (
    Change,
    Check,
    Indication,
    Outcome,
    SignatureKind,
    SignatureReport,
    SubIndication,
    TimestampKind,
    TimestampReport,
    VerificationReport,
)
from esign.reports.story import why

__all__ = ["NAMESPACE", "to_xml"]

NAMESPACE = "http://uri.etsi.org/19102/v1.4.1#"
_XADES = "http://uri.etsi.org/01903/v1.3.2#"
_XMLDSIG = "http://www.w3.org/2000/09/xmldsig#"
_SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
_ETSI = "urn:etsi:019102"
_OURS = "urn:esign:report"
_FILE_ID = "file"
# XML 1.0 §2.2: what a document can hold; field names and certificates may hold anything.
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_MAIN = {
    Indication.TOTAL_PASSED: "total-passed",
    Indication.TOTAL_FAILED: "total-failed",
    Indication.INDETERMINATE: "indeterminate",
}
# EN 319 102-1 §5.1.3: TOTAL- is for signatures as a whole; building blocks and time-stamps pass or fail.
_BLOCK = {
    Indication.TOTAL_PASSED: "passed",
    Indication.TOTAL_FAILED: "failed",
    Indication.INDETERMINATE: "indeterminate",
}
_OUTCOME = {
    Outcome.PASSED: "passed",
    Outcome.FAILED: "failed",
    Outcome.UNKNOWN: "indeterminate",
    Outcome.NOTED: "passed",
}

ET.register_namespace("vr", NAMESPACE)
ET.register_namespace("XAdES", _XADES)
ET.register_namespace("ds", _XMLDSIG)


def to_xml(report: VerificationReport) -> bytes:
    """`report` as a document of the schema; UTF-8.

    Raises:
        InputError: `report-without-signature`: the standard has no report on a file that nobody signed.
    """
    if not report.signatures:
        raise InputError("report-without-signature")
    return _Writer(report).document()


class _Writer:
    def __init__(self, report: VerificationReport) -> None:
        self._report = report
        self._objects: dict[str, ET.Element] = {}

    def document(self) -> bytes:
        root = ET.Element(_vr("ValidationReport"))
        self._add_file()
        for position, signature in enumerate(self._report.signatures, 1):
            root.append(self._signature(position, signature))
        objects = _child(root, "SignatureValidationObjects")
        objects.extend(self._objects.values())
        ET.indent(root)
        return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"

    # --- one signature (§4.2) --------------------------------------------------------------------------------------

    def _signature(self, position: int, s: SignatureReport) -> ET.Element:
        element = ET.Element(_vr("SignatureValidationReport"))
        identifier = _child(element, "SignatureIdentifier", id=f"signature-{position}")
        _child(identifier, "HashOnly", "false")
        _child(identifier, "DocHashOnly", "false")
        _child(identifier, "DAIdentifier", s.field_name)
        constraints = _child(element, "ValidationConstraintsEvaluationReport")
        for check in s.checks:
            constraints.append(_constraint(check))
        stamps = [self._timestamp(position, number, t) for number, t in enumerate(s.timestamps, 1)]
        element.append(self._times(s, stamps))
        document = _child(element, "SignersDocument")
        _child(document, "SignersDocumentRepresentation", VOReference=_FILE_ID)
        attributes = list(self._attributes(s, stamps))
        if attributes:
            _child(element, "SignatureAttributes").extend(attributes)
        if s.certificate_sha256:
            information = _child(element, "SignerInformation")
            _child(information, "SignerCertificate", VOReference=self._certificate(s.certificate_sha256))
            _child(information, "Signer", masked(s.signer))
        process = _child(element, "SignatureValidationProcess")
        _child(process, "SignatureValidationProcessID", f"{_ETSI}:validationprocess:{_process(s)}")
        timestamp = s.kind is SignatureKind.TIMESTAMP
        element.append(self._status(s, _BLOCK if timestamp else _MAIN))
        return element

    def _times(self, s: SignatureReport, stamps: Sequence[str]) -> ET.Element:
        info = ET.Element(_vr("ValidationTimeInfo"))
        _child(info, "ValidationTime", _time(self._report.at))
        best = _child(info, "BestSignatureTime")
        moment = s.best_time or self._report.at
        _child(best, "POETime", _time(moment))
        _child(best, "TypeOfProof", f"{_ETSI}:poetype:validation")
        proof = next((i for i, t in zip(stamps, s.timestamps, strict=True) if t.time == s.best_time), None)
        if proof is not None:
            _child(best, "POEObject", VOReference=proof)
        return info

    def _attributes(self, s: SignatureReport, stamps: Sequence[str]) -> Iterator[ET.Element]:
        """Annex A, as far as the model keeps them."""
        if s.signing_time is not None:
            if s.kind is SignatureKind.TIMESTAMP:
                element = ET.Element(_vr("DocTimeStamp"))
                _child(element, "TimeStampValue", _time(s.signing_time))
            else:
                element = ET.Element(_vr("SigningTime"))
                _child(element, "Time", _time(s.signing_time))
            yield element
        if s.policy:
            element = ET.Element(_vr("SigPolicyIdentifier"), Signed="true")
            _child(element, "SigPolicyId", f"urn:oid:{s.policy}")
            yield element
        for identifier, stamp in zip(stamps, s.timestamps, strict=True):
            if stamp.time is not None:
                content = stamp.kind is TimestampKind.CONTENT
                element = ET.Element(_vr("AllDataObjectsTimeStamp" if content else "SignatureTimeStamp"))
                element.set("Signed", "true" if content else "false")
                _child(element, "AttributeObject", VOReference=identifier)
                _child(element, "TimeStampValue", _time(stamp.time))
                yield element

    def _status(self, s: SignatureReport, words: dict[Indication, str]) -> ET.Element:
        status = _status("SignatureValidationStatus", words[s.indication], s.sub_indication)
        data = _child(status, "AssociatedValidationReportData")
        if s.certificate_sha256 and s.certificates:
            chain = _child(data, "CertificateChain")
            _child(chain, "SigningCertificate", VOReference=self._certificate(s.certificate_sha256))
            names = ["IntermediateCertificate"] * len(s.certificates[1:])
            if names and s.indication is Indication.TOTAL_PASSED:
                names[-1] = "TrustAnchor"  # a chain that was accepted ends in one
            for name, der in zip(names, s.certificates[1:], strict=True):
                _child(chain, name, VOReference=self._certificate(_sha256(der)))
        additional = _child(data, "AdditionalValidationReportData")
        _data(additional, "integrity", self._report.integrity.value)
        _data(additional, "level", s.level)
        if (reason := why(s.checks)) is not None:
            _data(additional, "reason", _told(reason))
        for change in s.changes:
            _data(additional, f"change:{change.kind.value}", _change(change))
        return status

    # --- validation objects (§4.4) ---------------------------------------------------------------------------------

    def _add_file(self) -> None:
        self._object(_FILE_ID, "signedData", self._report.sha256)

    def _certificate(self, sha256: str) -> str:
        identifier = f"certificate-{sha256}"
        if identifier not in self._objects:
            self._object(identifier, "certificate", sha256)
        return identifier

    def _object(self, identifier: str, kind: str, sha256: str) -> ET.Element:
        element = ET.Element(_vr("ValidationObject"), id=identifier)
        _child(element, "ObjectType", f"{_ETSI}:validationObject:{kind}")
        representation = _child(element, "ValidationObjectRepresentation")
        digest = _child(representation, "DigestAlgAndValue")
        ET.SubElement(digest, f"{{{_XMLDSIG}}}DigestMethod", Algorithm=_SHA256)
        value = ET.SubElement(digest, f"{{{_XMLDSIG}}}DigestValue")
        value.text = base64.b64encode(bytes.fromhex(sha256)).decode()
        self._objects[identifier] = element
        return element

    def _timestamp(self, position: int, number: int, t: TimestampReport) -> str:
        """A time-stamp inside a signature, with the report on it alone."""
        identifier = f"timestamp-{position}-{number}"
        element = ET.Element(_vr("ValidationObject"), id=identifier)
        _child(element, "ObjectType", f"{_ETSI}:validationObject:timestamp")
        representation = _child(element, "ValidationObjectRepresentation")
        # Where it is: the token itself is no part of the model.
        _child(representation, "URI", f"#signature-{position}")
        report = _child(element, "ValidationReport")
        constraints = _child(report, "ValidationConstraintsEvaluationReport")
        for check in t.checks:
            constraints.append(_constraint(check))
        if t.certificate_sha256:
            information = _child(report, "SignerInformation")
            _child(information, "SignerCertificate", VOReference=self._certificate(t.certificate_sha256))
            _child(information, "Signer", masked(t.authority))
        report.append(_status("SignatureValidationStatus", _BLOCK[t.indication], t.sub_indication))
        self._objects[identifier] = element
        return identifier


def _process(s: SignatureReport) -> str:
    """EN 319 102-1 §5.3, §5.5 and §5.6: which process the material asks for."""
    if s.level.endswith("LTA"):
        return "LTA"
    return "LTVM" if s.timestamps else "Basic"


def _constraint(check: Check) -> ET.Element:
    """A check as the result of one constraint (§4.2.5)."""
    element = ET.Element(_vr("ValidationConstraint"))
    _child(element, "ValidationConstraintIdentifier", f"{_OURS}:check:{check.block.value}:{_slug(check.name)}")
    parameter = _child(element, "ValidationConstraintParameter")
    _child(parameter, "Type", f"{_OURS}:clause")
    _child(parameter, "Value", check.clause)
    status = _child(element, "ConstraintStatus")
    _child(status, "Status", f"{_ETSI}:constraintStatus:applied")
    element.append(_status("ValidationStatus", _OUTCOME[check.outcome], None))
    if check.reason is not None:
        _child(element, "Indications", _told(check.reason))
    return element


def _status(name: str, word: str, sub: SubIndication | None) -> ET.Element:
    element = ET.Element(_vr(name))
    _child(element, "MainIndication", f"{_ETSI}:mainindication:{word}")
    if sub is not None:
        _child(element, "SubIndication", f"{_ETSI}:subindication:{sub.value}")
    return element


def _data(parent: ET.Element, kind: str, value: str) -> None:
    data = _child(parent, "ReportData")
    _child(data, "Type", f"{_OURS}:{kind}")
    _child(data, "Value", value)


def _told(reason: Reason) -> str:
    return f"{reason.code}: {reason.explain('en').what}"


def _change(change: Change) -> str:
    place = f", page {change.page}" if change.page else f", field {change.field}" if change.field else ""
    verdict = "permitted" if change.permitted else "not permitted"
    return f"{verdict}, revision {change.revision}{place}: {_told(change.reason)}"


def _vr(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"


def _child(parent: ET.Element, name: str, text: str | None = None, **attributes: str) -> ET.Element:
    element = ET.SubElement(parent, _vr(name), attributes)
    element.text = None if text is None else _ILLEGAL.sub("\ufffd", text)
    return element


def _slug(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9-]", "-", name)


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _sha256(der: bytes) -> str:
    return hashlib.sha256(der).hexdigest()
