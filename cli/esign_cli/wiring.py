"""Builds everything that a configuration describes: the one place that knows every part.

It imports no terminal library, so that services start through it as well.

>>> with Workplace(Config.load(Path("esign.toml")), now=lambda: datetime.now(UTC)) as workplace:
...     issued = workplace.issuer().issue(request)
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Self

from esign.errors import ConfigurationError, RegistryError
from esign.keys import KeyRef, PinGuard, SigningKey
from esign_cli.config import Config
from esign_cli.keys import Keys, LateKey, pin_from, pin_guard
from esign_cli.places import files_at, has_register, holds_files, read_file
from esign_cli.trust_files import authority_table, seal_key_table, trust_store
from esign_hsm.pin import PinSource

if TYPE_CHECKING:
    from esign.auditing import Anchoring
    from esign.authority import AuthorityTable
    from esign.delivery import Delivery
    from esign.document import Agency
    from esign.issuance import Issuer
    from esign.layout import GivenFiles, Layout
    from esign.net import Client
    from esign.pades.augment import Augmenter
    from esign.pdf import Renderer
    from esign.registry import Intent, Registry
    from esign.request import Request
    from esign.seal import SealKeys
    from esign.steps import Step
    from esign.timestamp import Timestamper
    from esign.trust import TrustStore
    from esign.upgrading import Upgrader
    from esign_hsm.keystore import TokenKeyStore

__all__ = ["Workplace"]


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
        self.__dict__.pop("registry_to_issue_from", None)
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
        if isinstance(paths.registry, str) and not registry.listing(limit=1).entries and holds_files(paths.archive):
            registry.close()
            raise RegistryError("register-missing", file=registry.name, archive=paths.archive)
        return registry

    @cached_property
    def registry_to_issue_from(self) -> "Registry":
        """The same register, held once against what is kept beside it and elsewhere.

        Raises:
            RegistryError: `registry-restored`, `registry-behind-…`: an older copy was put in the place of the
                register; `audit-anchors-…`: the folder that would tell is not there.
        """
        from esign_cli.recovery import refuse_restored

        refuse_restored(self, now=self._now)
        return self.registry

    @property
    def persons(self) -> bool:
        """Whether four eyes need to know the persons."""
        from esign_cli.config.access import Persons

        return self.config.access.persons is Persons.REQUIRED

    @cached_property
    def given(self) -> "GivenFiles":
        """Knows the files that were examined."""
        from esign.layout import GivenFiles

        return GivenFiles()

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
        return None if seal is None else LateKey(lambda: self.store.key(seal.key))

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
            RegistryError: as `registry_to_issue_from`.
        """
        from esign.consent import FourEyes
        from esign.issuance import Issuer

        registry = self.registry_to_issue_from  # before anybody is asked for a PIN
        paths = self.config.paths
        return Issuer(
            agency=self.agency,
            profile=self.config.profile,
            key=self.key() if keys is Keys.ALL else None,
            seal_key=self.seal_key() if keys is not Keys.NONE else self._late_seal_key(),
            registry=registry,
            spool=files_at(paths.spool),
            archive=files_at(paths.archive),
            now=self._now,
            trust=self.trust,
            augmenter=self.augmenter,
            authority=self.authority,
            consent=FourEyes(registry, persons=self.persons) if self.config.access.four_eyes else None,
            delivery=delivery,
            renderer=self.renderer,
            given=self.given,
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
        from esign_cli import network

        return network.client(self.config.network, now=self._now)

    @cached_property
    def timestamper(self) -> "Timestamper | None":
        """Who gives time-stamps; None where no authority is named."""
        from esign_cli import network

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
