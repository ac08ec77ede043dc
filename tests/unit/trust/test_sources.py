"""Where anchors come from: known authorities, ETSI snapshots, the operating system; each only when asked."""

import base64
import hashlib
import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import pytest

from esign.errors import ConfigurationError, InputError, NetworkError
from esign.net import Client, NetworkRules
from esign.trust import Purpose, TrustStore, certificates
from esign.trust.etsi import read_trusted_list
from esign.trust.known import KnownAuthorities, KnownAuthority
from esign.trust.system import system_certificates
from tests.support.authority import NOW, Authorities
from tests.support.pki import PKI, der

PUBLISHED = Path(__file__).parents[2] / "vectors/trust/vietnam.json"


def test_what_was_published_stays_as_it_was() -> None:
    """Append-only: `tests/vectors/trust/vietnam.json` holds the entries of every version that was released."""
    known = KnownAuthorities.vietnam()
    published = json.loads(PUBLISHED.read_text("utf-8"))
    ours = {e.id: {k: v for k, v in asdict(e).items() if k != "superseded_by"} for e in known.entries}
    for entry in published:
        assert ours[entry["id"]] == entry
    assert {e.since for e in known.entries} <= set(range(1, known.version + 1))
    new = ours.keys() - {entry["id"] for entry in published}
    assert all(ours[i]["since"] == known.version for i in new), "a new entry needs a new version"


def test_both_worlds_and_several_generations() -> None:
    entries = KnownAuthorities.vietnam().entries
    assert {(e.world, e.generation) for e in entries if e.role == "root"} >= {
        ("vgca", "G1"),
        ("vgca", "G2"),
        ("neac", "G2"),
    }
    assert all(len(bytes.fromhex(e.sha256)) in {0, 32} for e in entries)
    assert all(e.evidence in {"V", "V1"} for e in entries)


def entry(pki: Authorities, sha256: str) -> KnownAuthority:
    return KnownAuthority(
        id="mau",
        since=1,
        name="Gốc MẪU",
        world="vgca",
        generation="G1",
        role="root",
        years="",
        url=pki.issuer("root"),
        sha256=sha256,
        evidence="V1",
    )


def client(pki: Authorities) -> Client:
    return Client(NetworkRules(inside=(pki.url.removeprefix("http://"),)), now=lambda: NOW)


def test_fetched_only_with_its_fingerprint(authorities: Authorities) -> None:
    root = authorities.certificate("root")
    right = hashlib.sha256(root).hexdigest()
    network = client(authorities)
    assert entry(authorities, right).fetch(network) == root
    with pytest.raises(InputError) as refused:
        entry(authorities, "ab" * 32).fetch(network)
    assert refused.value.code == "fingerprint-differs"
    assert right in str(refused.value)
    with pytest.raises(InputError) as refused:
        entry(authorities, "").fetch(network)
    assert refused.value.code == "fingerprint-unknown"
    colons = ":".join(right[i : i + 2] for i in range(0, 64, 2)).upper()
    assert entry(authorities, "").pinned(colons).fetch(network) == root
    with pytest.raises(InputError):
        entry(authorities, right).pinned("ab" * 32)


def test_inside_addresses_are_not_asked_unless_listed(authorities: Authorities) -> None:
    with pytest.raises(NetworkError):
        entry(authorities, "ab" * 32).fetch(Client(now=lambda: NOW))
    assert authorities.requests == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"version = 1",
        b"version = 1\nentry = [1]",
        b"version = 1\n[[entry]]\nid = 'x'",
        b"version = 'x'\nentry = []",
    ],
)
def test_a_broken_list_of_authorities_is_refused(content: bytes) -> None:
    with pytest.raises(ConfigurationError):
        KnownAuthorities.from_toml(content)
    with pytest.raises(InputError):
        KnownAuthorities.vietnam().find("nobody")


def test_the_system_is_asked_only_when_it_is_named() -> None:
    try:
        found = system_certificates()
    except ConfigurationError as e:
        assert e.code == "system-anchors-missing"  # noqa: PT017  # a system without any
        return
    assert all(certificates(one) == (one,) for one in found)
    assert TrustStore().anchors == ()


