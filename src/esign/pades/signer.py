"""Sign many documents alike: what is the same in all of them is made once, and kept as bytes.

>>> signer = Signer(key, mechanism=Mechanism.RSA_PKCS1_SHA256, field_name="Signature", appearance=seal)
>>> for pdf in documents:
...     signed = signer.sign(pdf, signing_time=now())
...     signed.document, signed.way

A signed document, in the order of its bytes:

    %PDF-1.7 … %%EOF                  the document, of which nothing changes
    55 0 obj … 74 0 obj <</Type/Sig   the update behind it, with the field, the picture and its font
      /ByteRange [0 … ] /Contents     where the value is not: what is signed is all but `<…>`
    <3082…                            the value, in hexadecimal digits: the container (`esign.cms.baseline`), that is
      … the digest of all but `<…>` …   certificates and the signed attributes, which hold the digest,
      … the signature … 0000>           and the key's signature of these attributes; zeros fill the room
    … xref … %%EOF                    the rest of the update

The container is the same but for the digest and the signature, the update but for its places in the file. A document
is read as little as can be (`esign.syntax.outline`), written behind (`esign.pades.plain_revision`), and hashed once.
What is not written plainly is signed as well, by reading it; `Signed.way` tells.

ISO 32000-2 §7.5.6 (incremental updates), §12.8.1 (signatures).
"""

import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from io import FileIO
from itertools import islice
from mmap import ACCESS_READ, mmap
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

from esign.cms.baseline import ContainerTemplate
from esign.errors import SigningError
from esign.keys import Mechanism, SigningKey, sign_all
from esign.pades.placeholder import WithRoom
from esign.pades.plain_revision import PlainRevision
from esign.pades.sign import Way, container_size, public_key_of, with_room
from esign.pades.signing_revision import Appearance, SigningRevision
from esign.syntax.outline import Buffer

__all__ = ["Signed", "Signer"]

_PIECE = 1 << 20
"""Bytes of a large file that are hashed at a time."""
_ORDERS = 2
"""How many the key has in hand: one that is signed, one that is checked. A token with several processors signs both."""
_TOGETHER = 5e-3
"""Seconds that an order takes: handing it over takes a tenth of a millisecond."""
_MOST = 32
"""Documents of an order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A document with a signature of level B-B."""

    document: bytes = field(repr=False)
    """The whole file."""
    way: Way
    """How its revision was made."""


