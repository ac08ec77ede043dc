"""Persons who sign, in their ways, and what the approval says of it."""

import asyncio
import io
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

import pytest
import typst
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import signers
from pyhanko.sign.fields import SigFieldSpec, SigSeedSubFilter
from pyhanko.sign.signers.cms_embedder import PdfCMSEmbedder, SigIOSetup, SigObjSetup
from pyhanko.sign.signers.pdf_byterange import SignatureObject
from pyhanko.sign.signers.pdf_cms import PdfCMSSignedAttributes
from pyhanko_certvalidator.registry import SimpleCertificateStore

from esign.approval import Approval, check_person_signature
from esign.authority import Authority, AuthorityTable, Capacity, public_key_sha256
from esign.codes import AgencyCode, ProcedureCode
from esign.document import Box, Mark
from esign.errors import SigningError
from esign.keys import Mechanism
from esign.pades.sign import prepare, sign
from esign.softkey import SoftwareKey
from esign.texts import LANGUAGES
from esign.trust import TrustStore
from tests.support.pki import EPOCH, PKI, PrivateKey, der, name

NOW = datetime(2026, 11, 21, 3, 32, 58, tzinfo=UTC)
HOUR = timedelta(hours=1)
WARD = AgencyCode("H26.18.01")
PERMIT = ProcedureCode("1.001122")
PKI_ = PKI.create()


@dataclass(frozen=True)
class Signer:
    """Somebody with a key and a certificate."""

    key: PrivateKey
    certificate: bytes
    chain: tuple[bytes, ...]

    @classmethod
    def of(
        cls,
        who: str,
        *,
        key: PrivateKey | None = None,
        pki: PKI = PKI_,
        since: datetime = EPOCH,
        until: datetime | None = None,
    ) -> "Signer":
        own = key or ec.generate_private_key(ec.SECP256R1())
        certificate = pki.issuing.certify(own.public_key(), name(who), since=since, until=until)
        return cls(own, der(certificate), pki.chain(certificate))

    def granted(self, **changed: Any) -> Authority:
        grant = Authority(
            id="ct-2026",
            public_key_sha256=public_key_sha256(self.certificate),
            name="Nguyễn Văn Mẫu",
            title="CHỦ TỊCH",
            agency=WARD,
            procedures=frozenset({PERMIT}),
            capacity=Capacity.DIRECT,
            since=date(2026, 7, 1),
            basis="NQ 02/NQ-HĐND",
        )
        return replace(grant, **changed)


PERSON = Signer.of("Nguyễn Văn Mẫu")
DRAFTER = Signer.of("Trần Thị Ví Dụ")
AGENCY = Signer.of("UBND PHƯỜNG MẪU")
TABLE = AuthorityTable(grants=(PERSON.granted(),))
ROOT = der(PKI_.root.certificate)
TRUST = TrustStore.from_pem(ROOT, crls=PKI_.crls(at=NOW - HOUR))


@cache
def page(text: str = "Quyết định cấp giấy phép cho hộ kinh doanh mẫu") -> bytes:
    return typst.compile(f'#set page(width: 210mm, height: 297mm)\n#set text(lang: "vi")\n{text}'.encode())


DRAWN = Mark(
    pdf=typst.compile(b"#set page(width: 30mm, height: 10mm, fill: none)\nX"), width_mm=30, height_mm=10, alt="X"
)
PLACE = Box(page=0, left=100, bottom=100, width=85, height=28)


def signed(
    pdf: bytes,
    who: Signer = PERSON,
    *,
    mechanism: Mechanism = Mechanism.ECDSA_P256_SHA256,
    at: datetime = NOW,
    field: str = "PersonSignature",
) -> bytes:
    prepared = prepare(
        pdf, certificates=who.chain, mechanism=mechanism, signing_time=at, field_name=field, appearance=None
    )
    return sign(prepared, SoftwareKey(who.key, who.chain))


def stock_signer(who: Signer) -> Any:
    """pyHanko as it comes, with the key of `who`."""
    from asn1crypto import keys, x509

    key = who.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return signers.SimpleSigner(
        signing_cert=x509.Certificate.load(who.certificate),
        signing_key=keys.PrivateKeyInfo.load(key),
        cert_registry=SimpleCertificateStore.from_certs([x509.Certificate.load(c) for c in who.chain[1:]]),
    )


def signed_elsewhere(
    pdf: bytes | IncrementalPdfFileWriter,
    who: Signer = PERSON,
    *,
    field: str = "Signature1",
    subfilter: SigSeedSubFilter = SigSeedSubFilter.ADOBE_PKCS7_DETACHED,
    written: datetime | None = NOW,
    attribute: datetime | None = NOW,
) -> bytes:
    """Signed by stock pyHanko in the way that older software does, at the times that it is told."""
    writer = IncrementalPdfFileWriter(io.BytesIO(pdf)) if isinstance(pdf, bytes) else pdf
    steps: Any = PdfCMSEmbedder(SigFieldSpec(field)).write_cms(field, writer)
    next(steps)
    placeholder = SignatureObject(timestamp=written, subfilter=subfilter, bytes_reserved=16384)
    steps.send(SigObjSetup(sig_placeholder=placeholder))
    digest, output = steps.send(SigIOSetup(md_algorithm="sha256"))
    container = stock_signer(who).async_sign(
        digest.document_digest,
        "sha256",
        use_pades=subfilter is SigSeedSubFilter.PADES,
        signed_attr_settings=PdfCMSSignedAttributes(signing_time=attribute),
    )
    steps.send(asyncio.run(container))
    assert isinstance(output, io.BytesIO)
    return output.getvalue()


def check(pdf: bytes, **changed: Any) -> Approval:
    asked: dict[str, Any] = {
        "trust": TRUST,
        "authority": TABLE,
        "agency": WARD,
        "procedure": PERMIT,
        "at": NOW,
        **changed,
    }
    return check_person_signature(pdf, **asked)


def refusal(pdf: bytes, **changed: Any) -> SigningError:
    """The refusal, which says what is wrong and what to do next in both languages."""
    with pytest.raises(SigningError) as refused:
        check(pdf, **changed)
    told = {}
    for language in LANGUAGES:
        explained = refused.value.diagnostics(language)
        assert explained.what not in {"", refused.value.code}
        assert explained.next_step
        told[language] = explained.what
    assert told["vi"] != told["en"]
    return refused.value


def inner(refused: SigningError) -> str:
    """The code of what the refusal is about."""
    return str(getattr(refused.reason.facts["problem"], "code", ""))


def codes(approval: Approval) -> list[str]:
    for notice in approval.notices:
        assert notice.explain("vi").what != notice.explain("en").what
    return [n.code for n in approval.notices]
