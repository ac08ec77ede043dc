"""The file of roots that a verifier is given with its software (docs/spec/trust-list.md §1).

>>> roots_from_json("[]")
()
"""

import json

from esign.errors import SealError
from esign.seal.list_keys import AgencyRange, Root

__all__ = ["roots_from_json", "roots_to_json"]


def roots_from_json(text: str) -> tuple[Root, ...]:
    """Read the file; members that are missing or unknown are refused.

    Raises:
        SealError: `trust-list-invalid`, or `seal-key-unsuitable`.
    """
    try:
        entries = json.loads(text)
    except (ValueError, RecursionError) as e:
        raise SealError("trust-list-invalid", field="roots") from e
    if not isinstance(entries, list):
        raise SealError("trust-list-invalid", field="roots")
    return tuple(map(_root, entries))


def roots_to_json(roots: tuple[Root, ...]) -> str:
    """The file."""
    entries = [
        {
            "name": root.name,
            "public_key": root.public_key.hex(),
            "first_agency": root.agencies.first,
            "last_agency": root.agencies.last,
        }
        for root in roots
    ]
    return json.dumps(entries, ensure_ascii=False, indent=2) + "\n"


def _root(entry: object) -> Root:
    match entry:
        case {
            "name": str(name),
            "public_key": str(point),
            "first_agency": int(first),
            "last_agency": int(last),
            **rest,
        } if not rest and not {type(first), type(last)} & {bool}:
            try:
                public_key = bytes.fromhex(point)
            except ValueError as e:
                raise SealError("trust-list-invalid", field="roots") from e
            return Root(name=name, public_key=public_key, agencies=AgencyRange(first, last))
    raise SealError("trust-list-invalid", field="roots")
