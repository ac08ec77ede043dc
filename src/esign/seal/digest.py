"""The digest that binds a seal to a file: everything before the revision that draws the seal.

A signed PDF only grows, so what was there before sealing stays a prefix of the final file, and its digest can be
printed in the file itself. The prefix ends with a salt, so that the digest tells nothing about guessable content.
"""

import hashlib
import re

from esign.errors import SealError

__all__ = ["DIGEST_BYTES", "SALT_BYTES", "binding", "digest_of", "salted"]

DIGEST_BYTES = 16
"""SHA-256/128: the first 16 bytes of SHA-256."""
SALT_BYTES = 16
"""128 bits from a random source."""

# A comment after %%EOF is no object and no cross-reference, so every reader skips it (ISO 32000-1 §7.2.3).
_SALT_LINE = re.compile(rb"(?<=\n)%esign-salt [0-9a-f]{32}\n")
# A file holds one such line for each time it was sealed; more are only there to make a verifier work.
_MAX_LINES = 1024


def salted(pdf: bytes, salt: bytes) -> bytes:
    """`pdf`, untouched, with the salt comment after its last `%%EOF`.

    Raises:
        SealError: `seal-salt-invalid`.
    """
    if len(salt) != SALT_BYTES:
        raise SealError("seal-salt-invalid", found=len(salt), expected=SALT_BYTES)
    return pdf + b"\n%esign-salt " + salt.hex().encode() + b"\n"


def digest_of(prefix: bytes) -> bytes:
    """The digest of a salted file, as the seal carries it.

    Raises:
        SealError: `seal-salt-missing`: `prefix` does not end with a salt comment.
    """
    # The comment is 45 bytes long, and the line feed before it is looked at.
    if not _SALT_LINE.fullmatch(prefix, max(len(prefix) - 45, 1)):
        raise SealError("seal-salt-missing")
    return hashlib.sha256(prefix).digest()[:DIGEST_BYTES]


def binding(pdf: bytes, expected: bytes) -> int | None:
    """Where the bytes end that `expected` is the digest of, or None where no prefix fits.

    One pass over `pdf`: the hash is looked at behind each salt comment. Whether a revision begins at the offset
    that is returned is for who reads the file's structure to say.
    """
    running, done = hashlib.sha256(), 0
    view = memoryview(pdf)
    for count, line in enumerate(_SALT_LINE.finditer(pdf)):
        if count == _MAX_LINES:
            return None
        running.update(view[done : line.end()])
        done = line.end()
        if running.copy().digest()[:DIGEST_BYTES] == expected:
            return done
    return None
