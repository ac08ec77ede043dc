"""Builds the service from one or several `esign.toml`, one for each agency; their keys stay in signer processes.

>>> with Serving([Config.load(path)], now=clock) as serving:
...     serve(create_app(serving.parts), serving.listening)
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

from esign.authority import public_key_sha256
from esign.document import SignerRole
from esign.errors import ConfigurationError, KeyStoreError
from esign.keys import KeyRef, SigningKey
from esign.line import Line
from esign.registry import Grant, Intent
from esign.service.access import Role
from esign.service.checkup import Checkup, Needed
from esign.service.desk import Desk
from esign.service.identity.api_keys import digest_of, new_key
from esign.service.metrics import Metrics
from esign.service.needs import (
    AnchorsNeeded,
    CertificateNeeded,
    ClockNeeded,
    DatabaseNeeded,
    DiskNeeded,
    StoreNeeded,
    TokenNeeded,
)
from esign.service.offices import Limits, Office, Parts
from esign.service.server import Listening
from esign.service.states import count_states
from esign.service.watched import WatchedKey
from esign.steps import Step
from esign.trust import check_before_signing
from esign.verification import Verifier
from esign_cli.anchors import kept_anchored
from esign_cli.config import Config
from esign_cli.config.keys import PinKind
from esign_cli.identities import credentials
from esign_cli.places import files_at
from esign_cli.publication import known_seal_keys
from esign_cli.recovery import refuse_without_anchors
from esign_cli.serving_public import listening_of, public_side
from esign_cli.trust_files import validation_policy
from esign_cli.wiring import Workplace
from esign_cli.working import batch_spool, kept_working, webhook_desk, workers
from esign_hsm.pin import CredentialPin
from esign_hsm.signer import GuardMaker, KeyInUse, Purpose, SignerProcess

__all__ = ["ServedWorkplace", "Serving"]

_READERS = 4
_TRIAL, _TRIAL_DAYS = "trial", timedelta(days=7)
_AGENCY, _SEAL, _STATUS = "agency", "seal", "status"


class ServedWorkplace(Workplace):
    """A working folder whose keys are in a signer process: a crash of the vendor's module stays there."""

    def __init__(self, config: Config, *, now: Callable[[], datetime], metrics: Metrics | None = None) -> None:
        super().__init__(config, now=now)
        self.signer = SignerProcess(_keys_in_use(config), guard=_guard(config))
        self._metrics = metrics or Metrics()

    def key(self) -> SigningKey:
        """The agency's signing key."""
        return self._watched(_AGENCY)

    def seal_key(self) -> SigningKey | None:
        """The key of the QR seals."""
        return None if self.config.seal is None else self._watched(_SEAL)

    def status_key(self) -> SigningKey | None:
        """The key of the status lists."""
        return None if self.config.status is None else self._watched(_STATUS)

    def _watched(self, name: str) -> SigningKey:
        return WatchedKey(self.signer.key(name), name=f"{self.config.agency.code} {name}", metrics=self._metrics)

    @cached_property
    def line(self) -> Line:
        """Where results are issued, those that are asked for at the same time together."""
        at_once = self.config.service.signing_threads
        return Line(self.issuer(on_step=self._count), lanes=at_once, alone=at_once)

    def close(self) -> None:
        """Finish what is on the line, and end the process as well."""
        if "line" in self.__dict__:
            self.line.close()
        super().close()
        self.signer.close()

    @cached_property
    def office(self) -> Office:
        """The agency at work.

        Raises:
            KeyStoreError, PINError, SigningError, ConfigurationError: What it cannot begin without.
        """
        key = self.key()
        if not key.certificates:
            raise KeyStoreError(
                "certificate-missing", label=key.ref and key.ref.object, token=key.ref and key.ref.token
            )
        check_before_signing(key.certificates, trust=self.trust, at=self._now())
        return Office(
            agency=self.agency,
            profile=self.config.profile.name,
            line=self.line,
            registry=self.registry,
            verifier=self._verifier(),
            seal_host=self.config.seal.host if self.config.seal else "",
            batches=batch_spool(self.config),
            webhooks=webhook_desk(self),
            persons=self.persons,
        )

    def _count(self, step: Step, _intent: Intent | None) -> None:
        self._metrics.step(agency=str(self.config.agency.code), step=step.value)

    @cached_property
    def needs(self) -> tuple[Needed, ...]:
        """What this agency cannot issue without."""
        code = self.config.agency.code
        certificates = {_AGENCY: self.key().certificates}
        seal = self.seal_key()
        if seal is not None and seal.certificates:
            certificates[_SEAL] = seal.certificates
        paths = self.config.paths
        places = {"spool": paths.spool, "archive": paths.archive}
        return (
            TokenNeeded(name=f"token {code}", signer=self.signer),
            DatabaseNeeded(name=f"database {code}", registry=self.registry),
            ClockNeeded(name=f"clock {code}", registry=self.registry, now=self._now),
            AnchorsNeeded(name=f"anchors {code}", compare=lambda: refuse_without_anchors(self)),
            *(
                CertificateNeeded(name=f"certificate {code} {name}", certificates=chain, now=self._now)
                for name, chain in certificates.items()
            ),
            *(
                DiskNeeded(name=f"{name} {code}", folder=place)
                if isinstance(place, Path)
                else StoreNeeded(name=f"{name} {code}", files=files_at(place))
                for name, place in places.items()
            ),
        )

    def _verifier(self) -> Verifier:
        table = self.authority
        roles = {grant.public_key_sha256: SignerRole.PERSON for grant in table.grants} if table else {}
        return Verifier(
            trust=self.trust,
            seal_keys=known_seal_keys(self.config, None, self._now()),
            registry=self.registry,
            now=self._now,
            roles=roles | {public_key_sha256(self.key().certificates[0]): SignerRole.AGENCY},
            policy=validation_policy(self.config.trust.algorithms),
        )


