"""Worksheets as offices keep them: CSV as Excel writes it here, and XLSX; the only module that knows openpyxl.

Excel with Vietnamese settings separates with `;` and begins with a byte order mark; its "Unicode Text" is UTF-16 with
tabs. The first row names the columns, in English or in Vietnamese, whatever their case and diacritics. Data of a
template stand in columns like `data/person/full_name`.
"""

import csv
import io
import unicodedata
import warnings
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

from esign.errors import InputError

__all__ = ["ISSUE", "RELEASE", "Row", "read_sheet"]

_LARGEST = 20 * 2**20
_MOST_UNPACKED = 200 * 2**20
_MOST_ROWS = 20_000
_DELIMITERS = ";,\t"

ISSUE: Mapping[str, tuple[str, ...]] = {
    "template": ("mau",),
    "data": ("du-lieu", "tep-du-lieu"),
    "pdf": ("tep-pdf",),
    "number": ("so-ky-hieu", "so-va-ky-hieu"),
    "symbol": ("ky-hieu",),
    "procedure": ("ma-thu-tuc", "thu-tuc"),
    "title": ("loai-van-ban", "ten-loai"),
    "subject": ("trich-yeu",),
    "dossier": ("ma-ho-so", "ho-so"),
    "ordinal": ("ket-qua-thu",),
    "holder-from": ("truong-ho-ten",),
    "expires": ("het-han", "ngay-het-han"),
    "date": ("ngay", "ngay-ban-hanh"),
    "key": ("ma-yeu-cau",),
}
"""The columns of a sheet of results to issue, with their Vietnamese names."""

RELEASE: Mapping[str, tuple[str, ...]] = {
    "id": ("ma",),
    "file": ("tep", "ten-tep"),
    "number": ("so-ky-hieu", "so-va-ky-hieu"),
    "date": ("ngay", "ngay-ban-hanh"),
}
"""The columns of a sheet of numbers to release with."""

