"""Files in an object store that several hosts share: S3 and what speaks like it, through obstore.

`s3://bucket/prefix?endpoint=https://store.example.gov.vn&region=vn-1`. Credentials come from the environment, as the
store's own tools read them (AWS_ACCESS_KEY_ID and so on), never from esign's configuration.

A new name is taken by `If-None-Match: *` (https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html),
so of two hosts one is first. What was stored is read back and compared before anybody relies on it.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from esign.errors import ConfigurationError, RegistryError

__all__ = ["ObjectFiles"]


class ObjectFiles:
    """Implements `esign.files.Files` in a bucket, or under a prefix of one."""

    def __init__(self, store: Any, *, name: str) -> None:
        """`store` is one of obstore's; `name` is what messages call it."""
        self._store = store
        self._name = name

    @classmethod
    def at(cls, url: str) -> "ObjectFiles":
        """The store at `url`; what follows the question mark are obstore's own options.

        Raises:
            ConfigurationError: `store-extra-missing`, or `store-url-invalid`.
        """
        try:
            from obstore.exceptions import BaseError  # noqa: PLC0415  # an extra: esign[store]
            from obstore.store import from_url  # noqa: PLC0415
        except ImportError as e:
            raise ConfigurationError("store-extra-missing") from e
        parts = urlsplit(url)
        bare = urlunsplit(parts._replace(query="", fragment=""))
        options = dict(parse_qsl(parts.query))
        # Who writes an endpoint without TLS means it; digests are checked on the way back all the same.
        client = {"allow_http": True} if options.get("endpoint", "").startswith("http:") else None
        try:
            made = from_url(bare, client_options=client, **options)  # type: ignore[call-overload]
        except (BaseError, ValueError, TypeError) as e:
            raise ConfigurationError("store-url-invalid", url=bare) from e
        return cls(made, name=bare)

    def put(self, name: str, *parts: bytes) -> None:
        """See `Files.put`."""
        self._put(name, b"".join(parts), mode="overwrite")

    def put_new(self, contents: Mapping[str, bytes]) -> frozenset[str]:
        """See `Files.put_new`; without a name also where an answer was lost and the object is our own: `get` tells."""
        return frozenset(name for name, data in contents.items() if self._add(name, data))

    def _add(self, name: str, data: bytes) -> bool:
        from obstore.exceptions import AlreadyExistsError  # noqa: PLC0415

        try:
            self._put(name, data, mode="create")
        except AlreadyExistsError:
            return False
        return True

    def get(self, name: str) -> bytes | None:
        """See `Files.get`."""
        import obstore  # noqa: PLC0415

        with self._translated("store-not-readable"):
            try:
                return bytes(obstore.get(self._store, name).bytes())
            except FileNotFoundError:
                return None

    def discard(self, name: str) -> None:
        """See `Files.discard`."""
        import obstore  # noqa: PLC0415

        with self._translated("store-not-writable"):
            try:
                obstore.delete(self._store, name)
            except FileNotFoundError:
                return

    def age(self, name: str) -> timedelta:
        """See `Files.age`; by the store's clock when it was stored, and by ours now."""
        import obstore  # noqa: PLC0415

        with self._translated("store-not-readable"):
            try:
                at: datetime = obstore.head(self._store, name)["last_modified"]
            except FileNotFoundError:
                return timedelta(0)
        return max(datetime.now(UTC) - at, timedelta(0))

    def names(self) -> Iterator[str]:
        """See `Files.names`."""
        import obstore  # noqa: PLC0415

        with self._translated("store-not-readable"):
            found = [entry["path"] for page in obstore.list(self._store) for entry in page]
        yield from sorted(found)

    def sweep_parts(self, *, older_than: timedelta = timedelta(0)) -> int:  # noqa: ARG002
        """See `Files.sweep_parts`: a store has no parts."""
        return 0

    def _put(self, name: str, data: bytes, *, mode: Literal["create", "overwrite"]) -> None:
        import obstore  # noqa: PLC0415

        with self._translated("store-not-writable"):
            obstore.put(self._store, name, data, mode=mode, use_multipart=False)
        if self.get(name) != data:
            raise RegistryError("store-altered", place=self._name, name=name)

    @contextmanager
    def _translated(self, code: str) -> Iterator[None]:
        from obstore.exceptions import AlreadyExistsError, BaseError  # noqa: PLC0415

        try:
            yield
        except (AlreadyExistsError, FileNotFoundError):
            raise
        except (BaseError, OSError) as e:
            raise RegistryError(code, place=self._name, problem=type(e).__name__) from e
