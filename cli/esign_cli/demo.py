"""A certificate for trying things out: made by an authority that exists for a moment and whose key nobody keeps.

Nobody but the folder that it was made for trusts it, and it says in its name what it is.
"""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from esign_cli.wiring import Workplace

__all__ = ["certify_for_trial"]

_DAYS = 365
_NAME = "esign - chỉ để thử nghiệm (trial only)"


def certify_for_trial(workplace: "Workplace", *, now: datetime) -> None:
    """Certify the agency's key, put the certificate on the token, and trust its authority in this folder alone."""
    import tomlkit
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import Encoding, load_der_public_key
    from cryptography.x509.oid import NameOID

    from esign.files import write_durably
    from esign_hsm.admin import import_certificates
    from esign_hsm.csr import KEY_USAGE

    root_key = ec.generate_private_key(ec.SECP256R1())
    start, end = now - timedelta(days=1), now + timedelta(days=_DAYS)
    root_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _NAME)])
    agency_name = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "VN"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, _NAME),
            x509.NameAttribute(NameOID.COMMON_NAME, workplace.config.agency.name[:64]),
        ]
    )
    root_id = x509.SubjectKeyIdentifier.from_public_key(root_key.public_key())
    root = (
        x509.CertificateBuilder(root_name, root_name, root_key.public_key(), x509.random_serial_number(), start, end)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=False,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                key_cert_sign=True,
                crl_sign=True,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
        .add_extension(root_id, critical=False)
        .sign(root_key, hashes.SHA256())
    )
    public_key = load_der_public_key(workplace.key().public_key)
    assert isinstance(public_key, RSAPublicKey | ec.EllipticCurvePublicKey)
    certificate = (
        x509.CertificateBuilder(root_name, agency_name, public_key, x509.random_serial_number(), start, end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(KEY_USAGE.value, critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(root_id), critical=False)
        .sign(root_key, hashes.SHA256())
    )
    revoked = x509.CertificateRevocationListBuilder(root_name, start, end).sign(root_key, hashes.SHA256())
    folder = workplace.config.path.resolve().parent
    trust = folder / "trust"
    write_durably(trust / "root.pem", root.public_bytes(Encoding.PEM), private=False)
    write_durably(trust / "root.crl", revoked.public_bytes(Encoding.PEM), private=False)
    ref = workplace.config.key.uri
    import_certificates(workplace.store, ref, certificates=[certificate.public_bytes(Encoding.DER)])
    document = tomlkit.parse(workplace.config.path.read_text("utf-8"))
    document["trust"]["anchors"] = ["trust/root.pem"]
    document["trust"]["crls"] = ["trust/root.crl"]
    write_durably(workplace.config.path, tomlkit.dumps(document).encode(), private=False)
