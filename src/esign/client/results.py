"""Results: issue them, wait for them, find them, fetch the document."""

import hashlib
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import IO

import httpx

from esign.api.results import Accepted, IssueRequest, Result, ResultDetails, ResultPage, TemplateList
from esign.client.transport import File, Sent, Transport
from esign.errors import NetworkError, SigningError
from esign.reasons import Reason

__all__ = ["Results", "new_key"]

_PDF = "application/pdf"


def new_key() -> str:
    """An Idempotency-Key of 128 random bits."""
    return secrets.token_hex(16)


class Results:
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
        self._transport = transport
        self._place = f"{place}/results"
        self._templates = f"{place}/templates"
        self._clock = clock
        self._sleep = sleep

    def templates(self) -> TemplateList:
        """The templates that results can be issued from, with the schemas of their data."""
        return self._transport.ask(Sent(method="GET", path=self._templates)).to(TemplateList)

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
        return self._transport.ask(self._issuing(request, pdf, key)).to(Result)

    def accept(self, request: IssueRequest, *, pdf: File | None = None, key: str | None = None) -> Accepted:
        """Have a result recorded, to be issued later; `wait` for it, or let a webhook tell.

        Raises:
            As `issue`.
        """
        return self._transport.ask(self._issuing(request, pdf, key, Prefer="respond-async")).to(Accepted)

    def _issuing(self, request: IssueRequest, pdf: File | None, key: str | None, **headers: str) -> Sent:
        return Sent(
            method="POST",
            path=self._place,
            headers={"Idempotency-Key": key or new_key(), **headers},
            model=request,
            file=None if pdf is None else ("pdf", pdf, _PDF),
        )

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

    def get(self, result: str) -> ResultDetails:
        """One result, with what became of it since.

        Raises:
            NotRegistered: There is no such result of this agency.
        """
        return self._transport.ask(Sent(method="GET", path=f"{self._place}/{result}")).to(ResultDetails)

    def find(
        self,
        *,
        number: str | None = None,
        year: int | None = None,
        dossier: str | None = None,
        state: str | None = None,
    ) -> Iterator[Result]:
        """Results, newest first, fetched page by page."""
        params: dict[str, str | int | list[str]] = {
            name: value
            for name, value in (("number", number), ("year", year), ("dossier", dossier), ("state", state))
            if value is not None
        }
        while True:
            page = self._transport.ask(Sent(method="GET", path=self._place, params=params)).to(ResultPage)
            yield from page.results
            if page.next is None:
                return
            params["after"] = page.next

    def document(self, result: str, *, version: int | None = None) -> bytes:
        """The signed document, compared with its digest.

        Raises:
            NotRegistered: It is not issued.
            NetworkError: `document-differs`: what came is not what the service announced.
        """
        received = bytearray()

        def read(response: httpx.Response, chunks: Iterator[bytes]) -> None:
            received.clear()
            _checked(response, chunks, received.extend)

        self._transport.receive(self._fetching(result, version), read)
        return bytes(received)

    def save(self, result: str, path: Path, *, version: int | None = None) -> str:
        """Fetch the signed document into the file `path`, which is whole or not there; gives its SHA-256.

        Raises:
            As `document`; OSError: The file cannot be written.
        """
        aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
        try:
            with aside.open("xb") as file:
                digest = self._transport.receive(self._fetching(result, version), lambda r, c: _into(file, r, c))
            aside.replace(path)
        finally:
            with suppress(FileNotFoundError):
                aside.unlink()
        return digest

    def _fetching(self, result: str, version: int | None) -> Sent:
        params: dict[str, str | int | list[str]] = {} if version is None else {"version": version}
        return Sent(method="GET", path=f"{self._place}/{result}/document", params=params)


def _into(file: IO[bytes], response: httpx.Response, chunks: Iterator[bytes]) -> str:
    file.seek(0)
    file.truncate()
    return _checked(response, chunks, file.write)


def _checked(response: httpx.Response, chunks: Iterator[bytes], write: Callable[[bytes], object]) -> str:
    """Write the body, and compare it with its ETag: the file's SHA-256."""
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
        write(chunk)
    found = digest.hexdigest()
    if response.headers.get("ETag") != f'"{found}"':
        raise NetworkError("document-differs", expected=response.headers.get("ETag", "-").strip('"'), found=found)
    return found
