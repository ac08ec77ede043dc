"""A detached CMS signature over bytes of our own: receipts, bundles (RFC 5652 §5.2, content outside).

`openssl cms -verify -inform DER -in SIGNATURE -content CONTENT -binary` checks the same.
"""

import hashlib

from esign.cms.baseline import signed_attributes, signed_data
from esign.cms.container import certificate_of, parse
from esign.cms.content import Content
from esign.cms.verification import verify
from esign.errors import SigningError
from esign.keys import Mechanism, SigningKey

__all__ = ["sign_detached", "signer_of"]


def sign_detached(content: bytes, key: SigningKey, *, mechanism: Mechanism) -> bytes:
    """A signature over `content` with the key's certificate and its issuers, DER.

    Raises:
        SigningError: `no-certificate`.
        KeyStoreError: The token refused.
    """
    if not key.certificates:
        raise SigningError("no-certificate", key=key.ref or "-")
    digest = hashlib.new(mechanism.digest, content).digest()
    attributes = signed_attributes(digest, certificate=key.certificates[0], mechanism=mechanism)
    value = key.sign(attributes, mechanism=mechanism)
    return signed_data(attributes, value, certificates=key.certificates, mechanism=mechanism)


def signer_of(content: bytes, signature: bytes) -> tuple[bytes, ...]:
    """The certificate whose key signed `content`, then what came with it, DER; empty where nobody's did.

    Raises:
        InputError: `cms-unreadable`.
    """
    signed = parse(signature)
    if len(signed.signers) != 1 or signed.content is not None:
        return ()
    (signer,) = signed.signers
    certificate = certificate_of(signed, signer)
    if certificate is None:
        return ()
    if not verify(signer, certificate, Content(content), content_type=signed.content_type).valid:
        return ()
    return (certificate.der, *(c.der for c in signed.certificates if c.der != certificate.der))
