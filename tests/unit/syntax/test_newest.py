"""The newest revision, looked into: every object is what it is to who reads the file whole."""

import tracemalloc
from collections import deque
from collections.abc import Callable
from itertools import repeat

import pikepdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esign.syntax import Ref, Stream, SyntaxProblem, View, newest, read
from esign.syntax.newest import PlainView
from esign.syntax.outline import NotPlain, Outline, entries_of
from esign.syntax.update import Update
from tests.support.raw_pdf import Kind, RawPDF
from tests.support.two_ways import looking_only, unlike
from tests.unit.pades.test_plain_revision import ENDS, WRITERS
from tests.unit.pdf.tools import changed, page


@settings(max_examples=60, deadline=None)
@given(parts=WRITERS, ending=ENDS, pages=st.integers(1, 3), linearized=st.booleans(), updates=st.integers(0, 3))
def test_every_object_is_the_same(
    parts: list[Callable[[pikepdf.Pdf], None]], ending: bytes, pages: int, updates: int, *, linearized: bool
) -> None:
    def build(pdf: pikepdf.Pdf) -> None:
        for part in parts:
            part(pdf)

    pdf = changed(page(b"q Q", pages=pages), build, linearize=linearized).rstrip() + ending
    for count in range(updates):
        update = Update(pdf)
        update.change(update.root_ref)["Mine"] = count
        pdf = update.write().data
    view = newest.newest(pdf)
    assert isinstance(view, PlainView)
    assert list(unlike(view, read(pdf).latest)) == []


CATALOG = {1: b"<</Type/Catalog/Pages 2 0 R>>", 2: b"<</Type/Pages/Kids[]/Count 0>>"}
LONG = b"<</Length 4 0 R>>\nstream\n12 endstream 12\nendstream"


@pytest.mark.parametrize(
    "value",
    [
        b"12",
        b"12endobj 13",
        b"true",
        b"null",
        b"/Name",
        b"(endobj)",
        b"<</A(endobj)/B 1>>",
        b"<</A(stream)>>",
        b"[1 2 R 4 0 R]%comment",
        b"<</A/B#20C/A 2>>",
        b"[%s]" % (b"9 " * 4000),
        b"<<>> 5",
        b"<</A",
        b"",
        b"<<>>stream\nx\nendstream",
    ],
)
def test_an_object_may_be_anything(value: bytes) -> None:
    pdf = bytes(RawPDF().update({**CATALOG, 3: value, 4: b"15", 5: LONG}))
    view, whole = newest.newest(pdf), read(pdf).latest
    assert isinstance(view, PlainView)
    for number in range(7):
        ref = Ref(number)
        assert read_or_not(view, ref) == read_or_not(whole, ref)
        assert read_or_not(view, Ref(number, 1)) == read_or_not(whole, Ref(number, 1))


def read_or_not(view: View, ref: Ref) -> object:
    try:
        value = view.get(ref)
        if isinstance(value, Stream):
            return value.dictionary, value.start, value.length, value.length_wrong, view.decoded(value)
        return type(value), value, view.array(ref)
    except SyntaxProblem as e:
        return e.code


def test_a_length_that_stands_elsewhere() -> None:
    pdf = RawPDF().update({**CATALOG, 3: LONG, 4: b"15"})
    with looking_only():
        stream = newest.newest(bytes(pdf)).get(Ref(3))
    assert isinstance(stream, Stream)
    assert stream.length == 15
    # A later length is of later streams: what was there stays as it was.
    assert list(unlike(newest.newest(bytes(pdf.update({4: b"3"}))), read(bytes(pdf)).latest)) == []


@pytest.mark.parametrize("kind", ["stream", "hybrid"])
def test_streams_of_references_are_read(kind: Kind) -> None:
    pdf = bytes(RawPDF().update(CATALOG, kind=kind, packed={3: b"[1]"}))
    view = newest.newest(pdf)
    assert not isinstance(view, PlainView)
    assert view.get(Ref(3)) == [1]


@pytest.mark.parametrize(
    ("pdf", "problem"),
    [
        (bytes(RawPDF(b"junk\n%PDF-1.7\n").update(CATALOG, shift=5)), "bytes before the header"),
        (bytes(RawPDF().update(CATALOG, trailer=b"/Root 1 0 R/X[<<]]")), "no cross-reference section"),
        (bytes(RawPDF().update(CATALOG)).replace(b"startxref\n", b"startxref\n9"), "no cross-reference section"),
        (
            bytes(
                RawPDF().update(
                    CATALOG,
                    trailer=b"/Root 1 0 R/Encrypt<</Filter/Standard/V 1/R 2/O(%s)/U(%s)/P -4>>" % ((b"x" * 32,) * 2),
                )
            ),
            "password",
        ),
    ],
)
def test_where_nothing_can_be_appended(pdf: bytes, problem: str) -> None:
    with pytest.raises(SyntaxProblem, match=problem):
        newest.newest(pdf)


def test_an_object_for_which_the_file_has_to_be_mended() -> None:
    """Its catalog is no dictionary, so readers search for another one: nothing can be appended to that."""
    pdf = bytes(RawPDF().update({**CATALOG, 3: CATALOG[1], 1: b"(oh)   /Type/Catalog/Pages 2 0 R>>"}))
    with pytest.raises(SyntaxProblem, match="cross-reference"):
        _ = newest.newest(pdf).root


def test_a_table_that_claims_more_rows_than_there_are_costs_nothing() -> None:
    pdf = bytes(RawPDF().update(CATALOG)).replace(b"\n1 1\n", b"\n1 99999999\n")
    tracemalloc.start()
    try:
        view = newest.newest(pdf)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()
    assert not isinstance(view, PlainView)


@pytest.mark.parametrize("text", [b"<</A#31/B>>", b"<</A#31/B/C/D#32>>", b"<</Type/Page/A#6enots/B/C/D#32>>"])
def test_a_key_with_an_escape_is_left_to_the_reader(text: bytes) -> None:
    """Half of it is no key, and the other half no value: the entries behind it would be other ones."""
    with pytest.raises(NotPlain):
        entries_of(text)


def test_who_says_nothing_very_often_is_left_to_the_reader() -> None:
    """Every object is looked for in every subsection."""
    nothing, pdf = b"0 0\n", bytes(RawPDF().update(CATALOG))
    often = pdf.replace(b"xref\n0 1\n", b"xref\n%b0 1\n" % (nothing * 50_000))
    outline = Outline(often)
    with pytest.raises(NotPlain, match="very many"):
        deque((outline.is_updated(1) for _ in repeat(None, 1000)), maxlen=0)
    with pytest.raises(NotPlain, match="very many"):
        Outline(pdf.replace(b"xref\n0 1\n", b"xref\n%b0 1\n" % (nothing * 100_001)))


def test_a_thousand_revisions_are_looked_into() -> None:
    pdf = RawPDF().update(CATALOG)
    for _ in range(1000):
        pdf = pdf.update(CATALOG)
    view = newest.newest(bytes(pdf))
    assert isinstance(view, PlainView)
    assert view.root["Type"] == "Catalog"
