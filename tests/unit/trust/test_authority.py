"""The test PKI itself: what it says is what `pki.yml` describes, as of its clock."""

from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest
from asn1crypto import tsp
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.ocsp import OCSPCertStatus

from tests.support.authority import NOW, SHIFTS, Authorities


def fetch(url: str, body: bytes | None = None) -> bytes:
    place = urlsplit(url)
    assert place.hostname is not None
    connection = HTTPConnection(place.hostname, place.port, timeout=60)
    connection.request("GET" if body is None else "POST", place.path, body)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    assert answer.status == 200, answer.status
    return content


def status(pki: Authorities, who: str, responder: str) -> ocsp.OCSPResponse:
    certificate, issuer = (x509.load_der_x509_certificate(pki.certificate(c)) for c in (who, "issuing"))
    asked = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, hashes.SHA1()).build()
    return ocsp.load_der_ocsp_response(fetch(pki.ocsp(responder), asked.public_bytes(Encoding.DER)))


@pytest.mark.parametrize("who", ["signer", "revoked", "held"])
def test_lists_and_responders_agree(authorities: Authorities, who: str) -> None:
    certificate = x509.load_der_x509_certificate(authorities.certificate(who))
    listed = x509.load_der_x509_crl(fetch(authorities.crl("issuing")))
    expected = OCSPCertStatus.GOOD if who == "signer" else OCSPCertStatus.REVOKED
    entry = listed.get_revoked_certificate_by_serial_number(certificate.serial_number)
    assert (entry is not None) == (expected is OCSPCertStatus.REVOKED)
    for responder in ("issuing", "by-issuer", "checked"):
        answer = status(authorities, who, responder)
        assert (answer.certificate_status, answer.this_update_utc) == (expected, NOW)
    assert status(authorities, who, "unknown").certificate_status is OCSPCertStatus.UNKNOWN


def test_time_is_injected(authorities: Authorities) -> None:
    assert status(authorities, "revoked-later", "issuing").certificate_status is OCSPCertStatus.GOOD
    authorities.clock.now = datetime(2036, 11, 21, tzinfo=UTC)
    assert status(authorities, "revoked-later", "issuing").certificate_status is OCSPCertStatus.REVOKED
    listed = x509.load_der_x509_crl(fetch(authorities.crl("issuing")))
    assert timedelta() <= authorities.clock.now - listed.last_update_utc <= timedelta(days=1)
    assert status(authorities, "signer", "stale").this_update_utc == authorities.clock.now - timedelta(days=60)
    assert authorities.requests[0] == "/office/ocsp/issuing"


@pytest.mark.parametrize("label", ["tsa", "sha384", "rsa", "ahead", "behind"])
def test_stamps_by_its_clock(authorities: Authorities, label: str) -> None:
    imprint = {"hash_algorithm": {"algorithm": "sha256"}, "hashed_message": b"x" * 32}
    asked = tsp.TimeStampReq({"version": 1, "message_imprint": imprint, "nonce": 7, "cert_req": True})
    answer = tsp.TimeStampResp.load(fetch(authorities.tsa(label), asked.dump()))
    info = answer["time_stamp_token"]["content"]["encap_content_info"]["content"].parsed
    assert info["gen_time"].native == (NOW + SHIFTS.get(("tsa", label), timedelta())).replace(microsecond=0)
    assert info["nonce"].native == 7


def test_issuers_are_published(authorities: Authorities) -> None:
    assert fetch(authorities.issuer("issuing")) == authorities.certificate("issuing")
    assert authorities.chain("signer") == (authorities.certificate("signer"), authorities.certificate("issuing"))
