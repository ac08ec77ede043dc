"""How a file that is signed as it is, is known when the command is run again."""

import hashlib

__all__ = ["signing_key_of"]


def signing_key_of(agency: object, profile: str, content: str, *, kind: str = "sign") -> str:
    """The idempotency key of a file that is signed as it is: one file, one agency, one profile, one signature."""
    named = f"{agency}\0{profile}\0{content}"
    return f"{kind}-{hashlib.sha256(named.encode()).hexdigest()}"
