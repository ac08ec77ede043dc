"""Documents whose proofs come from a PKI over HTTP: signed by one of its people, and raised to a level."""

from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12
from cryptography.x509 import load_der_x509_certificate

from esign.keys import Mechanism
from esign.net import Client, NetworkRules
from esign.pades.augment import Augmenter
from esign.pades.renewal import Renewer
from esign.pades.sign import prepare, sign
from esign.softkey import SoftwareKey
from esign.timestamp import TimestampAuthority, Timestamper
from tests.support.authority import Authorities
from tests.support.plain_pdf import plain_pdf

__all__ = ["augmenter", "network", "renewer", "signed_by", "timestamper"]


def network(pki: Authorities) -> Client:
    """A client that reaches this PKI, by its clock."""
    return Client(NetworkRules(inside=(pki.url.removeprefix("http://"),)), now=lambda: pki.clock.now)


def timestamper(pki: Authorities, client: Client, *, tsa: str = "tsa") -> Timestamper:
    """Asks one time-stamping authority of this PKI."""
    return Timestamper(
        [TimestampAuthority(name="TSA", url=pki.tsa(tsa))],
        client=client,
        trust=pki.trust("root"),
        now=lambda: pki.clock.now,
    )


def augmenter(pki: Authorities, **changes: object) -> Augmenter:
    """Raises levels with what this PKI says."""
    client = network(pki)
    parts: dict[str, object] = {
        "timestamper": timestamper(pki, client),
        "network": client,
        "trust": pki.trust("root"),
        "now": lambda: pki.clock.now,
    }
    return Augmenter(**parts | changes)  # type: ignore[arg-type]


def renewer(pki: Authorities, tsa: str = "tsa") -> Renewer:
    """Renews proofs with what this PKI says."""
    client = network(pki)
    return Renewer(
        timestamper=timestamper(pki, client, tsa=tsa),
        network=client,
        trust=pki.trust("root"),
        now=lambda: pki.clock.now,
    )


def signed_by(pki: Authorities, who: str, pdf: bytes | None = None) -> bytes:
    """A B-B by somebody whose certificate says where to ask about it."""
    certificate, *issuers = (load_der_x509_certificate(c) for c in pki.chain(who))
    container = pkcs12.serialize_key_and_certificates(
        None,
        pki.key(who),
        certificate,
        issuers,
        BestAvailableEncryption(b"x"),
    )
    key = SoftwareKey.from_pkcs12(container, "x")
    prepared = prepare(
        pdf or plain_pdf(),
        certificates=key.certificates,
        mechanism=Mechanism.ECDSA_P256_SHA256,
        signing_time=pki.clock.now,
        field_name="Signature",
    )
    return sign(prepared, key)
