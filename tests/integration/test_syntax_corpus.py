"""PDFs that others made, read here and by qpdf and pyHanko: the same objects, the same revisions, or a known reason."""

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader

from esign.syntax import Dict, EntryKind, File, Name, Object, Ref, Stream, String, SyntaxProblem, View, read

CORPUS = Path(__file__).parents[3] / "shared" / "corpus"
pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not CORPUS.exists(), reason="../shared/corpus is not part of the project"),
]

# Where qpdf repairs what it reads, or gives up, our object differs by right; File.problems says why for each.
REPAIRED_BY_OTHERS = {"syntax-entry-other", "syntax-entry-astray", "syntax-stream-length", "syntax-trailing-bytes"}


_HASH = re.compile(rb"#(..)")


def files() -> Iterator[tuple[str, bytes]]:
    for case in json.loads((CORPUS / "manifest.json").read_text("utf-8")):
        yield case["file"], (CORPUS / "files" / case["file"]).read_bytes()


def theirs(value: Any, *, top: bool = True) -> object:
    """A value of pikepdf, comparable."""
    if not isinstance(value, pikepdf.Object):
        return value if value is None or isinstance(value, (bool, int)) else float(value)
    if not top and value.is_indirect:
        return value.objgen
    match value._type_code:
        case pikepdf.ObjectType.dictionary:
            entries = {key[1:]: theirs(item, top=False) for key, item in value.items()}
            return {key: item for key, item in entries.items() if item is not None}
        case pikepdf.ObjectType.array:
            return [theirs(item, top=False) for item in value]
        case pikepdf.ObjectType.stream:
            return {key[1:]: theirs(item, top=False) for key, item in value.items() if key != "/Length"}
        case pikepdf.ObjectType.name_:
            name = value.unparse(resolved=True)
            return _HASH.sub(lambda m: bytes.fromhex(m[1].decode()), name).decode("latin-1")
        case _:
            return bytes(value)


def ours(value: Object, view: View) -> object:
    """The same of ours: an entry whose value is null is no entry (§7.3.7), and qpdf resolves references to scalars."""
    match value:
        case Ref():
            try:
                found = view.get(value)
            except SyntaxProblem:
                return None
            return tuple(value) if isinstance(found, (Dict, list, Stream, Name, String)) else ours(found, view)
        case Stream():
            entries = ours(value.dictionary, view)
            assert isinstance(entries, dict)
            return {key: item for key, item in entries.items() if key != "Length"}
        case Dict():
            entries = {key.encode("latin-1").decode("utf-8", "ignore"): ours(item, view) for key, item in value.items()}
            return {key: item for key, item in entries.items() if item is not None}
        case list():
            return [ours(item, view) for item in value]
        case Name():
            return "/" + value
        case String():
            return bytes(value)
        case _:
            return value


def differing(file: File, pdf: pikepdf.Pdf) -> Iterator[int]:
    view = file.latest
    for num in view.numbers:
        entry = file.entry(num, view.index)
        ref = Ref(num, entry.minor if entry and entry.kind is EntryKind.IN_FILE else 0)
        value = view.get(ref)
        if isinstance(value, Dict) and "ByteRange" in value and file.encrypted:
            continue  # qpdf decrypts /Contents that nobody encrypted
        other = pdf.get_object(ref)
        if theirs(other) != ours(value, view):
            yield num
        if isinstance(value, Stream) and not file.encrypted and other.read_raw_bytes() != file.source.raw(value):
            yield num


def test_objects_are_what_qpdf_reads() -> None:
    compared = 0
    for name, data in files():
        try:
            file = read(data)
            pdf = pikepdf.open(io.BytesIO(data), inherit_page_attributes=False)
        except (SyntaxProblem, pikepdf.PdfError, pikepdf.PasswordError):
            continue
        if file.rebuilt or REPAIRED_BY_OTHERS & {reason.code for reason in file.problems}:
            continue
        compared += 1
        # One writer refers to objects with 64-bit numbers, which qpdf refuses to read at all.
        assert b"/Pg 18446744073" in data or not list(differing(file, pdf)), name
    assert compared > 260


def test_what_cannot_be_read_qpdf_cannot_read_either() -> None:
    for name, data in files():
        try:
            read(data)
        except SyntaxProblem:
            with pytest.raises((pikepdf.PdfError, pikepdf.PasswordError)):
                pikepdf.open(io.BytesIO(data))
        else:
            continue
        assert name


def test_revisions_are_those_of_pyhanko() -> None:
    """It counts the two parts of a linearized file, and two sections with one end between them, as two revisions."""
    compared = 0
    for name, data in files():
        try:
            file = read(data)
            reader = PdfFileReader(io.BytesIO(data), strict=False)
            total = reader.xrefs.total_revisions
        except (SyntaxProblem, PdfError):
            continue
        if file.rebuilt:
            continue
        compared += 1
        assert sum(len(revision.sections) for revision in file.revisions) == total, name
        for revision in file.revisions:
            theirs_at = sum(len(r.sections) for r in file.revisions[: revision.index + 1]) - 1
            root = reader.get_historical_resolver(theirs_at).root_ref
            assert file.at(revision.index).trailer["Root"] == (root.idnum, root.generation), name
    assert compared > 270
