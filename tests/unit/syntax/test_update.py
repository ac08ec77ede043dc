"""What is written is read back, by our reader and by others; what was there stays."""

import io
import subprocess
from pathlib import Path

import pikepdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esign.syntax import Dict, Name, Object, Ref, SectionKind, String, SyntaxProblem, read, same
from esign.syntax.update import Update
from esign.syntax.writing import Data, Raw, written


def base(*, streams: bool = False, ending: bytes = b"") -> bytes:
    pdf = pikepdf.new()
    pdf.add_blank_page(page_size=(200, 200))
    pdf.Root.Metadata = pdf.make_stream(b"<x/>")
    out = io.BytesIO()
    mode = pikepdf.ObjectStreamMode.generate if streams else pikepdf.ObjectStreamMode.disable
    pdf.save(out, object_stream_mode=mode, static_id=True)
    return out.getvalue().rstrip() + ending


names = st.text(st.characters(min_codepoint=1, max_codepoint=255), min_size=1, max_size=12).map(Name)
leaves: st.SearchStrategy[Object] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**31), 2**31 - 1),
    st.floats(-1e9, 1e9, allow_nan=False).map(lambda v: round(v, 5)),
    names,
    st.binary(max_size=40).map(String),
    st.builds(Ref, st.integers(1, 99999), st.integers(0, 9)),
)
objects = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(names.map(str), inner, max_size=5).map(Dict),
    max_leaves=20,
)


@settings(max_examples=200, deadline=None)
@given(value=objects)
def test_any_object_is_read_back(value: Object) -> None:
    update = Update(base())
    ref = update.add(value)
    assert same(read(update.write().data).latest.get(ref), value)


@pytest.mark.parametrize("ending", [b"", b"\n", b"\r\n"])
@pytest.mark.parametrize("streams", [False, True])
def test_an_update_is_appended_in_the_way_of_the_file(tmp_path: Path, *, streams: bool, ending: bytes) -> None:
    before = base(streams=streams, ending=ending)
    update = Update(before)
    stream = update.add(Data(Dict({"Type": Name("X")}), b"hello"))
    update.change(update.root_ref)["Mine"] = stream
    after = update.write().data
    assert after.startswith(before)
    file = read(after)
    assert len(file.revisions) == 2
    assert file.revisions[1].kind is (SectionKind.STREAM if streams else SectionKind.TABLE)
    assert file.problems == ()
    assert "Mine" not in file.at(0).root
    with pikepdf.open(io.BytesIO(after)) as opened:
        assert opened.Root.Mine.read_bytes() == b"hello"
        old, new = (bytes(part) for part in opened.trailer.ID)
    with pikepdf.open(io.BytesIO(before)) as opened:
        assert bytes(opened.trailer.ID[0]) == old != new
    path = tmp_path / "x.pdf"
    path.write_bytes(after)
    assert subprocess.run(["qpdf", "--check", path], capture_output=True, check=False).returncode == 0


def test_many_updates_of_one_file() -> None:
    pdf = base()
    for i in range(30):
        update = Update(pdf)
        update.change(update.root_ref)["Count"] = i
        pdf = update.write().data
    file = read(pdf)
    assert [file.at(i).root.get("Count") for i in range(31)] == [None, *range(30)]


def test_an_update_that_says_nothing_changes_nothing() -> None:
    before = base()
    assert Update(before).write().data == before


def test_a_change_is_ours_alone() -> None:
    update = Update(base())
    update.change(update.root_ref)["A"] = 1
    assert "A" not in update.view.root
    assert update.root["A"] == 1


@pytest.mark.parametrize("streams", [False, True])
def test_arrays_grow_where_they_stand(*, streams: bool) -> None:
    update = Update(base(streams=streams))
    owner = update.change(update.root_ref)
    owner["Direct"] = [1]
    owner["Apart"] = update.add([1])
    update.append(owner, "Direct", 2)
    update.append(owner, "Apart", 2)
    update.append(owner, "New", 2)
    view = read(update.write().data).latest
    assert [view.entry(view.root, key) for key in ("Direct", "Apart", "New")] == [[1, 2], [1, 2], [2]]
    assert isinstance(view.root["Apart"], Ref)


def test_raw_bytes_stand_for_themselves_where_they_are_said_to_stand() -> None:
    update = Update(base())
    ref = update.add(Raw(b"<</Exactly/So>>"))
    made = update.write()
    assert made.appended[made.offsets[ref.num] :].startswith(b"<</Exactly/So>>\nendobj")


@pytest.mark.parametrize(
    ("pdf", "code"),
    [
        (b"%PDF-1.4\nno objects", None),
        (b"junk\n" + base(), "syntax-not-updatable"),
        (base().replace(b"startxref", b"startxrefX"), "syntax-not-updatable"),
    ],
)
def test_what_cannot_be_updated(pdf: bytes, code: str | None) -> None:
    with pytest.raises(SyntaxProblem) as e:
        Update(pdf)
    assert code is None or e.value.code == code


def test_encrypted_files_are_left_alone() -> None:
    pdf = pikepdf.new()
    pdf.add_blank_page()
    out = io.BytesIO()
    pdf.save(out, encryption=pikepdf.Encryption(owner="o", user=""))
    with pytest.raises(SyntaxProblem) as e:
        Update(out.getvalue())
    assert e.value.code == "syntax-not-updatable"


def test_a_stream_is_an_object_of_its_own() -> None:
    with pytest.raises(TypeError):
        written(Data(Dict(), b""))
