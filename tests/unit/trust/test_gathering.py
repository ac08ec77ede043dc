"""What is asked of whom, and when it ends; every answer is judged like any other evidence."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID

from esign.errors import NetworkError
from esign.net import Client, Fetched, Kind, NetworkRules, Query
from esign.report import SubIndication
from esign.trust import Evidence, RevocationState, TrustStore
from esign.trust.certificate import parse_certificate
from esign.trust.gathering import gather, ocsp_request
from tests.support.authority import NOW, Authorities
from tests.support.pki import EPOCH, PKI, YEAR, der, key_usage, name, pem


def client(pki: Authorities) -> Client:
    return Client(NetworkRules(inside=(pki.url.removeprefix("http://"),)), now=lambda: pki.clock.now)


def paths(pki: Authorities) -> list[str]:
    return [path.removeprefix("/office/") for path in pki.requests]


def test_only_what_is_missing_is_asked_for(authorities: Authorities) -> None:
    network, trust = client(authorities), authorities.trust("root")
    found = gather(authorities.certificate("signer"), network=network, trust=trust, at=NOW)
    assert found.result.passed
    assert found.problems == ()
    assert paths(authorities) == ["certs/issuing/ca.crt", "ocsp/issuing", "crls/root/latest.crl"]
    again = gather(authorities.certificate("signer"), network=network, trust=trust, at=NOW, evidence=found.evidence)
    assert again.result.passed
    assert len(authorities.requests) == 3
    offline = gather(authorities.certificate("signer"), network=_Silent(), trust=trust, at=NOW, evidence=found.evidence)
    assert offline.result == again.result


def test_a_list_takes_the_place_of_a_silent_responder(authorities: Authorities) -> None:
    network = _Without(client(authorities), Kind.OCSP)
    found = gather(authorities.certificate("signer"), network=network, trust=authorities.trust("root"), at=NOW)
    assert found.result.passed
    assert [s.source for s in found.result.revocation] == ["crl", "crl"]
    assert [p.code for p in found.problems] == ["answer-not-found"]


def test_nobody_answers(authorities: Authorities) -> None:
    found = gather(authorities.certificate("signer"), network=_Silent(), trust=authorities.trust("root"), at=NOW)
    assert found.result.sub_indication is SubIndication.NO_CERTIFICATE_CHAIN_FOUND
    assert [p.code for p in found.problems] == ["answer-not-found"]


def test_news_from_after_the_signature(authorities: Authorities) -> None:
    """EN 319 102-1 §5.2.5: what was said before the signature cannot know of its key's fate."""
    network, trust = client(authorities), authorities.trust("root")
    before = gather(authorities.certificate("ocsp-only"), network=network, trust=trust, at=NOW)
    signed = NOW + timedelta(minutes=5)
    authorities.clock.now = NOW + timedelta(minutes=10)
    after = gather(
        authorities.certificate("ocsp-only"),
        network=network,
        trust=trust,
        at=authorities.clock.now,
        evidence=before.evidence,
        newer_than=signed,
    )
    assert after.result.passed
    issued = after.result.revocation[0].issued_at
    assert issued is not None
    assert issued >= signed
    assert len(after.evidence.ocsps) == 2


def test_a_responder_that_must_be_checked_is(authorities: Authorities) -> None:
    """Its own list is fetched, though the certificate in question names none."""
    certificate, issuer = (parse_certificate(authorities.certificate(c)) for c in ("ocsp-only", "issuing"))
    network = client(authorities)
    query = Query(kind=Kind.OCSP, url=authorities.ocsp("checked"), body=ocsp_request(certificate, issuer))
    evidence = Evidence(certificates=(issuer.der,), ocsps=(network.fetch(query).body,))
    authorities.requests.clear()
    found = gather(
        certificate.der,
        network=_Without(network, Kind.OCSP),
        trust=authorities.trust("root"),
        at=NOW,
        evidence=evidence,
    )
    assert found.result.passed
    assert found.result.revocation[0].source == "ocsp"
    assert paths(authorities) == ["crls/issuing/latest.crl", "crls/root/latest.crl"]


