"""What workers do, as the interface says it."""

from pydantic import Field

from esign.api.base import Model, Moment
from esign.api.problems import Finding

__all__ = ["UnfinishedTask", "WorkStatus", "WorkerSeen"]


class UnfinishedTask(Model):
    """A result that failed and is not finished."""

    id: str = Field(examples=["7K3M-9XQ2-4RTB-0ZWA"])
    state: str = Field(examples=["prepared"])
    tries: int
    next_at: Moment | None = Field(description="When it is tried again by itself; null once it is set aside.")
    set_aside_at: Moment | None
    problem: Finding | None


class WorkerSeen(Model):
    """A worker that was there in the last minute."""

    name: str
    began_at: Moment
    seen_at: Moment
    problem: Finding | None = Field(description="What it stands still for.")


class WorkStatus(Model):
    """What is left, what failed, and who works."""

    unfinished: int = Field(description="Results that code can go on with.")
    oldest: Moment | None = Field(description="When the oldest of them was recorded, those set aside left out.")
    set_aside: list[UnfinishedTask] = Field(description="What waits for people.")
    troubled: list[UnfinishedTask] = Field(description="What failed and is tried again by itself.")
    workers: list[WorkerSeen]
