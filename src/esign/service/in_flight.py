"""What this process works on right now; other processes are kept away by the register's claims."""

from collections.abc import Iterator
from contextlib import contextmanager

from esign.errors import RequestConflict, RequestInFlight

__all__ = ["InFlight"]


class InFlight:
    """Requests by their keys; used from the event loop, which does one thing at a time."""

    def __init__(self) -> None:
        self._asked: dict[str, object] = {}

    @contextmanager
    def alone(self, key: str, asked: object) -> Iterator[None]:
        """Work on `key` alone; `asked` is what it stands for, equal where the same is asked again.

        Raises:
            RequestInFlight: `request-is-in-flight`.
            RequestConflict: `request-key-in-use`: it stands for another request.
        """
        if key in self._asked:
            if self._asked[key] != asked:
                raise RequestConflict("request-key-in-use")
            raise RequestInFlight("request-is-in-flight")
        self._asked[key] = asked
        try:
            yield
        finally:
            del self._asked[key]
