"""Builds everything that a configuration describes: the one place that knows every part.

It imports no terminal library, so that services start through it as well.

>>> with Workplace(Config.load(Path("esign.toml")), now=lambda: datetime.now(UTC)) as workplace:
...     issued = workplace.issuer().issue(request)
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from enum import Enum
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from esign.document import SignerRole
from esign.errors import ConfigurationError, InputError, RegistryError
from esign.keys import DelegatedKey, KeyRef, PinGuard, SigningKey
from esign.reasons import system_problem
from esign_cli import network
from esign_cli.config import Config
from esign_cli.config.keys import PinKind, PinSection
from esign_cli.config.paths import PathsSection
from esign_cli.config.trust import TrustedListSection
from esign_hsm.guard import FilePinGuard
from esign_hsm.pin import CredentialPin, DescriptorPin, FilePin, PinPad, PinPrompt, PinSource

if TYPE_CHECKING:
    from esign.auditing import Anchoring
    from esign.authority import AuthorityTable
    from esign.composition import Layout
    from esign.delivery import Delivery
    from esign.document import Agency
    from esign.files import Files
    from esign.issuance import Issuer, Step
    from esign.net import Client
    from esign.pades.augment import Augmenter
    from esign.pdf import Renderer
    from esign.registry import Intent, Registry
    from esign.request import Request
    from esign.seal import SealKeys
    from esign.timestamp import Timestamper
    from esign.trust import TrustStore, ValidationPolicy
    from esign.upgrading import Upgrader
    from esign.verification import Verifier
    from esign_hsm.keystore import TokenKeyStore

__all__ = [
    "Keys",
    "Workplace",
    "authority_table",
    "files_at",
    "has_register",
    "pin_from",
    "pin_guard",
    "read_file",
    "read_files",
    "seal_key_table",
    "trust_store",
    "validation_policy",
    "verifier",
]

_CERTIFICATES = (".pem", ".crt", ".cer", ".der", ".p7b", ".p7c")
_LISTS = (".crl", ".pem", ".der")


class Keys(Enum):
    """Which keys a piece of work needs; the token asks for its PIN only for those."""

    NONE = "none"
    """For plans, for what persons hand in, and for what is taken back."""
    SEAL = "seal"
    """For pages with a QR seal that persons will sign."""
    ALL = "all"
    """For whatever the agency signs."""


class Workplace:
    """A working folder at work; each part is built when it is first needed, and closed with the whole."""

    def __init__(self, config: Config, *, now: Callable[[], datetime], pin: PinSource | None = None) -> None:
        """`pin` takes the place of the configuration's own source."""
        self.config = config
        self._now = now
        self.pin = pin or pin_from(config.key.pin)
        if config.softhsm is not None:
            from esign_hsm import softhsm

            softhsm.use(config.softhsm.conf)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give sessions and connections back."""
        for part in ("store", "guard", "registry"):
            built = self.__dict__.pop(part, None)
            if hasattr(built, "close"):
                built.close()

    # --- what is issued, and by whom -------------------------------------------------------------------------------

    @cached_property
    def agency(self) -> "Agency":
        """The issuing authority, with its seal's picture."""
        from esign.document import Agency

        a = self.config.agency
        return Agency(
            code=a.code,
            name=a.name,
            parent=a.parent,
            place=a.place,
            address=a.address,
            seal_image=None if a.seal_image is None else read_file(a.seal_image),
            seal_diameter_mm=a.seal_diameter_mm,
            system=a.system,
            system_owner=a.system_owner,
        )

    @cached_property
    def registry(self) -> "Registry":
        """The register; made where there is none and nothing was issued yet. From here on its audit names us."""
        from esign.registry import Registry, act_as
        from esign.registry.persons import named, person_code

        access = self.config.access
        act_as(named(f"cli:{access.actor or self.config.agency.code}", person_code(access.actor_person)))
        paths = self.config.paths
        has_register(paths)
        registry = Registry.open(paths.registry, now=self._now)
        if isinstance(paths.registry, str) and not registry.listing(limit=1).entries and _holds(paths.archive):
            registry.close()
            raise RegistryError("register-missing", file=registry.name, archive=paths.archive)
        return registry

    @property
    def persons(self) -> bool:
        """Whether four eyes need to know the persons."""
        from esign_cli.config.access import Persons

        return self.config.access.persons is Persons.REQUIRED

    @cached_property
    def renderer(self) -> "Renderer":
        """Sets templates."""
        from esign.pdf import Renderer

        return Renderer()

    # --- keys ------------------------------------------------------------------------------------------------------

    @cached_property
    def guard(self) -> PinGuard:
        """What keeps a wrong PIN from being sent twice."""
        return pin_guard(self.config)

    @cached_property
    def store(self) -> "TokenKeyStore":
        """The token's keys."""
        return self.store_of(KeyRef(token=self.config.key.uri.token, serial=self.config.key.uri.serial))

    def store_of(self, token: KeyRef) -> "TokenKeyStore":
        """The keys of the token that `token` names; the caller closes it."""
        from esign_hsm.keystore import TokenKeyStore

        module = self.config.key.module or None
        return TokenKeyStore(module=module, pin=self.pin, guard=self.guard, defaults=token)

    def key(self) -> SigningKey:
        """The agency's signing key; the token asks for its PIN here."""
        return self.store.key(self.config.key.uri)

    def seal_key(self) -> SigningKey | None:
        """The key of the QR seals; None for a folder that issues without them."""
        return None if self.config.seal is None else self.store.key(self.config.seal.key)

    def _late_seal_key(self) -> SigningKey | None:
        """The same, opened when something is sealed, if ever."""
        seal = self.config.seal
        return None if seal is None else _LateKey(lambda: self.store.key(seal.key))

    # --- the two workflows -----------------------------------------------------------------------------------------

    def issuer(
        self,
        *,
        keys: Keys = Keys.ALL,
        delivery: "Delivery | None" = None,
        on_step: "Callable[[Step, Intent | None], None] | None" = None,
    ) -> "Issuer":
        """Issues results of this agency; with `keys` it opens no others now.

        Raises:
            RegistryError: `registry-restored`, `registry-behind-…`: an older copy was put in the place of the
                register; `audit-anchors-…`: the folder that would tell is not there.
        """
        from esign.consent import FourEyes
        from esign.issuance import Issuer
        from esign_cli.recovery import refuse_restored

        refuse_restored(self, now=self._now)
        paths = self.config.paths
        return Issuer(
            agency=self.agency,
            profile=self.config.profile,
            key=self.key() if keys is Keys.ALL else None,
            seal_key=self.seal_key() if keys is not Keys.NONE else self._late_seal_key(),
            registry=self.registry,
            spool=files_at(paths.spool),
            archive=files_at(paths.archive),
            now=self._now,
            trust=self.trust,
            augmenter=self.augmenter,
            authority=self.authority,
            consent=FourEyes(self.registry, persons=self.persons) if self.config.access.four_eyes else None,
            delivery=delivery,
            renderer=self.renderer,
            on_step=on_step or (lambda _step, _intent: None),
        )

    def proof(self, request: "Request") -> "Layout":
        """The document as it would be signed, with a placeholder for an unknown number; no token is asked.

        Raises:
            PreflightError, InputError: It cannot be issued.
        """
        from cryptography.hazmat.primitives.asymmetric import ec

        from esign.composition import Composer
        from esign.softkey import SoftwareKey

        # A proof makes no seal: it only needs to know that there will be one.
        stand_in = SoftwareKey.from_private_key(ec.generate_private_key(ec.SECP256R1()))
        return Composer(
            agency=self.agency,
            profile=self.config.profile,
            seal_key=None if self.config.seal is None else stand_in,
            renderer=self.renderer,
            now=self._now,
        ).proof(request, certificate=None)

    @cached_property
    def trust(self) -> "TrustStore":
        """What certificates are checked against."""
        t = self.config.trust
        return trust_store(
            anchors=t.anchors,
            authorities=self.config.timestamp.anchors,
            intermediates=t.intermediates,
            crls=t.crls,
            lists=t.lists,
            system=t.system_anchors,
        )

    @cached_property
    def network(self) -> "Client":
        """The guarded way to the network."""
        return network.client(self.config.network, now=self._now)

    @cached_property
    def timestamper(self) -> "Timestamper | None":
        """Who gives time-stamps; None where no authority is named."""
        return network.timestamper(self.config.timestamp, client=self.network, trust=self.trust, now=self._now)

    @cached_property
    def augmenter(self) -> "Augmenter | None":
        """Who adds proofs; None where no time-stamping authority is named."""
        if not self.config.timestamp.authorities:
            return None  # and the modules of the network are not loaded
        from esign.pades.augment import Augmenter

        assert self.timestamper is not None
        return Augmenter(timestamper=self.timestamper, network=self.network, trust=self.trust, now=self._now)

    def upgrader(self, *, delivery: "Delivery | None" = None) -> "Upgrader":
        """Works on the levels that were promised.

        Raises:
            ConfigurationError: `timestamp-no-authorities`.
        """
        from esign.upgrading import Upgrader

        if self.augmenter is None:
            raise ConfigurationError("timestamp-no-authorities")
        return Upgrader(
            registry=self.registry,
            archive=files_at(self.config.paths.archive),
            augmenter=self.augmenter,
            now=self._now,
            delivery=delivery,
            at_once=self.config.network.at_once,
        )

    def anchoring(self) -> "Anchoring":
        """Anchors the audit with the agency's key; the token asks for its PIN here."""
        from esign.auditing import Anchoring
        from esign.files import Folder
        from esign.pades.sign import choose_mechanism

        audit, key = self.config.audit, self.key()
        return Anchoring(
            self.registry.audit,
            key=key,
            mechanism=choose_mechanism(self.config.profile.signature, key),
            folder=Folder(audit.anchors) if audit.anchors is not None else None,
            now=self._now,
            entries=audit.entries,
            interval=timedelta(minutes=audit.minutes),
        )

    @cached_property
    def authority(self) -> "AuthorityTable | None":
        """Who may sign what; None where no table is named.

        Raises:
            ConfigurationError: `authority-table-missing`, or what is wrong with it.
        """
        return authority_table(self.config)

    @cached_property
    def seal_keys(self) -> "SealKeys":
        """The seal keys that are known here; none where the table was not made yet."""
        path = self.config.trust.seal_keys
        return seal_key_table(path if path is not None and path.exists() else None)


