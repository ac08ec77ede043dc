"""Files that are made to stop a reader: each is read, or refused with a reason, in little time and memory."""

import random
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esign.syntax import Dict, Object, Stream, SyntaxProblem, read
from esign.texts import catalogue
from tests.support.raw_pdf import RawPDF, stream
from tests.support.stopwatch import cpu_seconds_of

ROOT = {1: b"<</Type/Catalog/Pages 2 0 R>>", 2: b"<</Type/Pages/Kids[]/Count 0>>"}
# A quadratic reader would take minutes for any of these; the budget itself is held, and measured, by the worker.
SECONDS = 10.0


def chain_of_streams() -> bytes:
    """Each stream's /Length is the next one."""
    objects = {i: b"<</Length %d 0 R>>\nstream\nx\nendstream" % (i + 1) for i in range(3, 5000)}
    return bytes(RawPDF().update(ROOT | objects))


def loop_of_previous() -> bytes:
    pdf = RawPDF().update(ROOT)
    start = len(pdf.data)
    pdf.startxref = start
    return bytes(pdf.update({}))


def long_chain() -> bytes:
    pdf = RawPDF().update(ROOT)
    for _ in range(5000):
        pdf.update({})
    return bytes(pdf)


def large_table() -> bytes:
    pdf = RawPDF().update(ROOT)
    rows = b"0000000009 00000 n \n" * 1_000_000
    start = len(pdf.data)
    pdf.data += b"xref\n10 1000000\n" + rows
    pdf.data += b"trailer\n<</Size 1000010/Root 1 0 R/Prev %d>>\nstartxref\n%d\n%%%%EOF\n" % (pdf.startxref or 0, start)
    return bytes(pdf)


def large_stream_table(rows: int = 5_000_000) -> bytes:
    pdf = RawPDF().update(ROOT)
    start = len(pdf.data)
    head = b"/Type/XRef/W[1 4 2]/Index[10 %d]/Size %d/Root 1 0 R/Prev %d" % (rows, rows, pdf.startxref or 0)
    pdf.data += b"9 0 obj\n%b\nendobj\n" % stream(bytes(7 * rows), head, deflate=True)
    pdf.data += b"startxref\n%d\n%%%%EOF\n" % start
    return bytes(pdf)


