"""Exit codes: what a script learns from `esign` without reading a word of what it printed."""

from enum import IntEnum

from esign import errors

__all__ = ["ExitCode", "exit_code", "worst"]


class ExitCode(IntEnum):
    """The exit codes of every command (docs/cli.md)."""

    OK = 0
    """All good."""
    NO = 1
    """The answer is no: a document does not verify, some files of a folder failed."""
    USAGE = 2
    """The command was called in a way that it does not know."""
    UNDECIDED = 3
    """Not decided: revocation, the issuer or the seal key is not known here."""
    KEY = 4
    """A key, a token or a PIN."""
    INPUT = 5
    """What was given is refused: preflight, codes, data."""
    REGISTER = 6
    """The register, or the disk below it."""
    CONFIGURATION = 7
    """esign.toml, the environment, a missing program."""
    NETWORK = 8
    """A server on the network: time-stamps, revocation; the same command may work later."""
    UNEXPECTED = 70
    """A fault of the program."""
    INTERRUPTED = 130
    """Ctrl-C."""


# The first that matches; subclasses follow their base (drawn in esign/errors.py).
_CODES: tuple[tuple[type[errors.Error], ExitCode], ...] = (
    (errors.VerificationFailed, ExitCode.NO),
    (errors.InputError, ExitCode.INPUT),
    (errors.SealError, ExitCode.INPUT),
    (errors.ServiceError, ExitCode.INPUT),
    (errors.KeyStoreError, ExitCode.KEY),
    (errors.SigningError, ExitCode.KEY),
    (errors.RegistryError, ExitCode.REGISTER),
    (errors.DeliveryFailed, ExitCode.REGISTER),
    (errors.PublishingError, ExitCode.REGISTER),
    (errors.NetworkError, ExitCode.NETWORK),
    (errors.TimestampError, ExitCode.NETWORK),
    (errors.ConfigurationError, ExitCode.CONFIGURATION),
)


def exit_code(error: errors.Error) -> ExitCode:
    """What `error` ends the command with."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), ExitCode.UNEXPECTED)


def worst(*codes: ExitCode) -> ExitCode:
    """One code for several answers: a "no" outweighs "not decided", and any failure outweighs both."""
    failures = [c for c in codes if c > ExitCode.UNDECIDED]
    if failures:
        return failures[0]
    return next((c for c in (ExitCode.NO, ExitCode.UNDECIDED) if c in codes), ExitCode.OK)
