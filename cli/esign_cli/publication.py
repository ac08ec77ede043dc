"""Builds what publishes status lists and reads trust lists, from `[status]` and `[trust]` of the configuration."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from esign.errors import ConfigurationError, InputError, RequestInFlight
from esign_cli.alone import alone

if TYPE_CHECKING:
    from esign.keys import SigningKey
    from esign.publishing import Publisher, Store, TrustFolder
    from esign.registry import Registry
    from esign.seal import SealKeys, TrustList
    from esign.seal.list_keys import Root
    from esign.seal.trust_list import Host
    from esign_cli.config import Config
    from esign_cli.wiring import Workplace

__all__ = [
    "Trusted",
    "host_of",
    "known_seal_keys",
    "publisher",
    "publishing_alone",
    "roots_from",
    "store_at",
    "trusted",
    "trusted_folder",
]


class Trusted(NamedTuple):
    """A trust list with what it came from."""

    list: "TrustList"
    folder: "TrustFolder"
    roots: "tuple[Root, ...]"


def roots_from(path: Path) -> "tuple[Root, ...]":
    """The roots in a file.

    Raises:
        InputError, SealError: It cannot be read.
    """
    from esign.seal.roots import roots_from_json
    from esign_cli.places import read_file

    try:
        return roots_from_json(read_file(path).decode("utf-8"))
    except UnicodeDecodeError as e:
        raise InputError("file-unreadable", file=path, problem="UTF-8") from e


def trusted(config: "Config", now: datetime) -> Trusted:
    """The trust list of the working folder.

    Raises:
        ConfigurationError: `trust-list-not-configured`.
        SealError: A `trust-list-…` code.
    """
    parts, roots = config.trust.seal_list, config.trust.seal_roots
    if parts is None or roots is None:
        raise ConfigurationError("trust-list-not-configured", file=config.path)
    return trusted_folder(parts, roots_from(roots), now)


def known_seal_keys(config: "Config | None", given: Path | None, now: datetime) -> "SealKeys":
    """Whose seals count here: those of the table `given`; else of the trust list; else of the folder's own table.

    Raises:
        SealError: A `trust-list-…` code, or what is wrong with the table.
    """
    from esign_cli.trust_files import seal_key_table

    if given is not None or config is None:
        return seal_key_table(given)
    t = config.trust
    if t.seal_list is not None and t.seal_list.is_dir() and t.seal_roots is not None and t.seal_roots.exists():
        return trusted(config, now).list.seal_keys
    return seal_key_table(t.seal_keys if t.seal_keys is not None and t.seal_keys.exists() else None)


def trusted_folder(parts: Path, roots: "tuple[Root, ...]", now: datetime) -> Trusted:
    """The trust list in a folder."""
    from esign.files import Folder
    from esign.publishing import TrustFolder

    folder = TrustFolder(Folder(parts))
    return Trusted(folder.read(roots, now), folder, roots)


def host_of(config: "Config", trust: "TrustList") -> "Host":
    """What the trust list says of this office's host, asked by its own seal key.

    Raises:
        ConfigurationError: `seal-not-configured`, or `trust-list-without-own-key`.
    """
    from esign.seal import Kid

    if config.seal is None:
        raise ConfigurationError("seal-not-configured", file=config.path)
    kid = Kid(config.seal.agency_number, config.seal.key_sequence)
    host = trust.host(kid)
    if host is None or host.name != config.seal.host:
        raise ConfigurationError("trust-list-without-own-key", kid=kid, host=config.seal.host)
    return host


def store_at(target: str) -> "Store":
    """A folder, or an object store where `target` is a URL.

    Raises:
        ConfigurationError: `store-extra-missing` or `store-url-invalid`.
    """
    from esign.publishing import BucketStore, FolderStore

    return BucketStore.at(target) if "://" in target else FolderStore(Path(target))


@contextmanager
def publishing_alone(registry: "Registry") -> Iterator[None]:
    """Publish from this register alone, among all its hosts: a timer may meet a worker, a watcher, or itself.

    Raises:
        RequestInFlight: `status-publishing`: somebody else does.
    """
    with ExitStack() as claimed:
        try:
            claimed.enter_context(alone(registry, "status lists")())
        except RequestInFlight as e:
            raise RequestInFlight("status-publishing") from e
        yield


def publisher(
    workplace: "Workplace", *, store: "Store", now: Callable[[], datetime], key: "SigningKey | None" = None
) -> "Publisher":
    """Publishes the register of the working folder with its status key; the token asks for its PIN here.

    Raises:
        ConfigurationError: `status-not-configured`, or what is wrong with trust list or host.
    """
    from esign.publishing import Publisher, RegisterSource

    config = workplace.config
    if config.status is None:
        raise ConfigurationError("status-not-configured", file=config.path)
    trust = trusted(config, now()).list
    return Publisher(
        source=RegisterSource(workplace.registry),
        store=store,
        host=host_of(config, trust),
        kid=config.status.kid_bytes,
        key=key or workplace.store.key(config.status.key),
        now=now,
        alone=lambda: publishing_alone(workplace.registry),
    )