def many_pages() -> bytes:
    kids = b" ".join(b"%d 0 R" % i for i in range(10, 100_010))
    pages = dict.fromkeys(range(10, 100010), b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>")
    return bytes(RawPDF().update({1: ROOT[1], 2: b"<</Type/Pages/Kids[%b]/Count 100000>>" % kids} | pages))


def bomb(size: int) -> bytes:
    """A stream that unpacks to `size` bytes, packed twice."""
    once = zlib.compress(bytes(size), 9)
    return zlib.compress(once, 9)


def bombs() -> bytes:
    body = b"<</Filter[/FlateDecode/FlateDecode]/Length %d>>\nstream\n%b\nendstream"
    packed = bomb(200 << 20)
    return bytes(RawPDF().update(ROOT | {i: body % (len(packed), packed) for i in range(3, 40)}))


def packed_bomb() -> bytes:
    """An object stream that has to be unpacked merely to find the catalog."""
    data = zlib.compress(b"1 0 " + bytes(300 << 20), 9)
    container = b"<</Type/ObjStm/N 1/First 4/Filter/FlateDecode/Length %d>>\nstream\n%b\nendstream" % (len(data), data)
    pdf = RawPDF()
    pdf.update({5: container, 2: ROOT[2]}, kind="stream")
    return bytes(pdf)


def strings_to_the_end() -> bytes:
    """Each object opens a string that nothing closes: finding its end takes the whole file, a thousand times."""
    objects = dict.fromkeys(range(3, 3000), b"(")
    return bytes(RawPDF().update(objects | ROOT)) + b" " * 2_000_000


def no_ends() -> bytes:
    """Streams without an end."""
    return bytes(RawPDF().update(dict.fromkeys(range(3, 3000), b"<<>>stream\n") | ROOT)) + b" " * 2_000_000


def overlapping_rows() -> bytes:
    pdf = RawPDF().update(ROOT)
    start = len(pdf.data)
    pdf.data += b"xref\n" + b"1 2\n0000000016 00000 n \n0000000060 00000 n \n" * 40_000
    pdf.data += b"trailer\n<</Size 9/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % start
    return bytes(pdf)


def filters() -> bytes:
    return bytes(RawPDF().update(ROOT | {3: b"<</Filter[%b]/Length 1>>stream\nx\nendstream" % (b"/A85 " * 100_000)}))


HOSTILE: dict[str, Callable[[], bytes]] = {
    "nested arrays": lambda: bytes(RawPDF().update(ROOT | {3: b"[" * 100_000})),
    "nested dictionaries": lambda: bytes(RawPDF().update({1: b"<</A" * 100_000, 2: ROOT[2]})),
    "nested trailer": lambda: bytes(RawPDF().update(ROOT, trailer=b"/Root 1 0 R/A" + b"[" * 100_000)),
    "repeated keys": lambda: bytes(RawPDF().update(ROOT | {3: b"<<" + b"/A 1/B 2" * 100_000 + b">>"})),
    "length of itself": lambda: bytes(RawPDF().update(ROOT | {3: b"<</Length 3 0 R>>\nstream\nx\nendstream"})),
    "lengths in a chain": chain_of_streams,
    "previous loop": loop_of_previous,
    "long chain": long_chain,
    "large table": large_table,
    "large stream table": large_stream_table,
    "giant size": lambda: bytes(RawPDF().update(ROOT)).replace(b"/Size 3", b"/Size 99999999999"),
    "giant count": lambda: bytes(RawPDF().update(ROOT)).replace(b"\n1 1\n", b"\n1 4000000000\n"),
    "negative numbers": lambda: bytes(RawPDF().update(ROOT)).replace(b"/Size 3", b"/Size -3/Prev -5"),
    "pages": many_pages,
    "bombs": bombs,
    "packed bomb": packed_bomb,
    "strings to the end": strings_to_the_end,
    "streams without end": no_ends,
    "overlapping rows": overlapping_rows,
    "filters": filters,
    "references in a circle": lambda: bytes(RawPDF().update(ROOT | {3: b"4 0 R", 4: b"3 0 R"})),
    "catalog in a circle": lambda: bytes(RawPDF().update({1: b"1 0 R", 2: ROOT[2]})),
    "parentheses": lambda: bytes(RawPDF().update(ROOT | {3: b"(" + b"(" * 300_000 + b")" * 300_000})),
    "zip and pdf": lambda: b"PK\x03\x04" + bytes(300) + bytes(RawPDF().update(ROOT)) + b"PK\x05\x06" + bytes(18),
    "page and pdf": lambda: b"<html><script>1</script>" + bytes(RawPDF().update(ROOT)) + b"</html>",
    "many ends": lambda: bytes(RawPDF().update(ROOT)) + b"startxref\n9\n%%EOF\n" * 100_000,
    "many objects by one name": lambda: b"%PDF-1.7\n" + b"1 0 obj <</Type/Catalog>> endobj\n" * 50_000,
    "numbers": lambda: b"%PDF-1.7\n" + b"1 " * 1_000_000,
    "spaces": lambda: b"%PDF-1.7\n" + b" " * 5_000_000 + b"obj",
    "comments": lambda: b"%PDF-1.7\n" + b"%\n" * 2_000_000 + b"1 0 obj",
}


def walked(pdf: bytes) -> set[str]:
    """The codes of all that goes wrong when everything reachable is asked for in every revision."""
    try:
        file = read(pdf)
    except SyntaxProblem as e:
        return {e.code}
    codes = {reason.code for reason in file.problems}
    seen: set[int] = set()
    for index in range(len(file.revisions)):
        view = file.at(index)
        pending: list[Object] = [view.trailer]
        while pending:
            value = pending.pop()
            try:
                value = view.resolve(value)
                if isinstance(value, Stream):
                    view.decoded(value)
                    value = value.dictionary
            except SyntaxProblem as e:
                codes.add(e.code)
                continue
            if isinstance(value, (list, Dict)) and id(value) not in seen:
                seen.add(id(value))
                pending += value.values() if isinstance(value, Dict) else value
    return codes


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_read_within_the_budget(name: str) -> None:
    pdf = HOSTILE[name]()
    codes: set[str] = set()
    assert cpu_seconds_of(lambda: codes.update(walked(pdf))) < SECONDS
    assert codes <= catalogue().keys()


def mutated(pdf: bytes, chance: random.Random) -> bytes:
    data = bytearray(pdf)
    for _ in range(chance.randint(1, 8)):
        at = chance.randrange(len(data))
        match chance.randrange(4):
            case 0:
                data[at] ^= 1 << chance.randrange(8)
            case 1:
                del data[at : at + chance.randrange(1, 40)]
            case 2:
                other = chance.randrange(len(data))
                data[at:at] = data[other : other + chance.randrange(60)]
            case _:
                data[at : at + 1] = chance.choice([b"<<", b">>", b"[", b"(", b"0 R", b"endobj", b"/", b"stream\n"])
    return bytes(data)


@given(st.integers(0, 2**32))
@settings(max_examples=300)
def test_mutations_are_read_or_refused(seed: int) -> None:
    chance = random.Random(seed)
    base = RawPDF().update(ROOT, packed={3: b"(x)"}, kind=chance.choice(["stream", "hybrid"]))
    base.update({4: stream(b"abc", deflate=True)}, kind=chance.choice(["table", "stream"]))
    walked(mutated(bytes(base), chance))


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for pdf in (data, b"%PDF-1.7\n" + data + b"\nstartxref\n9\n%%EOF"):
        walked(pdf)
