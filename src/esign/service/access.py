"""Who may do what: roles, what each role may, and whoever asks (deny by default)."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from esign.codes import AgencyCode

__all__ = ["GRANTS", "Act", "Principal", "Role"]


class Role(Enum):
    """What somebody is at one agency."""

    SIGNER = "signer"
    """Has results made and signed: portals, the software of an office."""
    REGISTRAR = "registrar"
    """Numbers, releases, and changes what stands (văn thư)."""
    AUDITOR = "auditor"
    """Reads everything, changes nothing."""
    OPERATOR = "operator"
    """Keeps it running: keys of access, webhooks; sees no document."""


class Act(Enum):
    """What can be asked of an agency."""

    ISSUE = "issue"
    SUBMIT = "submit"
    COMPLETE = "complete"
    APPROVE = "approve"
    RELEASE = "release"
    READ = "read"
    DOCUMENT = "document"
    STANDING = "standing"
    PRESENT = "present"
    VERIFY = "verify"
    BATCH = "batch"
    AUDIT = "audit"
    ACCESS = "access"
    WEBHOOKS = "webhooks"


_READING = {Act.READ, Act.DOCUMENT, Act.VERIFY}
GRANTS: Mapping[Role, frozenset[Act]] = {
    Role.SIGNER: frozenset({*_READING, Act.ISSUE, Act.SUBMIT, Act.COMPLETE, Act.PRESENT, Act.BATCH}),
    Role.REGISTRAR: frozenset({*_READING, Act.APPROVE, Act.RELEASE, Act.STANDING, Act.PRESENT, Act.BATCH}),
    Role.AUDITOR: frozenset({*_READING, Act.AUDIT}),
    Role.OPERATOR: frozenset({Act.VERIFY, Act.ACCESS, Act.WEBHOOKS}),
}
"""What each role may; what stands nowhere is denied."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Whoever asks, once that is certain."""

    name: str
    """As the audit records it: `key:portal`, `oidc:<issuer>#<subject>`, `mtls:<name>`, each with `+<person>`
    where a person is known behind it; no personal data."""
    roles: Mapping[AgencyCode, frozenset[Role]]
    """What they are, and where."""

    def may(self, act: Act, agency: AgencyCode) -> bool:
        """Whether one of their roles at `agency` allows `act`."""
        return any(act in GRANTS[role] for role in self.roles.get(agency, frozenset()))
