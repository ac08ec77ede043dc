"""Ask services of the test PKI by their labels, through the guarded client, whatever a certificate names."""

from collections.abc import Iterable

from esign.net import Client, Kind, Query
from esign.trust import Evidence
from esign.trust.certificate import parse_certificate
from esign.trust.gathering import ocsp_request
from tests.support.authority import Authorities

__all__ = ["ask"]


def ask(
    network: Client, pki: Authorities, *, of: str, answers: Iterable[str] = (), lists: Iterable[str] = ()
) -> Evidence:
    """What these responders say of a certificate, and these lists."""
    certificate = pki.certificate(of)
    issuer = next((parse_certificate(c) for c in pki.chain(of)[1:]), None)
    ocsps = []
    for label in answers:
        assert issuer is not None
        body = ocsp_request(parse_certificate(certificate), issuer)
        ocsps.append(network.fetch(Query(kind=Kind.OCSP, url=pki.ocsp(label), body=body)).body)
    crls = [network.fetch(Query(kind=Kind.CRL, url=pki.crl(label))).body for label in lists]
    return Evidence(crls=tuple(crls), ocsps=tuple(ocsps))
