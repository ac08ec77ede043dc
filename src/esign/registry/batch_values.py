"""What is known of a batch and its rows: frozen values, never rows of the database."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from esign.codes import AgencyCode, DocumentNumber, ResultId
from esign.reasons import Reason

__all__ = [
    "Batch",
    "BatchId",
    "BatchItem",
    "BatchOrigin",
    "BatchRows",
    "BatchState",
    "Inclusion",
    "NewItem",
    "RowState",
]


@dataclass(frozen=True, slots=True)
class BatchId(ResultId):
    """A batch's own identifier, made and written as a result's is."""


class BatchOrigin(Enum):
    """Where a batch comes from."""

    SERVICE = "service"
    """Handed in over HTTP; workers carry it out."""
    PLAN = "plan"
    """A plan that somebody confirmed at the command line, which carried it out itself."""


class BatchState(Enum):
    """How far a batch has come."""

    WAITING = "waiting"
    """For its authorisation; nothing of it is in the register."""
    AUTHORISED = "authorised"
    """Workers carry it out."""
    CANCELLED = "cancelled"
    """What was not begun will not be."""
    FINISHED = "finished"
    """Every row is issued, refused, void or set aside."""


class RowState(Enum):
    """How far one row has come."""

    WAITING = "waiting"
    """Not begun."""
    BEGUN = "begun"
    """Recorded, and on its way."""
    ISSUED = "issued"
    """Registered; the document may be handed out."""
    VOID = "void"
    """Given up, with a reason."""
    REFUSED = "refused"
    """It could not even be begun, for the reason that stands with it."""
    SET_ASIDE = "set-aside"
    """It failed again and again and waits for people."""
    CANCELLED = "cancelled"
    """Not begun when the batch was cancelled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewItem:
    """One request of a batch, as far as the register knows it."""

    idempotency_key: str
    """By which its intent is found."""
    digest: str
    """`Request.digest`, hex."""
    part: int
    """In which part of the stored requests it stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A batch and its authorisation."""

    id: BatchId
    """Its own."""
    agency: AgencyCode
    """Whose."""
    profile: str
    """Under which profile its digests were taken."""
    origin: BatchOrigin
    """Where it comes from."""
    idempotency_key: str
    """Of the request that handed it in."""
    root: str
    """The Merkle tree hash of its digests, hex: what is authorised."""
    size: int
    """How many rows."""
    submitted_at: datetime
    """When."""
    submitted_by: str
    """By whom, as the audit calls them."""
    authorised_at: datetime | None
    """When."""
    authorised_by: str | None
    """By whom."""
    cancelled_at: datetime | None
    """When what was not begun was cancelled."""
    finished_at: datetime | None
    """When nothing was left to do."""

    @property
    def state(self) -> BatchState:
        """How far it has come."""
        if self.cancelled_at is not None:
            return BatchState.CANCELLED
        if self.finished_at is not None:
            return BatchState.FINISHED
        return BatchState.WAITING if self.authorised_at is None else BatchState.AUTHORISED


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchItem:
    """One row of a batch."""

    position: int
    """From 1."""
    idempotency_key: str
    """Its own."""
    digest: str
    """Of its request, hex: an entry of the tree."""
    part: int
    """In which part of the stored requests it stands."""
    state: RowState
    """How far it has come."""
    result: ResultId | None
    """The result's id, once it is begun."""
    number: DocumentNumber | None
    """Số, ký hiệu, once it has one."""
    sha256: str | None
    """Of the issued file."""
    problem: Reason | None
    """Why it is refused, void or set aside; else why the last try was in vain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRows:
    """A page of rows."""

    entries: tuple[BatchItem, ...]
    """In order."""
    next: int | None
    """The position to go on after; None at the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inclusion:
    """The proof that one row is under the root (RFC 6962 §2.1.1)."""

    digest: str
    """The entry, hex."""
    position: int
    """From 1."""
    size: int
    """How many entries the tree has."""
    root: str
    """The tree hash, hex."""
    path: tuple[str, ...] = field(repr=False)
    """What stands beside the way up, hex, from the leaf's level."""