class Serving:
    """Everything that serves these agencies; the first one's `[service]` says where and how."""

    def __init__(self, configs: Sequence[Config], *, now: Callable[[], datetime]) -> None:
        """`configs` are of different agencies.

        Raises:
            ConfigurationError: `serve-agency-twice`.
        """
        codes = [config.agency.code for config in configs]
        for code in codes:
            if codes.count(code) > 1:
                raise ConfigurationError("serve-agency-twice", agency=code)
        self._configs = configs
        self._now = now
        self._stack = ExitStack()
        self.inside = Checkup()
        """What the port inside looks at, once there are `parts`."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Finish what is being worked on, then end the signers."""
        self._stack.close()

    @property
    def metrics_port(self) -> int:
        """Where Prometheus asks; 0: nowhere."""
        return self._configs[0].service.metrics_port

    @property
    def listening(self) -> Listening:
        """Where."""
        return listening_of(self._configs[0])

    @cached_property
    def parts(self) -> Parts:
        """What the service consists of; keys are opened here, so that what is missing is said now and not per request.

        Raises:
            KeyStoreError, PINError, SigningError, RegistryError, ConfigurationError: What it cannot begin without.
        """
        try:
            return self._built()
        except BaseException:
            self.close()
            raise

    def _built(self) -> Parts:
        s = self._configs[0].service
        metrics = Metrics()
        workplaces = [
            self._stack.enter_context(ServedWorkplace(config, now=self._now, metrics=metrics))
            for config in self._configs
        ]
        offices = {workplace.config.agency.code: workplace.office for workplace in workplaces}
        needs = [need for workplace in workplaces for need in workplace.needs]
        health, self.inside = Checkup(needs), Checkup(needs)
        for checkup in (health, self.inside):
            self._stack.callback(checkup.close)
        issuing = self._desk("issuing", threads=s.signing_threads, waiting=s.signing_queue)
        reading = self._desk("reading", threads=_READERS, waiting=100 * _READERS)
        verifying = self._desk("verifying", threads=1, waiting=s.verifying_queue)
        first = workplaces[0]
        public = public_side(first.config, first.registry, desk=reading, now=self._now, writes=True)
        parts = Parts(
            offices=offices,
            authenticator=credentials(
                self._configs,
                {code: office.registry for code, office in offices.items()},
                client=workplaces[0].network,
                now=self._now,
            ),
            now=self._now,
            limits=Limits(upload=s.upload_mebibytes << 20, body_time=timedelta(seconds=s.body_seconds)),
            issuing=issuing,
            reading=reading,
            verifying=verifying,
            health=health,
            public=public.router(),
            metrics=metrics,
        )
        count_states(parts)
        next(iter(offices.values())).verifier.prepare()
        for workplace in {w.registry.place: w for w in workplaces}.values():  # one chain each, however many agencies
            self._stack.enter_context(kept_anchored(workplace))
        in_files = [w for w in workplaces if isinstance(w.registry.place, Path)]
        # With a database on a server `esign work` does this, on as many hosts as there is work for.
        self._stack.enter_context(kept_working(workers(in_files, now=self._now)))
        return parts

    @property
    def has_keys(self) -> bool:
        """Whether there is a key of access that somebody can come in with."""
        now = self._now()
        return any(key.opens(now) for o in self.parts.offices.values() for key in o.registry.access.listing())

    def trial_key(self) -> str:
        """A key of access for everything, in the place of the one before, for trying things out."""
        (registry, *_) = (office.registry for office in self.parts.offices.values())
        for old in registry.access.listing():
            if old.name == _TRIAL:
                registry.access.revoke(old.id)
        key = new_key()
        grants = [Grant(code, role.value) for code in self.parts.offices for role in Role]
        registry.access.issue(name=_TRIAL, digest=digest_of(key), grants=grants, lifetime=_TRIAL_DAYS)
        return key

    def _desk(self, name: str, *, threads: int, waiting: int) -> Desk:
        desk = Desk(name, threads=threads, waiting=waiting)
        self._stack.callback(desk.close)
        return desk


