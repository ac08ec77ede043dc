"""CMS containers: parse them, verify their signers, build one (RFC 5652); no PDF and no trust.

    ber, der          reading and writing ASN.1
    container         SignedData in its parts
    attributes        what a signer's attributes say
    certificate, keys as much of a certificate as is needed here
    algorithms        identifiers and their parameters
    content           what was signed
    signatures        did a key make a value
    verification      is it what was signed, and by this key
    timestamp         RFC 3161 tokens
    baseline          the container of a PAdES B-B

>>> signed = parse(contents)
>>> certificate = certificate_of(signed, signed.signers[0])
>>> verify(signed.signers[0], certificate, Content(pdf[:start], pdf[end:]), content_type=signed.content_type).valid
"""

from typing import TYPE_CHECKING

from esign import lazy

if TYPE_CHECKING:
    from esign.cms.certificate import EmbeddedCertificate
    from esign.cms.container import DATA, TST_INFO, SignedData, SignerInfo, certificate_of, parse
    from esign.cms.content import Content
    from esign.cms.timestamp import TimestampToken, parse_token
    from esign.cms.verification import Problem, Validity, Value, verify, verify_rsa_sha1

__all__ = [
    "DATA",
    "TST_INFO",
    "Content",
    "EmbeddedCertificate",
    "Problem",
    "SignedData",
    "SignerInfo",
    "TimestampToken",
    "Validity",
    "Value",
    "certificate_of",
    "parse",
    "parse_token",
    "verify",
    "verify_rsa_sha1",
]

if not TYPE_CHECKING:
    __getattr__ = lazy.loader(
        __name__,
        {
            "certificate": "EmbeddedCertificate",
            "container": "DATA TST_INFO SignedData SignerInfo certificate_of parse",
            "content": "Content",
            "timestamp": "TimestampToken parse_token",
            "verification": "Problem Validity Value verify verify_rsa_sha1",
        },
    )
