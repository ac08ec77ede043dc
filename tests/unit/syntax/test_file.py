"""Files with revisions, hybrid, linearized and packed ones; and the same document whichever way it is written."""

import io

import pikepdf
import pytest

from esign.syntax import DEFAULT, EntryKind, Limits, Location, Ref, SectionKind, Stream, SyntaxProblem, read
from tests.support.raw_pdf import Kind, RawPDF, stream

PAGES = {1: b"<</Type/Catalog/Pages 2 0 R>>", 2: b"<</Type/Pages/Kids[3 0 R]/Count 1>>"}
PAGE = {3: b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R>>", 4: stream(b"0 0 1 1 re f")}
KINDS: tuple[Kind, ...] = ("table", "stream", "hybrid")


def document(kind: Kind = "table") -> RawPDF:
    return RawPDF().update(PAGES | PAGE, kind=kind)


def problems(pdf: bytes) -> set[str]:
    return {reason.code for reason in read(pdf).problems}


@pytest.mark.parametrize("kind", ["table", "stream"])
def test_a_file_of_one_revision(kind: Kind) -> None:
    pdf = bytes(document(kind))
    file = read(pdf)
    assert len(file.revisions) == 1
    revision = file.revisions[0]
    assert (revision.start, revision.end, revision.end_of_line) == (0, len(pdf) - 1, len(pdf))
    assert revision.kind is SectionKind(kind)
    assert not file.rebuilt
    assert not file.encrypted
    assert file.problems == ()
    view = file.latest
    assert view.root["Type"] == "Catalog"
    pages = view.entry(view.root, "Pages")
    assert isinstance(pages, dict)
    assert view.resolve(pages["Kids"]) == [Ref(3)]
    contents = view.get(Ref(4))
    assert isinstance(contents, Stream)
    assert view.decoded(contents) == b"0 0 1 1 re f"
    assert view.get(Ref(99)) is None
    assert view.get(Ref(1, 1)) is None
    assert {1, 2, 3, 4} <= set(view.numbers)


@pytest.mark.parametrize("first", ["table", "stream"])
@pytest.mark.parametrize("then", KINDS)
def test_revisions_share_what_they_have_in_common(first: Kind, then: Kind) -> None:
    pdf = document(first)
    end = len(pdf.data)
    packed = {3: b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 8 8]>>"} if then != "table" else {}
    pdf.update({4: stream(b"changed")} | ({} if packed else PAGE), free=[9], kind=then, packed=packed)
    file = read(bytes(pdf))
    assert [r.end_of_line for r in file.revisions] == [end, len(pdf.data)]
    assert file.revisions[1].start == end
    assert file.revisions[1].hybrid == (then == "hybrid")
    before, after = file.at(0), file.at(1)
    assert before.root is after.root
    assert before.get(Ref(2)) is after.get(Ref(2))
    assert before.location(2) == after.location(2)
    assert before.get(Ref(4)) is not after.get(Ref(4))
    assert {3, 4} <= file.touched(1)
    assert not {1, 2, 9} & file.touched(1)
    assert problems(bytes(pdf)) == ({"syntax-hybrid"} if then == "hybrid" else set())


def test_a_freed_object_is_gone_in_later_views_only() -> None:
    pdf = document().update({}, free=[4])
    file = read(bytes(pdf))
    assert isinstance(file.at(0).get(Ref(4)), Stream)
    assert file.at(1).get(Ref(4)) is None
    assert file.at(1).location(4) is None
    assert file.touched(1) == {4}


def test_packed_objects() -> None:
    pdf = RawPDF().update({4: PAGE[4]}, packed=PAGES | {3: PAGE[3]}, kind="stream")
    file = read(bytes(pdf))
    view = file.latest
    assert view.root["Type"] == "Catalog"
    location = view.location(3)
    assert isinstance(location, Location)
    assert location.within == 2
    assert file.entry(3, 0) is not None
    assert view.indirect(3) is None
    assert view.get(Ref(3, 1)) is None
    assert file.problems == ()


def test_replacing_an_object_stream_touches_what_it_holds() -> None:
    """No entry of the packed objects changes; the container is another one."""
    pdf = RawPDF().update({}, packed=PAGES | {3: PAGE[3]}, kind="stream")
    entry = read(bytes(pdf)).entry(3, 0)
    assert entry is not None
    assert entry.kind is EntryKind.IN_STREAM
    other = b"1 0 2 30 3 70 ".ljust(40) + PAGES[1].ljust(30) + PAGES[2].ljust(40) + b"<</Type/Page/Evil true>>"
    pdf.update({entry.where: stream(other, b"/Type/ObjStm/N 3/First 40")}, kind="stream")
    file = read(bytes(pdf))
    evil = file.latest.get(Ref(3))
    assert isinstance(evil, dict)
    assert evil["Evil"] is True
    assert {1, 2, 3} <= file.touched(1)


def test_a_hybrid_file_shows_new_readers_what_is_hidden_from_old_ones() -> None:
    """§7.5.8.4: in the table the packed objects are free; the stream says where they are."""
    pdf = RawPDF().update(PAGES, packed={3: PAGE[3]}, kind="hybrid")
    file = read(bytes(pdf))
    assert len(file.revisions) == 1
    assert file.revisions[0].hybrid
    assert isinstance(file.latest.get(Ref(3)), dict)
    file = read(bytes(pdf.update({}, free=[3])))
    assert file.latest.get(Ref(3)) is None


def test_two_sections_before_one_end_are_one_revision() -> None:
    pdf = document()
    start = len(pdf.data)
    pdf.data += b"5 0 obj\n(new)\nendobj\nxref\n5 1\n%010d 00000 n \n" % start
    first = start + pdf.data[start:].index(b"xref")
    pdf.data += b"trailer\n<</Size 6/Root 1 0 R/Prev %d>>\n" % (pdf.startxref or 0)
    second = len(pdf.data)
    pdf.data += b"xref\n0 0\ntrailer\n<</Size 6/Root 1 0 R/Prev %d>>\nstartxref\n%d\n%%%%EOF\n" % (first, second)
    file = read(bytes(pdf))
    assert len(file.revisions) == 2
    assert file.revisions[1].startxref == second
    assert file.touched(1) == {5}
    assert file.problems == ()


def linearized() -> bytes:
    pdf = pikepdf.new()
    pdf.add_blank_page()
    out = io.BytesIO()
    pdf.save(out, linearize=True)
    return out.getvalue()


def test_a_linearized_file_is_one_revision() -> None:
    pdf = linearized()
    file = read(pdf)
    assert len(file.revisions) == 1
    assert file.revisions[0].linearized
    assert file.revisions[0].end_of_line == len(pdf)
    assert file.latest.root["Type"] == "Catalog"
    assert file.problems == ()


def test_an_update_of_a_linearized_file_is_a_second_one() -> None:
    pdf = RawPDF(linearized())
    size = len(pdf.data)
    before = read(bytes(pdf))
    pdf.startxref, pdf.size = before.revisions[0].startxref, 50
    root = before.latest.trailer["Root"]
    assert isinstance(root, Ref)
    file = read(bytes(pdf.update({60: b"(new)"}, trailer=b"/Root %d 0 R" % root.num)))
    assert [r.end_of_line for r in file.revisions] == [size, len(pdf.data)]
    assert file.touched(1) == {60}


def test_offsets_count_from_the_header() -> None:
    plain = bytes(document())
    for junk in (b"\n", b"<html>hello</html>\n", b"PK\x03\x04" + bytes(900)):
        file = read(junk + plain)
        assert not file.rebuilt
        assert file.latest.root["Type"] == "Catalog"
        assert file.history.shift == len(junk)
        assert [reason.code for reason in file.problems] == ["syntax-header-late"]
    shifted = RawPDF(b"junk\n%PDF-1.7\n").update(PAGES)  # offsets from the beginning, as other writers have it
    assert read(bytes(shifted)).latest.root["Type"] == "Catalog"


def test_a_table_whose_free_list_is_numbered_one() -> None:
    pdf = bytes(document()).replace(b"xref\n0 1\n", b"xref\n1 1\n")
    pdf = pdf.replace(b"1 1\n0000000000 65535 f \n1 1\n", b"1 5\n0000000000 65535 f \n")
    for num in (2, 3, 4):
        pdf = pdf.replace(b" n \n%d 1\n" % num, b" n \n")
    file = read(pdf)
    assert not file.rebuilt
    assert file.latest.root["Type"] == "Catalog"
    assert problems(pdf) == {"syntax-xref-loose"}


def test_a_thousand_revisions_cost_a_thousand_times_one() -> None:
    pdf = document()
    for i in range(1000):
        pdf.update({4: stream(b"%d" % i)})
    file = read(bytes(pdf))
    assert len(file.revisions) == 1001
    assert all(file.touched(i) == {4} for i in range(1, 1001))
    contents = file.at(500).get(Ref(4))
    assert isinstance(contents, Stream)
    assert file.at(500).decoded(contents) == b"499"
    # Every byte is parsed about once, whatever the number of views; the limit is there to prove it.
    read(bytes(pdf), Limits(parsed=3)).touched(1000)


def _break(pdf: bytes, old: bytes, new: bytes) -> bytes:
    assert old in pdf
    return pdf.replace(old, new, 1)


BASE = bytes(document())
ODD = {
    "syntax-trailing-bytes": BASE + b"5 0 obj (x) endobj",
    "syntax-eof-missing": BASE.removesuffix(b"%%EOF\n"),
    "syntax-header-missing": _break(BASE, b"%PDF-1.7", b"%XDF-1.7"),
    "syntax-entry-repeated": _break(BASE, b"2 1\n", b"1 1\n0000000009 00000 n \n2 1\n"),
    "syntax-key-repeated": bytes(RawPDF().update(PAGES | {3: b"<</Type/Page/Type/Pages>>"})),
    "syntax-entry-astray": _break(BASE, b"2 0 obj", b"2 0 xbj"),
    "syntax-entry-generation": bytes(document().update({5: b"(x)"})).replace(
        b" 00000 n \ntrailer", b" 00600 n \ntrailer"
    ),
    "syntax-entry-other": _break(BASE, b"2 0 obj", b"7 0 obj"),
    "syntax-stream-length": _break(BASE, b"/Length 12", b"/Length 15"),
    "syntax-stray-bytes": bytes(RawPDF().update(PAGES | PAGE, end=b"%%EOF\nnothing\n").update({5: b"(x)"})),
    "syntax-object-unlisted": bytes(RawPDF(b"%PDF-1.7\n7 0 obj (hidden) endobj\n").update(PAGES)),
    "syntax-xref-loose": BASE.replace(b" 00000 n \n", b" 00000 n\n"),
    "syntax-rebuilt": BASE.replace(b"startxref\n", b"startxref\n9"),
}


@pytest.mark.parametrize("code", ODD)
def test_what_is_odd_is_named(code: str) -> None:
    assert problems(ODD[code]) >= {code}
    assert code not in problems(BASE)


def test_what_came_last_is_told_however_much_is_odd() -> None:
    """A signed file that is odd all over must not hide what was done to it since."""
    pdf = RawPDF()
    for i in range(300):
        pdf.data += b"%d 0 obj (unlisted) endobj\n" % (1000 + i)
    wrong = dict.fromkeys(range(100, 400), b"(x)")
    pdf.update(PAGES | wrong)
    data = bytes(pdf)
    for num in wrong:
        data = data.replace(b"\n%d 0 obj" % num, b"\n%d 0 obj" % (num + 500))
    later = RawPDF(data)
    later.startxref, later.size = pdf.startxref, 2000
    unlisted = len(later.data)
    later.data += b"9 0 obj (y) endobj\n"
    odd = bytes(later.update({5: b"(x)"})).replace(b"\n5 0 obj", b"\n6 0 obj")
    told = [(reason.code, dict(reason.facts)) for reason in read(odd).problems]
    assert ("syntax-entry-other", {"number": 5, "other": 6}) in told
    assert ("syntax-object-unlisted", {"offset": unlisted}) in told
    assert len(told) <= 300


def test_an_update_that_no_startxref_of_the_chain_ends() -> None:
    """Its /Prev goes past the revision between: readers that rebuild would use it."""
    pdf = document()
    first = pdf.startxref
    pdf.update({4: stream(b"skipped")})
    pdf.startxref = first
    found = problems(bytes(pdf.update({5: b"(x)"})))
    assert found == {"syntax-object-unlisted"}


def test_sections_out_of_order() -> None:
    """The newest section stands before the older one, in a file that is not linearized."""
    pdf = document()
    at = len(pdf.data)
    later = b"xref\n0 1\n0000000000 65535 f \ntrailer\n<</Size 9/Root 1 0 R/Prev %010d>>\nstartxref\n%d\n%%%%EOF\n"
    pdf.data += later % (0, at)
    previous = len(pdf.data)
    pdf.data[at:] = later % (previous, at)
    pdf.startxref = None
    pdf.data += b"xref\n1 1\n%010d 00000 n \ntrailer\n<</Size 9/Root 1 0 R>>\n" % BASE.index(b"1 0 obj")
    pdf.data += b"startxref\n%d\n%%%%EOF\n" % at
    assert "syntax-sections-out-of-order" in problems(bytes(pdf))


def test_overlapping_objects() -> None:
    inner = b"<</A 1>>\nendobj\n9 0 obj\n(hidden)"
    pdf = document().update({8: stream(inner)})
    at = pdf.data.index(b"9 0 obj")
    start = len(pdf.data)
    pdf.data += b"xref\n9 1\n%010d 00000 n \ntrailer\n<</Size 10/Root 1 0 R/Prev %d>>\n" % (at, pdf.startxref or 0)
    pdf.data += b"startxref\n%d\n%%%%EOF\n" % start
    assert "syntax-objects-overlap" in problems(bytes(pdf))


def test_a_stream_may_hold_a_whole_file() -> None:
    assert problems(bytes(document().update({8: stream(BASE)}))) == set()


def test_an_object_may_stand_in_a_string_of_no_consequence() -> None:
    assert problems(bytes(document().update({8: b"(7 0 obj 1 endobj startxref 1)"}))) == set()


@pytest.mark.parametrize(
    "broken",
    [
        BASE[:-60],
        BASE.replace(b"xref", b"yref"),
        BASE.replace(b"trailer", b"t"),
        BASE.replace(b"startxref\n", b"startxref\n99"),
        BASE[: BASE.index(b"xref")],
        BASE.replace(b"\n", b"\r\n"),
        BASE.replace(b"/Root 1 0 R", b"/Root 0 0 R"),
    ],
)
def test_a_broken_file_is_rebuilt_and_says_so(broken: bytes) -> None:
    file = read(broken)
    assert file.rebuilt
    assert file.latest.root["Type"] == "Catalog"
    assert isinstance(file.latest.get(Ref(4)), Stream)
    assert next(reason.code for reason in file.problems) == "syntax-rebuilt"


def test_rebuilding_reads_packed_objects_too() -> None:
    pdf = bytes(RawPDF().update({4: PAGE[4]}, packed=PAGES | {3: PAGE[3]}, kind="stream"))
    file = read(pdf.replace(b"startxref", b"startxxxx"))
    assert file.rebuilt
    assert file.latest.root["Type"] == "Catalog"


@pytest.mark.parametrize("text", [b"", b"%PDF-1.7", b"hello", b"%PDF-1.7\nstartxref\n0\n%%EOF", bytes(2000)])
def test_what_holds_no_document(text: bytes) -> None:
    with pytest.raises(SyntaxProblem) as caught:
        read(text)
    assert caught.value.code == "syntax-no-document"


def test_the_default_limits_are_generous() -> None:
    assert DEFAULT.depth >= 100
