"""Keys of access: who may ask, for operators."""

from esign.api.access import Key, KeyList, KeyRequest, NewKey, RotationRequest
from esign.client.part import Part

__all__ = ["AccessKeys"]

_KEYS = "/access/keys"


class AccessKeys(Part):
    """The keys of access of one agency."""

    def listing(self) -> tuple[Key, ...]:
        """All of them; the keys themselves are nowhere kept."""
        return tuple(self._get(_KEYS).to(KeyList).keys)

    def issue(self, request: KeyRequest) -> NewKey:
        """A new key, which is shown this once; never sent twice, because two answers would be two keys."""
        return self._post(_KEYS, request, repeatable=False).to(NewKey)

    def rotate(self, key: str, request: RotationRequest | None = None) -> NewKey:
        """A new key in the place of another, which lives on for a while."""
        return self._post(f"{_KEYS}/{key}/rotation", request or RotationRequest(), repeatable=False).to(NewKey)

    def revoke(self, key: str) -> Key:
        """End a key; ending it again changes nothing."""
        return self._post(f"{_KEYS}/{key}/revocation").to(Key)
