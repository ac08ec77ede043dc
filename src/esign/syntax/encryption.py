"""Read files that are encrypted under the empty user password, as most are (ISO 32000-2 §7.6).

Only reading, only the standard security handler: a file with another password cannot be verified without it. The
algorithms are old and weak, and are what such files have; nothing here protects anything.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from cryptography.hazmat.decrepit.ciphers.algorithms import ARC4
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from esign.syntax.objects import Dict, Object, Ref, Stream, String
from esign.syntax.problems import SyntaxProblem

__all__ = ["Decryptor", "decryptor"]

_PAD: Final = bytes.fromhex("28bf4e5e4e758a4164004e56fffa01082e2e00b6d0683e802f0ca9fe6453697a")  # §7.6.4.3.2, step a
_BLOCK: Final = 16


class _Method(Enum):
    """/CFM of a crypt filter (Table 25)."""

    NONE = "None"
    RC4 = "V2"
    AES_128 = "AESV2"
    AES_256 = "AESV3"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decryptor:
    """Decrypts the streams and strings of one file."""

    key: bytes
    """The file encryption key."""
    methods: dict[str, _Method]
    """Of each crypt filter."""
    streams: str
    """The crypt filter of streams (/StmF)."""
    strings: str
    """The crypt filter of strings (/StrF)."""
    metadata: bool
    """Whether metadata streams are encrypted too."""

    def stream(self, data: bytes, stream: Stream) -> bytes:
        """`data` of `stream`, decrypted."""
        kind = stream.dictionary.get("Type")
        if kind == "XRef" or (kind == "Metadata" and not self.metadata):
            return data
        return self._decrypt(data, _own_filter(stream.dictionary) or self.streams, stream.ref)

    def value(self, value: Object, ref: Ref) -> Object:
        """`value`, the object `ref`, with its strings decrypted; a signature is never encrypted (§7.6.2)."""
        if isinstance(value, String):
            plain = String(self._decrypt(value, self.strings, ref))
            plain.span = value.span
            return plain
        if isinstance(value, list):
            return [self.value(item, ref) for item in value]
        if isinstance(value, Dict):
            kept = "Contents" if "ByteRange" in value else None
            result = Dict({k: v if k == kept else self.value(v, ref) for k, v in value.items()})
            if value.duplicates:
                result.duplicates = value.duplicates
            return result
        if isinstance(value, Stream):
            inner = self.value(value.dictionary, ref)
            assert isinstance(inner, Dict)
            return Stream(inner, value.start, value.length, value.ref, value.length_wrong)
        return value

    def _decrypt(self, data: bytes, crypt_filter: str, ref: Ref) -> bytes:
        method = self.methods.get(crypt_filter)
        if method is None:
            raise SyntaxProblem("syntax-encryption-unknown")
        if method is _Method.NONE:
            return data
        if method is _Method.AES_256:
            return _aes(self.key, data)
        own = self.key + ref.num.to_bytes(4, "little")[:3] + ref.gen.to_bytes(4, "little")[:2]  # Algorithm 1
        size = min(len(self.key) + 5, 16)
        if method is _Method.AES_128:
            return _aes(_md5(own + b"sAlT")[:size], data)
        return _rc4(_md5(own)[:size], data)


def _own_filter(dictionary: Dict) -> str | None:
    """The crypt filter that a stream names for itself (§7.4.10)."""
    names, parameters = dictionary.get("Filter"), dictionary.get("DecodeParms")
    if isinstance(names, list):
        names = names[0] if names else None
        parameters = parameters[0] if isinstance(parameters, list) and parameters else None
    if names != "Crypt":
        return None
    name = parameters.get("Name") if isinstance(parameters, Dict) else None
    return name if isinstance(name, str) else "Identity"


def decryptor(encryption: Dict, file_id: bytes) -> Decryptor:
    """What reads a file with `encryption`, its references resolved, under the empty user password.

    Raises:
        SyntaxProblem: it takes a password, or the handler is another one.
    """
    version, revision = encryption.get("V"), encryption.get("R")
    if encryption.get("Filter") != "Standard" or type(version) is not int or type(revision) is not int:
        raise SyntaxProblem("syntax-encryption-unknown")
    try:
        key = _key_256(encryption, revision) if version == 5 else _key_128(encryption, version, revision, file_id)
        methods, streams, strings = _crypt_filters(encryption, version)
    except (ValueError, TypeError, KeyError) as e:
        # Sizes and types that no encryption dictionary has.
        raise SyntaxProblem("syntax-encryption-unknown") from e
    return Decryptor(
        key=key,
        methods=methods,
        streams=streams,
        strings=strings,
        metadata=encryption.get("EncryptMetadata") is not False,
    )


def _crypt_filters(encryption: Dict, version: int) -> tuple[dict[str, _Method], str, str]:
    """§7.6.6: named in files of version 4 and 5, RC4 before."""
    if version < 4:
        return {"Identity": _Method.NONE, "": _Method.RC4}, "", ""
    methods = {"Identity": _Method.NONE}
    given = encryption.get("CF")
    for name, crypt_filter in given.items() if isinstance(given, Dict) else ():
        if isinstance(crypt_filter, Dict):
            methods[name] = _Method(crypt_filter.get("CFM", "None"))
    return methods, str(encryption.get("StmF", "Identity")), str(encryption.get("StrF", "Identity"))


def _text(encryption: Dict, key: str, size: int) -> bytes:
    value = encryption[key]
    if not isinstance(value, String) or len(value) < size:
        raise ValueError(key)
    return bytes(value[:size])


def _key_128(encryption: Dict, version: int, revision: int, file_id: bytes) -> bytes:
    """Algorithm 2, checked by algorithm 4 or 5."""
    length = encryption.get("Length", 40 if version < 4 else 128)
    permissions = encryption["P"]
    if type(length) is not int or type(permissions) is not int or version not in {1, 2, 4}:
        raise ValueError(version)
    size = 5 if revision == 2 or version == 1 else max(5, min(16, length // 8))
    seed = _PAD + _text(encryption, "O", 32) + (permissions & 0xFFFFFFFF).to_bytes(4, "little") + file_id
    if revision >= 4 and encryption.get("EncryptMetadata") is False:
        seed += b"\xff\xff\xff\xff"
    key = _md5(seed)[:size]
    if revision == 2:
        if _rc4(key, _PAD) != _text(encryption, "U", 32):
            raise SyntaxProblem("syntax-password")
        return key
    for _ in range(50):
        key = _md5(key)[:size]
    check = _md5(_PAD + file_id)
    for i in range(20):
        check = _rc4(bytes(byte ^ i for byte in key), check)
    if check != _text(encryption, "U", 16):
        raise SyntaxProblem("syntax-password")
    return key


def _key_256(encryption: Dict, revision: int) -> bytes:
    """Algorithm 2.A; revision 5 is Adobe's forerunner (Extension Level 3) with one plain SHA-256."""
    hashed: Callable[[bytes], bytes] = _hash_2b if revision >= 6 else lambda salt: hashlib.sha256(salt).digest()
    user = _text(encryption, "U", 48)
    if hashed(user[32:40]) != user[:32]:
        raise SyntaxProblem("syntax-password")
    cipher = Cipher(algorithms.AES(hashed(user[40:48])), modes.CBC(bytes(_BLOCK))).decryptor()
    return cipher.update(_text(encryption, "UE", 32)) + cipher.finalize()


def _hash_2b(salt: bytes) -> bytes:
    """Algorithm 2.B for the empty password."""
    key = hashlib.sha256(salt).digest()
    done = 0
    while True:
        cipher = Cipher(algorithms.AES(key[:16]), modes.CBC(key[16:32])).encryptor()
        mixed = cipher.update(key * 64) + cipher.finalize()
        key = hashlib.new(("sha256", "sha384", "sha512")[sum(mixed[:16]) % 3], mixed).digest()
        done += 1
        if done >= 64 and mixed[-1] <= done - 32:
            return key[:32]


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()


def _rc4(key: bytes, data: bytes) -> bytes:
    return Cipher(ARC4(key), mode=None).decryptor().update(data)


def _aes(key: bytes, data: bytes) -> bytes:
    """CBC behind its initialization vector (§7.6.3.1); what is no whole block is not decrypted."""
    whole = len(data) - len(data) % _BLOCK
    if whole < 2 * _BLOCK:
        return b""
    cipher = Cipher(algorithms.AES(key), modes.CBC(data[:_BLOCK])).decryptor()
    plain = cipher.update(data[_BLOCK:whole]) + cipher.finalize()
    padding = plain[-1]
    return plain[:-padding] if 1 <= padding <= _BLOCK else plain
