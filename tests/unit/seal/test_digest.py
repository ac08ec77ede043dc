"""The binding of a seal to a file: found in what has grown, lost when a byte before it changes."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esign.errors import SealError
from esign.seal import binding, digest_of, salted
from esign.seal.digest import SALT_BYTES
from tests.support.stopwatch import cpu_seconds_of

SALT = bytes(range(16))
PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n%%EOF"


def test_the_comment_is_as_specified() -> None:
    before = salted(PDF, SALT)
    assert before == PDF + b"\n%esign-salt 000102030405060708090a0b0c0d0e0f\n"
    assert len(before) == len(PDF) + 46
    assert digest_of(before) == hashlib.sha256(before).digest()[:16]


@given(st.binary(max_size=200), st.binary(min_size=16, max_size=16), st.binary(max_size=200))
def test_what_was_sealed_is_found_in_what_it_grew_to(pdf: bytes, salt: bytes, update: bytes) -> None:
    before = salted(pdf, salt)
    assert binding(before + update, digest_of(before)) == len(before)


@given(st.data())
def test_a_changed_byte_before_the_seal_is_noticed(data: st.DataObject) -> None:
    before = salted(PDF, SALT)
    at = data.draw(st.integers(0, len(before) - 1))
    changed = bytearray(before + b"update\n")
    changed[at] ^= data.draw(st.integers(1, 255))
    assert binding(bytes(changed), digest_of(before)) is None


def test_each_of_several_sealings_is_found() -> None:
    first = salted(PDF, SALT)
    second = salted(first, SALT[::-1])  # The line feeds of neighbouring comments touch.
    third = salted(second + b"2 0 obj\n%%EOF\n", SALT)
    for before in (first, second, third):
        assert binding(third + b"more", digest_of(before)) == len(before)
    assert binding(third, bytes(16)) is None


@pytest.mark.parametrize(
    "line",
    [b"%esign-salt " + b"0" * 31 + b"\n", b"%esign-salt " + b"0" * 33 + b"\n", b"%esign-salt " + b"A" * 32 + b"\n",
     b"%esign-salt " + b"0" * 32 + b"\r", b"%%esign-salt " + b"0" * 32 + b"\n", b" %esign-salt " + b"0" * 32 + b"\n"],
)  # fmt: skip
def test_other_lines_are_no_salt(line: bytes) -> None:
    before = PDF + b"\n" + line
    assert binding(before, hashlib.sha256(before).digest()[:16]) is None
    with pytest.raises(SealError, match="esign-salt"):
        digest_of(before)


def test_a_file_without_salt_is_not_sealed() -> None:
    line = salted(b"", SALT)
    for data in (b"", PDF, line[1:], salted(PDF, SALT) + b"\n"):
        with pytest.raises(SealError):
            digest_of(data)
    for length in (0, 15, 17):
        with pytest.raises(SealError) as caught:
            salted(PDF, bytes(length))
        assert caught.value.code == "seal-salt-invalid"
    assert SALT_BYTES == 16


def test_files_full_of_salt_are_given_up() -> None:
    line = salted(b"", SALT)
    before = salted(PDF + line * 1022, SALT)
    assert binding(before, digest_of(before)) == len(before)
    before = salted(PDF + line * 1024, SALT)
    assert binding(before, digest_of(before)) is None


def test_a_large_hostile_file_takes_linear_time() -> None:
    near = b"\n%esign-salt " + b"0" * 31  # Almost a comment, a million times.
    hostile = near * 1_000_000
    assert cpu_seconds_of(lambda: binding(hostile, bytes(16))) < 20
    assert binding(hostile, bytes(16)) is None
