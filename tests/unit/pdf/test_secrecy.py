import unicodedata

import pytest

from esign.pdf.secrecy import secrecy_mark
from tests.unit.pdf.tools import Form


@pytest.mark.parametrize(
    ("line", "mark"),
    [
        ("MẬT", "MẬT"),
        ("  MẬT  ", "MẬT"),
        ("M Ậ T", "MẬT"),
        ("TỐI MẬT", "TỐI MẬT"),
        ("T Ố I   M Ậ T", "TỐI MẬT"),
        ("TUYỆT MẬT", "TUYỆT MẬT"),
        ("[TUYỆT MẬT]", "TUYỆT MẬT"),
        ("MẬT\tCỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", "MẬT"),
        ("TỐI MẬT      Hà Nội, ngày 05 tháng 01 năm 2026", "TỐI MẬT"),
        ("Độ mật: Tối mật", "TỐI MẬT"),
        ("Mức độ mật : MẬT", "MẬT"),
    ],
)
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_mark_that_stands_alone_is_found(line: str, mark: str, form: Form) -> None:
    lines = ["ỦY BAN NHÂN DÂN", unicodedata.normalize(form, line), "Số: 01/BC-UBND"]
    assert secrecy_mark(lines) == mark


@pytest.mark.parametrize(
    "lines",
    [
        ["Căn cứ Luật Bảo vệ bí mật nhà nước"],
        ["BÍ MẬT"],
        ["QUY CHẾ BẢO VỆ BÍ", "MẬT"],
        ["giữ bí", "mật"],
        ["KHÔNG MẬT"],
        ["bảo mật"],
        ["Mật ong"],
        ["MẤT"],
        ["MÁT"],
        [],
        [""],
    ],
)
def test_the_word_in_a_sentence_is_no_mark(lines: list[str]) -> None:
    assert secrecy_mark(lines) == ""
