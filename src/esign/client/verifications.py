"""Verifying documents by the service, or asking about one that stays where it is."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from esign.api.verifications import DigestRequest, DigestStanding
from esign.client.part import PDF, Part
from esign.client.transport import Answer, File, Sent
from esign.errors import InputError
from esign.reasons import system_problem

__all__ = ["Verifications"]


class Verifications(Part):
    """What can be said of documents."""

    def verify(self, pdf: File, *, original: bool = False) -> Mapping[str, Any]:
        """The report on a document (docs/spec/report.md); `original` fails what lacks one of the two signatures.

        A report is not a verdict: look at its `indication`, and at the standing beside it.
        """
        found: Mapping[str, Any] = json.loads(self._sent(pdf, original=original, accept="application/json").body)
        return found

    def page(self, pdf: File, *, original: bool = False) -> str:
        """The same as a page for people."""
        return self._sent(pdf, original=original, accept="text/html").body.decode("utf-8")

    def _sent(self, pdf: File, *, original: bool, accept: str) -> Answer:
        return self._transport.ask(
            Sent(
                method="POST",
                path=f"{self._place}/verifications",
                params={"original": "true"} if original else {},
                headers={"Accept": accept},
                file=("file", pdf, PDF),
            )
        )

    def by_digest(self, sha256: str) -> DigestStanding:
        """What the register says of a file with this SHA-256, and nothing more."""
        return self._post("/verifications/by-hash", DigestRequest(sha256=sha256)).to(DigestStanding)

    def by_file(self, path: Path) -> DigestStanding:
        """The same for a file, which is hashed here and does not leave this machine.

        Raises:
            InputError: `upload-unreadable`.
        """
        try:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as e:
            raise InputError("upload-unreadable", file=path, problem=system_problem(e)) from e
        return self.by_digest(digest)
