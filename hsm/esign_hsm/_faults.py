"""What a PKCS#11 return value means for us: the session is dead, the token is gone, or a refusal that stays."""

from typing import NoReturn

from pkcs11 import exceptions as p11

from esign.errors import KeyStoreError, TokenUnavailable

__all__ = ["NOT_SENT", "lost", "refuse"]

_LOST = (
    p11.DeviceError,
    p11.DeviceMemory,
    p11.DeviceRemoved,
    p11.FunctionCancelled,
    p11.FunctionFailed,
    p11.GeneralError,
    p11.HostMemory,
    p11.KeyHandleInvalid,
    p11.ObjectHandleInvalid,
    p11.OperationActive,
    p11.OperationNotInitialized,
    p11.SessionClosed,
    p11.SessionCount,
    p11.SessionHandleInvalid,
    p11.SlotIDInvalid,
    p11.TokenNotPresent,
    p11.TokenNotRecognised,
    p11.UserNotLoggedIn,
)
_MECHANISM = (
    p11.FunctionNotSupported,
    p11.KeySizeRange,
    p11.KeyTypeInconsistent,
    p11.MechanismInvalid,
    p11.MechanismParamInvalid,
)

NOT_SENT = (
    p11.ArgumentsBad,
    p11.FunctionNotSupported,
    p11.OperationActive,
    p11.SessionClosed,
    p11.SessionHandleInvalid,
    p11.SlotIDInvalid,
    p11.TokenNotPresent,
    p11.TokenNotRecognised,
    p11.UserPinNotInitialized,
    p11.UserTooManyTypes,
)
"""C_Login answers these before it looks at the PIN (PKCS#11 §5.1, §5.6)."""


def lost(error: p11.PKCS11Error) -> bool:
    """Whether a new session may help.

    Values that python-pkcs11 does not know arrive as plain `PKCS11Error`: CKR_CRYPTOKI_NOT_INITIALIZED, and vendors'
    own, with which network HSMs report a lost connection.
    """
    return isinstance(error, _LOST) or type(error) is p11.PKCS11Error


def refuse(error: p11.PKCS11Error, *, token: str, doing: str) -> NoReturn:
    """Raise what `error` is in our words.

    Raises:
        TokenUnavailable: Later it may work.
        KeyStoreError: `mechanism-refused` or `token-error`.
    """
    name = type(error).__name__
    if lost(error):
        raise TokenUnavailable("token-unavailable", token=token, error=name, doing=doing) from error
    if isinstance(error, _MECHANISM):
        raise KeyStoreError("mechanism-refused", token=token, error=name, doing=doing) from error
    raise KeyStoreError("token-error", token=token, error=name, doing=doing) from error
