"""How an attacker writes: pyHanko's incremental writer, which is not ours and does what it is told."""

import io
from typing import Any

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

__all__ = ["Update", "find_field", "numbers", "open_update"]


class Update(IncrementalPdfFileWriter):
    """One incremental update that touches nothing but what it is told to."""

    def _update_meta(self) -> None:
        pass


def open_update(pdf: bytes) -> Update:
    """Start an update of `pdf`."""
    return Update(io.BytesIO(pdf), strict=False)


def numbers(*values: float) -> Any:
    """An array of numbers."""
    return generic.ArrayObject(generic.FloatObject(round(v, 4)) for v in values)


def find_field(update: Update, name: str) -> Any:
    """A reference to the terminal field `name`, or None."""
    level = _get(_get(update.root, "/AcroForm"), "/Fields", ())
    found = None
    for part in name.split("."):
        found = next((r for r in level if _get(r.get_object(), "/T") == part), None)
        if found is None:
            return None
        level = _get(found.get_object(), "/Kids", ())
    return found


def _get(node: Any, key: str, default: Any = None) -> Any:
    return node[key] if isinstance(node, generic.DictionaryObject) and key in node else default
