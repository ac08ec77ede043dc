"""Time-stamp tokens (RFC 3161 §2.4.2): what one says, and whether its authority really said it.

>>> token = parse_token(der)
>>> token.time, token.matches(content), token.verify().valid

Whether the authority is trusted, and may issue time-stamps, is for `esign.trust` to say.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from esign.cms.algorithms import AlgorithmIdentifier, Unsupported, digest_name
from esign.cms.attributes import signing_certificates
from esign.cms.ber import BOOLEAN, INTEGER, SEQUENCE, Element, Malformed, read
from esign.cms.certificate import EmbeddedCertificate
from esign.cms.container import TST_INFO, SignedData, SignerInfo, certificate_of, parse
from esign.cms.content import Content
from esign.cms.verification import Value, verify
from esign.errors import InputError

__all__ = ["TimestampToken", "parse_token"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TimestampToken:
    """A token with its TSTInfo."""

    signed: SignedData = field(repr=False)
    """The container."""
    signer: SignerInfo = field(repr=False)
    """Its one signer."""
    certificate: EmbeddedCertificate | None = field(repr=False)
    """The authority's, where the token or the caller has it (a request may ask to leave it out)."""
    policy: str
    """Under which it was issued, dotted."""
    imprint_algorithm: str
    """The digest of what was stamped, as hashlib names it; dotted where it is unknown."""
    imprint: bytes
    """The digest itself."""
    serial: int
    """The authority's number for this token."""
    time: datetime
    """genTime, UTC."""
    accuracy: timedelta = timedelta(0)
    """How far the real time may be from it; zero where nothing is said."""
    ordering: bool = False
    """Whether tokens of this authority are in the order of their times."""
    nonce: int | None = None
    """The request's."""
    authority: bytes | None = field(default=None, repr=False)
    """The authority's name as a GeneralName, encoded."""

    def matches(self, content: Content | bytes) -> bool | None:
        """Whether `content` is what was stamped; None where the digest algorithm is not supported."""
        given = Content(content) if isinstance(content, bytes) else content
        try:
            return given.digest(self.imprint_algorithm) == self.imprint
        except Unsupported:
            return None

    def verify(self) -> Value:
        """Whether the authority's key signed the token (RFC 5652 §5.6); without a certificate nothing can be said."""
        assert self.signed.content is not None
        return verify(self.signer, self.certificate, Content(self.signed.content), content_type=TST_INFO)

    @property
    def names_its_certificate(self) -> bool:
        """Whether signing-certificate(-v2) is the certificate's digest, as RFC 3161 §2.4.2 and RFC 5816 want."""
        try:
            references = signing_certificates(self.signer.signed) if self.signer.signed else ()
        except Malformed:
            return False
        if self.certificate is None or not references:
            return False
        return all(r.names(self.certificate.der) is not False for r in references)


def parse_token(der: bytes, others: Iterable[EmbeddedCertificate] = ()) -> TimestampToken:
    """Read a TimeStampToken; its certificate is looked for in it, then among `others`.

    Raises:
        InputError: `timestamp-unreadable`.
    """
    try:
        return _token(parse(der), others)
    except Malformed as e:
        raise InputError("timestamp-unreadable", problem=str(e)) from e
    except InputError as e:
        raise InputError("timestamp-unreadable", problem=e.reason.facts["problem"]) from e


def _token(signed: SignedData, others: Iterable[EmbeddedCertificate]) -> TimestampToken:
    if signed.content_type != TST_INFO or signed.content is None:
        raise Malformed(f"content type {signed.content_type}")
    if len(signed.signers) != 1:  # RFC 3161 §2.4.2
        raise Malformed(f"{len(signed.signers)} signers")
    signer = signed.signers[0]
    version, policy, imprint, serial, time, *rest = read(signed.content).items(SEQUENCE, least=5)
    if version.integer() != 1:
        raise Malformed("another version of TSTInfo")
    algorithm, digest, *_ = imprint.items(SEQUENCE, least=2)
    optional = {part.tag: part for part in reversed(rest)}
    authority = optional[0xA0].children() if 0xA0 in optional else []
    return TimestampToken(
        signed=signed,
        signer=signer,
        certificate=certificate_of(signed, signer, others),
        policy=policy.oid(),
        imprint_algorithm=digest_name(AlgorithmIdentifier.read(algorithm)),
        imprint=digest.octets(),
        serial=serial.integer(),
        time=time.time(),
        accuracy=_accuracy(optional[SEQUENCE]) if SEQUENCE in optional else timedelta(0),
        ordering=optional[BOOLEAN].value != b"\0" if BOOLEAN in optional else False,
        nonce=optional[INTEGER].integer() if INTEGER in optional else None,
        authority=authority[0].encoded if authority else None,
    )


def _accuracy(element: Element) -> timedelta:
    """Seconds, milliseconds [0], microseconds [1]."""
    units = {INTEGER: 1_000_000, 0x80: 1_000, 0x81: 1}
    total = 0
    for part in element.children():
        total += int.from_bytes(part.value) * units.get(part.tag, 0)
        if total > 10**15:
            raise Malformed("an accuracy of decades")
    return timedelta(microseconds=total)
