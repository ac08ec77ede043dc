import zlib

import pikepdf
import pytest

from esign.pdf.expansion import expands_beyond, inflated
from esign.pdf.preflight import preflight
from esign.profile import IssuanceProfile
from tests.unit.pdf.tools import changed, page

MIB = 1 << 20


def deflated(size: int) -> bytes:
    pack = zlib.compressobj(9)
    return b"".join(pack.compress(bytes(MIB)) for _ in range(size // MIB)) + pack.flush()


BOMB = deflated(400 * MIB)


def stream(dictionary: bytes, data: bytes) -> bytes:
    return b"1 0 obj\n<< " + dictionary + b" >>\nstream\r\n" + data + b"\nendstream\nendobj\n"


@pytest.mark.parametrize(
    "dictionary",
    [
        b"/Filter /FlateDecode",
        b"/Type /ObjStm /N 1 /First 4 /Filter /FlateDecode",
        b"/Type /ObjStm /Subtype /Image /Filter /FlateDecode",
        b"/Type /#4fbjStm /Subtype /Image /Filter /FlateDecode",
        b"/Type /Metadata /Filter [/ASCIIHexDecode]",
        b"",
    ],
)
def test_a_bomb_is_found_wherever_it_is(dictionary: bytes) -> None:
    assert expands_beyond(b"%PDF-1.7\n" + stream(b"", b"q Q") + stream(dictionary, BOMB))


def test_many_middling_streams_are_one_bomb() -> None:
    one = stream(b"/Filter /FlateDecode", deflated(8 * MIB))
    assert not expands_beyond(one * 10)
    assert expands_beyond(one * 40)


def test_twice_deflated_is_refused_unseen() -> None:
    assert expands_beyond(stream(b"/Filter [/FlateDecode /FlateDecode]", b"x"))
    assert expands_beyond(stream(b"/Filter [/Fl /Fl]", b"x"))


def test_scans_and_ordinary_pages_pass() -> None:
    assert not expands_beyond(stream(b"/Type /XObject /Subtype /Image /Filter /FlateDecode", BOMB))
    assert not expands_beyond(page(b"q Q " * 100_000))
    assert not expands_beyond(b"stream\n" * 100_000)
    assert not expands_beyond(b"")


def test_preflight_says_so_and_parses_nothing() -> None:
    def add(pdf: pikepdf.Pdf) -> None:
        content = pdf.make_stream(b"")
        content.write(BOMB, filter=pikepdf.Name.FlateDecode)
        pdf.pages[0].obj.Contents = content

    report = preflight(changed(page(), add), IssuanceProfile())
    assert [f.code for f in report.findings] == ["pdf-expands-too-much"]
    assert report.pages == 0


def test_inflating_is_bounded() -> None:
    assert inflated(BOMB, 100) == bytes(100)
    assert inflated(b"plain", 3) == b"pla"


@pytest.mark.parametrize(
    ("packet", "claim"),
    [
        (b"<pdfaid:part>2</pdfaid:part><pdfaid:conformance>B</pdfaid:conformance>", "2B"),
        (b"<rdf:Description pdfaid:part='3' pdfaid:conformance='u'/>", "3U"),
        (b"<pdfaid:part>4</pdfaid:part>", "4"),
        (b"<x/>", ""),
    ],
)
def test_the_claim_of_pdfa_is_read_and_no_more(packet: bytes, claim: str) -> None:
    def add(pdf: pikepdf.Pdf) -> None:
        pdf.Root.Metadata = pdf.make_stream(packet, Type=pikepdf.Name.Metadata, Subtype=pikepdf.Name.XML)

    assert preflight(changed(page(), add, fix_metadata_version=False), IssuanceProfile()).pdfa == claim
    plain = changed(page(), add, fix_metadata_version=False, compress_streams=False)
    assert preflight(plain, IssuanceProfile()).pdfa == claim
