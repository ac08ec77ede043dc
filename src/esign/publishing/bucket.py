"""Published files in an object store that speaks S3 (or Azure's or Google's), through obstore.

An object store puts whole objects, so readers never see half a file; credentials come from the environment, as the
store's own tools read them (AWS_ACCESS_KEY_ID and so on), never from esign's configuration.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from esign.errors import ConfigurationError, PublishingError
from esign.publishing.stores import caching, media_type

__all__ = ["BucketStore"]


class BucketStore:
    """A bucket, or a prefix of one; keeps Content-Type and Cache-Control with each object."""

    def __init__(self, store: Any) -> None:
        """`store` is one of obstore's."""
        self._store = store

    @classmethod
    def at(cls, url: str, *, options: Mapping[str, str] | None = None, allow_http: bool = False) -> "BucketStore":
        """The store that `url` names, for instance `s3://bucket/prefix`; `options` are obstore's.

        `allow_http` is for stores on this machine: elsewhere anybody on the way could keep an old file in its place.

        Raises:
            ConfigurationError: `store-extra-missing`, or `store-url-invalid`.
        """
        try:
            from obstore.exceptions import BaseError  # noqa: PLC0415  # an extra: esign[store]
            from obstore.store import from_url  # noqa: PLC0415
        except ImportError as e:
            raise ConfigurationError("store-extra-missing") from e
        try:
            client = {"allow_http": True} if allow_http else None
            made = from_url(url, client_options=client, **dict(options or {}))  # type: ignore[call-overload]
            return cls(made)
        except (BaseError, ValueError) as e:
            raise ConfigurationError("store-url-invalid", url=url.partition("?")[0]) from e

    def get(self, name: str) -> bytes | None:
        """Fetch it; past caches, from the store itself."""
        import obstore  # noqa: PLC0415

        with _translated(name):
            try:
                return bytes(obstore.get(self._store, name).bytes())
            except FileNotFoundError:
                return None

    def put(self, name: str, data: bytes) -> None:
        """Put the object with its headers."""
        import obstore  # noqa: PLC0415

        headers = {"Content-Type": media_type(name), "Cache-Control": caching(name)}
        with _translated(name):
            obstore.put(self._store, name, data, attributes=headers, use_multipart=False)

    def discard(self, name: str) -> None:
        """Delete the object."""
        import obstore  # noqa: PLC0415

        with _translated(name):
            try:
                obstore.delete(self._store, name)
            except FileNotFoundError:
                return

    def ages(self, folder: str) -> dict[str, timedelta]:
        """By the store's clock."""
        import obstore  # noqa: PLC0415

        now = datetime.now(UTC)  # compared with the store's clock alone, to the day
        with _translated(folder):
            return {
                found["path"]: now - found["last_modified"]
                for page in obstore.list(self._store, prefix=folder)
                for found in page
            }


@contextmanager
def _translated(name: str) -> Iterator[None]:
    from obstore.exceptions import BaseError  # noqa: PLC0415

    try:
        yield
    except FileNotFoundError:
        raise
    except (BaseError, OSError) as e:
        # What a store says may hold addresses and request ids; its kind is enough for a person.
        raise PublishingError("store-failed", file=name, problem=type(e).__name__) from e