Cell = str | int | float | bool | date


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row; empty cells are left out."""

    sheet: Path
    """Where it stands."""
    line: int
    """Which row, as the program that made the sheet counts."""
    cells: Mapping[str, Cell] = field(repr=False)
    """By column."""
    data: Mapping[str, Cell] = field(default_factory=dict, repr=False)
    """The columns below `data/`, by path."""

    @property
    def name(self) -> str:
        """`danh-sach.csv:5`."""
        return f"{self.sheet.name}:{self.line}"

    def text(self, column: str) -> str | None:
        """A text; None where the cell is empty.

        Raises:
            InputError: `sheet-cell-is-number`: the program that made the sheet took a code for a number, and zeros at
                its end are lost.
        """
        value = self.cells.get(column)
        if isinstance(value, bool | float | int):
            raise InputError("sheet-cell-is-number", column=column)
        return value.isoformat() if isinstance(value, date) else value

    def day(self, column: str) -> str | None:
        """A day as ISO 8601; `21/11/2026` and `21.11.2026` are understood.

        Raises:
            InputError: `sheet-date-invalid`.
        """
        value = self.cells.get(column)
        if value is None:
            return None
        if isinstance(value, date):
            return value.isoformat()
        for form in ("%Y-%m-%d", "%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y"):
            try:
                return datetime.strptime(str(value), form).date().isoformat()  # noqa: DTZ007 - a day has no zone
            except ValueError:
                continue
        raise InputError("sheet-date-invalid", column=column)

    def number(self, column: str) -> int | None:
        """A whole number.

        Raises:
            InputError: `sheet-number-invalid`.
        """
        value = self.cells.get(column)
        if value is None:
            return None
        try:
            whole = None if isinstance(value, bool | date) else float(value)
        except ValueError:
            whole = None
        if whole is None or not whole.is_integer():
            raise InputError("sheet-number-invalid", column=column)
        return int(whole)

    def path(self, column: str) -> Path | None:
        """A file, from the sheet's own folder."""
        value = self.text(column)
        return None if value is None else self.sheet.parent / value

    def values(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        """The data columns as the template's JSON schema wants them; a list of texts has one a line.

        Raises:
            InputError: `sheet-data-column`: the schema has no such field.
        """
        found: dict[str, Any] = {}
        for path, value in self.data.items():
            parts, below, wanted = path.split("/"), found, schema
            for part in parts:
                members = wanted.get("properties", {})
                if part not in members:
                    raise InputError("sheet-data-column", column=f"data/{path}", expected=", ".join(members) or "—")
                wanted = members[part]
            for part in parts[:-1]:
                below = below.setdefault(part, {})
            below[parts[-1]] = _as(wanted, value)
        return found


def _as(wanted: Mapping[str, Any], value: Cell) -> object:
    """A cell as the schema's type; what does not fit stays, and the schema's check says so."""
    kinds = wanted.get("type", "string")
    kinds = [kinds] if isinstance(kinds, str) else kinds
    text = value.isoformat() if isinstance(value, date) else str(value)
    if isinstance(value, bool | int | float) and {"boolean", "integer", "number"} & set(kinds):
        return value
    if "string" in kinds:
        return text
    if "array" in kinds:
        return [line.strip() for line in text.splitlines() if line.strip()]
    return _typed(text, kinds)


def _typed(text: str, kinds: Sequence[str]) -> object:
    if "boolean" in kinds and text.casefold() in {"true", "false", "có", "không", "x"}:
        return text.casefold() in {"true", "có", "x"}
    for kind, read in (("integer", int), ("number", float)):
        if kind in kinds:
            try:
                return read(text)
            except ValueError:
                continue
    return text


def read_sheet(path: Path, columns: Mapping[str, tuple[str, ...]]) -> tuple[Row, ...]:
    """Every row of `path` that is not empty.

    Raises:
        InputError: `file-unreadable`, or a `sheet-…` code.
    """
    from esign_cli.places import read_file

    content = read_file(path)
    if len(content) > _LARGEST:
        raise InputError("sheet-too-large", file=path.name, limit=_LARGEST // 2**20)
    lines = _xlsx(path, content) if content.startswith(b"PK") else _csv(path, content)
    rows = [(number, line) for number, line in lines if any(str(cell or "").strip() for cell in line)]
    if len(rows) > _MOST_ROWS:
        raise InputError("sheet-too-many-rows", file=path.name, limit=_MOST_ROWS)
    if not rows:
        raise InputError("sheet-empty", file=path.name)
    names = _columns(path, rows[0][1], columns)
    return tuple(_row(path, number, line, names) for number, line in rows[1:])


def _columns(path: Path, header: Sequence[Cell | None], columns: Mapping[str, tuple[str, ...]]) -> list[str]:
    known = {spelling: name for name, others in columns.items() for spelling in (name, *others)}
    names: list[str] = []
    for cell in header:
        text = str(cell or "").strip()
        head, slash, rest = text.partition("/")
        if slash and "data" in columns and _plain(head) in {"data", "du-lieu"}:
            name = f"data/{rest.strip()}"
        elif not text:
            name = ""
        elif _plain(text) in known:
            name = known[_plain(text)]
        else:
            raise InputError("sheet-column-unknown", file=path.name, column=text[:60], expected=", ".join(columns))
        if name and name in names:
            raise InputError("sheet-column-twice", file=path.name, column=name)
        names.append(name)
    return names


def _plain(text: str) -> str:
    """`Mã thủ tục` as `ma-thu-tuc`."""
    split = unicodedata.normalize("NFD", text.strip().casefold().replace("đ", "d"))
    letters = "".join(c for c in split if not unicodedata.combining(c))
    return "-".join("".join(c if c.isalnum() else " " for c in letters).split())


def _row(path: Path, number: int, line: Sequence[Cell | None], names: Sequence[str]) -> Row:
    cells: dict[str, Cell] = {}
    data: dict[str, Cell] = {}
    for position, cell in enumerate(line):
        value = cell.strip() if isinstance(cell, str) else cell
        if value in (None, ""):
            continue
        name = names[position] if position < len(names) else ""
        if not name:
            raise InputError("sheet-cell-without-column", file=path.name, line=number)
        assert value is not None
        if name.startswith("data/"):
            data[name.removeprefix("data/")] = value
        else:
            cells[name] = value
    return Row(sheet=path, line=number, cells=cells, data=data)


# --- CSV ------------------------------------------------------------------------------------------------------------


def _csv(path: Path, content: bytes) -> Iterator[tuple[int, list[Cell | None]]]:
    text = _decoded(path, content)
    first, _, rest = text.partition("\n")
    delimiter = first.strip()[4:5] if first.lower().startswith("sep=") else ""  # Excel's own way to name it
    text = rest if delimiter else text
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter or _sniffed(text), strict=True)
    try:
        for line in reader:
            yield reader.line_num + bool(delimiter), list(line)
    except csv.Error as e:
        raise InputError("sheet-broken", file=path.name, line=reader.line_num) from e


def _decoded(path: Path, content: bytes) -> str:
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as e:
        # Old code pages (1258, TCVN3) cannot be told apart: a guess would print wrong names.
        raise InputError("sheet-encoding", file=path.name) from e


def _sniffed(text: str) -> str:
    """The separator that the first row has most, outside of quotes."""
    quoted, counts = False, dict.fromkeys(_DELIMITERS, 0)
    for character in text:
        if character == '"':
            quoted = not quoted
        elif character == "\n" and not quoted:
            break
        elif character in counts and not quoted:
            counts[character] += 1
    return max(counts, key=lambda d: counts[d])


# --- XLSX -----------------------------------------------------------------------------------------------------------


def _xlsx(path: Path, content: bytes) -> Iterator[tuple[int, list[Cell | None]]]:
    """The first sheet of a workbook: values, not formulas."""
    _refuse_bomb(path, content)
    import openpyxl

    try:
        with warnings.catch_warnings():
            # Of extensions that it does not know and nobody needs here: conditional formats, validation.
            warnings.simplefilter("ignore")
            book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
            # One more than is allowed: what is left out must not go unnoticed.
            rows = [list(line) for line in book.worksheets[0].iter_rows(values_only=True, max_row=_MOST_ROWS + 2)]
            book.close()
    except Exception as e:  # openpyxl lets whatever a broken workbook causes through
        raise InputError("sheet-broken", file=path.name, line=0) from e
    for number, line in enumerate(rows, 1):
        yield number, [_value(cell) for cell in line]


def _refuse_bomb(path: Path, content: bytes) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            unpacked = sum(member.file_size for member in packed.infolist())
    except (zipfile.BadZipFile, ValueError) as e:
        raise InputError("sheet-broken", file=path.name, line=0) from e
    if unpacked > _MOST_UNPACKED:
        raise InputError("sheet-too-large", file=path.name, limit=_LARGEST // 2**20)


def _value(cell: object) -> Cell | None:
    if isinstance(cell, datetime):
        return cell.date()
    return cell if cell is None or isinstance(cell, str | int | float | bool | date) else str(cell)
