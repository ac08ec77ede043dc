"""Results: issue them, wait for them, find them, fetch the document."""

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import IO, Literal

import httpx

from esign.api.officials import CopyRequest, FileRequest
from esign.api.results import (
    Accepted,
    IssueRequest,
    Result,
    ResultDetails,
    ResultPage,
    TemplateList,
    WithdrawalRequest,
)
from esign.api.standing import PresentationCode
from esign.client.part import Part, checked
from esign.client.transport import File, Sent, Transport
from esign.errors import NetworkError, SigningError
from esign.reasons import Reason

__all__ = ["Results"]

_RESULTS = "/results"


class Results(Part):
    """The results of one agency."""

    def __init__(
        self,
        transport: Transport,
        place: str,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`place` is the agency's path."""
        super().__init__(transport, place)
        self._clock = clock
        self._sleep = sleep

    def templates(self) -> TemplateList:
        """The templates that results can be issued from, with the schemas of their data."""
        return self._get("/templates").to(TemplateList)

    # --- issuing ---------------------------------------------------------------------------------------------------

    def issue(self, request: IssueRequest, *, pdf: File | None = None, key: str | None = None) -> Result:
        """Issue a result now; it is signed, sealed and registered when this returns.

        `key` names the request: the same key again gives the same result, also from another process that was started
        after this one died. A portal takes its own id of the request; without one, a random key covers this call.

        Raises:
            PreflightError, InputError: It cannot be issued; nothing was recorded.
            RequestConflict: The key stands for another request.
            DuplicateNumber, SigningError, KeyStoreError, ServiceError: As the library's `Issuer.issue`.
            NetworkError: No answer within the deadline; the same call with the same `key` goes on where it stopped.
        """
        return self._post(_RESULTS, request, pdf=pdf, key=key).to(Result)

    def accept(self, request: IssueRequest, *, pdf: File | None = None, key: str | None = None) -> Accepted:
        """Have a result recorded, to be issued later; `wait` for it, or let a webhook tell.

        Raises:
            As `issue`.
        """
        return self._post(_RESULTS, request, pdf=pdf, key=key, headers={"Prefer": "respond-async"}).to(Accepted)

    def attach(self, main: str, pdf: File, *, key: str | None = None) -> Result:
        """Sign an appendix that is a file of its own, with the number of its main result.

        Raises:
            As `issue`.
        """
        return self._post(f"{_RESULTS}/{main}/attachments", FileRequest(), pdf=pdf, key=key).to(Result)

    def copy(
        self,
        pdf: File,
        *,
        form: Literal["SAO_Y", "SAO_LUC", "TRICH_SAO"],
        scanned: bool = True,
        key: str | None = None,
    ) -> Result:
        """Certify a copy.

        Raises:
            As `issue`.
        """
        return self._post("/copies", CopyRequest(form=form, scanned=scanned), pdf=pdf, key=key).to(Result)

    def sign(self, pdf: File, *, key: str | None = None) -> Result:
        """Sign a file that is no result of its own: without number, seal and standing.

        Raises:
            As `issue`.
        """
        return self._post("/signatures", FileRequest(), pdf=pdf, key=key).to(Result)

    def withdraw(self, result: str, *, why: str, key: str | None = None) -> Result:
        """Take back what was not issued yet; its number stays explained.

        Raises:
            RegistryError: It is issued: what is issued has a standing instead.
        """
        return self._post(f"{_RESULTS}/{result}/withdrawal", WithdrawalRequest(why=why), key=key).to(Result)

    def wait(self, result: str, *, within: timedelta = timedelta(minutes=2)) -> ResultDetails:
        """The result once it is issued.

        Raises:
            SigningError: `request-voided`: it was given up, and why.
            NetworkError: `result-not-yet`: it is not issued within that time.
        """
        until, pause = self._clock() + within.total_seconds(), 0.1
        while True:
            found = self.get(result)
            if found.state == "issued":
                return found
            if found.state == "void":
                raise SigningError("request-voided", why=Reason(found.void.code) if found.void else found.void_why)
            if self._clock() + pause > until:
                raise NetworkError("result-not-yet", id=found.id, state=found.state)
            self._sleep(pause)
            pause = min(pause * 1.5, 5.0)

    # --- what is there ---------------------------------------------------------------------------------------------

    def get(self, result: str) -> ResultDetails:
        """One result, with what became of it since.

        Raises:
            NotRegistered: There is no such result of this agency.
        """
        return self._get(f"{_RESULTS}/{result}").to(ResultDetails)

    def find(
        self,
        *,
        number: str | None = None,
        year: int | None = None,
        dossier: str | None = None,
        state: str | None = None,
    ) -> Iterator[Result]:
        """Results, newest first, fetched page by page."""
        after: str | None = None
        while True:
            found = self._get(_RESULTS, number=number, year=year, dossier=dossier, state=state, after=after)
            page = found.to(ResultPage)
            yield from page.results
            if page.next is None:
                return
            after = page.next

    def document(self, result: str, *, version: int | None = None) -> bytes:
        """The signed document, compared with its digest.

        Raises:
            NotRegistered: It is not issued.
            NetworkError: `document-differs`: what came is not what the service announced.
        """
        return self._document(f"{_RESULTS}/{result}/document", version=version)

    def save(self, result: str, path: Path, *, version: int | None = None) -> str:
        """Fetch the signed document into the file `path`, which is whole or not there; gives its SHA-256.

        Raises:
            As `document`; OSError: The file cannot be written.
        """
        sent = Sent(
            method="GET",
            path=f"{self._place}{_RESULTS}/{result}/document",
            params={} if version is None else {"version": version},
        )
        aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
        try:
            with aside.open("xb") as file:
                digest = self._transport.receive(sent, lambda response, chunks: _into(file, response, chunks))
            aside.replace(path)
        finally:
            with suppress(FileNotFoundError):
                aside.unlink()
        return digest

    def present(self, result: str) -> PresentationCode:
        """A code with which the holder shows the result once, within half a minute; ask anew for each.

        Raises:
            RegistryError: It is not issued.
        """
        return self._post(f"{_RESULTS}/{result}/presentations").to(PresentationCode)


def _into(file: IO[bytes], response: httpx.Response, chunks: Iterator[bytes]) -> str:
    file.seek(0)
    file.truncate()  # an attempt before may have come some way
    return checked(response, chunks, file.write)
