"""Masks show initials and nothing else."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esign.errors import SealError
from esign.seal import MaskedHolder


@pytest.mark.parametrize(
    ("name", "mask"),
    [
        ("Nguyễn Văn A", "N.V.A***"),
        ("NGUYỄN VĂN A", "N.V.A***"),
        ("  đỗ   thị\tánh ", "Đ.T.Á***"),
        ("Ấn", "Ấ***"),
        ("Y", "Y***"),
        ("H'Hen Niê", "H.N***"),
        ("Anne-Marie O'Neil", "A.M.O***"),
        ("Nguyễn Văn A (012345678901)", "N.V.A***"),
        ("A B C D E F G H I J", "A.B.C.D.E.F.G.H***"),
        ("王 小明", "王.小***"),
        ("ßtraße", "S***"),
    ],
)
def test_masks(name: str, mask: str) -> None:
    for form in ("NFC", "NFD"):
        assert str(MaskedHolder.of(unicodedata.normalize(form, name))) == mask
    assert MaskedHolder(mask) == MaskedHolder.of(name)


@pytest.mark.parametrize("name", ["", " ", "123", "***", "- . -", "\u0301"])
def test_names_without_letters_have_no_mask(name: str) -> None:
    with pytest.raises(SealError, match="initials"):
        MaskedHolder.of(name)


@pytest.mark.parametrize(
    "value",
    ["", "***", "N", "N**", "Nguyễn***", "n.v***", "N.V.***", ".N***", "N.V.A***1", "N V***", "1***", "N.V.A****",
     "A.B.C.D.E.F.G.H.I***", unicodedata.normalize("NFD", "Á***")],
)  # fmt: skip
def test_nothing_else_is_a_mask(value: str) -> None:
    with pytest.raises(SealError):
        MaskedHolder(value)


@given(st.text())
def test_any_name_has_a_mask_or_a_reason(name: str) -> None:
    try:
        mask = str(MaskedHolder.of(name))
    except SealError:
        return
    assert len(mask) <= 8 + 7 + 3
    assert not any(c.isdigit() or c.islower() for c in mask)
