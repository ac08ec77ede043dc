"""Token Status Lists, anybody's: how entries are packed, and the CWT around them (TSL draft 20).

https://datatracker.ietf.org/doc/draft-ietf-oauth-status-list/20/ – esign's own lists are `esign.seal.shard`.

>>> statuses = StatusList.pack({5: 1}, size=8, bits=2)
>>> statuses[5], statuses[4], len(statuses)
(1, 0, 8)
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self

from cryptography.hazmat.primitives.asymmetric import ec

from esign.errors import SealError
from esign.seal import cose, labels

__all__ = ["MAX_UNPACKED", "TYP", "StatusList", "StatusListToken", "moment"]

TYP = "application/statuslist+cwt"
"""TSL §5.2."""
MAX_UNPACKED = 1 << 24
"""Bytes of an unpacked list that are still looked at: 2^26 entries of 2 bits."""
_MAX_TOKEN = 1 << 24
_CWT_TAG = b"\xd8\x3d"  # 61 (RFC 8392 §6), which issuers may put before tag 18
_BITS = (1, 2, 4, 8)
_U53 = 1 << 53


@dataclass(frozen=True, slots=True)
class StatusList:
    """Entries of 1, 2, 4 or 8 bits, the first in the lowest bits of the first byte (TSL §4.1)."""

    bits: int
    """The width of an entry."""
    data: bytes = field(repr=False)
    """The entries, unpacked."""

    def __post_init__(self) -> None:
        if self.bits not in _BITS:
            raise SealError("status-list-invalid", field="bits")

    def __len__(self) -> int:
        return len(self.data) * 8 // self.bits

    def __getitem__(self, index: int) -> int:
        if not 0 <= index < len(self):
            raise SealError("status-index-outside", index=index, size=len(self))
        byte, place = divmod(index * self.bits, 8)
        return self.data[byte] >> place & (1 << self.bits) - 1

    @classmethod
    def pack(cls, entries: Mapping[int, int], *, size: int, bits: int, default: int = 0) -> Self:
        """A list of `size` entries that are `default` but for `entries`."""
        if bits not in _BITS or size * bits % 8 or not 0 <= default < 1 << bits:
            raise SealError("status-list-invalid", field="bits")
        every = sum(default << place for place in range(0, 8, bits))
        data = bytearray([every]) * (size * bits // 8)
        mask = (1 << bits) - 1
        for index, value in entries.items():
            if not 0 <= index < size or not 0 <= value <= mask:
                raise SealError("status-index-outside", index=index, size=size)
            byte, place = divmod(index * bits, 8)
            data[byte] = data[byte] & ~(mask << place) | value << place
        return cls(bits, bytes(data))

    @property
    def claim(self) -> Mapping[str, Any]:
        """The value of claim 65533 (TSL §4.3); compressed as well as zlib can."""
        # Z_FILTERED finds no short matches between the rare bits of sparse lists: smaller by some bytes, measured.
        packer = zlib.compressobj(9, zlib.DEFLATED, 15, 9, zlib.Z_FILTERED)
        return {"lst": packer.compress(self.data) + packer.flush(), "bits": self.bits}

    @classmethod
    def from_claim(cls, claim: object, *, limit: int = MAX_UNPACKED) -> Self:
        """Read the value of claim 65533 that unpacks to at most `limit` bytes.

        Raises:
            SealError: `status-list-invalid`, or `status-list-too-long`: a bomb.
        """
        match claim:
            case {"bits": int(bits), "lst": bytes(packed)} if bits is not True and bits in _BITS:
                return cls(bits, _unpacked(packed, limit))
        raise SealError("status-list-invalid", field="status_list")


def _unpacked(packed: bytes, limit: int) -> bytes:
    stream = zlib.decompressobj()
    try:
        data = stream.decompress(packed, limit + 1)
        if len(data) <= limit and not stream.eof:
            # The end of a stream may need no output; a stream that was cut off never gets there.
            data += stream.decompress(stream.unconsumed_tail, 1)
    except zlib.error as e:
        raise SealError("status-list-invalid", field="lst") from e
    if len(data) > limit:
        raise SealError("status-list-too-long", limit=limit)
    if not stream.eof or stream.unused_data:
        raise SealError("status-list-invalid", field="lst")
    return data


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusListToken:
    """A Status List Token in CWT form; `check` says whether its signature is right."""

    subject: str
    """The list's URI; a reader compares it with the one that the token to be checked names (TSL §8.3)."""
    issued_at: datetime
    """When it was signed."""
    expires: datetime | None
    """From when on it must not be used."""
    ttl: int | None
    """For how many seconds a copy may be used without asking again."""
    statuses: StatusList
    """The entries."""
    message: cose.Sign1 = field(repr=False)
    """The whole."""

    @classmethod
    def read(cls, data: bytes, *, limit: int = MAX_UNPACKED) -> Self:
        """Read any issuer's token; heads and the order of keys are free, the kid may stand in either header.

        Raises:
            SealError: A code of `cose.decode`, `cose-header-invalid`, or a `status-list-…` code.
        """
        message = cose.decode(data.removeprefix(_CWT_TAG), form=cose.Form.COSE, limit=_MAX_TOKEN)
        if message.signed_header.get(cose.TYP) != TYP:
            raise SealError("cose-header-invalid")
        claims = cose.loads(message.payload, strict=False)
        if not isinstance(claims, dict):
            raise SealError("status-list-invalid", field="claims")
        subject, ttl = claims.get(labels.SUB), claims.get(labels.TTL)
        if not isinstance(subject, str):
            raise SealError("status-list-invalid", field="sub")
        if labels.TTL in claims and (type(ttl) is not int or not 0 < ttl < _U53):
            raise SealError("status-list-invalid", field="ttl")
        return cls(
            subject=subject,
            issued_at=moment(claims.get(labels.IAT), "iat"),
            expires=moment(claims[labels.EXP], "exp") if labels.EXP in claims else None,
            ttl=ttl,
            statuses=StatusList.from_claim(claims.get(labels.STATUS_LIST), limit=limit),
            message=message,
        )

    def check(self, key: ec.EllipticCurvePublicKey) -> None:
        """Return if the private half of `key` signed it.

        Raises:
            SealError: `seal-signature-invalid`.
        """
        cose.verify(self.message, key)


def moment(value: object, name: str, *, code: str = "status-list-invalid") -> datetime:
    """A NumericDate (RFC 8392 §2) of whole seconds.

    Raises:
        SealError: `code`.
    """
    if type(value) is not int or not 0 <= value < 1 << 32:
        raise SealError(code, field=name)
    return datetime.fromtimestamp(value, UTC)
