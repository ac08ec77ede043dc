"""What a verifier asks of certificates beyond RFC 5280: algorithms, freshness, policies (EN 319 102-1 §5.1.4)."""

from dataclasses import dataclass, field
from datetime import timedelta

from esign.trust.algorithms import AlgorithmPolicy
from esign.trust.policies import ANY_POLICY

__all__ = ["ValidationPolicy"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationPolicy:
    """The validation constraints; the defaults are those of the standard."""

    algorithms: AlgorithmPolicy = field(default_factory=AlgorithmPolicy.default)
    """Until when each algorithm is acceptable."""
    freshness: timedelta | None = None
    """The oldest revocation information that counts; None: until its nextUpdate (EN 319 102-1 §5.2.5)."""
    tolerance: timedelta = timedelta(minutes=1)
    """By how much the clock of an authority may be ahead of ours."""
    revocation: bool = True
    """Whether revocation must be known; without, unknown is a pass, which only a check of structure wants."""
    certificate_policies: frozenset[str] = frozenset({ANY_POLICY})
    """The certificate policies that are acceptable (RFC 5280 §6.1.1 c)."""
    explicit_policy: bool = False
    """Whether one of them must hold on the whole path (§6.1.1 e)."""
