"""Builds what a restored register is held against: its archived files, published status lists, anchors elsewhere."""

import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from esign.recovery import PublishedStatus, Reader, Witness
    from esign_cli.config import Config
    from esign_cli.wiring import Workplace

__all__ = ["published", "reader", "refuse_restored", "witness"]


def reader(workplace: "Workplace", *, now: Callable[[], datetime]) -> "Reader":
    """Reads archived files, and believes those of this agency's keys."""
    from esign.recovery import Reader
    from esign_cli.publication import known_seal_keys

    return Reader(
        agency=workplace.config.agency.code,
        profile=workplace.config.profile.name,
        seal_keys=known_seal_keys(workplace.config, None, now()),
        certificates=workplace.registry.recovery.signer_certificates(),
        now=now,
    )


def published(config: "Config", *, now: datetime) -> "Mapping[int, PublishedStatus]":
    """What readers have of the status lists; none where this folder publishes none.

    Raises:
        SealError, PublishingError: What is published cannot be read, or nobody vouches for it.
    """
    from esign.recovery import read_published
    from esign_cli.publication import host_of, store_at, trusted

    if config.status is None:
        return {}
    target = config.status.target
    if "://" not in target and not Path(target).is_dir():
        return {}  # nothing was published yet
    return read_published(store_at(target), host_of(config, trusted(config, now).list))


def witness(workplace: "Workplace") -> "Witness | None":
    """The newest anchor of the audit chain in the folder that is kept elsewhere."""
    audit = workplace.config.audit
    if audit.anchors is None or not audit.anchors.is_dir():
        return None
    from esign.auditing import trusted_by
    from esign.files import Folder
    from esign.recovery import newest_anchor
    from esign.trust import TrustStore
    from esign_cli.wiring import read_file

    owners = TrustStore.from_pem(*map(read_file, audit.certificates)).anchors if audit.certificates else ()
    pins = frozenset(hashlib.sha256(owner.der).hexdigest() for owner in owners)
    return newest_anchor(Folder(audit.anchors), trusted_by(workplace.trust, pins=pins))


def refuse_restored(workplace: "Workplace") -> None:
    """Return if the register is as new as its newest anchor.

    Raises:
        RegistryError: `registry-restored`: nothing may be issued from it before `esign registry recover`.
    """
    found = witness(workplace)
    if found is None:
        return
    from esign.recovery import refuse_older

    refuse_older(workplace.registry, found)
