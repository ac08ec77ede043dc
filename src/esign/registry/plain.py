"""Facts of reasons as JSON keeps them."""

import json
from collections.abc import Mapping
from typing import cast

__all__ = ["plain"]


def plain(facts: Mapping[str, object]) -> dict[str, object]:
    """`facts` for a JSON column; what JSON has no word for becomes its text."""
    return cast("dict[str, object]", json.loads(json.dumps(dict(facts), default=str)))
