"""One vector: a file, what a verifier must say of it, and why."""

from dataclasses import dataclass

from tests.support.raw_pdf import RawPDF

__all__ = ["Vector", "altered", "intact"]


@dataclass(frozen=True)
class Vector:
    """A file with its verdict."""

    name: str
    expect: str
    """The integrity."""
    finding: frozenset[str]
    """The codes that refuse it; of an intact file those of the changes that it permits."""
    comment: str
    pdf: bytes

    def content(self) -> bytes:
        """As it is stored."""
        finding = ", ".join(sorted(self.finding)) or "-"
        header = f"expect: {self.expect}\nfinding: {finding}\ncomment: {self.comment}\n\n"
        return header.encode() + self.pdf


def intact(name: str, pdf: RawPDF, comment: str, *told: str) -> Vector:
    """What must be accepted."""
    return Vector(name, "INTACT", frozenset(told), comment, bytes(pdf))


def altered(name: str, pdf: RawPDF, comment: str, *refused: str) -> Vector:
    """What must be refused."""
    return Vector(name, "ALTERED", frozenset(refused), comment, bytes(pdf))
