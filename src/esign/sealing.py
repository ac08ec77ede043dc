"""The QR seals of one agency's results: how much room they take, what they say, what their key is to sign.

room     before the number is known: a seal as long as the real one will be
order    everything is known: the bytes that the seal binds, and what its key is to sign for them
drawn    the key has signed: the URL, and the symbol with what is printed below
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

from esign.codes import DocumentNumber, ResultId
from esign.document import Box, Mark
from esign.errors import PreflightError, SealError
from esign.keys import KeyType, Mechanism, SigningKey, sign_all
from esign.pades.revision import stamp
from esign.pdf.raster import page_image
from esign.pdf.seal_marks import seal_mark, seal_mark_size
from esign.profile import SealProfile
from esign.reasons import Reason
from esign.registry import Intent
from esign.request import Request
from esign.seal import UNDISCLOSED, Kid, MaskedHolder, SealClaims, SealToken, Symbol, digest_of, seal_urls
from esign.seal.token import assemble_checked, to_be_signed

__all__ = ["SealOrder", "Sealing"]

_DPI = 200  # what a verifier looks with (docs/spec/seal.md §8)


@dataclass(frozen=True, slots=True, kw_only=True)
class SealOrder:
    """What the seal's key is to sign for one document."""

    before: bytes = field(repr=False)
    """What the seal binds: the document with a salt behind it."""
    claims: SealClaims
    """What the seal says."""
    to_be_signed: bytes = field(repr=False)
    """The bytes for the key."""


class Sealing:
    """Makes the seals of one agency under one profile."""

    def __init__(self, profile: SealProfile, *, key: SigningKey, now: Callable[[], datetime]) -> None:
        """`key` is asked, and perhaps opened, when the first seal is made."""
        self._profile = profile
        self._kid = Kid(profile.agency_number, profile.key_sequence)
        self._key = key
        self._now = now

    def masked_holder(self, request: Request) -> MaskedHolder | None:
        """The holder as the seal may name them; None where the profile leaves them out."""
        holder = request.metadata.holder if request.metadata else ""
        return MaskedHolder.of(holder) if self._profile.with_holder and holder else None

    def room(self, request: Request, number: DocumentNumber) -> tuple[float, float]:
        """The mark's size in mm."""
        proof = self._proof(request, number)
        size, quiet = _printed_size(self._profile.host, len(proof.digits), self._profile.size_mm)
        printed_id = str(proof.claims.result_id)
        return seal_mark_size(size_mm=size, quiet_mm=quiet, host=self._profile.host, printed_id=printed_id)

    def tried_on(self, pdf: bytes, place: Box, request: Request, number: DocumentNumber) -> bytes:
        """`pdf` with such a seal, which was read there: a page that somebody gave may hide it.

        Raises:
            PreflightError: `seal-not-readable`.
        """
        url, mark = self._drawn(self._proof(request, number))
        tried = stamp(pdf, mark, place, url=url)
        if seal_urls(page_image(tried, place.page, _DPI)) != (url,):
            found = Reason("seal-not-readable", {"page": place.page + 1})
            raise PreflightError("document-not-issuable", findings=(found,), count=1)
        return tried

    def order(self, request: Request, intent: Intent, before: bytes) -> SealOrder:
        """What the seal's key is to sign for `before`, a document with its salt."""
        assert intent.number is not None
        claims = self._claims(
            request, intent.number, result_id=intent.id, status_number=intent.status_number, digest=digest_of(before)
        )
        return SealOrder(before=before, claims=claims, to_be_signed=to_be_signed(claims, self._kid))

    def sign(self, orders: Sequence[SealOrder]) -> list[bytes]:
        """The key's signature for each order.

        Raises:
            SealError: `seal-key-unsuitable`.
            KeyStoreError: It cannot sign now.
        """
        if self._key.key_type is not KeyType.P256:
            raise SealError("seal-key-unsuitable", found=self._key.key_type.value)
        return sign_all(self._key, [o.to_be_signed for o in orders], mechanism=Mechanism.ECDSA_P256_SHA256)

    def drawn(self, order: SealOrder, signature: bytes) -> tuple[str, Mark]:
        """The seal's URL, and the symbol that says it with what is printed below."""
        return self._drawn(assemble_checked(order.claims, self._kid, signature, public_key=self._key.public_key))

    def _drawn(self, token: SealToken) -> tuple[str, Mark]:
        url = token.url(self._profile.host)
        symbol = Symbol.of(url, size_mm=self._profile.size_mm)
        mark = seal_mark(
            symbol.rows,
            size_mm=symbol.size_mm,
            quiet_mm=symbol.quiet_mm,
            host=self._profile.host,
            printed_id=str(token.claims.result_id),
        )
        return url, mark

    def _proof(self, request: Request, number: DocumentNumber) -> SealToken:
        longest = self._claims(
            request, number, result_id=ResultId(bytes(range(10))), status_number=2**32 - 1, digest=bytes(range(16))
        )
        return SealToken(claims=longest, kid=self._kid, signature=bytes(range(64)))

    def _claims(
        self, request: Request, number: DocumentNumber, *, result_id: ResultId, status_number: int, digest: bytes
    ) -> SealClaims:
        assert request.metadata is not None
        return SealClaims(
            issued_at=self._now(),
            result_id=result_id,
            status_number=status_number,
            digest=digest,
            procedure=request.metadata.procedure if self._profile.with_procedure else UNDISCLOSED,
            number=number,
            holder=self.masked_holder(request),
            expires=request.metadata.expires,
        )


@lru_cache(maxsize=64)
def _printed_size(host: str, digits: int, size_mm: float) -> tuple[float, float]:
    """Side and quiet zone in mm of a symbol with so many digits: the mask changes, the size does not."""
    symbol = Symbol.of(f"https://{host}/1#{'9' * digits}", size_mm=size_mm)
    return symbol.size_mm, symbol.quiet_mm
