"""Keys in tokens and HSMs through PKCS#11: found by a URI, logged in to once, healed, never confused."""

from typing import TYPE_CHECKING

from esign import lazy

if TYPE_CHECKING:
    from esign_hsm.admin import KeyKind, TokenInfo, generate_key, import_certificates, init_token, tokens
    from esign_hsm.csr import create_csr
    from esign_hsm.guard import FilePinGuard
    from esign_hsm.keystore import TokenKey, TokenKeyStore
    from esign_hsm.modules import Evidence, FoundModule, KnownModule, find_modules, known_modules
    from esign_hsm.pin import (
        CredentialPin,
        DescriptorPin,
        FilePin,
        Pin,
        PinPad,
        PinPrompt,
        PinSource,
        pin_source,
        protect_process,
    )
    from esign_hsm.state import state_dir

__all__ = [
    "CredentialPin",
    "DescriptorPin",
    "Evidence",
    "FilePin",
    "FilePinGuard",
    "FoundModule",
    "KeyKind",
    "KnownModule",
    "Pin",
    "PinPad",
    "PinPrompt",
    "PinSource",
    "TokenInfo",
    "TokenKey",
    "TokenKeyStore",
    "create_csr",
    "find_modules",
    "generate_key",
    "import_certificates",
    "init_token",
    "known_modules",
    "pin_source",
    "protect_process",
    "state_dir",
    "tokens",
]

if not TYPE_CHECKING:
    __getattr__ = lazy.loader(
        __name__,
        {
            "admin": "KeyKind TokenInfo generate_key import_certificates init_token tokens",
            "csr": "create_csr",
            "guard": "FilePinGuard",
            "keystore": "TokenKey TokenKeyStore",
            "modules": "Evidence FoundModule KnownModule find_modules known_modules",
            "pin": "CredentialPin DescriptorPin FilePin Pin PinPad PinPrompt PinSource pin_source protect_process",
            "state": "state_dir",
        },
    )
