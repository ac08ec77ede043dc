"""One walk over the objects of a PDF: signatures, active content, attachments, fonts.

qpdf writes each object in normal form (`/Java#53cript` becomes `/JavaScript`), a regular expression says whether a
closer look is worth it, and only then its direct values are visited one by one.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import pikepdf

__all__ = ["Contents", "survey"]

# Actions that do more than move within the document or open a web page (ISO 32000-1 Table 198, ISO 32000-2 §12.6).
_ACTIONS = frozenset(
    (
        *("/GoTo3DView", "/GoToE", "/GoToR", "/Hide", "/ImportData", "/JavaScript", "/Launch", "/Movie"),
        *("/Rendition", "/ResetForm", "/RichMediaExecute", "/SetOCGState", "/Sound", "/SubmitForm", "/Trans"),
    )
)
_ANNOTATIONS = frozenset(["/3D", "/Movie", "/RichMedia", "/Screen", "/Sound"])
_HARMLESS_OPEN = frozenset(("/GoTo", "/URI"))
_EXECUTABLE = re.compile(
    r"\.(?:app|bat|cmd|com|cpl|dll|dmg|exe|hta|html?|jar|jse?|lnk|msi|pif|ps1|py|reg|scr|sh|svg|vb[es]?|wsf|xht(?:ml)?)"
    r"[. ]*$",
    re.IGNORECASE,
)
_INTERESTING = re.compile(
    rb"/(?:S|Subtype) /(?:"
    + b"|".join(name[1:].encode() for name in sorted(_ACTIONS | _ANNOTATIONS))
    + rb")\b|/(?:AA|ByteRange|EF|FT|JS|TransformMethod) |/Type /Font\b"
)
_DEEPEST = 100
_NO_CHANGES = 1  # DocMDP /P (ISO 32000-1 Table 254)


@dataclass(slots=True)
class Contents:
    """What the walk has seen."""

    signatures: int = 0
    """Signature dictionaries with a value."""
    permissions: bool = False
    """/Perms in the catalogue: a certification or usage rights."""
    forbids_changes: bool = False
    """A certification with P=1: nothing may be added."""
    xfa: bool = False
    """An XFA form: what is shown is a program's output."""
    active: set[str] = field(default_factory=set)
    """Kinds of active content, by the standard's names."""
    attachments: int = 0
    """Embedded files of any kind."""
    fonts_not_embedded: int = 0
    """Fonts that every reader replaces by its own."""
    layers: bool = False
    """Optional content: what is shown may be switched."""
    fields: int = 0
    """Form fields."""
    needs_appearances: bool = False
    """/NeedAppearances: readers redraw the fields."""


def survey(pdf: pikepdf.Pdf) -> Contents:
    """Walk over all objects of `pdf`."""
    contents = Contents()
    _catalogue(pdf.Root, contents)
    for item in pdf.objects:
        if isinstance(item, pikepdf.Stream | pikepdf.Dictionary | pikepdf.Array):
            direct = item.stream_dict if isinstance(item, pikepdf.Stream) else item
            if _INTERESTING.search(direct.unparse(resolved=True)):
                for dictionary in _dictionaries(direct):
                    _dictionary(dictionary, contents)
    return contents


def _catalogue(root: pikepdf.Object, contents: Contents) -> None:
    contents.permissions = isinstance(root.get("/Perms"), pikepdf.Dictionary) and len(root["/Perms"].keys()) > 0
    contents.layers = "/OCProperties" in root
    form = root.get("/AcroForm")
    if isinstance(form, pikepdf.Dictionary):
        contents.xfa = "/XFA" in form
        contents.needs_appearances = bool(form.get("/NeedAppearances", False))
        fields = form.get("/Fields")
        contents.fields = len(fields) if isinstance(fields, pikepdf.Array) else 0
    names = root.get("/Names")
    if isinstance(names, pikepdf.Dictionary) and "/JavaScript" in names:
        contents.active.add("JavaScript")
    opening = root.get("/OpenAction")
    if isinstance(opening, pikepdf.Dictionary) and str(opening.get("/S")) not in _HARMLESS_OPEN:
        contents.active.add("OpenAction")


def _dictionaries(item: pikepdf.Object) -> Iterator[Mapping[str, pikepdf.Object]]:
    """Every dictionary that is directly inside `item`, itself too; references lead to objects of their own."""
    stack = [(item, 0)]
    while stack:
        value, depth = stack.pop()
        if depth > _DEEPEST:
            message = "nesting"
            raise RecursionError(message)
        if isinstance(value, pikepdf.Dictionary):
            entries = dict(value.items())
            yield entries
            children = list(entries.values())
        elif isinstance(value, pikepdf.Array):
            children = list(value)
        else:
            continue
        stack += [
            (child, depth + 1)
            for child in children
            if isinstance(child, pikepdf.Dictionary | pikepdf.Array) and not child.is_indirect
        ]


def _dictionary(entries: Mapping[str, pikepdf.Object], contents: Contents) -> None:
    _note_active(entries, contents)
    _note_signature(entries, contents)
    if "/EF" in entries:
        contents.attachments += 1
        if any(_EXECUTABLE.search(str(entries[k])) for k in ("/F", "/UF") if k in entries):
            contents.active.add("EmbeddedFile")
    if str(entries.get("/Type", "")) == "/Font" and not _embedded(entries):
        contents.fonts_not_embedded += 1


def _note_active(entries: Mapping[str, pikepdf.Object], contents: Contents) -> None:
    action, subtype = str(entries.get("/S", "")), str(entries.get("/Subtype", ""))
    if action in _ACTIONS:
        contents.active.add(action[1:])
    if subtype in _ANNOTATIONS:
        contents.active.add(subtype[1:])
    if "/JS" in entries:
        contents.active.add("JavaScript")
    if "/AA" in entries:
        contents.active.add("AA")


def _note_signature(entries: Mapping[str, pikepdf.Object], contents: Contents) -> None:
    if "/ByteRange" in entries and "/Contents" in entries:
        contents.signatures += 1
    elif str(entries.get("/FT", "")) == "/Sig" and "/V" in entries and not _is_signature(entries["/V"]):
        contents.signatures += 1  # a value that is no proper signature dictionary is still a claim of one
    if str(entries.get("/TransformMethod", "")) == "/DocMDP":
        parameters = entries.get("/TransformParams")
        if isinstance(parameters, pikepdf.Dictionary) and parameters.get("/P", 2) == _NO_CHANGES:
            contents.forbids_changes = True


def _is_signature(value: pikepdf.Object) -> bool:
    return isinstance(value, pikepdf.Dictionary) and "/ByteRange" in value and "/Contents" in value


def _embedded(font: Mapping[str, pikepdf.Object]) -> bool:
    if str(font.get("/Subtype", "")) in {"/Type3", "/Type0"}:  # glyphs are in the font itself, or in its descendant
        return True
    descriptor = font.get("/FontDescriptor")
    files = ("/FontFile", "/FontFile2", "/FontFile3")
    return isinstance(descriptor, pikepdf.Dictionary) and any(f in descriptor for f in files)
