"""Digits and bytes correspond one to one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esign.errors import SealError
from esign.seal.digits import from_digits, to_digits


@given(st.binary(max_size=120))
def test_bytes_round_trip(data: bytes) -> None:
    digits = to_digits(data)
    assert digits.isdecimal() or not data
    if data:
        assert from_digits(digits) == data


@given(st.text("0123456789", max_size=120))
def test_digits_round_trip_or_are_refused(text: str) -> None:
    try:
        data = from_digits(text)
    except SealError as e:
        assert e.code == "seal-digits-invalid"  # noqa: PT017  # Either way is right; which one, the text decides.
    else:
        assert to_digits(data) == text


@pytest.mark.parametrize(("size", "digits"), list(enumerate((3, 5, 8, 10, 13, 15, 17), start=1)))
def test_every_length_holds_the_largest_number(size: int, digits: int) -> None:
    largest = str(256**size - 1)
    assert len(largest) == digits
    assert to_digits(b"\xff" * size) == largest
    assert from_digits(largest) == b"\xff" * size
    assert to_digits(b"\0" * size) == "0" * digits
    with pytest.raises(SealError):
        from_digits(str(256**size).zfill(digits))


@pytest.mark.parametrize("length", [n for n in range(1, 18) if n not in {3, 5, 8, 10, 13, 15, 17}])
def test_lengths_that_no_bytes_have_are_refused(length: int) -> None:
    for before in ("", "0" * 17):
        with pytest.raises(SealError):
            from_digits(before + "0" * length)


@pytest.mark.parametrize("text", ["", "+12", "1_2", " 12", "-12", "１２３", "12a", "٠٠٠", "0" * 4097])
def test_other_characters_and_lengths_are_refused(text: str) -> None:
    with pytest.raises(SealError):
        from_digits(text)
