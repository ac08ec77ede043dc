"""Certificates for TLS between programs of the tests: of servers at 127.0.0.1, and of clients."""

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.support.pki import Authority, name, pem

__all__ = ["client_pem", "server_context", "server_pem"]


def server_pem(authority: Authority, file: Path) -> Path:
    """Key and certificate of a server at 127.0.0.1, by `authority`."""
    return _write(authority, file, [x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])])


def client_pem(authority: Authority, file: Path, common_name: str) -> Path:
    """Key and certificate of a client."""
    return _write(authority, file, [x509.ExtendedKeyUsage([x509.OID_CLIENT_AUTH])], common_name)


def server_context(authority: Authority, file: Path) -> ssl.SSLContext:
    """For a server of this process."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server_pem(authority, file))
    return context


def _write(
    authority: Authority, file: Path, extensions: list[x509.ExtensionType], common_name: str = "127.0.0.1"
) -> Path:
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)  # TLS goes by the machine's own clock
    builder = (
        x509.CertificateBuilder()
        .subject_name(name(common_name))
        .issuer_name(authority.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), critical=False)
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(pem([builder.sign(authority.key, hashes.SHA256())]) + private)
    file.chmod(0o600)
    return file