class _LateKey(DelegatedKey):
    """A key that is opened when something is asked of it."""

    def __init__(self, open_key: Callable[[], SigningKey]) -> None:
        self._open = open_key

    @cached_property
    def _key(self) -> SigningKey:  # type: ignore[override]  # read-only, and the other key all the same
        return self._open()


def authority_table(config: Config) -> "AuthorityTable | None":
    """Who may sign what; None where no table is named.

    Raises:
        ConfigurationError: `authority-table-missing`, or what is wrong with it.
    """
    from esign.authority import AuthorityTable

    path = config.authority.table
    if path is None:
        return None
    try:
        return AuthorityTable.from_toml(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as e:
        problem = system_problem(e) if isinstance(e, OSError) else "UTF-8"
        raise ConfigurationError("authority-table-missing", file=path, problem=problem) from e


def verifier(
    *,
    trust: "TrustStore",
    seal_keys: "SealKeys",
    registry: "Registry | None",
    now: Callable[[], datetime],
    roles: Mapping[str, SignerRole] | None = None,
    policy: "ValidationPolicy | None" = None,
) -> "Verifier":
    """Verifies documents, with or without a working folder."""
    from esign.verification import Verifier

    return Verifier(trust=trust, now=now, registry=registry, seal_keys=seal_keys, roles=roles, policy=policy)


def trust_store(
    *,
    anchors: Sequence[Path] = (),
    authorities: Sequence[Path] = (),
    intermediates: Sequence[Path] = (),
    crls: Sequence[Path] = (),
    lists: Sequence[TrustedListSection] = (),
    system: bool = False,
) -> "TrustStore":
    """From files and folders of certificates and revocation lists; `authorities` are trusted for time-stamps alone."""
    from esign.trust import TrustStore

    store = TrustStore.from_pem(
        *read_files(anchors, _CERTIFICATES),
        *(_system_certificates() if system else ()),
        authorities=read_files(authorities, _CERTIFICATES),
        intermediates=read_files(intermediates, _CERTIFICATES),
        crls=read_files(crls, _LISTS),
    )
    if not lists:
        return store
    from esign.trust.etsi import read_trusted_list

    listed = (read_trusted_list(read_file(each.file), sha256=each.sha256).anchors for each in lists)
    return replace(store, anchors=(*store.anchors, *(anchor for found in listed for anchor in found)))


def _system_certificates() -> Sequence[bytes]:
    from esign.trust.system import system_certificates

    return system_certificates()


def validation_policy(path: Path | None) -> "ValidationPolicy":
    """With the table of algorithms in a file; the one that comes with esign without a file."""
    from esign.trust import AlgorithmPolicy, ValidationPolicy

    if path is None:
        return ValidationPolicy()
    return ValidationPolicy(algorithms=AlgorithmPolicy.from_toml(read_file(path)))


def seal_key_table(path: Path | None) -> "SealKeys":
    """The table of seal keys in a file; an empty one without a file."""
    from esign.seal import SealKeys

    if path is None:
        return SealKeys()
    try:
        return SealKeys.from_json(read_file(path).decode("utf-8"))
    except UnicodeDecodeError as e:
        raise InputError("file-unreadable", file=path, problem="UTF-8") from e


def pin_from(section: PinSection, *, ask: PinPrompt | None = None) -> PinSource:
    """The source that the configuration names; `ask` is how a person is asked."""
    match section:
        case PinSection(kind=PinKind.FILE, file=Path() as file):
            return FilePin(file)
        case PinSection(kind=PinKind.FD, fd=int(fd)):
            return DescriptorPin(fd)
        case PinSection(kind=PinKind.CREDENTIAL, credential=str(name)):
            return CredentialPin(name)
        case PinSection(kind=PinKind.PIN_PAD):
            return PinPad()
    return ask or PinPrompt()


def has_register(paths: PathsSection) -> bool:
    """Whether the register's file is there.

    Raises:
        RegistryError: `register-missing`: documents were issued, so an empty register in its place would give their
            numbers again, and a verifier without it would call a withdrawn result good.
    """
    if isinstance(paths.registry, str) or paths.registry.exists():
        return True
    if _holds(paths.archive):
        raise RegistryError("register-missing", file=paths.registry, archive=paths.archive)
    return False


def _holds(archive: Path | str) -> bool:
    """Whether documents were issued."""
    return next(files_at(archive).names(), None) is not None


def files_at(place: Path | str) -> "Files":
    """A folder of this host, or an object store that several hosts share.

    Raises:
        ConfigurationError: `store-extra-missing`, or `store-url-invalid`.
    """
    if isinstance(place, str):
        from esign.objects import ObjectFiles

        return ObjectFiles.at(place)
    from esign.files import Folder

    return Folder(place)


def pin_guard(config: Config | None) -> PinGuard:
    """What keeps a wrong PIN from being sent twice: on this host, or among all that share the register's database.

    Raises:
        RegistryError: The database is away.
    """
    if config is None or isinstance(config.paths.registry, Path):
        return FilePinGuard()
    from esign.registry.pin_guard import shared_guard

    return shared_guard(config.paths.registry)


def read_file(path: Path) -> bytes:
    """A file's bytes.

    Raises:
        InputError: `file-unreadable`.
    """
    try:
        return path.read_bytes()
    except OSError as e:
        raise InputError("file-unreadable", file=path, problem=system_problem(e)) from e


def read_files(places: Sequence[Path], endings: Sequence[str]) -> Iterator[bytes]:
    """The contents of files, and of the files with one of `endings` in folders, in the order of their names."""
    for place in places:
        if not place.exists():
            raise ConfigurationError("trust-missing", path=place)
        if place.is_dir():
            yield from (read_file(p) for p in sorted(place.iterdir()) if p.suffix.lower() in endings)
        else:
            yield read_file(place)
