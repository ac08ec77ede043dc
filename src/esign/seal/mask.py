"""The masked holder: the initials of a name and `***`, so that a paper can be matched and nobody is named.

>>> str(MaskedHolder.of("Nguyễn Văn A"))
'N.V.A***'
"""

import re
import unicodedata
from dataclasses import dataclass, field
from typing import Self

from esign.errors import SealError

__all__ = ["MaskedHolder"]

_MAX_INITIALS = 8
_STARS = "***"


@dataclass(frozen=True, slots=True)
class MaskedHolder:
    """Up to eight initials with dots between, then `***`; a value that exists holds nothing else."""

    value: str = field(repr=False)
    """For instance `N.V.A***`, in NFC."""

    def __post_init__(self) -> None:
        initials = self.value.removesuffix(_STARS).split(".")
        if (
            not self.value.endswith(_STARS)
            or len(initials) > _MAX_INITIALS
            or not all(len(i) == 1 and i.isalpha() and not i.islower() for i in initials)
            or unicodedata.normalize("NFC", self.value) != self.value
        ):
            raise SealError("seal-holder-invalid")

    @classmethod
    def of(cls, name: str) -> Self:
        """The mask of a person's `name`, whatever its case and normalisation.

        Raises:
            SealError: `seal-holder-invalid`: there is no letter in it.
        """
        words = re.split(r"[\s.\-]+", unicodedata.normalize("NFC", name))
        capitals = (unicodedata.normalize("NFC", w[0].upper())[0] for w in words if w and w[0].isalpha())
        return cls(".".join(list(capitals)[:_MAX_INITIALS]) + _STARS)

    def __str__(self) -> str:
        return self.value
