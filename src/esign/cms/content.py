"""What was signed, wherever it is."""

from esign.cms.algorithms import digest

__all__ = ["Content"]


class Content:
    """What was signed, in pieces that follow one another; each digest of it is computed once."""

    def __init__(self, *parts: bytes | memoryview) -> None:
        self._parts = parts
        self._digests: dict[str, bytes] = {}

    def digest(self, name: str) -> bytes:
        """The digest of it; raises `Unsupported`."""
        if name not in self._digests:
            self._digests[name] = digest(name, *self._parts)
        return self._digests[name]

    def __bytes__(self) -> bytes:
        return b"".join(self._parts)
