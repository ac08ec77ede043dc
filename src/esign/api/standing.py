"""Standing: whether a result is in force, apart from its signatures."""

from typing import Literal

from pydantic import Field

from esign.api.base import Model, Moment

__all__ = ["Change", "ChangeRequest", "PresentationCode", "StandingOf"]

StandingWord = Literal["in-force", "corrected", "replaced", "withdrawn", "suspended", "expired"]


class ChangeRequest(Model):
    """What a result becomes; entries are added, never changed or deleted."""

    standing: Literal["in-force", "corrected", "replaced", "withdrawn", "suspended"] = Field(
        description="`in-force` restores a suspended one.", examples=["withdrawn"]
    )
    why: str = Field(min_length=1, max_length=500, description="The reason.", examples=["QĐ 21/QĐ-UBND"])
    by: str | None = Field(
        default=None, min_length=1, max_length=200, description="Who decided; null: whoever sends this."
    )
    at: Moment | None = Field(default=None, description="When it takes effect, not later than now; null: now.")
    other: str | None = Field(default=None, max_length=40, description="The result that corrects or replaces it.")


class Change(Model):
    """One entry of a result's history."""

    standing: StandingWord
    at: Moment
    by: str
    why: str
    other: str | None
    recorded_at: Moment


class StandingOf(Model):
    """What holds of a result, and its history."""

    id: str
    standing: StandingWord
    replaced_by: str | None
    corrections: list[str]
    expires: Moment | None
    at: Moment = Field(description="The moment that this is about.")
    history: list[Change]


class PresentationCode(Model):
    """A code with which the holder shows the result once (docs/spec/presentation.md §2)."""

    digits: str = Field(examples=["27650138820417309245"], repr=False)
    url: str | None = Field(description="What the phone shows as a QR.", repr=False)
    expires: Moment
