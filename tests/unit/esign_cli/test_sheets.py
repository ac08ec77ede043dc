"""Worksheets: CSV and XLSX as offices keep them, read into the same rows; what is wrong is named with its place."""

import io
import zipfile
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from esign.errors import InputError
from esign.pdf import load
from esign_cli.sheets import ISSUE, RELEASE, Row, read_sheet

HEADER = ["Trích yếu", "MÃ THỦ TỤC", "Ngày ban hành", "data/person/full_name", "Kết quả thứ"]
LINES = [["Về việc A", "1.012340", "21/11/2026", "Nguyễn Văn Mẫu", "2"], ['nói "được"; và', "1.012345", "2026-11-20"]]


def written(folder: Path, content: bytes) -> Path:
    path = folder / "sheet.csv"
    path.write_bytes(content)
    return path


def csv_text(delimiter: str) -> str:
    def cell(text: str) -> str:
        return '"' + text.replace('"', '""') + '"' if delimiter in text or '"' in text else text

    return "\r\n".join(delimiter.join(map(cell, line)) for line in [HEADER, *LINES]) + "\r\n"


def check(rows: tuple[Row, ...]) -> None:
    one, two = rows
    assert (one.line, two.line) == (2, 3)
    assert one.name == "sheet.csv:2" or one.name == "sheet.xlsx:2"
    assert one.text("subject") == "Về việc A"
    assert one.text("procedure") == "1.012340"
    assert one.day("date") == "2026-11-21"
    assert one.number("ordinal") == 2
    assert dict(one.data) == {"person/full_name": "Nguyễn Văn Mẫu"}
    assert two.text("subject") == 'nói "được"; và'
    assert two.day("date") == "2026-11-20"
    assert two.number("ordinal") is None
    assert two.data == {}


@pytest.mark.parametrize("delimiter", [";", ",", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_csv_as_excel_writes_it(tmp_path: Path, delimiter: str, encoding: str) -> None:
    check(read_sheet(written(tmp_path, csv_text(delimiter).encode(encoding)), ISSUE))


def test_excel_may_name_the_separator(tmp_path: Path) -> None:
    one, *_ = read_sheet(written(tmp_path, b"sep=;\r\nsubject;key\r\na,b;c\r\n"), ISSUE)
    assert (one.text("subject"), one.text("key"), one.line) == ("a,b", "c", 3)


def test_xlsx_gives_the_same_rows(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet: Any = book.active
    sheet.append(HEADER)
    sheet.append(
        [
            "Về việc A",
            "1.012340",
            datetime(2026, 11, 21),  # noqa: DTZ001 - a cell has no zone
            "Nguyễn Văn Mẫu",
            2,
        ]
    )
    sheet.append(['nói "được"; và', "1.012345", date(2026, 11, 20)])
    sheet.append([None, "  "])
    path = tmp_path / "sheet.xlsx"
    book.save(path)
    check(read_sheet(path, ISSUE))


def test_a_code_that_became_a_number_is_not_believed(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet: Any = book.active
    sheet.append(["procedure"])
    sheet.append([1.01234])
    path = tmp_path / "sheet.xlsx"
    book.save(path)
    (row,) = read_sheet(path, ISSUE)
    with pytest.raises(InputError) as refused:
        row.text("procedure")
    assert refused.value.code == "sheet-cell-is-number"


def bomb() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", bytes(300 * 2**20))
    return packed.getvalue()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "sheet-empty"),
        (b"\r\n;;\r\n", "sheet-empty"),
        ("Mã hồ sơ".encode("latin-1", "replace"), "sheet-encoding"),
        (b"subject,nonsense\r\na,b\r\n", "sheet-column-unknown"),
        (b"subject,Trich yeu\r\na,b\r\n", "sheet-column-twice"),
        (b"subject,key\r\na,b,c\r\n", "sheet-cell-without-column"),
        (b'subject\r\n"a\r\n', "sheet-broken"),
        (b"PK\x03\x04nonsense", "sheet-broken"),
        (b"subject\r\n" + b"a\r\n" * 20_001, "sheet-too-many-rows"),
        (b"a" * (20 * 2**20 + 1), "sheet-too-large"),
    ],
)
def test_what_is_wrong_with_a_sheet_is_named(tmp_path: Path, content: bytes, code: str) -> None:
    with pytest.raises(InputError) as refused:
        read_sheet(written(tmp_path, content), ISSUE)
    assert refused.value.code == code
    assert refused.value.reason.facts["file"] == "sheet.csv"


def test_a_workbook_that_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        read_sheet(written(tmp_path, bomb()), ISSUE)
    assert refused.value.code == "sheet-too-large"


@pytest.mark.parametrize(
    ("cells", "ask", "code"),
    [
        ({"date": "31/02/2026"}, lambda r: r.day("date"), "sheet-date-invalid"),
        ({"ordinal": "hai"}, lambda r: r.number("ordinal"), "sheet-number-invalid"),
        ({"ordinal": 1.5}, lambda r: r.number("ordinal"), "sheet-number-invalid"),
        ({"ordinal": True}, lambda r: r.number("ordinal"), "sheet-number-invalid"),
    ],
)
def test_what_is_wrong_with_a_cell_is_named(cells: dict[str, Any], ask: Any, code: str) -> None:
    with pytest.raises(InputError) as refused:
        ask(Row(sheet=Path("s.csv"), line=2, cells=cells))
    assert refused.value.code == code


def test_data_columns_become_what_the_schema_wants() -> None:
    schema = load("quyet-dinh").schema
    data: dict[str, Any] = {
        "subject": 7,
        "grounds": "Căn cứ A\nCăn cứ B\n",
        "signer/name": "Mẫu",
        "signer/authority": "KT. CHỦ TỊCH",
    }
    assert Row(sheet=Path("s.csv"), line=2, cells={}, data=data).values(schema) == {
        "subject": "7",
        "grounds": ["Căn cứ A", "Căn cứ B"],
        "signer": {"name": "Mẫu", "authority": ["KT. CHỦ TỊCH"]},
    }
    with pytest.raises(InputError) as refused:
        Row(sheet=Path("s.csv"), line=2, cells={}, data={"signer/nam": "x"}).values(schema)
    assert refused.value.reason.facts["column"] == "data/signer/nam"


def test_paths_start_from_the_sheet(tmp_path: Path) -> None:
    (row,) = read_sheet(written(tmp_path, b"file,number\r\na/b.pdf,5/QD\r\n"), RELEASE)
    assert row.path("file") == tmp_path / "a/b.pdf"


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200) | st.text(max_size=100).map(lambda t: ("subject,key\n" + t).encode()))
def test_any_bytes_are_rows_or_a_typed_error(tmp_path: Path, content: bytes) -> None:
    told: list[InputError] = []
    rows: tuple[Row, ...] = ()
    try:
        rows = read_sheet(written(tmp_path, content), ISSUE)
    except InputError as error:
        told.append(error)
    assert all(e.diagnostics("vi").what for e in told)
    assert all(row.cells or row.data for row in rows)
