"""The codes: what is accepted, how it prints, and why the rest is refused."""

import unicodedata
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from esign.codes import (
    AgencyCode,
    DocumentNumber,
    DossierCode,
    DossierForm,
    ProcedureCode,
    ResultCode,
    ResultId,
)
from esign.errors import InputError
from esign.texts import LANGUAGES


def refused(code: str, call: Callable[..., object], *args: object, **more: object) -> None:
    with pytest.raises(InputError) as caught:
        call(*args, **more)
    assert caught.value.code == code
    for language in LANGUAGES:
        said = caught.value.diagnostics(language)
        assert said.what
        assert said.what != code
        assert "{" not in said.what + said.next_step


@pytest.mark.parametrize("text", ["H15", "H15.50.05.13", "G06.01", "A00.0A.B1", "Y99." + "A" * 31])
def test_agency_codes_print_as_they_parse(text: str) -> None:
    code = AgencyCode.parse(f" {text.lower()}\n")
    assert str(code) == text
    assert code.level1 == text[:3]


@pytest.mark.parametrize(
    "text", ["", "Z15", "H1", "H155", "15.H", "H15.", "H15..2", "H15-2", "H15.Đ1", "H１５", "H15 .1", "ſ15"]
)
def test_other_agency_codes_are_refused(text: str) -> None:
    refused("agency-code-invalid", AgencyCode.parse, text)


def test_agency_codes_have_at_most_35_characters() -> None:
    refused("agency-code-too-long", AgencyCode.parse, "Y99." + "A" * 32)


DOSSIERS = [
    ("000.00.12.H26-201130-0001", DossierForm.LEGACY, "000.00.12.H26", date(2020, 11, 30), "0001", None),
    ("H15.50.05.13-261008-0975", DossierForm.CURRENT, "H15.50.05.13", date(2026, 10, 8), "0975", None),
    ("H15-260101-10975", DossierForm.CURRENT, "H15", date(2026, 1, 1), "10975", None),
    ("H15.50.05.13-261008-090123", DossierForm.CENTRAL, "H15.50.05.13", date(2026, 10, 8), "090123", "09"),
    ("G09.000.00-261008-18123456", DossierForm.CENTRAL, "G09.000.00", date(2026, 10, 8), "18123456", "18"),
]


@pytest.mark.parametrize(("text", "form", "unit", "received", "counter", "ministry"), DOSSIERS)
def test_dossier_codes_say_their_parts(
    text: str, form: DossierForm, unit: str, received: date, counter: str, ministry: str | None
) -> None:
    code = DossierCode.parse(f"\t{text.lower()} ")
    assert str(code) == text
    assert (code.form, code.unit, code.received) == (form, unit, received)
    assert (code.counter, code.ministry) == (counter, ministry)


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("dossier-code-invalid", ""),
        ("dossier-code-invalid", "H15.50.05.13-261008-975"),
        ("dossier-code-invalid", "H15.50.05.13-261008"),
        ("dossier-code-invalid", "H15.50.05.13/261008/0975"),
        ("dossier-code-invalid", "H15.50.05.13-261008-0975-KQ1"),
        ("dossier-code-invalid", "H15.50.05.13-２６１００８-0975"),
        ("dossier-code-invalid", "H15-261008-" + "1" * 13),
        ("dossier-unit-invalid", "15.50-261008-0975"),
        ("dossier-unit-invalid", "000.00.12.Z26-201130-0001"),
        ("dossier-unit-invalid", "00.00.12.H26-201130-0001"),
        ("dossier-unit-invalid", "H15." + "1" * 32 + "-261008-0975"),
        ("dossier-date-invalid", "H15-260230-0001"),
        ("dossier-date-invalid", "H15-081326-0001"),
        ("dossier-date-too-early", "H15-100228-0001"),
    ],
)
def test_other_dossier_codes_are_refused(code: str, text: str) -> None:
    refused(code, DossierCode.parse, text)
    refused(code, DossierCode, text)


