"""What the law asks of an issued result, read from the file with other software than what made it.

docs/spec/conformity.md names these tests; the clause stands beside each.
"""

import hashlib
import io
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import pikepdf
import pypdfium2
import pytest
from asn1crypto import cms
from PIL import Image, ImageChops, ImageFilter

from esign.issued import Issued
from esign.pdf.templates import load
from esign.profile import VGCA_COMPAT
from esign.request import Filled, Request
from tests.support.office import HOST, NOW, Office, request

MM = 72 / 25.4
DPI = 200
PER_MM = DPI / 25.4


@dataclass(frozen=True)
class Char:
    """A character and where it stands, in mm from the page's upper left corner."""

    text: str
    left: float
    top: float
    right: float
    bottom: float


@dataclass
class Page:
    text: str
    chars: list[Char]
    image: Image.Image

    def find(self, wanted: str) -> list[Char]:
        """The characters of the first place where `wanted` stands."""
        start = "".join(c.text for c in self.chars).index(wanted)
        return self.chars[start : start + len(wanted)]

    def red(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom in mm of everything red: the seal."""
        red, green, blue = self.image.convert("RGB").split()
        strong = red.point(lambda v: 255 if v > 150 else 0)
        weak = ImageChops.lighter(green, blue).point(lambda v: 255 if v < 110 else 0)
        # A pixel off each edge: black text may have coloured fringes one pixel wide, the seal's ring is six.
        box = ImageChops.darker(strong, weak).filter(ImageFilter.MinFilter(3)).getbbox()
        assert box is not None, "nothing red on the page"
        left, top, right, bottom = box
        return (left - 1) / PER_MM, (top - 1) / PER_MM, (right + 1) / PER_MM, (bottom + 1) / PER_MM


def pages(pdf: bytes) -> list[Page]:
    document = pypdfium2.PdfDocument(pdf)
    document.init_forms()
    found = []
    for page in document:
        height = page.get_height()
        text = page.get_textpage()
        chars = []
        for i in range(text.count_chars()):
            left, bottom, right, top = text.get_charbox(i)
            c = text.get_text_range(i, 1)
            chars.append(Char(c, left / MM, (height - top) / MM, right / MM, (height - bottom) / MM))
        image = page.render(scale=DPI / 72, may_draw_forms=True).to_pil()
        found.append(Page(text.get_text_range(), chars, image))
    document.close()
    return found


def long_request() -> Request:
    """A decision with an annex in the same file: more than one page."""
    data: dict[str, Any] = dict(load("quyet-dinh").sample)
    data["articles"] = [*data["articles"], *([["Nội dung chi tiết theo phụ lục kèm theo. " * 12]] * 12)]
    return replace(request("k", template="quyet-dinh"), content=Filled(template="quyet-dinh", data=data))


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    office = Office.create(tmp_path_factory.mktemp("office"))
    yield office
    office.registry.close()


@pytest.fixture(scope="module")
def issued(office: Office) -> Issued:
    return office.issuer().issue(replace(long_request(), issue_date=date(2026, 2, 5)))


@pytest.fixture(scope="module")
def shown(issued: Issued) -> list[Page]:
    return pages(issued.pdf)


@pytest.fixture(scope="module")
def signature(issued: Issued) -> pikepdf.Dictionary:
    """The signature dictionary, read by qpdf's parser."""
    with pikepdf.open(io.BytesIO(issued.pdf)) as pdf:
        (field,) = (f for f in pdf.Root.AcroForm.Fields if f.get("/FT") == "/Sig")
        value: Any = field.V
        return pikepdf.Dictionary({k: value[k] for k in value})


@pytest.fixture(scope="module")
def signer_info(signature: Any) -> cms.SignerInfo:
    container = cms.ContentInfo.load(bytes(signature.Contents))
    assert container["content_type"].native == "signed_data"
    (info,) = container["content"]["signer_infos"]
    return info


# --- ND30 Phụ lục I, Phần I and II ---------------------------------------------------------------------------------


def test_pages_are_a4_with_the_margins_of_the_decree(issued: Issued, shown: list[Page]) -> None:
    """I.3: 210 x 297 mm; top and bottom 20-25, left 30-35, right 15-20 mm."""
    with pikepdf.open(io.BytesIO(issued.pdf)) as pdf:
        sizes = {tuple(round(float(v) / MM) for v in page.mediabox) for page in pdf.pages}
    assert sizes == {(0, 0, 210, 297)}
    for page in shown:
        ink = [c for c in page.chars if c.text.strip() and c.bottom > 20]
        # Italic letters may lean half a millimetre out of their line.
        assert 29.5 <= min(c.left for c in ink) < 35
        assert max(c.right for c in ink) <= 195.5


def test_the_typeface_has_the_metrics_that_the_decree_asks_for(issued: Issued) -> None:
    """I.2: Times New Roman; where it is not installed a face with its metrics, embedded, and the record says which."""
    with pikepdf.open(io.BytesIO(issued.pdf)) as pdf:
        fonts = [f for page in pdf.pages for f in page.Resources.get("/Font", {}).values()]
        assert fonts
        for font in fonts:
            descriptor = font.DescendantFonts[0].FontDescriptor
            assert "/FontFile2" in descriptor or "/FontFile3" in descriptor
            assert re.search("TimesNewRoman|LiberationSerif|Tinos|Libertinus", str(font.BaseFont))


def test_page_numbers_stand_in_the_top_margin_from_page_2_on(shown: list[Page]) -> None:
    """I.7: Arabic, centred in the top margin, not on page 1."""
    assert len(shown) >= 2
    assert not [c for c in shown[0].chars if c.text.strip() and c.bottom < 20]
    (number,) = (c for c in shown[1].chars if c.text.strip() and c.bottom < 20)
    assert number.text == "2"
    assert abs((number.left + number.right) / 2 - (30 + 195) / 2) < 1


def test_the_head_has_country_motto_agency_number_place_and_date(shown: list[Page], issued: Issued) -> None:
    """II.1-II.4: boxes 1-4; numbers below 10, days below 10 and months 1 and 2 with a zero."""
    text = " ".join(shown[0].text.split())
    assert "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM" in text
    assert "Độc lập - Tự do - Hạnh phúc" in text
    assert f"Số: {issued.number}" in text
    assert re.search(r"Số: 0\d/QĐ-UBND", text)
    assert "Hà Nội, ngày 05 tháng 02 năm 2026" in text


def test_the_signature_block_and_recipients_stand_at_the_end(shown: list[Page]) -> None:
    """II.7, II.9: KT. and the title in capitals, the name without academic titles; Nơi nhận ends with Lưu: VT."""
    text = " ".join(shown[-1].text.split())
    assert "KT. CHỦ TỊCH PHÓ CHỦ TỊCH" in text
    assert "Trần Văn Thử" in text
    assert re.search(r"Nơi nhận: - .* - Lưu: VT[^.]*\.", text)


def test_the_address_stands_at_the_foot_of_page_1_only(shown: list[Page], office: Office) -> None:
    """Box 13."""
    assert office.agency.address in " ".join(shown[0].text.split())
    assert office.agency.address not in " ".join(shown[1].text.split())


def test_the_seal_is_red_transparent_and_of_its_real_size(issued: Issued, shown: list[Page], office: Office) -> None:
    """II.8.a: the image of the agency's seal, red, at the seal's real size, .png with transparency."""
    left, top, right, bottom = shown[-1].red()
    assert right - left == pytest.approx(office.agency.seal_diameter_mm, abs=0.4)
    assert bottom - top == pytest.approx(office.agency.seal_diameter_mm, abs=0.4)
    with pikepdf.open(io.BytesIO(issued.pdf)) as pdf:
        images = [o for o in pdf.objects if isinstance(o, pikepdf.Stream) and o.get("/Subtype") == "/Image"]
        assert any("/SMask" in image for image in images)


def test_the_seal_covers_the_left_third_of_the_persons_signature(shown: list[Page]) -> None:
    """II.8.a: the seal overlaps about a third of the signature image (40 mm wide, centred above the name), on its left.

    The person's image comes with the second signer; the place is kept for it.
    """
    name = shown[-1].find("Trần Văn Thử")
    middle = (name[0].left + name[-1].right) / 2
    person_left = middle - 20
    assert shown[-1].red()[2] - person_left == pytest.approx(40 / 3, abs=1)


def test_the_appearance_says_who_signed_and_when_in_vietnamese_time(issued: Issued, shown: list[Page]) -> None:
    """II.8: agency and time of signing, +07:00; it is in the signature's appearance, not in the page's own text."""
    with pikepdf.open(io.BytesIO(issued.pdf)) as pdf:
        (field,) = (f for f in pdf.Root.AcroForm.Fields if f.get("/FT") == "/Sig")
        said = str(field.TU)
    assert "Ký bởi: UBND PHƯỜNG MẪU" in said
    assert "Thời gian ký: 21.11.2026 10:32:58 +07:00" in said
    assert not any("Thời gian ký" in page.text for page in shown)


def test_an_annex_in_the_same_file_is_not_signed_again(issued: Issued, signature: Any) -> None:
    """II.8: one signature for the document and what is in the same file; it covers all of it."""
    first, length, second, rest = (int(v) for v in signature.ByteRange)
    assert first == 0
    assert second + rest == len(issued.pdf)
    assert issued.pdf[length : length + 1] + issued.pdf[second - 1 : second] == b"<>"


# --- EN 319 142-1 §6.3, baseline level B-B -------------------------------------------------------------------------


def test_the_signature_dictionary_is_that_of_b_b(signature: Any) -> None:
    """/SubFilter ETSI.CAdES.detached, /M in +07:00, no /Cert; the signature is not a certification."""
    assert signature.Type == "/Sig"
    assert signature.SubFilter == "/ETSI.CAdES.detached"
    assert signature.Filter == "/Adobe.PPKLite"
    assert str(signature.M) == "D:20261121103258+07'00'"
    assert "/Cert" not in signature
    assert "/Reference" not in signature


def test_the_signed_attributes_are_those_of_b_b(signer_info: cms.SignerInfo, office: Office) -> None:
    """content-type, message-digest, ESS signing-certificate-v2; no signing-time, which /M says."""
    kinds = {a["type"].native: a for a in signer_info["signed_attrs"]}
    assert {"content_type", "message_digest", "signing_certificate_v2"} <= kinds.keys()
    assert "signing_time" not in kinds
    assert kinds["content_type"]["values"][0].native == "data"
    (named,) = kinds["signing_certificate_v2"]["values"][0]["certs"]
    assert named["cert_hash"].native == hashlib.sha256(office.key.certificates[0]).digest()
    assert signer_info["unsigned_attrs"].native is None


def test_the_certificate_and_its_issuer_travel_with_the_signature(signature: Any, office: Office) -> None:
    """The signing certificate is in SignedData.certificates; so is the issuing one, for verifiers without it."""
    content = cms.ContentInfo.load(bytes(signature.Contents))["content"]
    assert {c.chosen.dump() for c in content["certificates"]} == set(office.key.certificates)
    assert len(office.key.certificates) == 2


# --- TT 15/2025 Phụ lục I ------------------------------------------------------------------------------------------


def test_profile_tt15_signs_with_pss_and_a_digest_of_the_list(signer_info: cms.SignerInfo) -> None:
    """Row 1.2: RSASSA-PSS with 2048 bits or more; SHA-256, the salt as long as the digest."""
    algorithm = signer_info["signature_algorithm"]
    assert algorithm["algorithm"].native == "rsassa_pss"
    assert algorithm["parameters"]["hash_algorithm"]["algorithm"].native == "sha256"
    assert algorithm["parameters"]["salt_length"].native == 32
    assert signer_info["digest_algorithm"]["algorithm"].native == "sha256"


def test_profile_vgca_compat_signs_as_the_tokens_in_the_field(tmp_path: Path) -> None:
    """PKCS#1 v1.5 with SHA-256, and the register says that it was this profile."""
    office = Office.create(tmp_path / "office")
    office.profile = replace(office.profile, signature=VGCA_COMPAT)
    issued = office.issuer().issue(request("k"))
    with pikepdf.open(io.BytesIO(issued.pdf)) as pdf:
        container = cms.ContentInfo.load(bytes(pdf.Root.AcroForm.Fields[0].V.Contents))
    (info,) = container["content"]["signer_infos"]
    assert info["signature_algorithm"]["algorithm"].native == "sha256_rsa"
    registration = office.registry.get(issued.id).registration
    assert registration is not None
    assert registration.profile == "vgca-compat"
    office.registry.close()


# --- TT 15/2025 Đ.6, NĐ 23/2025 Đ.17 --------------------------------------------------------------------------------


def verified_in_vietnamese(office: Office, pdf: bytes, folder: Path) -> str:
    """What a person reads who was given the file, the root and the lists."""
    (folder / "ket-qua.pdf").write_bytes(pdf)
    (folder / "keys.json").write_text(office.seal_keys().to_json(), "utf-8")
    crls = [argument for crl in sorted(office.folder.glob("*.crl")) for argument in ("--crl", str(crl))]
    trust = ["--anchor", str(office.folder / "root.pem"), *crls, "--keys", "keys.json", "--at", NOW.isoformat()]
    command = [sys.executable, "-m", "esign_cli", "--lang", "vi", "verify", *trust, "ket-qua.pdf"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    return done.stdout


def test_a_verifier_says_valid_or_invalid_in_vietnamese_with_signer_time_and_integrity(
    office: Office, issued: Issued, tmp_path: Path
) -> None:
    """Đ.6: the result in Vietnamese, valid or not, signer, time of signing, integrity; why, where it is not."""
    good = verified_in_vietnamese(office, issued.pdf, tmp_path)
    assert "HỢP LỆ" in good
    assert "KHÔNG" not in good
    assert "UBND PHƯỜNG MẪU" in good
    assert "21.11.2026 10:32:58 +07:00" in good
    assert "toàn vẹn: mọi chữ ký còn nguyên" in good
    altered = issued.pdf.replace(b"/Lang", b"/Lamg", 1)
    assert altered != issued.pdf
    bad = verified_in_vietnamese(office, altered, tmp_path)
    assert "KHÔNG HỢP LỆ" in bad
    assert "toàn vẹn: nội dung đã ký bị thay đổi" in bad
    assert "hash-failure" in bad


# --- Luật GDĐT 20/2023 Đ.12, NĐ 137/2024 Đ.4 -----------------------------------------------------------------------


def test_paper_says_where_to_look_the_original_up(shown: list[Page], issued: Issued) -> None:
    """The host and the look-up id are printed below the QR, for people without a camera."""
    text = "".join(shown[-1].text.split())
    assert str(issued.id) in text
    assert HOST in text


# --- NĐ 45/2020 Đ.14.3 ---------------------------------------------------------------------------------------------


def test_the_result_has_the_code_of_the_citizens_store(issued: Issued, office: Office) -> None:
    """d: <dossier>-KQ<n>; the register keeps it with the file."""
    assert str(issued.result_code) == "H26.18.01-261120-0001-KQ1"
    kept = office.registry.get(issued.id).metadata
    assert kept is not None
    assert kept.result_code == issued.result_code
    assert NOW.date() == date(2026, 11, 21)
