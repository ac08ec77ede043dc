"""What a time-stamping authority is asked, and the outer form of what it answers (RFC 3161 §2.4).

RFC 3161: https://www.rfc-editor.org/rfc/rfc3161
"""

import secrets
from dataclasses import dataclass, field

from esign.cms import der
from esign.cms.algorithms import digest_oid
from esign.cms.ber import BIT_STRING, INTEGER, SEQUENCE, Element, Malformed, read
from esign.errors import TimestampError
from esign.reasons import Reason

__all__ = ["TimestampRequest", "token_of"]

_TRUE = b"\x01\x01\xff"
# PKIStatus (RFC 3161 §2.4.2): what is not granted has no token.
_GRANTED = {0, 1}
# PKIFailureInfo, by the number of its bit.
_FAILURES = {
    0: "badAlg",
    2: "badRequest",
    5: "badDataFormat",
    14: "timeNotAvailable",
    15: "unacceptedPolicy",
    16: "unacceptedExtension",
    17: "addInfoNotAvailable",
    25: "systemFailure",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TimestampRequest:
    """One request; its nonce makes sure that the answer is to this one."""

    digest: str
    """The digest algorithm, as hashlib names it."""
    imprint: bytes = field(repr=False)
    """The digest of what is to be stamped."""
    policy: str | None = None
    """Under which policy, dotted; None leaves it to the authority."""
    nonce: int = field(default_factory=lambda: secrets.randbits(64) | 1, repr=False)
    """Never used twice."""

    def to_der(self) -> bytes:
        """TimeStampReq, which asks for the authority's certificate: a token without it is a riddle in ten years."""
        # NULL parameters: RFC 5754 would leave them out, older authorities expect them as OpenSSL writes them.
        imprint = der.sequence(der.sequence(digest_oid(self.digest), der.null()), der.octets(self.imprint))
        policy = der.oid(self.policy) if self.policy is not None else b""
        return der.sequence(der.integer(1), imprint, policy, der.integer(self.nonce), _TRUE)


def token_of(response: bytes) -> bytes:
    """The token inside a TimeStampResp, DER; not verified.

    Raises:
        TimestampError: `timestamp-rejected`: there is none, and why; `timestamp-response-unreadable`.
    """
    try:
        status, *rest = read(response).items(SEQUENCE, least=1)
        number, *more = status.items(SEQUENCE, least=1)
        if number.expect(INTEGER).integer() not in _GRANTED:
            raise TimestampError("timestamp-rejected", why=_failure(more))
        if len(rest) != 1:
            raise TimestampError("timestamp-response-unreadable", problem="no token")
        return rest[0].expect(SEQUENCE).encoded
    except Malformed as e:
        raise TimestampError("timestamp-response-unreadable", problem=str(e)) from e


def _failure(rest: list[Element]) -> Reason | str:
    """PKIFailureInfo in the standard's word; the authority's own text is not repeated, it may say anything."""
    bits = next((part.value[1:] for part in rest if part.tag == BIT_STRING), b"")
    for number, word in _FAILURES.items():
        if number // 8 < len(bits) and bits[number // 8] & (0x80 >> number % 8):
            return word
    return Reason("timestamp-no-reason")
