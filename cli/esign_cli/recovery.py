"""Builds what a restored register is held against: its archived files, published status lists, anchors elsewhere."""

import hashlib
import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from esign.recovery import PublishedStatus, Reader, Witness
    from esign_cli.config import Config
    from esign_cli.wiring import Workplace

__all__ = [
    "published",
    "reader",
    "refuse_behind_files",
    "refuse_old",
    "refuse_restored",
    "refuse_without_anchors",
    "witness",
]

_logger = logging.getLogger(__name__)


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
    target = _published_at(config)
    if target is None:
        return {}
    from esign.recovery import read_published
    from esign_cli.publication import host_of, store_at, trusted

    return read_published(store_at(target), host_of(config, trusted(config, now).list))


def _published_at(config: "Config") -> str | None:
    """Where status lists were published; None where this folder publishes none, or has published nothing yet."""
    if config.status is None:
        return None
    target = config.status.target
    return target if "://" in target or Path(target).is_dir() else None


def witness(workplace: "Workplace") -> "Witness | None":
    """The newest anchor of the audit chain in the folder that is kept elsewhere."""
    audit = workplace.config.audit
    if audit.anchors is None or not audit.anchors.is_dir():
        return None
    from esign.auditing import trusted_by
    from esign.files import Folder
    from esign.recovery import newest_anchor
    from esign.trust import TrustStore
    from esign_cli.places import read_file

    owners = TrustStore.from_pem(*map(read_file, audit.certificates)).anchors if audit.certificates else ()
    pins = frozenset(hashlib.sha256(owner.der).hexdigest() for owner in owners)
    return newest_anchor(Folder(audit.anchors), trusted_by(workplace.trust, pins=pins))


def refuse_restored(workplace: "Workplace", *, now: Callable[[], datetime]) -> None:
    """Return if nothing is ahead of the register, and the anchors are where they were kept.

    Raises:
        RegistryError: `registry-restored`, `registry-behind-archive`, `registry-behind-status`: nothing may be issued
            from it before `esign registry recover`; `audit-anchors-gone`, `audit-anchors-nowhere`.
    """
    refuse_without_anchors(workplace)
    refuse_behind_files(workplace, now=now)


def refuse_without_anchors(workplace: "Workplace") -> None:
    """Return if the folder elsewhere is there and the register is as new as its newest anchor.

    Raises:
        RegistryError: `audit-anchors-gone`, `audit-anchors-nowhere`; `registry-restored`.
    """
    from esign.auditing.elsewhere import refuse_lost
    from esign.files import Folder

    anchors = workplace.config.audit.anchors
    refuse_lost(workplace.registry.audit, Folder(anchors) if anchors is not None else None)
    refuse_old(workplace)


def refuse_old(workplace: "Workplace") -> None:
    """Return if the register is as new as its newest anchor elsewhere.

    Raises:
        RegistryError: `registry-restored`.
    """
    found = witness(workplace)
    if found is not None:
        from esign.recovery import refuse_older

        refuse_older(workplace.registry, found)


def refuse_behind_files(workplace: "Workplace", *, now: Callable[[], datetime], everything: bool = False) -> None:
    """Return if the register knows what lies in the archive and what was published, as far as they can be asked here.

    `everything` looks up every file, also in an object store, and reads status lists from there; without it a start
    does not wait for other machines.

    Raises:
        RegistryError: `registry-behind-archive`, `registry-behind-status`.
    """
    from esign.recovery.behind import SAMPLE, refuse_behind_archive, refuse_behind_status
    from esign_cli.places import files_at

    paths, status = workplace.config.paths, workplace.config.status
    if everything or isinstance(paths.archive, Path):
        reading = partial(reader, workplace, now=now)
        sample = None if everything else SAMPLE
        refuse_behind_archive(workplace.registry, files_at(paths.archive), reading, sample=sample)
    if status is not None and (everything or "://" not in status.target):
        refuse_behind_status(workplace.registry, _published_counters(workplace, now()))


def _published_counters(workplace: "Workplace", now: datetime) -> Mapping[int, int]:
    """Nothing where nothing was published, or what was cannot be read: publishing says that itself."""
    config = workplace.config
    target = _published_at(config)
    if target is None:
        return {}
    from esign.errors import Error
    from esign.recovery import published_counters
    from esign_cli.publication import host_of, store_at, trusted

    try:
        return published_counters(store_at(target), host_of(config, trusted(config, now).list))
    except Error as e:
        _logger.warning("the register is not compared with what was published: %s", e)
        return {}
