"""`[trust]` of esign.toml: what certificates, algorithms and seals are checked against."""

from dataclasses import dataclass
from pathlib import Path

__all__ = ["TrustSection", "TrustedListSection"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedListSection:
    """`[[trust.lists]]`: a snapshot of an ETSI trusted list."""

    file: Path
    """The XML."""
    sha256: str
    """Of the file, from who verified its signature."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustSection:
    """`[trust]`: files and folders."""

    anchors: tuple[Path, ...] = ()
    """Root certificates."""
    intermediates: tuple[Path, ...] = ()
    """Intermediate certificates."""
    crls: tuple[Path, ...] = ()
    """Revocation lists."""
    lists: tuple[TrustedListSection, ...] = ()
    """ETSI trusted lists, whose services are anchors."""
    system_anchors: bool = False
    """Whether the operating system's authorities are anchors."""
    algorithms: Path | None = None
    """The table of algorithms, in the place of the one that comes with esign."""
    seal_keys: Path | None = None
    """The table of seal keys."""
    seal_list: Path | None = None
    """The folder of the trust list of seals."""
    seal_roots: Path | None = None
    """The file of its roots."""
