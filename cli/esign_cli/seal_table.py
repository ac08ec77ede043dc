"""The table of seal keys of a working folder: this agency's own keys are put in from its token."""

import hashlib
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from esign.errors import ConfigurationError

if TYPE_CHECKING:
    from esign.seal import SealKey, SealKeys
    from esign_cli.wiring import Workplace

__all__ = ["YEARS", "add_own_key", "add_own_signer", "own_entry"]

YEARS = 5
"""How long a seal key is announced for, unless a person says otherwise."""


def add_own_key(workplace: "Workplace", *, now: datetime, years: int = YEARS, name_en: str = "") -> "SealKeys":
    """The table with this agency's seal key and the key that signs its files; written where one was not there yet.

    Raises:
        ConfigurationError: `seal-not-configured`, or `seal-key-differs`: the table has another key under this kid.
    """
    from esign.seal import Kid, SealKey

    config = workplace.config
    key, path = workplace.seal_key(), config.trust.seal_keys
    if config.seal is None or key is None or path is None:
        raise ConfigurationError("seal-not-configured", file=config.path)
    kid = Kid(config.seal.agency_number, config.seal.key_sequence)
    known = workplace.seal_keys.get(kid)
    if known is not None and (known.public_key != key.public_key or known.host != config.seal.host):
        raise ConfigurationError("seal-key-differs", kid=kid, file=path)
    start = now.replace(hour=0, minute=0, second=0, microsecond=0)
    own = known or SealKey(
        kid=kid,
        public_key=key.public_key,
        name_vi=config.agency.name,
        name_en=name_en or config.agency.name,
        host=config.seal.host,
        not_before=start,
        not_after=start + timedelta(days=365 * years),
    )
    return _put(workplace, _with_signer(own, workplace.key().public_key))


def add_own_signer(workplace: "Workplace") -> bool:
    """Name the configured key as the one that signs this agency's files, if the table has the agency's seal key.

    Returns whether that was news: then those who verify need the table again.
    """
    own = own_entry(workplace)
    if own is None:
        return False
    named = _with_signer(own, workplace.key().public_key)
    if named != own:
        _put(workplace, named)
    return named != own


def own_entry(workplace: "Workplace") -> "SealKey | None":
    """This agency's entry of the table; None where there is none yet."""
    from esign.seal import Kid

    seal = workplace.config.seal
    return None if seal is None else workplace.seal_keys.get(Kid(seal.agency_number, seal.key_sequence))


def _with_signer(own: "SealKey", public_key: bytes) -> "SealKey":
    """Signers of the past stay: they signed what is out there."""
    signer = hashlib.sha256(public_key).hexdigest()
    return own if signer in own.signers else replace(own, signers=(*own.signers, signer))


def _put(workplace: "Workplace", own: "SealKey") -> "SealKeys":
    from esign.files import write_durably
    from esign.seal import SealKeys

    path = workplace.config.trust.seal_keys
    assert path is not None, "the entry stands in it"
    table = SealKeys([*(k for k in workplace.seal_keys if k.kid != own.kid), own])
    if table != workplace.seal_keys:
        write_durably(path, table.to_json().encode(), private=False)
        workplace.__dict__.pop("seal_keys", None)  # read anew when it is needed again
    return table
