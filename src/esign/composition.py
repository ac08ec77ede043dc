"""What a document looks like before it is signed: first revision, places of the marks, seal, appearance.

Nothing here touches the signing key or the register; the seal's key is used, for the seal alone.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache

from esign.codes import DocumentNumber, ResultId
from esign.document import Agency, Box
from esign.errors import PreflightError, SigningError
from esign.keys import SigningKey
from esign.pades.chain import common_name
from esign.pades.revision import stamp
from esign.pades.sign import Appearance
from esign.pdf.layout import find_places
from esign.pdf.marks import agency_mark, agency_mark_size, seal_mark, seal_mark_size
from esign.pdf.preflight import preflight
from esign.pdf.render import Renderer
from esign.pdf.templates import load
from esign.profile import VIETNAM, IssuanceProfile, SealProfile
from esign.reasons import Reason
from esign.registry import Intent, NextNumber
from esign.request import Given, Request
from esign.seal import Kid, MaskedHolder, SealClaims, SealToken, Symbol, digest_of, salted
from esign.seal import make as make_seal

__all__ = ["Composer", "Layout"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The first revision, and where the marks go."""

    pdf: bytes
    """The given bytes, or the rendered ones."""
    seal_place: Box | None
    """For the QR seal; None where there is none."""
    signature_place: Box | None
    """For the agency's mark; None where the signature is hidden."""
    pages: int
    """How many pages it has."""
    fonts: tuple[str, ...]
    """The families that it was set in; empty for given files."""
    notices: tuple[Reason, ...]
    """What preflight found and let pass."""


class Composer:
    """Composes the documents of one agency under one profile."""

    def __init__(
        self,
        *,
        agency: Agency,
        profile: IssuanceProfile,
        seal_key: SigningKey | None,
        renderer: Renderer,
        now: Callable[[], datetime],
    ) -> None:
        """Raises `SigningError` (`seal-key-and-profile`) where only one of seal key and seal profile is there."""
        if (profile.seal is None) != (seal_key is None):
            raise SigningError("seal-key-and-profile")
        self._agency = agency
        self._profile = profile
        self._seal_key = seal_key
        self._renderer = renderer
        self._now = now

    def proof(self, request: Request) -> Layout:
        """The layout with a placeholder for a number that is not known yet: finds what could fail.

        Raises:
            PreflightError, InputError: It cannot be issued.
        """
        number = request.number
        if isinstance(number, NextNumber):
            number = DocumentNumber(9999, self._today().year if number.with_year else None, number.symbol)
        return self.lay_out(request, number=number, issued=request.issue_date or self._today())

    def masked_holder(self, request: Request) -> MaskedHolder | None:
        """The holder as the seal may name them; None where the profile leaves them out."""
        holder = request.metadata.holder if request.metadata else ""
        wanted = self._profile.seal is not None and self._profile.seal.with_holder
        return MaskedHolder.of(holder) if wanted and holder else None

    def lay_out(self, request: Request, *, number: DocumentNumber | None, issued: date) -> Layout:
        """The first revision and the places on it.

        Raises:
            PreflightError, InputError: It cannot be issued.
        """
        room = self._seal_room(request, number) if self._profile.seal and number and request.metadata else None
        content = request.content
        if isinstance(content, Given):
            return self._lay_out_given(content, room)
        rendered = self._renderer.render(
            load(content.template),
            content.data,
            agency=self._agency,
            number=str(number),
            issued=issued,
            at=self._now(),
            seal_mm=room,
            attach_data=self._profile.attach_data,
        )
        return Layout(
            pdf=rendered.pdf,
            seal_place=rendered.seal,
            signature_place=rendered.signature,
            pages=rendered.pages,
            fonts=(rendered.font,),
            notices=(),
        )

    def _lay_out_given(self, content: Given, room: tuple[float, float] | None) -> Layout:
        found = preflight(content.pdf, self._profile)
        if found.findings:
            raise PreflightError("document-not-issuable", findings=found.findings)
        seal = None if content.seal_place else room
        mark = agency_mark_size(self._agency) if self._profile.visible and not content.signature_place else None
        places = find_places(content.pdf, seal=seal, signature=mark)
        return Layout(
            pdf=content.pdf,
            seal_place=content.seal_place or places.seal,
            signature_place=content.signature_place or places.signature,
            pages=found.pages,
            fonts=(),
            notices=found.notices,
        )

    def appearance(self, layout: Layout, *, certificate: bytes, signing_time: datetime) -> Appearance | None:
        """What the agency's signature shows; None for a hidden one."""
        if not self._profile.visible or layout.signature_place is None:
            return None
        mark = agency_mark(
            self._agency,
            signer=common_name(certificate),
            signing_time=signing_time,
            time_format=self._profile.signature.time_format,
        )
        return Appearance(mark=mark, box=layout.signature_place)

    def seal(self, request: Request, intent: Intent, layout: Layout) -> bytes:
        """The document with its sealing revision: a token over everything before it, drawn as a QR symbol."""
        profile = self._profile.seal
        if profile is None or self._seal_key is None or intent.number is None or layout.seal_place is None:
            return layout.pdf
        before = salted(layout.pdf, os.urandom(16))
        claims = self._claims(
            request, intent.number, result_id=intent.id, status_number=intent.status_number, digest=digest_of(before)
        )
        token = make_seal(claims, _kid(profile), self._seal_key)
        url = token.url(profile.host)
        symbol = Symbol.of(url, size_mm=profile.size_mm)
        mark = seal_mark(
            symbol.svg().encode(),
            size_mm=symbol.size_mm,
            quiet_mm=symbol.quiet_mm,
            host=profile.host,
            printed_id=str(intent.id),
        )
        return stamp(before, mark, layout.seal_place, url=url)

    def _seal_room(self, request: Request, number: DocumentNumber) -> tuple[float, float]:
        """The mark's size in mm, from a seal as long as the real one will be."""
        profile = self._profile.seal
        assert profile is not None
        longest = self._claims(
            request, number, result_id=ResultId(bytes(10)), status_number=2**32 - 1, digest=bytes(16)
        )
        proof = SealToken(claims=longest, kid=_kid(profile), signature=bytes(64))
        size, quiet = _printed_size(profile.host, len(proof.digits), profile.size_mm)
        return seal_mark_size(size_mm=size, quiet_mm=quiet, host=profile.host, printed_id=str(longest.result_id))

    def _claims(
        self, request: Request, number: DocumentNumber, *, result_id: ResultId, status_number: int, digest: bytes
    ) -> SealClaims:
        assert request.metadata is not None
        return SealClaims(
            issued_at=self._now(),
            result_id=result_id,
            status_number=status_number,
            digest=digest,
            procedure=request.metadata.procedure,
            number=number,
            holder=self.masked_holder(request),
            expires=request.metadata.expires,
        )

    def _today(self) -> date:
        return self._now().astimezone(VIETNAM).date()


@lru_cache(maxsize=64)
def _printed_size(host: str, digits: int, size_mm: float) -> tuple[float, float]:
    """Side and quiet zone in mm of a symbol with so many digits: the mask changes, the size does not."""
    symbol = Symbol.of(f"https://{host}/1#{'9' * digits}", size_mm=size_mm)
    return symbol.size_mm, symbol.quiet_mm


def _kid(profile: SealProfile) -> Kid:
    return Kid(profile.agency_number, profile.key_sequence)
