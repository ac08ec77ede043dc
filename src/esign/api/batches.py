"""Batches, as the interface says them (docs/spec/batches.md)."""

from typing import Literal

from pydantic import Field

from esign.api.base import Digest, Listing, Model, Moment
from esign.api.problems import Finding
from esign.api.results import IssueRequest

__all__ = [
    "AuthorisationRequest",
    "Batch",
    "BatchList",
    "BatchProof",
    "BatchRow",
    "BatchRowPage",
    "BatchRowRequest",
]

BatchState = Literal["waiting", "authorised", "cancelled", "finished"]
RowState = Literal["waiting", "begun", "issued", "void", "refused", "set-aside", "cancelled"]


class BatchRowRequest(IssueRequest):
    """A line of a batch: a result to issue."""

    key: str | None = Field(
        default=None,
        pattern=r"^[\x21-\x7e]{1,200}$",
        description="The caller's own key of this row, as an Idempotency-Key; null: the batch's key and the position.",
    )


class AuthorisationRequest(Model):
    """What somebody authorises: the root that they were shown."""

    root: Digest = Field(description="The Merkle root of the batch.")


class Batch(Model):
    """A batch, its authorisation, and how far it has come."""

    id: str = Field(examples=["7K3M-9XQ2-4RTB-0ZWA"])
    state: BatchState
    size: int = Field(description="How many rows it has.")
    root: Digest = Field(description="The Merkle tree hash (RFC 6962) over its rows' request digests, in order.")
    submitted_at: Moment
    submitted_by: str
    authorised_at: Moment | None
    authorised_by: str | None
    cancelled_at: Moment | None
    finished_at: Moment | None
    rows: dict[RowState, int] | None = Field(default=None, description="How many rows are where; not in lists.")


class BatchList(Listing):
    """Batches of an agency, newest first."""

    batches: list[Batch]


class BatchRow(Model):
    """What became of one row."""

    position: int = Field(description="From 1.")
    state: RowState
    digest: Digest = Field(description="Of its request: an entry of the tree.")
    result: str | None = Field(description="The result's id, once it is begun.")
    number: str | None
    sha256: Digest | None = Field(description="Of the file as it was issued.")
    problem: Finding | None = Field(description="Why it is refused, void or set aside; else what went wrong last.")


class BatchRowPage(Listing):
    """Rows in order."""

    rows: list[BatchRow]


class BatchProof(Model):
    """That one row was authorised with its batch (RFC 6962 §2.1.1)."""

    position: int
    size: int
    digest: Digest
    root: Digest
    path: list[Digest] = Field(description="What stands beside the way up, from the leaf's level.")
