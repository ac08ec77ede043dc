"""`[key]` and `[softhsm]` of esign.toml: which key signs, and where its PIN comes from."""

from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from esign.keys import KeyRef

__all__ = ["KeySection", "PinKind", "PinSection", "SoftHSMSection"]


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
class KeySection:
    """`[key]`: the agency's signing key."""

    uri: KeyRef = field(default_factory=KeyRef)
    """Which key."""
    pin: PinSection = field(default_factory=PinSection)
    """Where its PIN comes from."""
    module: str = ""
    """A PKCS#11 library or its name in the module table; empty leaves it to discovery."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SoftHSMSection:
    """`[softhsm]`: a token in files, for development."""

    conf: Path
    """softhsm2.conf."""
