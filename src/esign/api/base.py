"""What all models have in common: frozen, nothing unknown in them, times with a zone."""

from datetime import UTC, datetime
from typing import Annotated, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

__all__ = ["Digest", "Listing", "Model", "Moment", "ResultIdText"]

T = TypeVar("T")


class Model(BaseModel):
    """A JSON object of the interface."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Listing(Model):
    """What every page of a list says besides its entries."""

    next: str | None = Field(default=None, description="Give this as `after` to go on; null at the end.")


def _in_every_zone(moment: datetime) -> datetime:
    """`moment`, if it has a name in every time zone: at the ends of the calendar it has not."""
    if not datetime(1, 1, 2, tzinfo=UTC) <= moment < datetime(9999, 12, 31, tzinfo=UTC):
        raise ValueError("out of the calendar")
    return moment


Moment = Annotated[AwareDatetime, AfterValidator(_in_every_zone)]
"""A time with its zone, as RFC 3339 writes it."""
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256 in small hexadecimal digits.")]
ResultIdText = Annotated[
    str,
    Field(
        min_length=16,
        max_length=40,
        description="The 16 characters printed below the QR, with or without dashes.",
        examples=["7K3M-9XQ2-4RTB-0ZWA"],
    ),
]
