"""Every vector of what may and may not be done to a signed file, and what the comparison promises beside them."""

from collections.abc import Iterator

import pytest

from esign.pades.inspect import inspect_signatures
from esign.pades.integrity import Examination, examine
from esign.pades.permissions import FieldLock, Permissions
from esign.report import Change, Integrity, Outcome
from esign.syntax import read
from esign.texts import LANGUAGES
from esign.trust import TrustStore
from tests.support.raw_pdf import RawPDF
from tests.support.stopwatch import cpu_seconds_of, shortest
from tests.vectors.changes import generate
from tests.vectors.changes.benign import new_field
from tests.vectors.changes.document import (
    CATALOG,
    OBJECTS,
    PAGE,
    PAGES,
    SIGNED,
    TRAILER,
    approved,
    entry,
    more,
    refilled,
    signature,
    signed,
    unsigned,
    updated,
)
from tests.vectors.changes.vector import Vector

VECTORS = {v.name: v for v in generate.vectors()}


def examined(pdf: RawPDF | bytes) -> Examination:
    return examine(read(bytes(pdf)))


def verdict(found: Examination) -> Integrity:
    return found.headline(sound=[True] * len(found.signatures))


def findings(found: Examination) -> Iterator[str]:
    """The codes that refuse a file, or those of the changes that the first signature permits."""
    if verdict(found) is Integrity.INTACT:
        yield from (change.reason.code for change in found.signatures[0].changes)
        return
    checks = [*found.checks, *(c for s in found.signatures for c in s.checks if c.name != "modifications")]
    yield from (c.reason.code for c in checks if c.outcome is Outcome.FAILED and c.reason is not None)


def changes(pdf: RawPDF) -> tuple[Change, ...]:
    return examined(pdf).signatures[0].changes


def test_names_are_given_once() -> None:
    assert len(VECTORS) == len(list(generate.vectors())) > 200


@pytest.mark.parametrize("name", sorted(VECTORS))
def test_vector(name: str) -> None:
    vector = VECTORS[name]
    found = examined(vector.pdf)
    assert verdict(found).value == vector.expect
    assert set(findings(found)) == vector.finding


def is_stamped(vector: Vector) -> bool:
    """Whether it holds a time-stamp, whose token here is none."""
    return b"/SubFilter/ETSI.RFC3161" in vector.pdf


@pytest.mark.parametrize("name", sorted(n for n, v in VECTORS.items() if not is_stamped(v)))
def test_the_whole_inspection_agrees(name: str) -> None:
    found = inspect_signatures(VECTORS[name].pdf, trust=TrustStore(), at=SIGNED)
    assert found.integrity.value == VECTORS[name].expect


@pytest.mark.parametrize("name", sorted(VECTORS))
def test_every_change_is_told_in_both_languages(name: str) -> None:
    for found in examined(VECTORS[name].pdf).signatures:
        for change in found.changes:
            for language in LANGUAGES:
                said = change.reason.explain(language)
                assert said.what != change.reason.code
                assert "{" not in said.what
                assert said.next_step


def test_a_change_says_where_and_since_when() -> None:
    filled, added = changes(new_field(updated(approved(), refilled(b"2,000"))))
    assert (filled.revision, filled.page, filled.field) == (2, 1, "amount")
    assert (added.revision, added.page, added.field) == (3, 1, "New")


def test_each_signature_has_the_changes_after_it() -> None:
    found = examined(updated(new_field(approved()), refilled(b"2,000")))
    codes = [[c.reason.code for c in s.changes] for s in found.signatures]
    assert codes == [["signature-added", "field-filled"], ["field-filled"]]


def test_names_out_of_the_file_are_no_sentences() -> None:
    hostile = entry(PAGE, b"23 0 R]", b"23 0 R]") | {7: OBJECTS[7].replace(b"(amount)", b"(%b\\033[2J)" % (b"x" * 500))}
    base = approved(hostile)
    (change,) = changes(updated(base, {7: hostile[7].replace(b"(1,000)", b"(2)"), 9: OBJECTS[9] + b" "}))
    assert len(change.field) < 100
    assert change.field.isprintable()


