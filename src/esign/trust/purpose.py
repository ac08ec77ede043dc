"""What a certificate is for, and whether it may do what it did (RFC 5280 §4.2.1.3, §4.2.1.12)."""

from enum import Enum

from esign.trust.certificate import EXTENDED_KEY_USAGE, Certificate, KeyUsage

__all__ = ["OCSP_SIGNING", "Purpose", "misuse"]

TIME_STAMPING, OCSP_SIGNING = "1.3.6.1.5.5.7.3.8", "1.3.6.1.5.5.7.3.9"

# What a certificate with an extended key usage must also be for, or it signs no documents (RFC 5280 §4.2.1.12: "MUST
# only be used for one of the purposes indicated"). Until RFC 9336 there was none for documents and authorities wrote
# what was near; those of people commonly have emailProtection beside clientAuth. clientAuth alone is not enough:
# such a key signs what servers send it, and that proves nothing about its owner's will.
_DOCUMENT_PURPOSES = frozenset(
    {
        "2.5.29.37.0",  # anyExtendedKeyUsage
        "1.3.6.1.5.5.7.3.36",  # documentSigning (RFC 9336)
        "1.3.6.1.5.5.7.3.4",  # emailProtection: S/MIME is CMS signed by a person
        "1.2.840.113583.1.1.5",  # Adobe: authentic documents trust
        "1.3.6.1.4.1.311.10.3.12",  # Microsoft: document signing
    }
)


class Purpose(Enum):
    """What a signature under a certificate was made for."""

    DOCUMENT = "document"
    """A person's or agency's signature."""
    TIMESTAMP = "time-stamp"
    """A time-stamp token (RFC 3161 §2.3)."""
    OCSP = "ocsp"
    """An answer of a delegated responder (RFC 6960 §4.2.2.2)."""


def misuse(certificate: Certificate, purpose: Purpose) -> str:
    """The reason code why the certificate is not for `purpose`, whoever issued it; "" where it may."""
    if certificate.is_authority:
        return "certificate-of-authority"
    if not certificate.may(KeyUsage.DIGITAL_SIGNATURE | KeyUsage.NON_REPUDIATION):
        return "key-usage"
    if purpose is Purpose.DOCUMENT:
        allowed = certificate.purposes is None or _DOCUMENT_PURPOSES & set(certificate.purposes)
        return "" if allowed else "extended-key-usage"
    if purpose is Purpose.OCSP:
        return "" if OCSP_SIGNING in (certificate.purposes or ()) else "extended-key-usage-ocsp"
    # RFC 3161 §2.3: this purpose alone, and critical, so that no other software takes the key for something else.
    alone = certificate.purposes == (TIME_STAMPING,) and certificate.extensions[EXTENDED_KEY_USAGE].critical
    return "" if alone else "extended-key-usage-timestamp"
