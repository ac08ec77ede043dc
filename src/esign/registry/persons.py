"""Which person stands behind who acts: four eyes are two persons, however many keys, tokens and certificates they have.

An operator gives a person's code to a key of access, and says which claim of a token and which certificate name it. The
audit then names both: `key:van-thu+cb-017`. A code is no personal data: an id with digits and letters stays as it is;
a name, an address, and digits alone, which may be a citizen's number, stand there as a digest.
"""

import hashlib
import re

__all__ = ["PROGRAMS", "is_same", "name_of", "named", "person_code", "person_of"]

PROGRAMS = frozenset({"service", "worker"})
"""Who acts without a person: the program itself, with what somebody else asked for."""
_OPAQUE = re.compile(r"(?=.*[0-9])(?=.*[a-z])[a-z0-9._-]{1,60}")


def person_code(text: str) -> str:
    """The code of a person that `text` names; empty for an empty one."""
    given = text.strip().lower()
    if not given or _OPAQUE.fullmatch(given):
        return given
    return f"~{hashlib.sha256(given.encode('utf-8', 'replace')).hexdigest()[:32]}"


def named(name: str, code: str) -> str:
    """How the audit names `name`, behind whom the person with this code stands; as it is where there is none."""
    return f"{name}+{code}" if code else name


def name_of(actor: str) -> str:
    """Whoever acts, without the person."""
    return actor.partition("+")[0]


def person_of(actor: str) -> str:
    """The person behind who acts; empty where nobody said it."""
    return actor.partition("+")[2]


def is_same(one: str, other: str) -> bool:
    """Whether two who act are one, as far as is known: the same name, or the same person."""
    return name_of(one) == name_of(other) or (person_of(one) != "" and person_of(one) == person_of(other))
