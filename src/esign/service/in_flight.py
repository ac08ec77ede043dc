"""What this process works on right now; other processes are kept away by the register's claims."""

from collections.abc import Iterator
from contextlib import contextmanager

from esign.errors import RequestConflict, RequestInFlight

__all__ = ["InFlight"]


class InFlight:
    """Requests by their keys; used from the event loop, which does one thing at a time."""

    def __init__(self) -> None:
        self._digests: dict[str, str] = {}

    @contextmanager
    def alone(self, key: str, digest: str) -> Iterator[None]:
        """Work on `key` alone.

        Raises:
            RequestInFlight: `request-is-in-flight`.
            RequestConflict: `request-key-in-use`: it stands for another request.
        """
        known = self._digests.get(key)
        if known is not None and known != digest:
            raise RequestConflict("request-key-in-use")
        if known is not None:
            raise RequestInFlight("request-is-in-flight")
        self._digests[key] = digest
        try:
            yield
        finally:
            del self._digests[key]