def test_the_request_is_one_that_others_read() -> None:
    pki = PKI.create()
    leaf = pki.issuing.certify(ec.generate_private_key(ec.SECP256R1()).public_key(), name("Nguyễn Văn Mẫu"))
    asked = ocsp.load_der_ocsp_request(
        ocsp_request(parse_certificate(der(leaf)), parse_certificate(der(pki.issuing.certificate)))
    )
    expected = ocsp.OCSPRequestBuilder().add_certificate(leaf, pki.issuing.certificate, hashes.SHA1()).build()
    assert (asked.issuer_name_hash, asked.issuer_key_hash) == (expected.issuer_name_hash, expected.issuer_key_hash)
    assert asked.serial_number == leaf.serial_number


def test_an_endless_chain_ends() -> None:
    """Every issuer names another one: somebody wants to keep us busy."""
    server = _Endless()
    found = gather(
        server.issue(0), network=server, trust=TrustStore.from_pem(pem([PKI.create().root.certificate])), at=NOW
    )
    assert found.result.sub_indication is SubIndication.NO_CERTIFICATE_CHAIN_FOUND
    assert 1 < server.asked <= 24


@pytest.mark.parametrize("body", [b"", b"\x30\x00", b"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n"])
def test_answers_that_cannot_be_read_are_problems(authorities: Authorities, body: bytes) -> None:
    found = gather(authorities.certificate("signer"), network=_Garbage(body), trust=authorities.trust("root"), at=NOW)
    assert not found.result.passed
    assert {p.code for p in found.problems} == {"answer-unreadable"}
    with_issuer = gather(
        authorities.certificate("signer"),
        network=_Garbage(body),
        trust=authorities.trust("root"),
        at=NOW,
        evidence=Evidence(certificates=(authorities.certificate("issuing"),)),
    )
    assert with_issuer.result.sub_indication is SubIndication.TRY_LATER
    assert len(with_issuer.problems) == 3  # a responder and two lists
    assert all(s.state is RevocationState.UNKNOWN for s in with_issuer.result.revocation)


# Networks that behave in one way each.

Check = Callable[[bytes], object]


def _answered(query: Query, body: bytes) -> Fetched:
    return Fetched(query=query, url=query.url, body=body, at=NOW, elapsed=timedelta(0))


class _Silent:
    def fetch(self, query: Query, *, newer_than: datetime | None = None, check: Check = lambda _: None) -> Fetched:
        raise NetworkError("answer-not-found", host="nobody", status=404)


class _Without(_Silent):
    """Where one kind of question is not answered."""

    def __init__(self, network: Client, silent: Kind) -> None:
        self._network, self._silent = network, silent

    def fetch(self, query: Query, *, newer_than: datetime | None = None, check: Check = lambda _: None) -> Fetched:
        if query.kind is self._silent:
            return super().fetch(query)
        return self._network.fetch(query, newer_than=newer_than, check=check)


class _Garbage:
    def __init__(self, body: bytes) -> None:
        self._body = body

    def fetch(self, query: Query, *, newer_than: datetime | None = None, check: Check = lambda _: None) -> Fetched:
        check(self._body)
        return _answered(query, self._body)


class _Endless:
    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.asked = 0

    def issue(self, number: int) -> bytes:
        place = x509.UniformResourceIdentifier(f"http://endless.example/{number + 1}")
        access = x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, place)
        builder = (
            x509.CertificateBuilder()
            .issuer_name(name(f"CA {number + 1} MẪU"))
            .subject_name(name(f"CA {number} MẪU"))
            .public_key(self._key.public_key())
            .serial_number(number + 1)
            .not_valid_before(EPOCH)
            .not_valid_after(EPOCH + YEAR)
            .add_extension(key_usage(ca=number > 0), critical=True)
            .add_extension(x509.AuthorityInformationAccess([access]), critical=False)
        )
        return der(builder.sign(self._key, hashes.SHA256()))

    def fetch(self, query: Query, *, newer_than: datetime | None = None, check: Check = lambda _: None) -> Fetched:
        self.asked += 1
        return _answered(query, self.issue(int(query.url.rpartition("/")[2])))
