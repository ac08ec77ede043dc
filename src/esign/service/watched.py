"""A signing key whose signatures are counted and timed."""

import time
from collections.abc import Sequence

from esign.errors import Error
from esign.keys import DelegatedKey, Mechanism, SigningKey
from esign.service.metrics import Metrics

__all__ = ["WatchedKey"]


class WatchedKey(DelegatedKey):
    """Another key, watched."""

    def __init__(self, key: SigningKey, *, name: str, metrics: Metrics) -> None:
        """`name` is what the figures call it."""
        self._key = key
        self._name = name
        self._metrics = metrics

    def sign_all(self, data: Sequence[bytes], *, mechanism: Mechanism) -> list[bytes]:
        """Sign, and count; signatures of one order share its time evenly."""
        started = time.perf_counter()
        try:
            signatures = super().sign_all(data, mechanism=mechanism)
        except Error as e:
            self._metrics.not_signed(key=self._name, code=e.code)
            raise
        spent = time.perf_counter() - started
        for _ in signatures:
            self._metrics.signed(key=self._name, seconds=spent / len(signatures))
        return signatures