PKI_ = PKI.create()
GRANTED = "http://uri.etsi.org/TrstSvc/TrustedList/Svcstatus/granted"
WITHDRAWN = "http://uri.etsi.org/TrstSvc/TrustedList/Svcstatus/withdrawn"


def service(kind: str, status: str, certificate: bytes) -> str:
    return f"""<TSPService><ServiceInformation>
      <ServiceTypeIdentifier>http://uri.etsi.org/TrstSvc/Svctype/{kind}</ServiceTypeIdentifier>
      <ServiceName><Name xml:lang="en">{kind}</Name></ServiceName>
      <ServiceDigitalIdentity><DigitalId><X509Certificate>{base64.b64encode(certificate).decode()}</X509Certificate>
      </DigitalId></ServiceDigitalIdentity>
      <ServiceStatus>{status}</ServiceStatus></ServiceInformation></TSPService>"""


def trusted_list(*services: str) -> bytes:
    return f"""<?xml version="1.0" encoding="UTF-8"?>
    <TrustServiceStatusList xmlns="http://uri.etsi.org/02231/v2#">
     <SchemeInformation>
      <TSLSequenceNumber>7</TSLSequenceNumber><SchemeTerritory>VN</SchemeTerritory>
      <PointersToOtherTSL><OtherTSLPointer><TSLLocation> https://example.vn/tl.xml </TSLLocation></OtherTSLPointer>
      </PointersToOtherTSL>
      <ListIssueDateTime>2026-11-01T00:00:00Z</ListIssueDateTime>
      <NextUpdate><dateTime>2027-04-01T00:00:00Z</dateTime></NextUpdate>
     </SchemeInformation>
     <TrustServiceProviderList><TrustServiceProvider>
      <TSPInformation><TSPName><Name xml:lang="vi">Tổ chức MẪU</Name></TSPName></TSPInformation>
      <TSPServices>{"".join(services)}</TSPServices>
     </TrustServiceProvider></TrustServiceProviderList>
    </TrustServiceStatusList>""".encode()


def test_a_pinned_list_gives_what_was_granted() -> None:
    issuing, root = der(PKI_.issuing.certificate), der(PKI_.root.certificate)
    content = trusted_list(
        service("CA/QC", GRANTED, issuing),
        service("TSA/QTST", GRANTED, issuing),
        service("CA/QC", WITHDRAWN, root),
        service("NationalRootCA-QC", GRANTED, root),
        service("CA/QC", GRANTED, b"no certificate"),
    )
    found = read_trusted_list(content, sha256=hashlib.sha256(content).hexdigest().upper())
    assert (found.territory, found.sequence, found.pointers) == ("VN", 7, ("https://example.vn/tl.xml",))
    assert found.next_update == datetime(2027, 4, 1, tzinfo=UTC)
    assert [(s.provider, s.name, s.status) for s in found.services] == [
        ("Tổ chức MẪU", "CA/QC", "granted"),
        ("Tổ chức MẪU", "TSA/QTST", "granted"),
    ]
    (anchor,) = found.anchors
    assert anchor.der == issuing
    assert anchor.purposes == {Purpose.DOCUMENT, Purpose.TIMESTAMP}
    assert found.services[1].anchor.purposes == {Purpose.TIMESTAMP}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<a/>",
        trusted_list().replace(b"7</TSL", b"seven</TSL"),
        trusted_list().replace(b"<SchemeTerritory>VN</SchemeTerritory>", b""),
        trusted_list().replace(b"2026-11-01T00:00:00Z", b"2026-11-01T00:00:00"),
        trusted_list(service("CA/QC", GRANTED, b"x")).replace(b"eA==", b"e"),
        trusted_list().replace(b"?>", b'?><!DOCTYPE a [<!ENTITY b "c">]>', 1),
        trusted_list()[:-5],
    ],
)
def test_other_lists_are_refused(content: bytes) -> None:
    with pytest.raises(InputError) as refused:
        read_trusted_list(content, sha256=hashlib.sha256(content).hexdigest())
    assert refused.value.code == "trusted-list-unreadable"


def test_a_list_that_nobody_pinned_is_refused() -> None:
    with pytest.raises(InputError) as refused:
        read_trusted_list(trusted_list(), sha256="ab" * 32)
    assert refused.value.code == "fingerprint-differs"
