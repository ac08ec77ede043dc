"""Builds the public side: the citizen's page, what is published, look-ups; without token, PIN or writing."""

from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime
from functools import cached_property
from types import TracebackType
from typing import Self

from esign.citizen import Page
from esign.lookup import CountedCodes, Lookup, RateLimiter, UsedCodes
from esign.publishing.stores import Store
from esign.registry import PublicEntry, Registry
from esign.service.checkup import Checkup
from esign.service.desk import Desk
from esign.service.metrics import Metrics
from esign.service.needs import ReadableNeeded
from esign.service.public import Public
from esign.service.server import Listening
from esign_cli.config import Config
from esign_cli.publication import host_of, store_at, trusted

__all__ = ["PublicServing", "listening_of", "public_side"]


def listening_of(config: Config) -> Listening:
    """Where the service of `config` listens."""
    s = config.service
    return Listening(host=s.host, port=s.port, connections=s.connections, proxies=s.proxies)


def public_side(config: Config, registry: Registry, *, desk: Desk, now: Callable[[], datetime], writes: bool) -> Public:
    """The public side of the working folder of `config` over `registry`, which it may write to where it `writes`."""
    s = config.service
    used = UsedCodes(registry, s.used_codes or config.path.resolve().parent / "used-codes", now=now)
    used.sweep()
    redeemer = CountedCodes(registry, used) if writes else used

    def hidden(entry: PublicEntry) -> bool:
        return entry.profile in s.hidden_profiles

    limiter = RateLimiter(rate=s.lookups_per_minute, burst=s.lookups_at_once)
    return Public(
        lookup=Lookup(registry, now=now, limiter=limiter, hidden=hidden, redeemer=redeemer),
        desk=desk,
        now=now,
        page=_page(config, now()),
        published=_published(config),
    )


class PublicServing:
    """The public side as a process of its own."""

    def __init__(self, config: Config, *, now: Callable[[], datetime]) -> None:
        self._config = config
        self._now = now
        self._stack = ExitStack()
        self.metrics = Metrics()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @cached_property
    def registry(self) -> Registry:
        """The register, opened for reading alone.

        Raises:
            RegistryError: There is none, or `registry-older`: the issuing side has to migrate it first.
        """
        return self._stack.enter_context(Registry.open_to_read(self._config.paths.registry, now=self._now))

    @cached_property
    def checkup(self) -> Checkup:
        """Whether it can be read."""
        return self._checkup()

    @cached_property
    def inside(self) -> Checkup:
        """The same for the port inside."""
        return self._checkup()

    def _checkup(self) -> Checkup:
        checkup = Checkup([ReadableNeeded(registry=self.registry)])
        self._stack.callback(checkup.close)
        return checkup

    @cached_property
    def public(self) -> Public:
        """What it consists of."""
        desk = Desk("public", threads=2, waiting=1000)
        self._stack.callback(desk.close)
        return public_side(self._config, self.registry, desk=desk, now=self._now, writes=False)


def _page(config: Config, now: datetime) -> Page | None:
    """The page, where this folder has the trust list that it rests on; otherwise it is published elsewhere."""
    parts, roots = config.trust.seal_list, config.trust.seal_roots
    if config.seal is None or parts is None or not parts.is_dir() or roots is None or not roots.exists():
        return None
    trust = trusted(config, now)
    return Page(host=host_of(config, trust.list).name, roots=trust.roots, has_lookup=True)


def _published(config: Config) -> Store | None:
    return None if config.status is None else store_at(config.status.target)
