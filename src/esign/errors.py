"""Every failure esign raises: one tree, a reason code each, and what a person can do next.

Error:
├── InputError            what was given cannot be used: a code, data, a file
│   └── PreflightError    a document that could not be issued; carries every finding
├── KeyStoreError         a token, its module, a key
│   ├── TokenUnavailable  not there now; the same call may work later
│   ├── KeyNotFound       a URI matches no key, or several
│   └── PINError          a PIN that was refused, is blocked, or is missing
├── SigningError          a signature could not be made, or is not what it must be
│   └── ApprovalMissing   a second person has not approved it yet
├── SealError             a QR seal that cannot be made or read
├── NetworkError          a server that may not be asked, does not answer, or answers badly
├── TimestampError        no time-stamp that can be relied on; carries what each authority said
├── RegistryError         the register of what was issued
│   ├── RequestConflict   this idempotency key stands for another request
│   ├── RequestInFlight   the same request is being worked on right now
│   ├── DuplicateNumber   the number is taken
│   └── NotRegistered     there is no such result
├── PublishingError       what holds today could not be published; readers keep what they have
├── VerificationFailed    raised by `Verifier.verify`; carries the report
├── DeliveryFailed        it is issued, and did not reach its receiver yet
├── ServiceError          a request over HTTP that is not taken: its shape, its size, who asks, or when
└── ConfigurationError    esign.toml, an environment, a missing program
"""

from collections.abc import Sequence

from esign.reasons import Explanation, Language, Reason

__all__ = [
    "ApprovalMissing",
    "ConfigurationError",
    "DeliveryFailed",
    "DuplicateNumber",
    "Error",
    "InputError",
    "KeyNotFound",
    "KeyStoreError",
    "NetworkError",
    "NotRegistered",
    "PINError",
    "PreflightError",
    "PublishingError",
    "RegistryError",
    "RequestConflict",
    "RequestInFlight",
    "SealError",
    "ServiceError",
    "SigningError",
    "TimestampError",
    "TokenUnavailable",
    "VerificationFailed",
]


class Error(Exception):
    """Base of all: `raise KeyNotFound("key-not-found", uri=…)` with a code of the texts catalogue."""

    def __init__(self, code: str, /, **facts: object) -> None:
        super().__init__(code)
        self.reason = Reason(code, facts)

    @property
    def code(self) -> str:
        """The reason code, for machines."""
        return self.reason.code

    def diagnostics(self, language: Language = "vi") -> Explanation:
        """What happened and what a person can do next, in `language`."""
        return self.reason.explain(language)

    def __str__(self) -> str:
        return str(self.reason)

    def __reduce__(self) -> tuple[object, ...]:
        # Exceptions cross process borders (spawned workers); the default would drop the facts.
        return (_rebuild, (type(self), self.reason.code, dict(self.reason.facts)), self._extra())

    def _extra(self) -> dict[str, object]:
        return {k: v for k, v in self.__dict__.items() if k != "reason"}


def _rebuild(kind: type[Error], code: str, facts: dict[str, object]) -> Error:
    error = kind.__new__(kind)
    Error.__init__(error, code, **facts)
    return error


class InputError(Error):
    """What was given cannot be used."""


class PreflightError(InputError):
    """A document that could not be issued, found before a key was touched; `findings` says all of why."""

    def __init__(self, code: str, /, *, findings: Sequence[Reason] = (), **facts: object) -> None:
        super().__init__(code, **facts)
        self.findings = tuple(findings)


class KeyStoreError(Error):
    """A token, its module or a key."""


class TokenUnavailable(KeyStoreError):
    """The token is not there now; the same call may work later."""


class KeyNotFound(KeyStoreError):
    """A `pkcs11:` URI matches no key, or several."""


class PINError(KeyStoreError):
    """A PIN that was refused, is blocked, or is missing."""


class SigningError(Error):
    """A signature could not be made, or what was made is not what it must be."""


class ApprovalMissing(SigningError):
    """It is prepared and waits for the approval of a second person; it goes on once that is there."""


class SealError(Error):
    """A QR seal that cannot be made or read."""


class NetworkError(Error):
    """A server that may not be asked, does not answer in time, or answers with something else than was asked."""


class TimestampError(Error):
    """No time-stamp that can be relied on; `attempts` says what became of each authority, in order."""

    def __init__(self, code: str, /, *, attempts: Sequence[Reason] = (), **facts: object) -> None:
        super().__init__(code, **facts)
        self.attempts = tuple(attempts)


class RegistryError(Error):
    """The register of what was issued."""


class RequestConflict(RegistryError):
    """This idempotency key stands for another request."""


class RequestInFlight(RegistryError):
    """The same request is being worked on right now; ask again later."""


class DuplicateNumber(RegistryError):
    """The document number is taken."""


class NotRegistered(RegistryError):
    """There is no such result in this register."""


class PublishingError(Error):
    """What holds today could not be published; readers keep what they have, which grows old in plain sight."""


class DeliveryFailed(Error):
    """A result is issued, and did not reach its receiver yet; delivering again is safe."""


class ServiceError(Error):
    """A request over HTTP that is not taken: its shape, its size, who asks, or when."""


class VerificationFailed(Error):
    """`Verifier.verify` does not vouch for a document; `report` is the whole account."""

    def __init__(self, code: str, /, *, report: object = None, **facts: object) -> None:
        super().__init__(code, **facts)
        self.report = report


class ConfigurationError(Error):
    """esign.toml, the environment, or a program that is missing."""
