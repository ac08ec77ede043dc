"""Keys of access and approvals, as the interface says them."""

from datetime import date

from pydantic import Field

from esign.api.base import Digest, Listing, Model, Moment

__all__ = [
    "ApprovalRequest",
    "Decision",
    "Key",
    "KeyList",
    "KeyRequest",
    "NewKey",
    "RotationRequest",
    "Waiting",
    "WaitingList",
]

_ROLES = "signer, registrar, auditor or operator; at this agency alone."


class KeyRequest(Model):
    """A key of access that somebody is to get."""

    name: str = Field(
        pattern=r"^[a-z0-9][a-z0-9._-]{0,59}$", description="Whose it is; the audit names it so.", examples=["portal"]
    )
    roles: list[str] = Field(min_length=1, max_length=4, description=_ROLES, examples=[["signer"]])
    person: str = Field(
        default="", max_length=60, description="The code of the person who has it, for four eyes; none for a program's."
    )
    days: int = Field(default=365, ge=1, le=3650, description="So long it is good.")


class RotationRequest(Model):
    """A new key in the place of another."""

    overlap_hours: int = Field(default=24, ge=0, le=24 * 90, description="So long the old key lives on.")
    days: int = Field(default=365, ge=1, le=3650, description="So long the new one is good.")


class Key(Model):
    """A key of access; the key itself is nowhere kept."""

    id: str = Field(examples=["4kq0v7m2xz"])
    name: str = Field(examples=["portal"])
    roles: list[str] = Field(description=_ROLES, examples=[["signer"]])
    person: str = Field(default="", description="The code of the person who has it.", examples=["cb-017"])
    made_at: Moment
    expires_at: Moment
    revoked_at: Moment | None = None
    last_used: date | None = Field(default=None, description="The day, no more.")


class NewKey(Key):
    """A key that was just made."""

    key: str = Field(description="The key itself: it is shown this once. `Authorization: Bearer …`")


class KeyList(Model):
    """The keys of access of an agency."""

    keys: list[Key]


class ApprovalRequest(Model):
    """What a second person decides about a prepared document."""

    sha256: Digest = Field(description="Of the prepared document that they looked at.")
    approved: bool = Field(description="A refusal gives the document up.")
    why: str = Field(default="", max_length=500, description="In their words; it is kept with the document.")


class Decision(Model):
    """A decision on a prepared document."""

    by: str = Field(description="Whose, as the audit names them.", examples=["key:van-thu"])
    at: Moment
    sha256: Digest
    approved: bool
    why: str = ""


class Waiting(Model):
    """A prepared document that waits for a decision."""

    id: str = Field(examples=["7K3M-9XQ2-4RTB-0ZWA"])
    sha256: Digest
    prepared_at: Moment
    number: str | None = None
    title: str | None = None


class WaitingList(Listing):
    """What waits, oldest first."""

    waiting: list[Waiting]
