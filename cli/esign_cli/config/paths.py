"""`[paths]` of esign.toml: where things are kept."""

from dataclasses import dataclass
from pathlib import Path

__all__ = ["PathsSection"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PathsSection:
    """`[paths]`."""

    registry: Path | str = Path("register.sqlite")
    """The register's file, or the URL of its database on a server (`esign.registry.database_url`)."""
    spool: Path | str = Path("spool")
    """What is being made: a folder, or the URL of an object store (`esign.objects`)."""
    archive: Path | str = Path("archive")
    """The signed originals; likewise."""
    out: Path = Path("out")
    """Where documents are delivered."""
    reports: Path = Path("reports")
    """Summaries of batches."""

    @property
    def host(self) -> Path:
        """The folder for what this host keeps for itself."""
        return self.registry.parent if isinstance(self.registry, Path) else self.out.parent

    @property
    def folders(self) -> tuple[Path, ...]:
        """Where this host writes."""
        places = (self.host, self.spool, self.archive, self.out)
        return tuple(dict.fromkeys(place for place in places if isinstance(place, Path)))
