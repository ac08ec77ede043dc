"""Builds what asks others: the guarded client, and the time-stamping authorities of `esign.toml`."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from esign.errors import ConfigurationError
from esign.reasons import system_problem
from esign_cli.config.network import NetworkSection, TimestampAuthoritySection, TimestampSection

if TYPE_CHECKING:
    from esign.net import Client, Identity
    from esign.timestamp import TimestampAuthority, Timestamper
    from esign.trust import TrustStore

__all__ = ["client", "timestamper"]


def client(section: NetworkSection, *, now: Callable[[], datetime]) -> "Client":
    """The guarded client.

    Raises:
        ConfigurationError: `network-rule-invalid`, `tls-files-unreadable`.
    """
    from esign.net import Cache, Client, NetworkRules

    rules = NetworkRules(
        inside=section.inside,
        only=section.only,
        rewrite=section.rewrite,
        at_once=section.at_once,
        deadline=timedelta(seconds=section.deadline_seconds),
        tls_anchors=tuple(_text(path) for path in section.tls_anchors),
    )
    return Client(rules, now=now, cache=Cache(section.cache))


def timestamper(
    section: TimestampSection, *, client: "Client", trust: "TrustStore", now: Callable[[], datetime]
) -> "Timestamper | None":
    """Who gives time-stamps; None where no authority is named.

    Raises:
        ConfigurationError: `timestamp-no-anchors`, `tls-files-unreadable`.
    """
    from esign.timestamp import Timestamper

    if not section.authorities:
        return None
    return Timestamper([_authority(a) for a in section.authorities], client=client, trust=trust, now=now)


def _authority(section: TimestampAuthoritySection) -> "TimestampAuthority":
    from esign.timestamp import TimestampAuthority

    return TimestampAuthority(
        name=section.name,
        url=section.url,
        policy=section.policy or None,
        identity=_identity(section),
        deadline=timedelta(seconds=section.deadline_seconds),
    )


def _identity(section: TimestampAuthoritySection) -> "Identity | None":
    from esign.net import Identity

    if not section.username and section.certificate is None:
        return None
    password = _text(section.password_file).rstrip("\r\n") if section.password_file is not None else ""
    return Identity(username=section.username, password=password, certificate=section.certificate)


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as e:
        problem = system_problem(e) if isinstance(e, OSError) else "UTF-8"
        raise ConfigurationError("network-file-unreadable", file=path, problem=problem) from e
