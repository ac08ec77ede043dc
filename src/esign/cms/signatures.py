"""Whether a key made a signature value: every scheme that is verified here, in CMS and under certificates.

RFC 8017 (RSA), FIPS 186-5 (ECDSA, EdDSA, DSA), BSI TR-03111 §5.2.1 (plain ECDSA).
"""

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa, utils

from esign.cms import der
from esign.cms.algorithms import Scheme, SignatureAlgorithm, Unsupported, digest_oid, pss_parameters
from esign.cms.ber import INTEGER, SEQUENCE, Malformed, read
from esign.cms.content import Content
from esign.cms.keys import PublicKey

__all__ = ["fits", "is_signature"]

_KINDS: dict[Scheme, type[PublicKey]] = {
    Scheme.RSA_PKCS1: rsa.RSAPublicKey,
    Scheme.RSA_PSS: rsa.RSAPublicKey,
    Scheme.ECDSA: ec.EllipticCurvePublicKey,
    Scheme.ECDSA_PLAIN: ec.EllipticCurvePublicKey,
    Scheme.DSA: dsa.DSAPublicKey,
    Scheme.ED25519: ed25519.Ed25519PublicKey,
    Scheme.ED448: ed448.Ed448PublicKey,
}


def fits(key: PublicKey, scheme: Scheme) -> bool:
    """Whether a key of this kind can sign so."""
    return isinstance(key, _KINDS[scheme])


def is_signature(
    key: PublicKey,
    signature: bytes,
    content: Content,
    *,
    algorithm: SignatureAlgorithm,
    parameters: bytes | None = None,
) -> bool:
    """Whether `key` made `signature` over `content`; `parameters` are those of PSS.

    Raises:
        Unsupported: A digest, or a variant of the scheme, that is not verified here.
    """
    try:
        return _is_signature(key, signature, content, algorithm, parameters)
    except UnsupportedAlgorithm as e:
        raise Unsupported(algorithm.scheme.value) from e
    except Unsupported:
        raise
    except (InvalidSignature, ValueError):
        # cryptography raises ValueError for values that cannot be of this key: too long, too large.
        return False


def _is_signature(
    key: PublicKey, signature: bytes, content: Content, algorithm: SignatureAlgorithm, parameters: bytes | None
) -> bool:
    name = algorithm.digest or ""
    match key, algorithm.scheme:
        case rsa.RSAPublicKey(), Scheme.RSA_PKCS1:
            return _is_pkcs1(key, signature, name, content)
        case rsa.RSAPublicKey(), Scheme.RSA_PSS:
            _verify_pss(key, signature, content, parameters)
        case ec.EllipticCurvePublicKey(), Scheme.ECDSA | Scheme.ECDSA_PLAIN:
            value = content.digest(name)
            plain = algorithm.scheme is Scheme.ECDSA_PLAIN or _is_plain(signature, key)
            key.verify(_sequence_of_two(signature) if plain else signature, value, ec.ECDSA(_prehashed(value)))
        case dsa.DSAPublicKey(), Scheme.DSA:
            value = content.digest(name)
            key.verify(signature, value, _prehashed(value))
        case ed25519.Ed25519PublicKey(), Scheme.ED25519:
            key.verify(signature, bytes(content))
        case ed448.Ed448PublicKey(), Scheme.ED448:
            key.verify(signature, bytes(content))
        case _:
            return False
    return True


def _is_plain(signature: bytes, key: ec.EllipticCurvePublicKey) -> bool:
    """Whether r and s stand side by side under an identifier that promises a SEQUENCE: some signers write so."""
    if len(signature) != 2 * ((key.curve.key_size + 7) // 8):
        return False
    try:
        return [part.tag for part in read(signature).items(SEQUENCE)] != [INTEGER, INTEGER]
    except Malformed:
        return True


# For a value that is a digest already, only its length matters to ECDSA and DSA.
_BY_LENGTH: dict[int, hashes.HashAlgorithm] = {
    20: hashes.SHA1(),  # noqa: S303 - its length
    28: hashes.SHA224(),
    32: hashes.SHA256(),
    48: hashes.SHA384(),
    64: hashes.SHA512(),
}


def _prehashed(value: bytes) -> utils.Prehashed:
    if len(value) not in _BY_LENGTH:
        raise Unsupported(f"a digest of {8 * len(value)} bits")
    return utils.Prehashed(_BY_LENGTH[len(value)])


def _sequence_of_two(signature: bytes) -> bytes:
    """R ‖ s as `Ecdsa-Sig-Value`."""
    half = len(signature) // 2
    if not half or len(signature) % 2:
        raise InvalidSignature
    return der.sequence(der.integer(int.from_bytes(signature[:half])), der.integer(int.from_bytes(signature[half:])))


_PSS_HASHES: dict[str, hashes.HashAlgorithm] = {
    "md5": hashes.MD5(),  # noqa: S303 - old signatures are read, policy judges them
    "sha1": hashes.SHA1(),  # noqa: S303 - the default of RFC 4055
    "sha224": hashes.SHA224(),
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
    "sha512_224": hashes.SHA512_224(),
    "sha512_256": hashes.SHA512_256(),
    "sha3_224": hashes.SHA3_224(),
    "sha3_256": hashes.SHA3_256(),
    "sha3_384": hashes.SHA3_384(),
    "sha3_512": hashes.SHA3_512(),
}


def _verify_pss(key: rsa.RSAPublicKey, signature: bytes, content: Content, encoded: bytes | None) -> None:
    parameters = pss_parameters(encoded)
    for name in (parameters.digest, parameters.mask_digest):
        if name not in _PSS_HASHES:
            raise Unsupported(f"PSS with {name}")
    pss = padding.PSS(mgf=padding.MGF1(_PSS_HASHES[parameters.mask_digest]), salt_length=parameters.salt_length)
    value = content.digest(parameters.digest)
    key.verify(signature, value, pss, utils.Prehashed(_PSS_HASHES[parameters.digest]))


def _is_pkcs1(key: rsa.RSAPublicKey, signature: bytes, name: str, content: Content) -> bool:
    """RFC 8017 §8.2.2: compare what the signature holds with both encodings of DigestInfo, NULL or no parameters.

    To compare whole encodings, instead of parsing the one that was found, leaves nothing to forge (CVE-2006-4339).
    """
    oid = digest_oid(name)
    value = der.octets(content.digest(name))
    found = key.recover_data_from_signature(signature, padding.PKCS1v15(), None)
    encodings = (der.sequence(der.sequence(oid, der.null()), value), der.sequence(der.sequence(oid), value))
    return found in encodings
