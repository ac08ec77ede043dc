"""The audit chain: verifying it, and anchoring it with a signature of the token."""
