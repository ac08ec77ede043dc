"""Health: what the service needs, and the state of each; strangers learn the states, whoever is inside the rest."""

from typing import Literal

from pydantic import Field

from esign.api.base import Model
from esign.api.problems import Finding

__all__ = ["Health", "HealthCheck", "HealthReport", "HealthState", "StateName"]

StateName = Literal["fine", "soon", "failed", "unknown"]
_STATE = "`soon`: it works, and somebody has to act before it does not."


class HealthState(Model):
    """One kind of thing that is needed, as the worst of that kind is."""

    name: str = Field(examples=["database"])
    state: StateName = Field(description=_STATE)


class Health(Model):
    """All of them, for everybody."""

    ready: bool = Field(description="Whether results can be issued.")
    checks: list[HealthState] = Field(default_factory=list)


class HealthCheck(Model):
    """One thing that is needed, for those inside."""

    name: str = Field(examples=["token H26.1.2"])
    state: StateName = Field(description=_STATE)
    reason: Finding | None = None
    value: float | None = Field(default=None, description="Days, bytes or seconds that are left, where there are any.")


class HealthReport(Model):
    """All of them, for those inside."""

    ready: bool = Field(description="Whether results can be issued.")
    checks: list[HealthCheck] = Field(default_factory=list)
