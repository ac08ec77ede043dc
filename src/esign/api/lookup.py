"""Look-ups: what somebody who holds the paper may learn (docs/spec/presentation.md)."""

from datetime import date
from typing import Literal

from pydantic import Field

from esign.api.base import Model, Moment
from esign.api.standing import StandingWord

__all__ = ["LookupAnswer", "LookupRequest", "Other", "PresentationRequest"]


class LookupRequest(Model):
    """What was typed."""

    id: str = Field(min_length=1, max_length=60, description="The 16 characters below the QR.")


class PresentationRequest(Model):
    """What the holder's phone shows."""

    digits: str = Field(pattern=r"^[0-9]{20}$", repr=False)


class Other(Model):
    """A result that corrects or replaces this one."""

    id: str
    number: str | None


class LookupAnswer(Model):
    """What holds of a result, or that there is none."""

    found: bool
    swapped: bool | None = Field(default=None, description="Whether two neighbouring characters were swapped.")
    id: str | None = None
    agency: str | None = None
    number: str | None = None
    issue_date: date | None = None
    title: str | None = None
    holder: str | None = Field(default=None, description="Masked.")
    standing: StandingWord | None = None
    expires: Moment | None = None
    others: list[Other] | None = None
    presented_at: Moment | None = None
    at: Moment | None = None
    reason: Literal["presentation-used", "presentation-expired", "presentation-unknown"] | None = None
