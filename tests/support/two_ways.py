"""Two revisions of one file, made by different code, compared as documents: where they differ in what they say.

Object numbers, offsets and the order of entries say nothing; so do the room of a signature and the second half of /ID.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import pikepdf
import pytest
from asn1crypto import x509
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko.sign.validation.status import SignatureCoverageLevel
from pyhanko_certvalidator import ValidationContext

from esign.pades.plain_revision import PlainRevision
from esign.pades.signing_revision import SigningRevision, add_signing_revision
from esign.syntax import Dict, Object, Ref, Stream, View, newest, read, same
from esign.syntax.outline import NotPlain
from tests.support.pki import EPOCH
from tests.unit.pdf.tools import run

_SAYS_NOTHING = {"ByteRange", "Contents"}
_OF_A_SECTION = {"Size", "Prev", "XRefStm", "Type", "W", "Index", "Length", "Filter", "DecodeParms", "ID"}


@contextmanager
def reading_whole() -> Iterator[None]:
    """What is updated is read whole, however plainly it is written."""

    def refuse(_pdf: bytes) -> NoReturn:
        message = "asked for"
        raise NotPlain(message)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(newest, "Outline", refuse)
        yield


@contextmanager
def looking_only() -> Iterator[None]:
    """What is updated must not be read whole."""

    def refuse(_pdf: bytes) -> NoReturn:
        message = "a file is read whole"
        raise AssertionError(message)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(newest, "read", refuse)
        yield


def both_ways(pdf: bytes, revision: SigningRevision) -> list[str] | str:
    """Where the two ways differ; or why `pdf` is not for the plain one."""
    try:
        plain = PlainRevision(revision).behind(pdf, EPOCH)
    except NotPlain as e:
        return str(e)
    with reading_whole():
        general = add_signing_revision(pdf, revision, EPOCH)
    assert plain.document.startswith(pdf)
    assert plain.end - plain.start == general.end - general.start
    return list(differences(plain.document, general.document))


def unlike(one: View, other: View) -> Iterator[str]:
    """Where two views of one file, of which the `other` has read it, say something different."""
    for what in ("startxref", "kind", "next"):
        if getattr(one, what) != getattr(other, what):
            yield what
    if not same(one.trailer, other.trailer):
        yield "trailer"
    for number in other.numbers:
        x, y = one.get(Ref(number)), other.get(Ref(number))
        if isinstance(x, Stream) and isinstance(y, Stream):
            alike = same(x.dictionary, y.dictionary)
            alike = alike and (x.start, x.length, x.length_wrong) == (y.start, y.length, y.length_wrong)
        else:
            alike = same(x, y)
        if not alike or one.array(Ref(number)) != other.array(Ref(number)):
            yield f"object {number}"


def differences(one: bytes, other: bytes) -> Iterator[str]:
    """What the newest revisions of two files say differently, beginning at their trailers."""
    a, b = read(one), read(other)
    if len(a.revisions) != len(b.revisions) or [r.code for r in a.problems] != [r.code for r in b.problems]:
        yield f"revisions: {len(a.revisions)} {a.problems}, {len(b.revisions)} {b.problems}"
    heads = [Dict({k: v for k, v in f.latest.trailer.items() if k not in _OF_A_SECTION}) for f in (a, b)]
    yield from _walk(a.latest, b.latest, heads[0], heads[1])
    ids = [f.latest.direct(f.latest.trailer.get("ID")) for f in (a, b)]
    if isinstance(ids[0], list) and isinstance(ids[1], list):
        if ids[0][0] != ids[1][0]:
            yield "/ID"
    elif ids[0] != ids[1]:
        yield "/ID"


def _walk(a: View, b: View, one: Object, other: Object) -> Iterator[str]:
    waiting: list[tuple[str, Object, Object]] = [("", one, other)]
    pairs: dict[Ref, Ref] = {}
    while waiting:
        path, x, y = waiting.pop()
        if isinstance(x, Ref) and isinstance(y, Ref):
            if x in pairs:
                if pairs[x] != y:
                    yield f"{path}: another object"
                continue
            pairs[x] = y
            x, y = a.get(x), b.get(y)
        if type(x) is not type(y):
            yield f"{path}: {x!r}, {y!r}"
        elif isinstance(x, Dict) and isinstance(y, Dict):
            keys = x.keys() | y.keys()
            waiting += [(f"{path}/{key}", x.get(key), y.get(key)) for key in sorted(keys - _ignored(x))]
        elif isinstance(x, list) and isinstance(y, list):
            if len(x) != len(y):
                yield f"{path}: {len(x)} items, {len(y)}"
            waiting += [(f"{path}[{i}]", v, w) for i, (v, w) in enumerate(zip(x, y, strict=False))]
        elif isinstance(x, Stream) and isinstance(y, Stream):
            waiting.append((path, x.dictionary, y.dictionary))
            if a.file.source.raw(x) != b.file.source.raw(y):
                yield f"{path}: data"
        elif x != y:
            yield f"{path}: {x!r}, {y!r}"


def _ignored(dictionary: Dict) -> set[str]:
    return _SAYS_NOTHING if dictionary.get("Type") == "Sig" else set()


def refused_by_others(pdf: bytes, root: bytes, before: bytes) -> Iterator[str]:
    """What pyHanko, pdfsig and qpdf have against the newest signature of `pdf`, which they had not against `before`."""
    context = ValidationContext(trust_roots=[x509.Certificate.load(root)], moment=EPOCH, allow_fetching=False)
    newest = PdfFileReader(io.BytesIO(pdf), strict=False).embedded_signatures[-1]
    status = validate_pdf_signature(newest, context)
    if not (
        status.intact and status.valid and status.trusted and status.coverage is SignatureCoverageLevel.ENTIRE_FILE
    ):
        yield f"pyHanko: {status.summary()}"
    found = run("pdfsig", "-nocert", "@", pdf=pdf).stdout
    if "Signature is Valid." not in found or "Total document signed" not in found:
        yield f"pdfsig: {found[-400:]}"
    if run("qpdf", "--check", "@", pdf=pdf).returncode > run("qpdf", "--check", "@", pdf=before).returncode:
        yield f"qpdf: {run('qpdf', '--check', '@', pdf=pdf).stderr[-400:]}"
    with pikepdf.open(io.BytesIO(before)) as a, pikepdf.open(io.BytesIO(pdf)) as b:
        if len(a.pages) != len(b.pages):
            yield "qpdf: another number of pages"
