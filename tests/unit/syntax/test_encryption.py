"""Files that qpdf encrypted, under each revision of the standard security handler."""

import io
from typing import Any

import pikepdf
import pytest

from esign.syntax import Dict, Ref, Stream, String, SyntaxProblem, read
from tests.support.raw_pdf import RawPDF

CONTENTS = bytes.fromhex("3003020105")
pytestmark = pytest.mark.filterwarnings("ignore:Encryption R=5")
HANDLERS: list[dict[str, Any]] = [
    {"R": 2},
    {"R": 3},
    {"R": 4, "aes": False},
    {"R": 4, "aes": True},
    {"R": 4, "aes": True, "metadata": False},
    {"R": 5, "aes": True},
    {"R": 6, "aes": True},
]


def encrypted(user: str = "", *, packed: bool = True, **handler: Any) -> bytes:
    pdf = pikepdf.new()
    pdf.add_blank_page()
    pdf.Root.Secret = pdf.make_indirect(pikepdf.Dictionary(Text=pikepdf.String("bí mật"), Empty=b""))
    pdf.Root.Data = pdf.make_stream(b"q Q " * 100)
    pdf.Root.Signature = pdf.make_indirect(pikepdf.Dictionary(Contents=CONTENTS, ByteRange=[0, 1, 2, 3]))
    out = io.BytesIO()
    options: dict[str, Any] = {"metadata": False, "aes": False} | handler
    mode = pikepdf.ObjectStreamMode.generate if packed else pikepdf.ObjectStreamMode.disable
    encryption = pikepdf.Encryption(owner="owner", user=user, **options)
    pdf.save(out, encryption=encryption, object_stream_mode=mode)
    return out.getvalue()


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("handler", HANDLERS, ids=str)
def test_strings_streams_and_packed_objects_are_read(handler: dict[str, Any], *, packed: bool) -> None:
    pdf = encrypted(packed=packed, **handler)
    file = read(pdf)
    assert file.encrypted
    view = file.latest
    secret = view.entry(view.root, "Secret")
    assert isinstance(secret, Dict)
    text = secret["Text"]
    assert isinstance(text, String)
    assert text.decode("utf-16") == "bí mật"
    assert secret["Empty"] == b""
    data = view.entry(view.root, "Data")
    assert isinstance(data, Stream)
    assert view.decoded(data) == b"q Q " * 100
    assert not file.problems


def test_a_string_keeps_its_place_and_a_signature_its_bytes() -> None:
    """What signs writes /Contents as they are (§7.6.2), so they are not decrypted; qpdf had encrypted them."""
    pdf = encrypted(packed=False, R=4, aes=True)
    view = read(pdf).latest
    signature = view.entry(view.root, "Signature")
    assert isinstance(signature, Dict)
    contents = signature["Contents"]
    assert isinstance(contents, String)
    assert contents != CONTENTS
    assert contents.span is not None
    start, end = contents.span
    assert pdf[start] in b"<("
    assert pdf[end - 1] in b">)"


@pytest.mark.parametrize("handler", HANDLERS, ids=str)
def test_a_password_is_asked_for(handler: dict[str, Any]) -> None:
    with pytest.raises(SyntaxProblem) as caught:
        read(encrypted("geheim", **handler))
    assert caught.value.code == "syntax-password"


@pytest.mark.parametrize(
    "encryption",
    [
        b"<</Filter/Adobe.PubSec/V 4/R 4>>",
        b"<</Filter/Standard>>",
        b"<</Filter/Standard/V 5/R 6>>",
        b"<</Filter/Standard/V 5/R 6/U(short)/UE(short)>>",
        b"<</Filter/Standard/V 4/R 4/O 1/U 2/P(x)>>",
        b"<</Filter/Standard/V 2/R 3/Length 88/O<%b>/U<%b>/P -1>>" % (b"00" * 32, b"00" * 32),
        b"<</Filter/Standard/V 9/R 3/O<%b>/U<%b>/P -1>>" % (b"00" * 32, b"00" * 32),
        b"(nothing)",
        b"[]",
    ],
)
def test_what_is_not_known_is_a_typed_problem(encryption: bytes) -> None:
    pdf = RawPDF().update({1: b"<</Type/Catalog>>"}, trailer=b"/Root 1 0 R/ID[(a)(b)]/Encrypt " + encryption)
    with pytest.raises(SyntaxProblem) as caught:
        read(bytes(pdf))
    assert caught.value.code in {"syntax-encryption-unknown", "syntax-password"}


def test_references_in_the_encryption_dictionary() -> None:
    pdf = RawPDF().update({1: b"<</Type/Catalog>>", 2: b"<</A 2 0 R>>"}, trailer=b"/Root 1 0 R/Encrypt 2 0 R")
    with pytest.raises(SyntaxProblem):
        read(bytes(pdf))
    assert read(bytes(RawPDF().update({1: b"<</Type/Catalog>>"}))).latest.get(Ref(2)) is None
