"""JSON as callers send it, read strictly (I-JSON, RFC 7493): what two programs could read in two ways is refused.

A proxy that inspects bodies, our audit and our database must all see the same request. So: UTF-8 alone, no name twice
in an object, no number that is none, and no text that a database or a page cannot hold.
"""

import json
import math
import re
from typing import Any

__all__ = ["parse"]

_MOST_VALUES = 200_000
"""Each costs some hundred bytes of memory; base64, which makes bodies large, has none of these signs."""
_DEEPEST = 64
"""Whatever reads a value by calling itself has room for so much, wherever on the stack it begins."""
_SUSPECT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")


def parse(data: bytes) -> Any:
    """The value that `data` is.

    Raises:
        ValueError: It is none, or could be taken for another.
    """
    nests = data.count(b"[") + data.count(b"{")
    if nests + data.count(b",") > _MOST_VALUES:
        raise ValueError("too many values")
    try:
        found = json.loads(
            data.decode("utf-8-sig"), parse_constant=_refuse, parse_float=_finite, object_pairs_hook=_object
        )
    except RecursionError as e:
        raise ValueError("too deep") from e
    if nests > _DEEPEST or _SUSPECT.search(data):
        _check(found)
    return found


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _finite(text: str) -> float:
    found = float(text)
    if not math.isfinite(found):
        raise ValueError("too large a number")
    return found


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands there twice")
    return found


def _check(found: Any) -> None:
    """Not too deep; no U+0000, which PostgreSQL cannot hold, and no half of a surrogate pair, which UTF-8 cannot."""
    waiting = [(found, 1)]
    while waiting:
        value, depth = waiting.pop()
        if depth > _DEEPEST:
            raise ValueError("too deep")
        match value:
            case dict() as members:
                waiting += [(each, depth + 1) for each in (*members, *members.values())]
            case list() as items:
                waiting += [(each, depth + 1) for each in items]
            case str() as text if "\0" in text or any("\ud800" <= c <= "\udfff" for c in text):
                raise ValueError("a character that is none")
