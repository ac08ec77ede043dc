"""Objects as ISO 32000-2 §7.3 writes them, and as nobody should."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esign.syntax import DEFAULT, Dict, Keyword, Name, Object, Ref, String, SyntaxProblem, same
from esign.syntax.parser import Parser
from esign.syntax.problems import Meter


def parse(text: bytes) -> Object:
    return Parser(text, Meter(DEFAULT, len(text))).object_at(0)[0]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"null", None),
        (b" %comment\n true", True),
        (b"false ", False),
        (b"-17", -17),
        (b"+17", 17),
        (b"007", 7),
        (b"4.", 4.0),
        (b"-.002", -0.002),
        (b"/Name", Name("Name")),
        (b"/A#20B#c3", Name("A B\xc3")),
        (b"/ ", Name("")),
        (b"/A;_-*.$()", Name("A;_-*.$")),
        (b"(plain)", b"plain"),
        (b"()", b""),
        (b"(a (b) c)", b"a (b) c"),
        (rb"(\n\r\t\b\f\(\)\\\q)", b"\n\r\t\b\f()\\q"),
        (rb"(\0053\5\53\777)", b"\0053\5+\xff"),
        (b"(a\\\r\nb\\\nc)", b"abc"),
        (b"(a\r\nb\rc)", b"a\nb\nc"),
        (b"<48656C6c6F>", b"Hello"),
        (b"<4 8\n65 7>", b"Hep"),
        (b"<>", b""),
        (b"12 0 R", Ref(12, 0)),
        (b"12 %x\n 0 R", 12),
        (b"[1 2 0 R 3]", [1, Ref(2, 0), 3]),
        (b"[1 %x\n 0 R]", [Ref(1, 0)]),
        (b"[1 2 0 Rx]", [1, 2, 0, Keyword(b"Rx")]),
        (b"[(a)/b<63>-1.5]", [b"a", Name("b"), b"c", -1.5]),
        (b"<</A 1/B[<</C null>>]>>", {"A": 1, "B": [{"C": None}]}),
        (b"<</A/B/C(d)>>", {"A": Name("B"), "C": b"d"}),
        (b"1.2.3", Keyword(b"1.2.3")),
        (b"--5", Keyword(b"--5")),
        (b"nul", Keyword(b"nul")),
        (b"<zz>", Keyword(b"<zz>")),
        (b"9" * 5000, Keyword(b"9" * 5000)),
        (b"[99999999999 0 R]", [None]),
        (b"endobj", None),
    ],
)
def test_values(text: bytes, value: Object) -> None:
    found = parse(text)
    assert found == value
    assert type(found) is type(value) or isinstance(value, (bytes, dict))


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"%",
        b"[1",
        b"<<",
        b"<</A>>",
        b"<</A 1/B>>",
        b"<<1 2>>",
        b"]",
        b"[>>",
        b"<<]",
        b"(a",
        b"(a\\)",
        b"<41",
        b"{",
        b")",
        b">",
        b"[endobj]",
        b"[1 stream]",
        b"<</A endobj",
        b"[" * 201 + b"]" * 201,
        b"<</A" * 100_000,
        b"[" * 100_000,
    ],
)
def test_what_is_no_object_is_a_typed_problem(text: bytes) -> None:
    with pytest.raises(SyntaxProblem) as caught:
        parse(text)
    assert caught.value.code in {"syntax-object-malformed", "syntax-nested-too-deep"}
    assert caught.value.diagnostics("vi").next_step


def test_depth_up_to_the_limit() -> None:
    assert parse(b"[" * 200 + b"]" * 200) is not None


def test_of_a_key_that_stands_twice_the_last_counts_and_it_is_said() -> None:
    found = parse(b"<</A 1/B 2/A 3>>")
    assert found == {"A": 3, "B": 2}
    assert isinstance(found, Dict)
    assert found.duplicates == ("A",)


@pytest.mark.parametrize("text", [b"<</Contents <0a0B> >>", rb"<</Contents(\012\013)>>", b"<</Contents<0a 0b>/A 1>>"])
def test_a_string_knows_where_it_stands(text: bytes) -> None:
    found = parse(text)
    assert isinstance(found, dict)
    value = found["Contents"]
    assert isinstance(value, String)
    assert value == b"\n\x0b"
    assert value.span is not None
    start, end = value.span
    assert text[start] in b"<("
    assert text[end - 1] in b">)"
    assert parse(text[start:end]) == value


def test_numbers_of_two_kinds_are_not_the_same() -> None:
    assert not same(parse(b"[1]"), parse(b"[1.0]"))
    assert not same(parse(b"<</A true>>"), parse(b"<</A 1>>"))
    assert not same(parse(b"(A)"), parse(b"/A"))
    assert not same(parse(b"<</A 1>>"), parse(b"<</A 1/A 1>>"))
    assert same(parse(b"<</A[1 2.0(x)<</B/C>>]>>"), parse(b"<</A [1 2.0 <78> <</B /C>>]>>"))
    assert not same(parse(b"[1]"), parse(b"[1 1]"))


@given(st.binary(max_size=200))
def test_any_bytes_are_an_object_or_a_problem(text: bytes) -> None:
    with contextlib.suppress(SyntaxProblem):
        parse(text)


@given(st.lists(st.sampled_from([b"<<", b">>", b"[", b"]", b"(", b")", b"<", b">", b"/A", b"1", b" ", b"R", b"\\"])))
def test_any_tokens_are_an_object_or_a_problem(tokens: list[bytes]) -> None:
    with contextlib.suppress(SyntaxProblem):
        parse(b"".join(tokens))


_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**12), 10**12)
    | st.binary(max_size=30)
    | st.builds(Ref, st.integers(0, 9_999_999), st.integers(0, 65535))
)
_VALUES = st.recursive(
    _SCALARS | st.text("ABCxyz #/()é", max_size=8).map(Name),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text("ABC d#", max_size=4), inner, max_size=5),
    max_leaves=30,
)


def written(value: object) -> bytes:
    match value:
        case None | True | False:
            return {None: b"null", True: b"true", False: b"false"}[value]
        case int():
            return b"%d" % value
        case Ref():
            return b"%d %d R" % value
        case Name():
            return b"/" + b"".join(b"#%02x" % byte for byte in value.encode("latin-1"))
        case bytes():
            return b"<%b>" % value.hex().encode() if len(value) % 2 else b"(%b)" % _escaped(value)
        case list():
            return b"[%b]" % b" ".join(map(written, value))
        case dict():
            return b"<<%b>>" % b" ".join(written(Name(k)) + b" " + written(v) for k, v in value.items())
    raise AssertionError(value)


def _escaped(value: bytes) -> bytes:
    return b"".join(b"\\%03o" % byte if chr(byte) in "()\\\r\n" else bytes([byte]) for byte in value)


@given(_VALUES)
def test_what_is_written_is_read(value: object) -> None:
    assert parse(written(value) + b" ") == value
