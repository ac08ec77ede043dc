"""The signed files, written once: what the register speaks of is never replaced, so the two cannot disagree.

    <id>.pdf            the file as the agency signed it: the first that was stored counts
    <id>.<sha256>.pdf   a later version, which begins with all the bytes of the one before

Two hosts may sign the same prepared bytes, when one of them lost its claim and does not know it; with ECDSA their
files differ. Whoever comes second finds the first file and goes on with that. A version that was never registered is
nobody's (docs/adr/0025-postgresql.md); `esign.recovery.orphans` removes it.
"""

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence

from esign.codes import ResultId
from esign.errors import Error, SigningError
from esign.files import Files
from esign.registry import Intent

__all__ = ["Archive", "archived", "digest_in", "names_of", "sha256"]

_NAME = re.compile(r"(?P<id>[^.]+)(?P<digest>\.[0-9a-f]{64})?\.pdf")


def sha256(data: bytes) -> str:
    """In hex, as the register keeps digests."""
    return hashlib.sha256(data).hexdigest()


class Archive:
    """The signed files of a register, each checked against it."""

    def __init__(self, files: Files) -> None:
        self._files = files

    def put(self, intent: Intent, pdf: bytes, *, fits: Callable[[bytes], bool] = lambda _pdf: True) -> bytes:
        """As `put_all`, for one."""
        return self.put_all([(intent, pdf, fits)])[0]

    def put_all(self, signed: Sequence[tuple[Intent, bytes, Callable[[bytes], bool]]]) -> list[bytes]:
        """Keep signed files, and give what is kept of each: it, or another that fits and was there first.

        Nobody gets them before they are registered.
        """
        free = self._files.put_new({_first(intent): pdf for intent, pdf, _ in signed})
        return [pdf if _first(i) in free else self._kept_before(i, pdf, fits) for i, pdf, fits in signed]

    def _kept_before(self, intent: Intent, pdf: bytes, fits: Callable[[bytes], bool]) -> bytes:
        stored = self.find(intent)
        if stored is not None and fits(stored):
            return stored
        self._files.put(_first(intent), pdf)  # whatever lay there was not signed by us
        return pdf

    def put_version(self, intent: Intent, pdf: bytes) -> None:
        """Keep a longer version of an ISSUED file; nobody gets it before it is registered."""
        self._files.put_new({_later(intent, sha256(pdf)): pdf})

    def tidy(self, intent: Intent) -> None:
        """Remove the versions between the first and the newest, which contains them."""
        for version in intent.versions[1:-1]:
            self._files.discard(_later(intent, version.sha256))

    def find(self, intent: Intent) -> bytes | None:
        """The file as it was signed, registered or not."""
        return self._files.get(_first(intent))

    def signed(self, intent: Intent) -> bytes:
        """The file as it was signed, with the digest that the register recorded.

        Raises:
            SigningError: `archive-damaged`.
        """
        found = self.find(intent)
        if found is None or sha256(found) != intent.signed_sha256:
            raise SigningError("archive-damaged", id=str(intent.id))
        return found

    def version(self, intent: Intent, number: int = -1) -> bytes:
        """A version of an ISSUED file, the newest where no number is given.

        Raises:
            SigningError: `archive-damaged`.
        """
        wanted, newest = intent.versions[number], intent.versions[-1]
        # Each version begins with those before it, so a longer one that is there will do.
        for name in dict.fromkeys((_later(intent, wanted.sha256), _first(intent), _later(intent, newest.sha256))):
            found = self._files.get(name)
            if found is not None and sha256(found[: wanted.size]) == wanted.sha256:
                return found[: wanted.size]
        raise SigningError("archive-damaged", id=str(intent.id))

    def discard(self, intent: Intent) -> None:
        """Remove the file of an intent that is void."""
        self._files.discard(_first(intent))

    def sweep(self) -> None:
        """Remove what killed writers left."""
        self._files.sweep_parts()


def _first(intent: Intent) -> str:
    return f"{intent.id}.pdf"


def _later(intent: Intent, digest: str) -> str:
    return f"{intent.id}.{digest}.pdf"


def names_of(intent: Intent) -> Iterator[str]:
    """Under which names the archive may keep the file of an ISSUED intent and its versions."""
    yield _first(intent)
    yield from (_later(intent, version.sha256) for version in intent.versions[1:])


def archived(files: Files) -> Iterator[tuple[str, ResultId | None]]:
    """Every name in an archive with the result that it is of, those of one result together; None for other files."""
    for name in sorted(files.names()):
        yield name, _result_of(name)


def digest_in(name: str) -> str:
    """The digest in the name of a later version; empty for every other name."""
    matched = _NAME.fullmatch(name)
    return (matched["digest"] or "").removeprefix(".") if matched else ""


def _result_of(name: str) -> ResultId | None:
    matched = _NAME.fullmatch(name)
    if matched is None:
        return None
    try:
        found = ResultId.parse(matched["id"])
    except Error:
        return None
    return found if str(found) == matched["id"] else None
