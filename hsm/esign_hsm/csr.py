"""A certification request (PKCS#10, RFC 2986) that a key signs where it is."""

from collections.abc import Sequence

from asn1crypto import algos, core, csr, keys
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.x509.oid import NameOID

from esign.errors import InputError
from esign.keys import KeyType, Mechanism, SigningKey

__all__ = ["KEY_USAGE", "create_csr"]

_NAMES = {
    "C": NameOID.COUNTRY_NAME,
    "ST": NameOID.STATE_OR_PROVINCE_NAME,
    "L": NameOID.LOCALITY_NAME,
    "O": NameOID.ORGANIZATION_NAME,
    "OU": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "CN": NameOID.COMMON_NAME,
    "E": NameOID.EMAIL_ADDRESS,
    "T": NameOID.TITLE,
    "SN": NameOID.SURNAME,
    "GN": NameOID.GIVEN_NAME,
    "UID": NameOID.USER_ID,
    "SERIALNUMBER": NameOID.SERIAL_NUMBER,
    "ORGANIZATIONIDENTIFIER": NameOID.ORGANIZATION_IDENTIFIER,
}

KEY_USAGE = x509.Extension(
    x509.KeyUsage.oid,
    critical=True,
    value=x509.KeyUsage(
        digital_signature=True,
        content_commitment=True,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    ),
)
"""digitalSignature and nonRepudiation: what a certificate for signing documents needs (EN 319 412-2 §4.3.2)."""

_DEFAULT = {
    KeyType.RSA: Mechanism.RSA_PKCS1_SHA256,
    KeyType.P256: Mechanism.ECDSA_P256_SHA256,
    KeyType.P384: Mechanism.ECDSA_P384_SHA384,
    KeyType.ED25519: Mechanism.ED25519,
}


def create_csr(
    key: SigningKey,
    *,
    subject: Sequence[tuple[str, str]],
    extensions: Sequence[x509.Extension[x509.ExtensionType]] = (KEY_USAGE,),
    mechanism: Mechanism | None = None,
) -> bytes:
    """A certification request in DER for `key`, signed by it.

    `subject`: (name, value) pairs in the order of the name: `C`, `L`, `O`, `OU`, `CN`, `E`, `UID` (for instance
    `("UID", "MST:0100109106")`, also several times), or a dotted OID. A name with a plus (`+UID`) joins the pair
    before it into one multi-valued RDN. `extensions`: what to ask for (RFC 2985 §5.4.2).

    Raises:
        InputError: `csr-subject-invalid`.
    """
    chosen = mechanism or _DEFAULT[key.key_type]
    info = csr.CertificationRequestInfo(
        {
            "version": "v1",
            "subject": asn1_x509.Name.load(_name(subject).public_bytes()),
            "subject_pk_info": keys.PublicKeyInfo.load(key.public_key),
            "attributes": _requested(extensions),
        }
    )
    signature = key.sign(info.dump(), mechanism=chosen)
    request = csr.CertificationRequest(
        {
            "certification_request_info": info,
            "signature_algorithm": _algorithm(chosen),
            "signature": signature,
        }
    )
    return bytes(request.dump())


def _name(subject: Sequence[tuple[str, str]]) -> x509.Name:
    names: list[list[x509.NameAttribute[str]]] = []
    for name, value in subject:
        joins = name.startswith("+") and bool(names)
        attribute = _attribute(name.removeprefix("+"), value)
        if joins:
            names[-1].append(attribute)
        else:
            names.append([attribute])
    if not names:
        raise InputError("csr-subject-invalid", name="", detail="no names")
    try:
        return x509.Name([x509.RelativeDistinguishedName(n) for n in names])
    except ValueError as e:
        raise InputError("csr-subject-invalid", name=subject[0][0], detail=str(e)) from e


def _attribute(name: str, value: str) -> x509.NameAttribute[str]:
    try:
        oid = _NAMES.get(name.upper()) or x509.ObjectIdentifier(name)
        return x509.NameAttribute(oid, value)
    except (ValueError, TypeError) as e:
        raise InputError("csr-subject-invalid", name=name, detail=str(e)) from e


def _requested(extensions: Sequence[x509.Extension[x509.ExtensionType]]) -> list[dict[str, object]]:
    if not extensions:
        return []
    values = [
        {
            "extn_id": e.oid.dotted_string,
            "critical": e.critical,
            "extn_value": core.ParsableOctetString(e.value.public_bytes()),
        }
        for e in extensions
    ]
    return [{"type": "extension_request", "values": [values]}]


def _algorithm(mechanism: Mechanism) -> algos.SignedDigestAlgorithm:
    digest = mechanism.digest
    if mechanism.value.startswith("rsa-pss"):
        hashed = {"algorithm": digest, "parameters": core.Null()}
        parameters = {
            "hash_algorithm": hashed,
            "mask_gen_algorithm": {"algorithm": "mgf1", "parameters": hashed},
            "salt_length": int(digest.removeprefix("sha")) // 8,
        }
        return algos.SignedDigestAlgorithm({"algorithm": "rsassa_pss", "parameters": parameters})
    if mechanism is Mechanism.ED25519:
        return algos.SignedDigestAlgorithm({"algorithm": "ed25519"})
    if mechanism.key_type is KeyType.RSA:
        # NULL, not absent (RFC 4055 §5).
        return algos.SignedDigestAlgorithm({"algorithm": f"{digest}_rsa", "parameters": core.Null()})
    return algos.SignedDigestAlgorithm({"algorithm": f"{digest}_ecdsa"})
