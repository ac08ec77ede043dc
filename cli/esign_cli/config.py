"""`esign.toml`: found, read and checked; every mistake in it is named with its file and key.

`example.toml` beside this module explains every key in both languages; `esign init` starts from it.
"""

import dataclasses
import os
import re
import sys
import tomllib
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import Any, Self, TypeVar, get_args, get_origin, get_type_hints

from esign.codes import AgencyCode
from esign.errors import ConfigurationError, Error
from esign.keys import KeyRef
from esign.profile import (
    TT15,
    VGCA_COMPAT,
    ContentPolicy,
    DuplicatePolicy,
    IssuanceProfile,
    Numbering,
    SealProfile,
    SignatureProfile,
)
from esign.reasons import system_problem
from esign_cli.access_config import AccessSection, AuditSection, access_ranges
from esign_cli.network import LevelChoice, NetworkSection, TimestampSection
from esign_cli.service_config import ServiceSection, service_ranges
from esign_cli.work_config import WebhooksSection, WorkSection, work_ranges

__all__ = [
    "FILE_NAME",
    "AgencySection",
    "AuthoritySection",
    "Config",
    "KeySection",
    "PathsSection",
    "PinSection",
    "SealSection",
    "SignatureChoice",
    "SoftHSMSection",
    "StatusSection",
    "TrustSection",
    "TrustedListSection",
    "find",
]

FILE_NAME = "esign.toml"
_MOST_DAYS = 3650
_KID = re.compile(r"[0-9a-f]{8}")
T = TypeVar("T")


class SignatureChoice(Enum):
    """The signature profiles that `[issuance] signature` names."""

    VGCA_COMPAT = "vgca-compat"
    TT15 = "tt15"

    @property
    def profile(self) -> SignatureProfile:
        """The profile itself."""
        return VGCA_COMPAT if self is SignatureChoice.VGCA_COMPAT else TT15


class PinKind(Enum):
    """Where a PIN comes from."""

    PROMPT = "prompt"
    PIN_PAD = "pin-pad"
    FILE = "file"
    FD = "fd"
    CREDENTIAL = "credential"


