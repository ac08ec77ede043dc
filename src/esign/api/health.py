"""Health: what the service needs, and the state of each."""

from typing import Literal

from pydantic import Field

from esign.api.base import Model
from esign.api.problems import Finding

__all__ = ["Health", "HealthCheck"]


class HealthCheck(Model):
    """One thing that is needed."""

    name: str = Field(examples=["database"])
    state: Literal["fine", "soon", "failed", "unknown"] = Field(
        description="`soon`: it works, and somebody has to act before it does not."
    )
    reason: Finding | None = None
    value: float | None = Field(default=None, description="Days, bytes or seconds that are left, where there are any.")


class Health(Model):
    """All of them."""

    ready: bool = Field(description="Whether results can be issued.")
    checks: list[HealthCheck] = Field(default_factory=list)
