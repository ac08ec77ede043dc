"""How each signature algorithm is asked of a token.

A token is asked for the mechanism that hashes and signs in one where it has it, else for the raw one with the hash
made here (SoftHSM 2.6 has only raw CKM_ECDSA).
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from pkcs11 import MGF
from pkcs11 import Mechanism as P11Mechanism
from pkcs11.constants import MechanismFlag
from pkcs11.types import Slot

from esign.keys import KeyType, Mechanism

__all__ = ["Way", "offered"]

# DigestInfo of RFC 8017 §9.2 note 1, up to the digest.
_DIGEST_INFO = {
    "sha256": bytes.fromhex("3031300d060960864801650304020105000420"),
    "sha384": bytes.fromhex("3041300d060960864801650304020205000430"),
    "sha512": bytes.fromhex("3051300d060960864801650304020305000440"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One PKCS#11 mechanism by which a signature can be made."""

    mechanism: P11Mechanism
    """What the token is asked for."""
    parameter: tuple[P11Mechanism, MGF, int] | None = None
    """CK_RSA_PKCS_PSS_PARAMS: hash, mask generation, salt length."""
    before: Callable[[bytes], bytes] = bytes
    """Makes what is given to the token from the data to be signed."""
    after: Callable[[bytes], bytes] = bytes
    """Makes what CMS carries from what the token returns."""


def _digest(name: str, data: bytes) -> bytes:
    return hashlib.new(name, data).digest()


def _digest_info(name: str, data: bytes) -> bytes:
    return _DIGEST_INFO[name] + _digest(name, data)


def _ecdsa_sig_value(raw: bytes) -> bytes:
    """r‖s (PKCS#11 §2.3.1) as Ecdsa-Sig-Value (RFC 3279 §2.2.3)."""
    half = len(raw) // 2
    return encode_dss_signature(int.from_bytes(raw[:half]), int.from_bytes(raw[half:]))


def _rsa(name: str, combined: P11Mechanism) -> tuple[Way, ...]:
    return (Way(mechanism=combined), Way(mechanism=P11Mechanism.RSA_PKCS, before=partial(_digest_info, name)))


def _pss(name: str, combined: P11Mechanism, digest: P11Mechanism, mgf: MGF) -> tuple[Way, ...]:
    # The salt is as long as the digest (RFC 8017 §9.1; TS 119 312 §6.2.2.2).
    parameter = (digest, mgf, hashlib.new(name).digest_size)
    return (
        Way(mechanism=combined, parameter=parameter),
        Way(mechanism=P11Mechanism.RSA_PKCS_PSS, parameter=parameter, before=partial(_digest, name)),
    )


def _ecdsa(name: str, combined: P11Mechanism) -> tuple[Way, ...]:
    return (
        Way(mechanism=combined, after=_ecdsa_sig_value),
        Way(mechanism=P11Mechanism.ECDSA, before=partial(_digest, name), after=_ecdsa_sig_value),
    )


_WAYS: dict[Mechanism, tuple[Way, ...]] = {
    Mechanism.RSA_PKCS1_SHA256: _rsa("sha256", P11Mechanism.SHA256_RSA_PKCS),
    Mechanism.RSA_PKCS1_SHA384: _rsa("sha384", P11Mechanism.SHA384_RSA_PKCS),
    Mechanism.RSA_PKCS1_SHA512: _rsa("sha512", P11Mechanism.SHA512_RSA_PKCS),
    Mechanism.RSA_PSS_SHA256: _pss("sha256", P11Mechanism.SHA256_RSA_PKCS_PSS, P11Mechanism.SHA256, MGF.SHA256),
    Mechanism.RSA_PSS_SHA384: _pss("sha384", P11Mechanism.SHA384_RSA_PKCS_PSS, P11Mechanism.SHA384, MGF.SHA384),
    Mechanism.RSA_PSS_SHA512: _pss("sha512", P11Mechanism.SHA512_RSA_PKCS_PSS, P11Mechanism.SHA512, MGF.SHA512),
    Mechanism.ECDSA_P256_SHA256: _ecdsa("sha256", P11Mechanism.ECDSA_SHA256),
    Mechanism.ECDSA_P384_SHA384: _ecdsa("sha384", P11Mechanism.ECDSA_SHA384),
    Mechanism.ED25519: (Way(mechanism=P11Mechanism.EDDSA),),
}


def offered(slot: Slot, *, key_type: KeyType, bits: int) -> dict[Mechanism, Way]:
    """The mechanisms that the token in `slot` can sign with, for a key of this kind; the best way for each."""
    listed = slot.get_mechanisms()
    found = {}
    for mechanism, ways in _WAYS.items():
        if mechanism.key_type is key_type:
            way = next((w for w in ways if _usable(slot, w.mechanism, listed, bits=bits)), None)
            if way is not None:
                found[mechanism] = way
    return found


def _usable(slot: Slot, mechanism: P11Mechanism, listed: Iterable[object], *, bits: int) -> bool:
    if mechanism not in listed:
        return False
    info = slot.get_mechanism_info(mechanism)
    # Some modules leave the sizes 0, some give them in bytes; an upper bound below the key's size is believed
    # only where it is plausible as bits.
    largest = info.max_key_length or 0
    return bool(info.flags & MechanismFlag.SIGN) and not (
        mechanism.name.endswith(("PKCS", "PSS")) and 1024 <= largest < bits
    )
