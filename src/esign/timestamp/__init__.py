"""Time-stamps (RFC 3161): authorities, failover between them, and the check of what they give."""

from esign.timestamp.authority import TimestampAuthority
from esign.timestamp.timestamper import AuthorityHealth, Timestamp, Timestamper

__all__ = ["AuthorityHealth", "Timestamp", "TimestampAuthority", "Timestamper"]
