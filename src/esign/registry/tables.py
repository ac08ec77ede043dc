"""All tables of the register together, for who compares them with a database."""

from esign.registry import (  # noqa: F401
    access_models,
    audit_models,
    outbox_models,
    presentations,
    requests,
    webhook_models,
    work_models,
)
from esign.registry.models import Base

__all__ = ["METADATA"]

METADATA = Base.metadata
"""The modules that are loaded above have put their tables into it."""
