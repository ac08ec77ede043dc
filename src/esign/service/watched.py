"""A signing key whose signatures are counted and timed."""

import time

from esign.errors import Error
from esign.keys import KeyRef, KeyType, Mechanism, Protection, SigningKey
from esign.service.metrics import Metrics

__all__ = ["WatchedKey"]


class WatchedKey:
    """Implements `esign.keys.SigningKey` with another one."""

    def __init__(self, key: SigningKey, *, name: str, metrics: Metrics) -> None:
        """`name` is what the figures call it."""
        self._key = key
        self._name = name
        self._metrics = metrics

    @property
    def ref(self) -> KeyRef | None:
        """The key's."""
        return self._key.ref

    @property
    def protection(self) -> Protection:
        """The key's."""
        return self._key.protection

    @property
    def key_type(self) -> KeyType:
        """The key's."""
        return self._key.key_type

    @property
    def public_key(self) -> bytes:
        """The key's."""
        return self._key.public_key

    @property
    def certificates(self) -> tuple[bytes, ...]:
        """The key's."""
        return self._key.certificates

    @property
    def mechanisms(self) -> frozenset[Mechanism]:
        """The key's."""
        return self._key.mechanisms

    def sign(self, data: bytes, *, mechanism: Mechanism) -> bytes:
        """Sign, and count it."""
        started = time.perf_counter()
        try:
            signature = self._key.sign(data, mechanism=mechanism)
        except Error as e:
            self._metrics.not_signed(key=self._name, code=e.code)
            raise
        self._metrics.signed(key=self._name, seconds=time.perf_counter() - started)
        return signature
