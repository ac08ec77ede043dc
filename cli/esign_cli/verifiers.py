"""What a verification rests on: the configuration's anchors, lists, keys and register, and what was typed beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from esign.errors import RegistryError
from esign_cli.session import Session

if TYPE_CHECKING:
    from esign.document import SignerRole
    from esign.registry import Registry
    from esign.reports.receipt import Basis
    from esign.trust import TrustStore, ValidationPolicy
    from esign.verification import Verifier

__all__ = ["Sources", "Typed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """What the command line names; it comes on top of the configuration's."""

    anchors: Sequence[Path] = ()
    """Files and folders of root certificates."""
    intermediates: Sequence[Path] = ()
    """Files and folders of intermediate certificates."""
    crls: Sequence[Path] = ()
    """Files and folders of revocation lists."""
    seal_keys: Path | None = None
    """A table of seal keys, in the place of the configuration's."""
    register: bool = field(default=True)
    """Whether the working folder's register is asked."""


class Sources:
    """The parts of a verifier, with or without a working folder; without anchors, integrity is still told."""

    def __init__(self, run: Session, typed: Typed) -> None:
        self._run = run
        self._typed = typed
        self._config = run.config_if_any()

    @cached_property
    def trust(self) -> "TrustStore":
        """What certificates are checked against."""
        from esign_cli.trust_files import trust_store

        t, typed = self._config.trust if self._config else None, self._typed
        return trust_store(
            anchors=[*(t.anchors if t else ()), *typed.anchors],
            authorities=self._config.timestamp.anchors if self._config else (),
            intermediates=[*(t.intermediates if t else ()), *typed.intermediates],
            crls=[*(t.crls if t else ()), *typed.crls],
            lists=t.lists if t else (),
            system=t.system_anchors if t else False,
        )

    @cached_property
    def policy(self) -> "ValidationPolicy":
        """Until when algorithms are acceptable."""
        from esign_cli.trust_files import validation_policy

        return validation_policy(self._config.trust.algorithms if self._config else None)

    def verifier(self) -> "Verifier":
        """A verifier of all these."""
        from esign.verification import Verifier
        from esign_cli.publication import known_seal_keys

        return Verifier(
            trust=self.trust,
            seal_keys=known_seal_keys(self._config, self._typed.seal_keys, self._run.now()),
            registry=self.registry,
            now=self._run.now,
            roles=self._roles(),
            policy=self.policy,
        )

    def basis(self) -> "Basis":
        """By which versions a receipt names all this."""
        from esign.reports.receipt import Basis

        return Basis.of(self.trust, self.policy)

    @cached_property
    def registry(self) -> "Registry | None":
        """The working folder's register, if there is one and it was not left out."""
        from esign.registry import Registry
        from esign_cli.places import has_register

        if self._config is None or not self._typed.register or not has_register(self._config.paths):
            return None
        path, now = self._config.paths.registry, self._run.now
        try:
            return Registry.open_to_read(path, now=now)
        except RegistryError as e:
            if e.code != "registry-older":
                raise
            return Registry.open(path, now=now)

    def _roles(self) -> "Mapping[str, SignerRole]":
        """Who signs in which role, as the table of authorities says; seal keys say it of agencies."""
        from esign.document import SignerRole
        from esign_cli.trust_files import authority_table

        table = authority_table(self._config) if self._config else None
        return {grant.public_key_sha256: SignerRole.PERSON for grant in table.grants} if table else {}
