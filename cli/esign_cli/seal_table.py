"""The table of seal keys of a working folder: this agency's own key is put in from its token."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from esign.errors import ConfigurationError

if TYPE_CHECKING:
    from esign.seal import SealKeys
    from esign_cli.wiring import Workplace

__all__ = ["YEARS", "add_own_key"]

YEARS = 5
"""How long a seal key is announced for, unless a person says otherwise."""


def add_own_key(workplace: "Workplace", *, now: datetime, years: int = YEARS, name_en: str = "") -> "SealKeys":
    """The table with this agency's key in it; written where the key was not there yet.

    Raises:
        ConfigurationError: `seal-not-configured`, or `seal-key-differs`: the table has another key under this kid.
    """
    from esign.files import write_durably
    from esign.seal import Kid, SealKey, SealKeys

    config = workplace.config
    key, path = workplace.seal_key(), config.trust.seal_keys
    if config.seal is None or key is None or path is None:
        raise ConfigurationError("seal-not-configured", file=config.path)
    kid = Kid(config.seal.agency_number, config.seal.key_sequence)
    known = workplace.seal_keys.get(kid)
    if known is not None:
        if known.public_key != key.public_key or known.host != config.seal.host:
            raise ConfigurationError("seal-key-differs", kid=kid, file=path)
        return workplace.seal_keys
    start = now.replace(hour=0, minute=0, second=0, microsecond=0)
    own = SealKey(
        kid=kid,
        public_key=key.public_key,
        name_vi=config.agency.name,
        name_en=name_en or config.agency.name,
        host=config.seal.host,
        not_before=start,
        not_after=start + timedelta(days=365 * years),
    )
    table = SealKeys([*workplace.seal_keys, own])
    write_durably(path, table.to_json().encode(), private=False)
    return table
