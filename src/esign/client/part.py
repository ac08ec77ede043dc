"""What all parts of the client have in common: an agency's address, and how a request to it is made."""

import hashlib
import secrets
from collections.abc import Callable, Iterator, Mapping

import httpx

from esign.api.base import Model
from esign.client.transport import Answer, File, Sent, Transport
from esign.errors import NetworkError

__all__ = ["PDF", "Part", "checked", "new_key"]

PDF = "application/pdf"


def new_key() -> str:
    """An Idempotency-Key of 128 random bits."""
    return secrets.token_hex(16)


class Part:
    """A part of the service of one agency."""

    def __init__(self, transport: Transport, place: str) -> None:
        """`place` is the agency's path."""
        self._transport = transport
        self._place = place

    def _get(self, path: str, **params: str | int | list[str] | None) -> Answer:
        given = {name: value for name, value in params.items() if value is not None}
        return self._transport.ask(Sent(method="GET", path=self._place + path, params=given))

    def _post(
        self,
        path: str,
        model: Model | None = None,
        *,
        pdf: File | None = None,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool = True,
    ) -> Answer:
        """Post `model`, with `pdf` as a part of its own; one key for all attempts, `key` or a new one."""
        return self._transport.ask(
            Sent(
                method="POST",
                path=self._place + path,
                headers={"Idempotency-Key": key or new_key(), **(headers or {})},
                model=model,
                file=None if pdf is None else ("pdf", pdf, PDF),
                repeatable=repeatable,
            )
        )

    def _document(self, path: str, *, digest: str | None = None, version: int | None = None) -> bytes:
        """A PDF, compared with its ETag, or with `digest` where one is known already."""
        received = bytearray()

        def read(response: httpx.Response, chunks: Iterator[bytes]) -> None:
            received.clear()  # an attempt before may have come some way
            checked(response, chunks, received.extend, digest=digest)

        params = {} if version is None else {"version": version}
        self._transport.receive(Sent(method="GET", path=self._place + path, params=params), read)
        return bytes(received)


def checked(
    response: httpx.Response, chunks: Iterator[bytes], write: Callable[[bytes], object], *, digest: str | None = None
) -> str:
    """Write the body, and compare its SHA-256 with `digest`, or with the ETag.

    Raises:
        NetworkError: `document-differs`: something on the way changed it.
    """
    expected = digest or response.headers.get("ETag", "").strip('"')
    hashed = hashlib.sha256()
    for chunk in chunks:
        hashed.update(chunk)
        write(chunk)
    found = hashed.hexdigest()
    if found != expected:
        raise NetworkError("document-differs", expected=expected or "-", found=found)
    return found
