"""Find the QR seal of a document: what lies over its symbol as a link, or what a signature says of it; and its page."""

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import pikepdf

from esign.errors import InputError

__all__ = ["SealLink", "seal_links"]

# The shortest seal has some 300 digits (docs/spec/seal.md §4); `https://…/2024#12` is a link like others.
_SEAL_URL = re.compile(r"https://[a-z0-9.-]+/[0-9]+#[0-9]{100,}")
_SEAL_FIELD = "esign.release.seal"
_MAX_PAGES = 5000
_MAX_FIELDS = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SealLink:
    """A link annotation, or the entry `/EsignSeal` of a signature, whose target has the form of a seal's URL."""

    url: str = field(repr=False)
    """Its target."""
    page: int
    """The page that its symbol is on, from 0."""


def seal_links(pdf: bytes) -> tuple[SealLink, ...]:
    """All seals of `pdf`: links in the order of the pages, then those of signatures.

    After a person has signed no annotation may be added, so a seal that is made at release has no link: its URL is in
    the agency's signature, its picture in the field `esign.release.seal` or in the signature's own widget
    (docs/spec/release.md).

    Raises:
        InputError: `seal-not-looked-for`: the file cannot be read, or has more pages than are looked at.
    """
    try:
        with pikepdf.open(io.BytesIO(pdf)) as document:
            if len(document.pages) > _MAX_PAGES:
                raise InputError("seal-not-looked-for", problem=f"> {_MAX_PAGES}")
            annotations = [(n, a) for n, page in enumerate(document.pages) for a in _annotations(page)]
            return (*_from_links(annotations), *_from_signatures(document, annotations))
    except (
        pikepdf.PdfError,
        pikepdf.PasswordError,
        ValueError,
        TypeError,
        RecursionError,
        AttributeError,
        KeyError,
        RuntimeError,  # qpdf's own, for structures that it gives up on
    ) as e:
        raise InputError("seal-not-looked-for", problem=type(e).__name__) from e


_Annotations = list[tuple[int, pikepdf.Dictionary]]


def _annotations(page: pikepdf.Page) -> list[pikepdf.Dictionary]:
    found = page.obj.get("/Annots")
    return [a for a in found if isinstance(a, pikepdf.Dictionary)] if isinstance(found, pikepdf.Array) else []


def _from_links(annotations: _Annotations) -> Iterator[SealLink]:
    for page, annotation in annotations:
        action = annotation.get("/A")
        if annotation.get("/Subtype") == "/Link" and isinstance(action, pikepdf.Dictionary):
            url = str(action.get("/URI", ""))
            if _SEAL_URL.fullmatch(url):
                yield SealLink(url=url, page=page)


def _from_signatures(document: pikepdf.Pdf, annotations: _Annotations) -> Iterator[SealLink]:
    fields = list(_fields(document))
    pictures = [node for name, _, node in fields if name == _SEAL_FIELD]
    for _, kind, node in fields:
        value = node.get("/V")
        if kind != "/Sig" or not isinstance(value, pikepdf.Dictionary):
            continue
        url = str(value.get("/EsignSeal", ""))
        if _SEAL_URL.fullmatch(url):
            # Where no page shows it, page 0 is looked at and does not show it either.
            places = (_page(widget, annotations) for widget in (*pictures, node))
            yield SealLink(url=url, page=next((p for p in places if p is not None), 0))


def _page(field_or_widget: pikepdf.Dictionary, annotations: _Annotations) -> int | None:
    """The page that a field's first widget is on: what the page lists counts, not what the widget says (/P)."""
    kids = field_or_widget.get("/Kids")
    nodes = (field_or_widget, *(kids if isinstance(kids, pikepdf.Array) else ()))
    widgets = {n.objgen for n in nodes if n.is_indirect}
    return next((page for page, annotation in annotations if annotation.objgen in widgets), None)


def _fields(document: pikepdf.Pdf) -> Iterator[tuple[str, str, pikepdf.Dictionary]]:
    """Every field: its fully qualified name, its type, its dictionary."""
    form = document.Root.get("/AcroForm")
    roots = form.get("/Fields") if isinstance(form, pikepdf.Dictionary) else None
    stack = [(node, "", "") for node in roots] if isinstance(roots, pikepdf.Array) else []
    seen: set[tuple[int, int]] = set()
    while stack and len(seen) < _MAX_FIELDS:
        node, prefix, inherited = stack.pop()
        if not isinstance(node, pikepdf.Dictionary) or node.objgen in seen:
            continue
        if node.is_indirect:
            seen.add(node.objgen)
        name = ".".join(filter(None, (prefix, str(node.get("/T", "")))))
        kind = str(node.get("/FT", inherited))
        yield name, kind, node
        kids = node.get("/Kids")
        stack += [(kid, name, kind) for kid in kids] if isinstance(kids, pikepdf.Array) else []
