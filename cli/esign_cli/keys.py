"""What opens keys: where a PIN comes from, what keeps a wrong one from being sent twice, and keys for later."""

from collections.abc import Callable
from enum import Enum
from functools import cached_property
from pathlib import Path

from esign.keys import DelegatedKey, PinGuard, SigningKey
from esign_cli.config import Config
from esign_cli.config.keys import PinKind, PinSection
from esign_hsm.guard import FilePinGuard
from esign_hsm.pin import CredentialPin, DescriptorPin, FilePin, PinPad, PinPrompt, PinSource

__all__ = ["Keys", "LateKey", "pin_from", "pin_guard"]


class Keys(Enum):
    """Which keys a piece of work needs; the token asks for its PIN only for those."""

    NONE = "none"
    """For plans, for what persons hand in, and for what is taken back."""
    SEAL = "seal"
    """For pages with a QR seal that persons will sign."""
    ALL = "all"
    """For whatever the agency signs."""


class LateKey(DelegatedKey):
    """A key that is opened when something is asked of it."""

    def __init__(self, open_key: Callable[[], SigningKey]) -> None:
        self._open = open_key

    @cached_property
    def _key(self) -> SigningKey:  # type: ignore[override]  # read-only, and the other key all the same
        return self._open()


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


def pin_guard(config: Config | None) -> PinGuard:
    """What keeps a wrong PIN from being sent twice: on this host, or among all that share the register's database.

    Raises:
        RegistryError: The database is away.
    """
    if config is None or isinstance(config.paths.registry, Path):
        return FilePinGuard()
    from esign.registry.pin_guard import shared_guard

    return shared_guard(config.paths.registry)
