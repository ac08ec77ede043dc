"""The whole of `esign.toml`: found, read and checked; every mistake in it is named with its file and key."""

import dataclasses
import os
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final, Self

from esign.errors import ConfigurationError
from esign.profile import IssuanceProfile
from esign.reasons import system_problem
from esign_cli.config.access import AccessSection, AuditSection, access_ranges
from esign_cli.config.issuing import AgencySection, AuthoritySection, IssuanceSection, SealSection, StatusSection
from esign_cli.config.keys import KeySection, SoftHSMSection
from esign_cli.config.network import NetworkSection, TimestampSection, network_ranges
from esign_cli.config.paths import PathsSection
from esign_cli.config.reader import Reader
from esign_cli.config.service import ServiceSection, service_ranges
from esign_cli.config.trust import TrustSection
from esign_cli.config.work import WebhooksSection, WorkSection, work_ranges

__all__ = ["FILE_NAME", "Config", "find"]

FILE_NAME: Final = "esign.toml"
_KID = re.compile(r"[0-9a-f]{8}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """A whole `esign.toml`; relative paths in it are resolved."""

    path: Path
    """The file."""
    agency: AgencySection
    """Who issues."""
    issuance: IssuanceSection = field(default_factory=IssuanceSection)
    """How."""
    authority: AuthoritySection = field(default_factory=AuthoritySection)
    """Who may sign before the agency."""
    seal: SealSection | None = None
    """None issues without a QR seal."""
    status: StatusSection | None = None
    """None publishes no status lists."""
    key: KeySection = field(default_factory=KeySection)
    """What signs."""
    trust: TrustSection = field(default_factory=TrustSection)
    """What certificates are checked against."""
    paths: PathsSection = field(default_factory=PathsSection)
    """Where things are kept."""
    network: NetworkSection = field(default_factory=NetworkSection)
    """What may be asked on the network."""
    timestamp: TimestampSection = field(default_factory=TimestampSection)
    """Who gives time-stamps, and when they are taken."""
    service: ServiceSection = field(default_factory=ServiceSection)
    """What `esign serve` does."""
    access: AccessSection = field(default_factory=AccessSection)
    """Who may ask it for what."""
    audit: AuditSection = field(default_factory=AuditSection)
    """Where the audit is anchored."""
    work: WorkSection = field(default_factory=WorkSection)
    """What `esign work` does."""
    webhooks: WebhooksSection = field(default_factory=WebhooksSection)
    """How others are told."""
    softhsm: SoftHSMSection | None = None
    """A development token."""

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read and check the file.

        Raises:
            ConfigurationError: `config-unreadable`, `config-not-toml`, `config-unknown-key`, `config-missing-key`,
                `config-wrong-type`, `config-choice`, `config-range`, `config-pin` or `config-value`.
        """
        try:
            found = tomllib.loads(path.read_text("utf-8"))
        except OSError as e:
            raise ConfigurationError("config-unreadable", file=path, problem=system_problem(e)) from e
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as e:
            raise ConfigurationError("config-not-toml", file=path, problem=e) from e
        reader = Reader(path)
        read = reader.section(cls, found, "", extra={"path": path})
        for key, number, least, most in _ranges(read):
            if not least <= number <= most:
                raise ConfigurationError("config-range", file=path, key=key, found=number, least=least, most=most)
        if read.status is None:
            return read
        if not _KID.fullmatch(read.status.kid):
            raise ConfigurationError(
                "config-choice", file=path, key="status.kid", found=read.status.kid, expected="00000000 … ffffffff"
            )
        target = read.status.target
        place = target if "://" in target else str(reader.place(Path(target)))
        return dataclasses.replace(read, status=dataclasses.replace(read.status, target=place))

    @property
    def profile(self) -> IssuanceProfile:
        """The issuance profile that it describes."""
        i = self.issuance
        return IssuanceProfile(
            name=i.profile,
            signature=dataclasses.replace(
                i.signature.profile, level=i.level.level, timestamping=self.timestamp.timestamping
            ),
            seal=self.seal.profile if self.seal else None,
            visible=i.visible,
            duplicates=i.duplicates,
            active_content=i.active_content,
            max_bytes=i.max_mebibytes << 20,
            attach_data=i.attach_data,
            person=i.person,
            person_within=timedelta(days=i.person_within_days),
            numbering=i.numbering,
        )


def _ranges(read: Config) -> Iterator[tuple[str, int, int, int]]:
    """Every number that has bounds: its key, itself, the least and the most."""
    yield "issuance.max_mebibytes", read.issuance.max_mebibytes, 1, 1024
    yield "issuance.person_within_days", read.issuance.person_within_days, 1, 3650
    yield from network_ranges(read.network, read.timestamp)
    yield from service_ranges(read.service)
    yield from access_ranges(read.access, read.audit)
    yield from work_ranges(read.work, read.webhooks)


def find(given: Path | None, *, start: Path, environ: Mapping[str, str] = os.environ) -> Path | None:
    """The configuration: `given`, else ESIGN_CONFIG, else the nearest `esign.toml` from `start` upwards.

    Raises:
        ConfigurationError: `config-foreign`: the nearest one is somebody else's. It names a library that is loaded, so
            whoever can write to a folder above could run code here (as with git, CVE-2022-24765).
    """
    if given is None and environ.get("ESIGN_CONFIG"):
        given = Path(environ["ESIGN_CONFIG"])
    if given is not None:
        return given / FILE_NAME if given.is_dir() else given
    here = start.resolve()
    found = next((p / FILE_NAME for p in (here, *here.parents) if (p / FILE_NAME).is_file()), None)
    if found is not None and sys.platform != "win32" and found.stat().st_uid not in (0, os.getuid()):
        raise ConfigurationError("config-foreign", file=found)
    return found
