"""What nobody may do to a page unseen: random updates, with a renderer as the oracle.

An update that makes any page look different, and that the comparison neither refuses nor tells as a change to form,
annotations or signatures, would be a forgery that passes. Two were found this way: a page that is no longer a /Page,
and a /Parent that leads out of the tree.
"""

import random
import re
from collections.abc import Mapping

import pypdfium2
import pytest

from esign.pades.integrity import examine
from esign.report import ChangeKind, Integrity
from esign.syntax import SyntaxProblem, read
from tests.support.raw_pdf import RawPDF
from tests.vectors.changes.document import OBJECTS, approved, certified, locked, signed, unsigned, updated

TOKEN = re.compile(rb"/[A-Za-z0-9]+|\d+ 0 R|-?\d+(?:\.\d+)?|\((?:[^()\\]|\\.)*\)|true|false")
NAMES = rb"/Contents /Resources /Font /XObject /Rotate /CropBox /AP /N /Rect /F /V /T /Kids /Annots /OC /P /DA".split()
NAMES += rb"/Parent /Stamp /Text /Square /FreeText /Highlight /Tx /Btn /Sig /Helv /Im /Novel".split()
NUMBERS = b"0 1 2 4 12 90 100 595 -1".split()
TOLD = {ChangeKind.FORM, ChangeKind.ANNOTATION, ChangeKind.SIGNATURE}
SIGNED = {
    "approved": approved(),
    "p1": certified(1),
    "p3": certified(3),
    "locked": locked(b"/Action/All"),
    "streams": signed(unsigned(kind="stream"), kind="stream"),
}


def mutated(body: bytes, chance: random.Random) -> bytes:
    """An object with one token, or one byte of its stream, replaced or taken out."""
    head, separator, data = body.partition(b"\nstream\n")
    if separator and chance.random() < 0.25:
        place = chance.randrange(max(1, data.rindex(b"\nendstream")))
        return head + separator + data[:place] + bytes([chance.choice(b"0123456789 fSqQnWTj")]) + data[place + 1 :]
    found = list(TOKEN.finditer(head))
    if not found:
        return body
    token = chance.choice(found)
    new = b"" if chance.random() < 0.1 else other(token[0], chance)
    return head[: token.start()] + new + head[token.end() :] + separator + data


def other(token: bytes, chance: random.Random) -> bytes:
    if token.endswith(b" 0 R"):
        return b"%d 0 R" % chance.choice([*OBJECTS, 99])
    if token.startswith(b"/"):
        return chance.choice(NAMES)
    return chance.choice([b"(9)", b"(amount)", b"()"] if token.startswith(b"(") else NUMBERS)


def pictures(pdf: bytes) -> list[bytes] | str:
    """Every page as PDFium draws it; what it says where it draws nothing."""
    try:
        document = pypdfium2.PdfDocument(pdf)
        document.init_forms()
        return [page.render(scale=0.5, may_draw_forms=True).to_pil().tobytes() for page in document]
    except pypdfium2.PdfiumError as e:
        return str(e)


def passes(pdf: RawPDF) -> bool:
    """Whether a file is accepted and nothing is told of what people see."""
    try:
        found = examine(read(bytes(pdf)))
    except SyntaxProblem:
        return False
    told = {change.kind for s in found.signatures for change in s.changes}
    return found.headline(sound=[True] * len(found.signatures)) is Integrity.INTACT and not told & TOLD


@pytest.mark.parametrize("name", SIGNED)
def test_no_update_changes_a_page_unseen(name: str) -> None:
    chance, base = random.Random(name), SIGNED[name]
    shown = pictures(bytes(base))
    looked_at = 0
    for _ in range(150):
        update: Mapping[int, bytes] = {
            number: mutated(OBJECTS[number], chance)
            for number in chance.sample(sorted(OBJECTS), chance.choice([1, 1, 2]))
        }
        pdf = updated(base, update)
        if passes(pdf):
            looked_at += 1
            assert pictures(bytes(pdf)) == shown, update
    assert looked_at > 5
