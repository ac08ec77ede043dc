"""The XML of TS 119 102-2: every signature is in it, and the schema accepts whatever a document may hold.

The schema is not ours to keep: `make interop` fetches it and judges the corpus; where it is at hand it judges here too.
"""

import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given, settings

from esign.errors import InputError
from esign.report import VerificationReport
from esign.reports.etsi import NAMESPACE, to_xml
from tests.support import etsi_schema, reports

VR = f"{{{NAMESPACE}}}"
MADE: Mapping[str, Callable[[], VerificationReport]] = {
    "good": reports.good,
    "shadow": reports.shadow,
    "unknown": reports.unknown,
    "withdrawn": reports.withdrawn,
}


@pytest.fixture(scope="module")
def schema() -> Any:
    found = etsi_schema.jars()
    if not found:
        pytest.skip("the schemas are not here: `make interop` fetches them, or ESIGN_ETSI_SCHEMAS names their folder")
    return etsi_schema.load(found)


def judge(schema: Any, xml: bytes) -> None:
    from lxml import etree

    schema.assertValid(etree.fromstring(xml))


def texts(root: ET.Element, path: str) -> list[str]:
    return [e.text or "" for e in root.iterfind("/".join(VR + p for p in path.split("/")))]


def test_each_signature_has_its_own_report() -> None:
    root = ET.fromstring(to_xml(reports.good()))
    assert root.tag == f"{VR}ValidationReport"
    path = "SignatureValidationReport/SignatureValidationStatus/MainIndication"
    assert texts(root, path) == ["urn:etsi:019102:mainindication:total-passed"] * 2
    assert texts(root, "SignatureValidationReport/SignatureIdentifier/DAIdentifier") == ["Signature1", "Signature2"]
    assert texts(root, "SignatureValidationReport/ValidationTimeInfo/BestSignatureTime/POETime") == [
        "2026-11-21T03:32:58Z",
        "2026-11-19T03:32:58Z",
    ]


def test_a_broken_one_says_why() -> None:
    root = ET.fromstring(to_xml(reports.shadow()))
    status = "SignatureValidationReport/SignatureValidationStatus"
    assert texts(root, f"{status}/SubIndication") == ["urn:etsi:019102:subindication:FORMAT_FAILURE"]
    values = texts(root, f"{status}/AssociatedValidationReportData/AdditionalValidationReportData/ReportData/Value")
    assert "ALTERED" in values
    assert any(v.startswith("not permitted, revision 2, page 1: changed-after-signing:") for v in values)


def test_a_chain_that_was_accepted_ends_in_an_anchor() -> None:
    path = "SignatureValidationReport/SignatureValidationStatus/AssociatedValidationReportData/CertificateChain"
    (chain, _) = ET.fromstring(to_xml(reports.good())).iterfind("/".join(VR + p for p in path.split("/")))
    assert [e.tag.removeprefix(VR) for e in chain] == ["SigningCertificate", "TrustAnchor"]
    (open_end,) = ET.fromstring(to_xml(reports.unknown())).iterfind("/".join(VR + p for p in path.split("/")))
    assert [e.tag.removeprefix(VR) for e in open_end] == ["SigningCertificate", "IntermediateCertificate"]


def test_every_reference_leads_somewhere() -> None:
    root = ET.fromstring(to_xml(reports.good()))
    named = {e.get("id") for e in root.iter() if e.get("id")}
    asked = {e.get("VOReference") for e in root.iter() if e.get("VOReference")}
    assert asked
    assert asked <= named


def test_no_certificate_and_no_personal_number_is_inside() -> None:
    report = reports.good(signatures=(reports.signature(signer="MẪU,IGOR,37101010021"),))
    xml = to_xml(report).decode()
    assert "37101010021" not in xml
    assert "021" in xml


def test_a_file_without_signatures_has_no_such_report() -> None:
    with pytest.raises(InputError) as caught:
        to_xml(reports.unsigned())
    assert caught.value.code == "report-without-signature"


@pytest.mark.parametrize("name", MADE)
def test_the_schema_accepts_it(schema: Any, name: str) -> None:
    judge(schema, to_xml(MADE[name]()))


@settings(deadline=None)
@given(report=reports.REPORTS.filter(lambda r: bool(r.signatures)))
def test_whatever_a_document_holds_it_is_xml(report: VerificationReport) -> None:
    assert len(ET.fromstring(to_xml(report)).findall(f"{VR}SignatureValidationReport")) == len(report.signatures)


@settings(deadline=None)
@given(report=reports.REPORTS.filter(lambda r: bool(r.signatures)))
def test_whatever_a_document_holds_the_schema_accepts_it(schema: Any, report: VerificationReport) -> None:
    judge(schema, to_xml(report))