def _guard(config: Config) -> GuardMaker | None:
    """The guard that the signer process shares with those of other hosts, where the register is on a server."""
    place = config.paths.registry
    return GuardMaker(made_by="esign.registry.pin_guard:shared_guard", place=place) if isinstance(place, str) else None


def _keys_in_use(config: Config) -> Mapping[str, KeyInUse]:
    """Which keys the signer process of this agency opens, each for its purpose alone."""
    source = _pin_source(config)
    module = config.key.module or None
    defaults = KeyRef(
        token=config.key.uri.token,
        serial=config.key.uri.serial,
        pin_source=source,
        module_path=module if module and "/" in module.replace("\\", "/") else None,
        module_name=module if module and "/" not in module.replace("\\", "/") else None,
    )
    found = {_AGENCY: KeyInUse(ref=config.key.uri.filled(defaults), purpose=Purpose.DOCUMENT)}
    if config.seal is not None:
        found[_SEAL] = KeyInUse(ref=config.seal.key.filled(defaults), purpose=Purpose.SEAL)
    if config.status is not None:
        found[_STATUS] = KeyInUse(ref=config.status.key.filled(defaults), purpose=Purpose.SEAL)
    return found


def _pin_source(config: Config) -> str | None:
    """Where the signer process reads the PIN by itself.

    Raises:
        ConfigurationError: `serve-pin-attended`: a service has nobody who types.
    """
    pin = config.key.pin
    match pin.kind:
        case PinKind.FILE:
            return str(pin.file)
        case PinKind.CREDENTIAL:
            return str(CredentialPin(pin.credential or "").path)
        case PinKind.PIN_PAD:
            return None
    if config.key.uri.pin_source is not None:
        return config.key.uri.pin_source
    raise ConfigurationError("serve-pin-attended", file=config.path)