def test_a_removed_form_leaves_no_signature() -> None:
    bare = updated(approved(), entry(CATALOG, b"/AcroForm 6 0 R", b""))
    found = examined(bare)
    assert verdict(found) is Integrity.UNSIGNED
    assert [c.reason.code for c in found.checks if c.reason] == ["signature-unreachable"]


def test_one_bad_field_hides_no_good_one() -> None:
    bad = more(22, b"/V(nonsense)")
    found = examined(signed(unsigned(), bad))
    assert [s.signed.name for s in found.signatures] == ["S1", "S2"]
    assert [s.coverage.sound for s in found.signatures] == [True, False]


@pytest.mark.parametrize(
    ("lock", "name", "expected"),
    [
        (FieldLock(action="All", named=frozenset(), there=frozenset({"a"})), "a", True),
        (FieldLock(action="All", named=frozenset(), there=frozenset({"a"})), "later", False),
        (FieldLock(action="Include", named=frozenset({"a"}), there=frozenset()), "a.b.c", True),
        (FieldLock(action="Include", named=frozenset({"a"}), there=frozenset()), "ab", False),
        (FieldLock(action="Include", named=frozenset({"a.b"}), there=frozenset()), "a", False),
        (FieldLock(action="Exclude", named=frozenset({"a"}), there=frozenset({"a", "b"})), "a", False),
        (FieldLock(action="Exclude", named=frozenset({"a"}), there=frozenset({"a", "b"})), "b", True),
    ],
)
def test_locks(lock: FieldLock, name: str, *, expected: bool) -> None:
    assert Permissions(locks=(lock,)).locked(name) is expected


def test_permissions_only_shrink() -> None:
    assert Permissions(level=2).with_(Permissions(level=3)).level == 2
    assert Permissions().with_(Permissions(level=3)).level == 3


def many_signatures(count: int) -> RawPDF:
    pdf = approved()
    for i in range(count):
        number = 40 + 2 * i
        kids = b"".join(b" %d 0 R" % (40 + 2 * k) for k in range(i + 1))
        lists = entry(6, b"23 0 R]", b"23 0 R%b]" % kids) | entry(PAGE, b"23 0 R]", b"23 0 R%b]" % kids)
        field = b"<</Subtype/Widget/FT/Sig/T(N%d)/F 132/P 3 0 R/Rect[0 0 0 0]/V %d 0 R>>" % (i, number + 1)
        pdf = signed(pdf, lists, value=signature(), number=number + 1, field={number: field}, by=1002)
    return pdf


def timed(pdf: bytes) -> float:
    def look() -> None:
        assert verdict(examined(pdf)) is Integrity.INTACT

    return cpu_seconds_of(look)


def test_twenty_five_signatures_are_compared_quickly() -> None:
    pdf = bytes(many_signatures(25))
    assert shortest(lambda: timed(pdf), enough=0.5) <= 0.5


def test_the_time_is_linear_in_the_revisions() -> None:
    """Of a document with many pages and many updates that touch little of it."""
    pages = {100 + i: OBJECTS[PAGE].replace(b"/Annots[7 0 R 8 0 R 22 0 R 23 0 R]", b"") for i in range(200)}
    kids = b" ".join(b"%d 0 R" % n for n in pages)
    tree = {PAGES: b"<</Type/Pages/Kids[3 0 R 12 0 R %b]/Count 202/MediaBox[0 0 595 842]>>" % kids}
    pdf = signed(unsigned(pages | tree))

    def grown(count: int) -> bytes:
        longer = updated(pdf, {})
        for i in range(count):
            longer.update({10: OBJECTS[10].replace(b"20261119081500Z", b"202611190%05dZ" % i)}, trailer=TRAILER)
        return bytes(longer)

    timed(grown(10))
    short, long = grown(250), grown(1000)
    times = min(timed(short) for _ in range(3)), min(timed(long) for _ in range(3))
    assert times[1] < 8 * times[0]
    assert times[1] < 4