def test_a_dossier_is_not_received_tomorrow() -> None:
    today = date(2026, 10, 8)
    assert DossierCode.parse("H15-261008-0001", today=today).received == today
    refused("dossier-date-in-future", DossierCode.parse, "H15-261009-0001", today=today)
    refused("dossier-date-in-future", ResultCode.parse, "H15-261009-0001-KQ1", today=today)


@pytest.mark.parametrize("end", ["-KQ", "-KQ1", "-KQ01", "-KQ(1)", "-kq(001)"])
@pytest.mark.parametrize("dossier", [d[0] for d in DOSSIERS])
def test_result_codes_have_one_spelling(dossier: str, end: str) -> None:
    code = ResultCode.parse(dossier + end)
    assert code == ResultCode(DossierCode(dossier))
    assert str(code) == f"{dossier}-KQ1"


def test_result_codes_count() -> None:
    assert ResultCode.parse("H15-261008-0975-KQ(12)").ordinal == 12
    assert ResultCode.parse("H15-261008-0975-KQ2") < ResultCode.parse("H15-261008-0975-KQ10")


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("result-code-invalid", "H15-261008-0975"),
        ("result-code-invalid", "H15-261008-0975-KQ()"),
        ("result-code-invalid", "H15-261008-0975-KQ(1"),
        ("result-code-invalid", "H15-261008-0975-KQ-1"),
        ("result-code-invalid", "H15-261008-0975-KQ1000"),
        ("result-ordinal-invalid", "H15-261008-0975-KQ0"),
        ("dossier-date-invalid", "H15-261308-0975-KQ1"),
        ("dossier-code-invalid", "H15-261008-0975-KQ1-KQ1"),
    ],
)
def test_other_result_codes_are_refused(code: str, text: str) -> None:
    refused(code, ResultCode.parse, text)


@pytest.mark.parametrize(
    ("text", "number", "province"),
    [
        ("1.001122.000.00.00.H48", 1001122, "H48"),
        ("3.000259.H13", 3000259, "H13"),
        ("2.000635", 2000635, None),
        ("1.012345", 1012345, None),
        ("0.000001", 1, None),
    ],
)
def test_procedure_codes_have_a_number(text: str, number: int, province: str | None) -> None:
    code = ProcedureCode.parse(text)
    assert (str(code), code.number, code.province) == (text, number, province)
    assert str(code.short) == text[:8]
    assert ProcedureCode.from_number(number) == code.short


@given(st.integers(0, 9_999_999))
def test_procedure_numbers_are_reversible(number: int) -> None:
    assert ProcedureCode.from_number(number).number == number


@pytest.mark.parametrize("text", ["", "1.12345", "1.0123456", "1012345", "1.012345.", "1.012345.H1", "１.012345"])
def test_other_procedure_codes_are_refused(text: str) -> None:
    refused("procedure-code-invalid", ProcedureCode.parse, text)


@pytest.mark.parametrize("number", [-1, 10_000_000])
def test_other_procedure_numbers_are_refused(number: int) -> None:
    refused("procedure-number-invalid", ProcedureCode.from_number, number)


