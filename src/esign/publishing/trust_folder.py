"""A trust list kept in a folder: the parts, and what was seen, so that an older edition is never believed again."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime

from esign.errors import RegistryError, SealError
from esign.files import Folder
from esign.seal import TrustList, read_parts
from esign.seal.list_keys import Root
from esign.seal.trust_list import Edition

__all__ = ["TrustFolder"]

_SEEN = "seen.json"


class TrustFolder:
    """The `.cwt` files of a trust list in one folder."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    @property
    def files(self) -> Mapping[str, bytes]:
        """The parts by name."""
        names = [name for name in self._folder.names() if name.endswith(".cwt")]
        return {name: data for name in names if (data := self._folder.get(name)) is not None}

    def read(self, roots: Sequence[Root], at: datetime) -> TrustList:
        """The list; its editions are remembered from here on, where the folder can be written.

        Raises:
            SealError: A `trust-list-…` code.
            RegistryError: `disk-not-readable`.
        """
        seen = self._seen()
        trust = read_parts(self.files.values(), roots=roots, at=at, seen=seen)
        if trust.editions != seen:
            # A copy on a disc or a colleague's share is read as it is.
            with suppress(RegistryError):
                self._remember(trust.editions)
        return trust

    def replace(self, files: Mapping[str, bytes], roots: Sequence[Root], at: datetime) -> TrustList:
        """Take another edition in, if it is to be believed; otherwise everything stays as it is.

        Raises:
            SealError: A `trust-list-…` code.
        """
        trust = read_parts(files.values(), roots=roots, at=at, seen=self._seen())
        for name in self.files.keys() - files.keys():
            self._folder.discard(name)
        for name, data in files.items():
            self._folder.put(name, data)
        self._remember(trust.editions)
        return trust

    def next_sequence(self, name: str) -> int:
        """What the next edition of the list `name` counts as."""
        seen = self._seen().get(name)
        return 1 if seen is None else seen.sequence + 1

    def _seen(self) -> dict[str, Edition]:
        data = self._folder.get(_SEEN)
        if data is None:
            return {}
        try:
            return {name: Edition(*map(int, pair)) for name, pair in json.loads(data).items()}
        except (ValueError, TypeError, AttributeError) as e:
            raise SealError("trust-list-invalid", field=_SEEN) from e

    def _remember(self, editions: Mapping[str, Edition]) -> None:
        pairs = {name: [e.generation, e.sequence] for name, e in sorted(editions.items())}
        self._folder.put(_SEEN, json.dumps(pairs).encode())
