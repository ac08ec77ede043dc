"""The audit chain, as the interface says it (docs/spec/audit.md)."""

from pydantic import Field

from esign.api.base import Listing, Model

__all__ = ["AuditEntry", "AuditPage"]


class AuditEntry(Model):
    """An entry; every value is as it is hashed."""

    sequence: int = Field(examples=[17])
    at: str = Field(examples=["2026-11-21T02:00:00.000000Z"])
    actor: str = Field(examples=["key:portal"])
    request: str = Field(examples=["5f0c1a2b3c4d5e6f"])
    act: str = Field(examples=["intent.issued"])
    agency: str = Field(examples=["H26.1.2"])
    object: str = Field(examples=["7K3M-9XQ2-4RTB-0ZWA"])
    digest: str
    outcome: str = Field(examples=["ok"])
    previous: str
    hash: str


class AuditPage(Listing):
    """Entries of one agency, oldest first; the chain has those of others in between."""

    entries: list[AuditEntry]