@dataclass(frozen=True, slots=True, kw_only=True)
class PinSection:
    """`[key] pin`: where the PIN comes from; never the PIN itself."""

    kind: PinKind = PinKind.PROMPT
    """Which source."""
    file: Path | None = None
    """For `{file = "…"}`."""
    fd: int | None = None
    """For `{fd = 3}`."""
    credential: str | None = None
    """For `{credential = "…"}`: a systemd credential."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgencySection:
    """`[agency]`: see `esign.document.Agency`."""

    code: AgencyCode
    """Mã định danh."""
    name: str
    """As printed."""
    parent: str = ""
    """The authority above."""
    place: str
    """Địa danh."""
    address: str = ""
    """Footer."""
    seal_image: Path | None = None
    """A PNG with transparency."""
    seal_diameter_mm: float = 36.0
    """Real size."""
    system: str = ""
    """Information system."""
    system_owner: str = ""
    """Chủ quản."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuanceSection:
    """`[issuance]`: see `esign.profile.IssuanceProfile`."""

    profile: str = "default"
    """The name that the register records."""
    signature: SignatureChoice = SignatureChoice.VGCA_COMPAT
    """The signature profile."""
    level: LevelChoice = LevelChoice.B_B
    """The level to reach; from B-T on [timestamp] says how."""
    visible: bool = True
    """Whether the signature has an appearance."""
    duplicates: DuplicatePolicy = DuplicatePolicy.REFUSE
    """For numbers that another system gave."""
    active_content: ContentPolicy = ContentPolicy.REFUSE
    """For given PDFs."""
    attach_data: bool = False
    """PDF/A-3b with the data inside."""
    person: bool = False
    """Whether a competent person signs every result before the agency."""
    person_within_days: int = 30
    """How long a result waits for that signature."""
    numbering: Numbering = Numbering.RESERVED
    """When results of two officials get number and date."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthoritySection:
    """`[authority]`: who may sign what."""

    table: Path | None = None
    """An `esign.authority.AuthorityTable`; without it nothing is checked, and the record of each result says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SealSection:
    """`[seal]`: see `esign.profile.SealProfile`."""

    host: str
    """The host that the QR opens."""
    agency_number: int
    """Assigned by the trust list."""
    key_sequence: int = 1
    """Which of the agency's seal keys."""
    size_mm: float = 20.0
    """The symbol's side."""
    with_holder: bool = False
    """Masked holder in the seal."""
    with_procedure: bool = True
    """The kind of result in the seal."""
    allow_list: bool = False
    """Seals count only once their result is issued."""
    key: KeyRef
    """The seal key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusSection:
    """`[status]`: publishing what holds of results today (docs/spec/status.md)."""

    key: KeyRef
    """The status key: P-256, and no other than this."""
    kid: str
    """How the trust list names it: eight small hex digits."""
    target: str = "site"
    """A folder, relative to the file, or the URL of an object store."""

    @property
    def kid_bytes(self) -> bytes:
        """The four bytes."""
        return bytes.fromhex(self.kid)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySection:
    """`[key]`: the agency's signing key."""

    uri: KeyRef = field(default_factory=KeyRef)
    """Which key."""
    pin: PinSection = field(default_factory=PinSection)
    """Where its PIN comes from."""
    module: str = ""
    """A PKCS#11 library or its name in the module table; empty leaves it to discovery."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class SoftHSMSection:
    """`[softhsm]`: a token in files, for development."""

    conf: Path
    """softhsm2.conf."""


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
        reader = _Reader(path)
        read = reader.section(cls, found, "", extra={"path": path})
        for key, found_number, least, most in _ranges(read):
            if not least <= found_number <= most:
                raise ConfigurationError("config-range", file=path, key=key, found=found_number, least=least, most=most)
        if read.status is not None:
            if not _KID.fullmatch(read.status.kid):
                expected = "00000000 … ffffffff"
                raise ConfigurationError(
                    "config-choice", file=path, key="status.kid", found=read.status.kid, expected=expected
                )
            target = read.status.target
            place = target if "://" in target else str(reader.place(Path(target)))
            read = dataclasses.replace(read, status=dataclasses.replace(read.status, target=place))
        paths = {f.name: getattr(read.paths, f.name) for f in dataclasses.fields(read.paths)}
        places = {name: reader.place(p) if isinstance(p, Path) else p for name, p in paths.items()}
        return dataclasses.replace(read, paths=PathsSection(**places))

    @property
    def profile(self) -> IssuanceProfile:
        """The issuance profile that it describes."""
        i, s = self.issuance, self.seal
        seal = (
            None
            if s is None
            else SealProfile(
                host=s.host,
                agency_number=s.agency_number,
                key_sequence=s.key_sequence,
                size_mm=s.size_mm,
                with_holder=s.with_holder,
                with_procedure=s.with_procedure,
                allow_list=s.allow_list,
            )
        )
        return IssuanceProfile(
            name=i.profile,
            signature=dataclasses.replace(
                i.signature.profile, level=i.level.level, timestamping=self.timestamp.timestamping
            ),
            seal=seal,
            visible=i.visible,
            duplicates=i.duplicates,
            active_content=i.active_content,
            attach_data=i.attach_data,
            person=i.person,
            person_within=timedelta(days=i.person_within_days),
            numbering=i.numbering,
        )


def _ranges(read: Config) -> Iterator[tuple[str, int, int, int]]:
    """Every number that has bounds: its key, itself, the least and the most."""
    yield "issuance.person_within_days", read.issuance.person_within_days, 1, _MOST_DAYS
    yield "network.at_once", read.network.at_once, 1, 64
    yield from service_ranges(read.service)
    yield from access_ranges(read.access, read.audit)
    yield from work_ranges(read.work, read.webhooks)
    yield "network.deadline_seconds", read.network.deadline_seconds, 1, 600
    yield "timestamp.within_hours", read.timestamp.within_hours, 1, 24 * _MOST_DAYS
    yield "timestamp.grace_hours", read.timestamp.grace_hours, 0, 24 * _MOST_DAYS
    for authority in read.timestamp.authorities:
        yield "timestamp.authorities.deadline_seconds", authority.deadline_seconds, 1, 600


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


class _Reader:
    """Turns a TOML table into a section, by the section's own field types."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def section(
        self, kind: type[T], table: Mapping[str, Any], name: str, *, extra: Mapping[str, Any] | None = None
    ) -> T:
        """The section `name` as a `kind`."""
        values = dict(extra or {})
        # A dataclass type; typeshed's DataclassInstance is no public name.
        known = {f.name: f for f in dataclasses.fields(kind) if f.name not in values}  # type: ignore[arg-type]
        hints = get_type_hints(kind)
        for key, value in table.items():
            dotted = f"{name}.{key}" if name else key
            if key not in known:
                expected = ", ".join(known)
                raise ConfigurationError("config-unknown-key", file=self._path, key=dotted, expected=expected)
            values[key] = self._value(hints[key], value, dotted)
        for key, wanted in known.items():
            optional = wanted.default is not dataclasses.MISSING or wanted.default_factory is not dataclasses.MISSING
            if key not in values and not optional:
                raise ConfigurationError(
                    "config-missing-key", file=self._path, key=f"{name}.{key}" if name else f"[{key}]"
                )
        return kind(**values)

    def _value(self, hint: Any, value: object, key: str) -> object:
        kinds = [k for k in get_args(hint) if k is not type(None)] if isinstance(hint, types.UnionType) else [hint]
        kind = kinds[0]
        if get_origin(kind) is tuple:
            items = self._exactly(list, value, key)
            return tuple(self._value(get_args(kind)[0], item, key) for item in items)
        if get_origin(kind) is Mapping:
            table = self._exactly(dict, value, key)
            return {k: self._value(get_args(kind)[1], item, f"{key}.{k}") for k, item in table.items()}
        if kind is PinSection:
            return self._pin(value, key)
        if dataclasses.is_dataclass(kind) and kind not in (AgencyCode, KeyRef):
            return self.section(kind, self._exactly(dict, value, key), key)  # type: ignore[arg-type]  # a type, not an instance
        if kind is float:
            return float(self._exactly(int, value, key) if type(value) is int else self._exactly(float, value, key))
        if kind in (bool, int, str):
            return self._exactly(kind, value, key)
        text = self._exactly(str, value, key)
        if kind is Path and str in kinds and "://" in text:
            return text  # a place that is no path
        if kind is Path:
            return self.place(Path(text)) if text or hint is Path else None
        return self._parsed(kind, text, key)

    def _parsed(self, kind: Any, text: str, key: str) -> object:
        try:
            return kind(text) if issubclass(kind, Enum) else kind.parse(text)
        except Error as e:
            raise ConfigurationError("config-value", file=self._path, key=key, problem=e.reason) from e
        except ValueError as e:
            expected = " | ".join(member.value for member in kind)
            raise ConfigurationError("config-choice", file=self._path, key=key, found=text, expected=expected) from e

    def _exactly(self, kind: type[T], value: object, key: str) -> T:
        if type(value) is not kind:  # bool is an int to isinstance
            raise ConfigurationError(
                "config-wrong-type",
                file=self._path,
                key=key,
                found=_TOML.get(type(value), "?"),
                expected=_TOML[kind],
            )
        return value

    def _pin(self, value: object, key: str) -> PinSection:
        if value in (PinKind.PROMPT.value, PinKind.PIN_PAD.value):
            return PinSection(kind=PinKind(value))
        if isinstance(value, dict) and len(value) == 1:
            match value:
                case {"file": str(file)}:
                    return PinSection(kind=PinKind.FILE, file=self.place(Path(file)))
                case {"fd": int(fd)} if not isinstance(fd, bool):
                    return PinSection(kind=PinKind.FD, fd=fd)
                case {"credential": str(credential)}:
                    return PinSection(kind=PinKind.CREDENTIAL, credential=credential)
        # What stands there may be a PIN: it is not repeated.
        raise ConfigurationError("config-pin", file=self._path, key=key)

    def place(self, path: Path) -> Path:
        """`path`, relative to the folder of the file; what is absolute already stays."""
        return self._path.resolve().parent / path.expanduser()


_TOML: dict[type, str] = {str: "string", int: "integer", float: "float", bool: "boolean", list: "array", dict: "table"}
