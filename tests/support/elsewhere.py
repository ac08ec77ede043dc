"""A PDF that a leader signed in other software: stock pyHanko, with its own field, a key of its own and its own PKI."""

import asyncio
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from asn1crypto import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner, Signer
from pyhanko_certvalidator.registry import SimpleCertificateStore

from esign.keys import Mechanism, SigningKey
from esign.softkey import SoftwareKey
from tests.support.pki import PKI, name, pem


@dataclass
class Elsewhere:
    """The leader, whose token belongs to that software."""

    key: SoftwareKey
    certificates: list[x509.Certificate]
    root: bytes
    chain: bytes
    crls: list[bytes]

    @classmethod
    def create(cls, common_name: str = "Nguyễn Văn Mẫu") -> "Elsewhere":
        pki = PKI.create()
        private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        own = pki.issuing.certify(private.public_key(), name(common_name, locality="Hà Nội"))
        chain = pem([own, pki.issuing.certificate])
        return cls(
            key=SoftwareKey.from_private_key(private),
            certificates=[x509.Certificate.load(der) for der in _ders(chain)],
            root=pem([pki.root.certificate]),
            chain=chain,
            crls=list(pki.crls(at=datetime.now(UTC) - timedelta(hours=1))),
        )

    def sign(self, pdf: bytes, *, field: str = "Signature1") -> bytes:
        """As that software does it."""
        return signed_elsewhere(pdf, self.key, self.certificates, field=field)


def signed_elsewhere(
    pdf: bytes, key: SigningKey, certificates: Sequence[x509.Certificate], *, field: str = "Signature1"
) -> bytes:
    """`pdf`, signed by stock pyHanko with an RSA key, at the time of its own clock."""
    store = SimpleCertificateStore()
    store.register_multiple(certificates)

    class Leader(Signer):
        async def async_sign_raw(
            self,
            data: bytes,
            digest_algorithm: str,
            dry_run: bool = False,  # noqa: FBT001, FBT002  # pyHanko's signature
        ) -> bytes:
            return bytes(256) if dry_run else key.sign(data, mechanism=Mechanism.RSA_PKCS1_SHA256)

    signer = PdfSigner(
        PdfSignatureMetadata(field_name=field, md_algorithm="sha256"),
        Leader(signing_cert=certificates[0], cert_registry=store),
    )
    output = asyncio.run(signer.async_sign_pdf(IncrementalPdfFileWriter(io.BytesIO(pdf))))
    result: bytes = output.getvalue()
    return result


def _ders(chain: bytes) -> tuple[bytes, ...]:
    from esign.trust import certificates

    return certificates(chain)
