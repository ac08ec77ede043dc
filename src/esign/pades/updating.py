"""What every update of a document by us needs: its pages, its form, annotations that are added (DESIGN law 3)."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar
from weakref import WeakKeyDictionary

from esign.errors import InputError
from esign.pades.form_tree import Field, Form, read_form
from esign.pades.page_tree import find_page
from esign.pades.reading import Reader
from esign.syntax import Dict, Object, Ref, String, SyntaxProblem, View
from esign.syntax.update import Update

__all__ = ["add_annotation", "fields_of", "form_of", "named", "numbers", "open_update", "page_of", "text", "updating"]

P = ParamSpec("P")
T = TypeVar("T")


# One update asks for pages and fields again and again, of the document as it was before.
_pages: "WeakKeyDictionary[View, dict[int, tuple[Ref, Dict]]]" = WeakKeyDictionary()
_forms: "WeakKeyDictionary[View, Form]" = WeakKeyDictionary()


def updating(action: Callable[P, T]) -> Callable[P, T]:
    """A file that cannot be updated is an `InputError`, whatever about it cannot be read."""

    def inner(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return action(*args, **kwargs)
        except SyntaxProblem as e:
            raise InputError("pdf-not-updatable", problem=e.code) from e

    return inner


def open_update(pdf: bytes) -> Update:
    """Start an update of `pdf`.

    Raises:
        SyntaxProblem: It cannot be updated.
    """
    return Update(pdf)


def page_of(update: Update, index: int) -> tuple[Ref, Dict]:
    """Page `index`, from 0, which must be an object of its own (ISO 32000-2 §7.7.3.2), and what it inherits.

    Raises:
        SyntaxProblem: It is not, or there is none.
    """
    view = update.view
    known = _pages.setdefault(view, {})
    if index not in known:
        ref, inherited = find_page(Reader(view), view.root, index)
        if ref is None:
            raise SyntaxProblem("syntax-not-updatable", problem=f"no page {index + 1}")
        known[index] = ref, inherited
    return known[index]


def fields_of(update: Update) -> tuple[Field, ...]:
    """The fields that the document had before this update, in their order."""
    return _form(update.view).fields


def form_of(update: Update) -> Dict:
    """The form dictionary (§12.7.3), to be written in; made where there is none.

    Raises:
        SyntaxProblem: The catalog cannot be read.
    """
    place = update.root.get("AcroForm")
    if isinstance(place, Ref) and isinstance(update.get(place), Dict):
        return update.change(place)
    root = update.change(update.root_ref)
    if isinstance(place, Dict):
        form = Dict(place)
        root["AcroForm"] = form
        return form
    ref = update.add(Dict())
    root["AcroForm"] = ref
    return update.change(ref)


def add_annotation(update: Update, page: Ref, annotation: Ref) -> None:
    """Put `annotation` on top of what the page has."""
    update.append(update.change(page), "Annots", annotation)


def numbers(*values: float) -> list[Object]:
    """An array of numbers: a ten-thousandth of a point is enough, and readers refuse more digits than they know."""
    return [round(float(v), 4) for v in values]


def text(value: str) -> String:
    """A text string (§7.9.2.2)."""
    if value.isascii():
        return String(value.encode("ascii"))
    return String(b"\xfe\xff" + value.encode("utf-16-be"))


def named(**items: Object) -> Dict:
    """A dictionary whose keys are written as they are called."""
    return Dict(items)


def _form(view: View) -> Form:
    form = _forms.get(view)
    if form is None:
        form = _forms[view] = read_form(Reader(view), view.root)
    return form