class Signer:
    """One key, one way to show it; safe to use from several threads where the key is."""

    def __init__(
        self,
        key: SigningKey,
        *,
        mechanism: Mechanism,
        field_name: str,
        appearance: Appearance | None = None,
        reason: str = "",
        prefix: bytes = b"",
    ) -> None:
        """`prefix`: the bytes that all documents begin with, where there are many: they are hashed only once.

        Raises:
            SigningError: `no-certificate`: the key has none, or the first is another key's.
        """
        if not key.certificates or public_key_of(key.certificates[0]) != key.public_key:
            raise SigningError("no-certificate", key=key.ref or "-")
        self._key = key
        self._mechanism = mechanism
        self._template = ContainerTemplate(key.certificates, mechanism)
        self._revision = SigningRevision(
            room=container_size(key.certificates, mechanism),
            field_name=field_name,
            appearance=appearance,
            reason=reason,
        )
        self._plain = PlainRevision(self._revision)
        self._prefix = prefix
        self._hashed = hashlib.new(mechanism.digest, prefix)

    def sign(self, pdf: bytes, *, signing_time: datetime) -> Signed:
        """`pdf` signed; nothing of it changes.

        The key checks each of its signatures (`SigningKey`), and the one that it makes is of bytes that nobody else
        had in hand; `esign.pades.sign.complete` is for signatures that come from elsewhere.

        Raises:
            InputError: `pdf-not-updatable`.
            KeyStoreError: The key cannot sign.
        """
        return self._signed([self._prepared(pdf, signing_time)])[0]

    def sign_all(self, documents: Iterable[bytes], *, now: Callable[[], datetime]) -> Iterator[Signed]:
        """Each of `documents` signed, in their order, some at a time: as many as are signed in some milliseconds.

        The key has two orders in hand, each in a thread of its own: while the signatures of one are checked the token
        makes those of the other. Meanwhile this thread prepares the next documents, and the caller has the last ones.

        Raises:
            InputError: `pdf-not-updatable`; those before are signed.
            KeyStoreError: The key cannot sign; what it signed of the last few is lost.
        """
        with ThreadPoolExecutor(_ORDERS, "esign-key") as key:
            left, size, more = iter(documents), 1, True
            ordered: deque[Future[list[Signed]]] = deque()
            since = perf_counter()
            while more:
                few, failure = self._prepare(islice(left, size), now)
                more = len(few) == size  # else there are no more documents, or the next one cannot be signed
                if few:
                    ordered.append(key.submit(self._signed, few))
                while len(ordered) > (_ORDERS if more else 0):
                    signed = ordered.popleft().result()
                    yield from signed
                    size, since = _as_many_as_fit(len(signed), perf_counter() - since), perf_counter()
            if failure is not None:
                raise failure

    def sign_file(self, path: Path, *, signing_time: datetime) -> Way:
        """Sign the file where it is: nothing of it is written again, only the update behind its last byte.

        It is looked into and hashed piece by piece, so its size costs no memory, but where `Way.GENERAL` has to read
        it. Everything is ready before the first byte is written, and what was not written whole is taken away again.

        Raises:
            InputError: `pdf-not-updatable`.
            KeyStoreError: The key cannot sign.
            SigningError: `prepared-damaged`: somebody else wrote in it meanwhile.
            OSError: It cannot be read or written.
        """
        with path.open("r+b", buffering=0) as file:
            size = file.seek(0, os.SEEK_END)
            with _looked_into(file, size) as pdf:
                made, way = with_room(pdf, self._revision, signing_time, plain=self._plain)
                digest = made.digest_after(self._hash_of_file(file))
                signature = self._key.sign(self._template.attributes(digest), mechanism=self._mechanism)
                update = made.update(self._template.hexadecimal(digest, signature))
            if file.seek(0, os.SEEK_END) != size:
                raise SigningError("prepared-damaged", problem="size")
            _append(file, size, update)
        return way

    def _prepare(
        self, documents: Iterable[bytes], now: Callable[[], datetime]
    ) -> "tuple[list[_Prepared], Exception | None]":
        """All of `documents`, or those before the first that cannot be signed, and why it cannot."""
        prepared: list[_Prepared] = []
        try:
            for pdf in documents:
                prepared.append(self._prepared(pdf, now()))  # noqa: PERF401 - what came before a failure stays
        except Exception as e:  # noqa: BLE001 - raised when those before are signed
            return prepared, e
        return prepared, None

    def _prepared(self, pdf: bytes, signing_time: datetime) -> "_Prepared":
        """`pdf` with its update, the value all zeros, and the digest of everything else."""
        made, way = with_room(pdf, self._revision, signing_time, plain=self._plain)
        return _Prepared(made, made.digest_after(self._hash_of(pdf)), way)

    def _signed(self, prepared: "Sequence[_Prepared]") -> list[Signed]:
        """The key signs the attributes with each digest; the containers go where the zeros are."""
        template = self._template
        signatures = sign_all(self._key, [template.attributes(p.digest) for p in prepared], mechanism=self._mechanism)
        return [
            Signed(document=each.made.filled(template.hexadecimal(each.digest, signature)), way=each.way)
            for each, signature in zip(prepared, signatures, strict=True)
        ]

    def _hash_of(self, pdf: bytes) -> "hashlib._Hash":
        if not pdf.startswith(self._prefix):
            return hashlib.new(self._mechanism.digest, pdf)
        hashed = self._hashed.copy()
        hashed.update(memoryview(pdf)[len(self._prefix) :])
        return hashed

    def _hash_of_file(self, file: FileIO) -> "hashlib._Hash":
        hashed = hashlib.new(self._mechanism.digest)
        piece = memoryview(bytearray(_PIECE))
        file.seek(0)
        while count := file.readinto(piece):
            hashed.update(piece[:count])
        return hashed


@contextmanager
def _looked_into(file: FileIO, size: int) -> Iterator[Buffer]:
    """The file as if it were in memory; only what is looked at is."""
    if not size:
        yield b""
        return
    with mmap(file.fileno(), size, access=ACCESS_READ) as pdf:
        yield pdf


def _append(file: FileIO, size: int, update: bytes) -> None:
    try:
        rest = memoryview(update)
        while rest:
            rest = rest[file.write(rest) :]
        os.fsync(file.fileno())
    except BaseException:
        file.truncate(size)
        raise


def _as_many_as_fit(count: int, seconds: float) -> int:
    """How many are to be signed together, where `count` took so many `seconds`."""
    return max(1, min(_MOST, int(_TOGETHER * count / seconds))) if seconds else _MOST


class _Prepared(NamedTuple):
    """A document that waits for its signature."""

    made: WithRoom
    digest: bytes
    way: Way