@pytest.mark.parametrize(
    ("text", "printed", "parts"),
    [
        ("15/QĐ-BNV", "15/QĐ-BNV", (15, None, "QĐ-BNV")),
        ("5/QĐ-UBND", "05/QĐ-UBND", (5, None, "QĐ-UBND")),
        ("005/QĐ-UBND", "05/QĐ-UBND", (5, None, "QĐ-UBND")),
        ("7260/VPCP-KSTT", "7260/VPCP-KSTT", (7260, None, "VPCP-KSTT")),
        ("144/2025/QĐ-CTUBND", "144/2025/QĐ-CTUBND", (144, 2025, "QĐ-CTUBND")),
        ("08/CT-TTg", "08/CT-TTg", (8, None, "CT-TTg")),
        ("12 / QĐ - SNN&PTNT", "12/QĐ-SNN&PTNT", (12, None, "QĐ-SNN&PTNT")),
        ("3/BC-BCĐ138", "03/BC-BCĐ138", (3, None, "BC-BCĐ138")),
        ("7/QĐ-TƯ", "07/QĐ-TƯ", (7, None, "QĐ-TƯ")),
    ],
)
def test_document_numbers_print_as_nd30_asks(text: str, printed: str, parts: tuple[Any, ...]) -> None:
    for spelled in (text, unicodedata.normalize("NFD", text)):
        number = DocumentNumber.parse(spelled)
        assert str(number) == printed
        assert (number.number, number.year, number.symbol) == parts


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("document-number-invalid", ""),
        ("document-number-invalid", "QĐ-UBND"),
        ("document-number-invalid", "15"),
        ("document-number-invalid", "15/"),
        ("document-number-invalid", "Số: 15/QĐ-UBND"),
        ("document-number-invalid", "１5/QĐ-UBND"),
        ("document-number-invalid", "1/" + " -" * 200),
        ("document-number-out-of-range", "0/QĐ-UBND"),
        ("document-number-year-invalid", "15/0025/QĐ-UBND"),
        ("document-symbol-invalid", "15/qđ-UBND"),
        ("document-symbol-invalid", "15/QĐ--UBND"),
        ("document-symbol-invalid", "15/QĐ UBND"),
        ("document-symbol-invalid", "15/QĐ/UBND"),
        ("document-symbol-invalid", "15/QĐ-UBND-"),
        ("document-symbol-invalid", "15/ЩЖ"),
        ("document-symbol-invalid", "15/Q\u200bĐ"),
    ],
)
def test_other_document_numbers_are_refused(code: str, text: str) -> None:
    refused(code, DocumentNumber.parse, text)


def test_a_document_number_that_exists_is_valid() -> None:
    refused("document-symbol-invalid", DocumentNumber, 5, None, unicodedata.normalize("NFD", "QĐ-Ủ"))
    refused("document-symbol-invalid", DocumentNumber, 5, None, "A" * 61)
    refused("document-number-out-of-range", DocumentNumber, 10**9, None, "QĐ")


@given(st.binary(min_size=10, max_size=10))
@example(b"\0" * 10)
@example(b"\xff" * 10)
def test_result_ids_round_trip_however_they_are_typed(value: bytes) -> None:
    printed = str(ResultId(value))
    assert len(printed) == 19
    typed = printed.replace("0", "O").replace("1", "l")
    for text in (printed, printed.lower(), typed, typed.replace("-", ""), f" {typed.replace('-', ' – ')} "):
        assert ResultId.parse(text) == ResultId(value)


def test_result_ids_are_crockford_base32() -> None:
    assert ResultId.parse("0000-0000-0000-0001").value == b"\0" * 9 + b"\1"
    assert ResultId.parse("Z000-0000-0000-0000").value == b"\xf8" + b"\0" * 9
    assert ResultId.parse("IL0O-0000-0000-0000").value[:2] == bytes([0b00001_000, 0b01_00000_0])


@pytest.mark.parametrize(
    "text", ["", "ABCD-EFGH-JKMN-PQR", "ABCD-EFGH-JKMN-PQRST", "UBCD-EFGH-JKMN-PQRS", "ABCD-EFGH-JKMN-PQR*"]
)
def test_other_result_ids_are_refused(text: str) -> None:
    refused("result-id-invalid", ResultId.parse, text)


def test_random_ids_use_the_given_entropy() -> None:
    asked: list[int] = []

    def entropy(n: int) -> bytes:
        asked.append(n)
        return bytes(range(n))

    assert ResultId.random(entropy).value == bytes(range(10))
    assert asked == [10]
    refused("result-id-length", ResultId.random, lambda n: b"\0" * (n + 1))
    assert len({ResultId.random() for _ in range(100)}) == 100


PARSERS: tuple[Callable[[str], object], ...] = (
    AgencyCode.parse,
    DossierCode.parse,
    ResultCode.parse,
    ProcedureCode.parse,
    DocumentNumber.parse,
    ResultId.parse,
)


@given(st.one_of(st.text(), st.from_regex(r"[A-Z0-9./() -]{1,40}", fullmatch=True)))
def test_any_text_parses_to_a_fixed_point_or_is_refused(text: str) -> None:
    for parse in PARSERS:
        try:
            value = parse(text)
        except InputError:
            continue
        assert parse(str(value)) == value
