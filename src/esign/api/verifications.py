"""Verification: what can be said of a document, and what the register says of a digest."""

from pydantic import Field

from esign.api.base import Digest, Model

__all__ = ["DigestRequest", "DigestStanding"]


class DigestRequest(Model):
    """A file by its digest: it need not leave its owner."""

    sha256: Digest = Field(examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"])


class DigestStanding(Model):
    """What the register says of a file, and nothing more."""

    registered: bool
    standing: str | None = Field(description="What holds now; null where it is not known.", examples=["in-force"])
    newest: bool | None = Field(description="Whether it is the newest version of its file.")
