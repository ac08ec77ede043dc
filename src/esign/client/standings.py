"""Standing: whether a result is in force, and changing that."""

from datetime import datetime

from esign.api.standing import ChangeRequest, StandingOf
from esign.client.part import Part

__all__ = ["Standings"]


class Standings(Part):
    """The standing of an agency's results."""

    def get(self, result: str, *, at: datetime | None = None) -> StandingOf:
        """What holds now, or at the moment `at`, with the whole history.

        Raises:
            NotRegistered: There is no such result, or it is not issued.
        """
        return self._get(f"/results/{result}/standing", at=None if at is None else at.isoformat()).to(StandingOf)

    def change(self, result: str, change: ChangeRequest, *, key: str | None = None) -> StandingOf:
        """Suspend, restore, correct, replace or withdraw; entries are added and never taken away.

        Raises:
            RegistryError: A `standing-…` code that says which rule is broken.
        """
        return self._post(f"/results/{result}/standing", change, key=key).to(StandingOf)
