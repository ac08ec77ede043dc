"""docs/spec/conformity.md names only files, symbols and tests that exist, and claims nothing without one."""

import ast
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "docs/spec/conformity.md"
STATUSES = {"tested here", "simulated", "reported by others", "unknown", "not yet"}
MARKS = {"V", "V1", "M", "I", "S"}
# `path` or `path::symbol`, where the path has a folder in it.
REFERENCE = re.compile(r"`([\w./-]+/[\w./-]+?)(?:::([\w.-]+))?`")


@dataclass(frozen=True)
class Row:
    line: int
    clause: str
    asks: str
    mark: str
    where: str
    test: str
    status: str


def rows() -> list[Row]:
    found = []
    for number, line in enumerate(TABLE.read_text("utf-8").splitlines(), 1):
        cells = [c.strip() for c in line.strip().strip("|").split("|")]
        if line.startswith("|") and len(cells) == 6 and cells[0] != "clause" and not set(cells[0]) <= set(":-"):
            found.append(Row(number, *cells))
    return found


ROWS = rows()
IDS = [f"{r.line}: {r.clause}" for r in ROWS]


@cache
def symbols(path: Path) -> frozenset[str]:
    """The dotted names that a Python file defines: functions, classes, methods, fields and assignments."""

    def walk(body: list[ast.stmt], prefix: str) -> set[str]:
        names: set[str] = set()
        for node in body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                names.add(prefix + node.name)
                if isinstance(node, ast.ClassDef):
                    names |= walk(node.body, f"{prefix}{node.name}.")
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                names.add(prefix + node.target.id)
            elif isinstance(node, ast.Assign):
                names |= {prefix + t.id for t in node.targets if isinstance(t, ast.Name)}
        return names

    return frozenset(walk(ast.parse(path.read_text("utf-8")).body, ""))


def missing(references: str) -> list[str]:
    """What of `references` does not exist."""
    gone = []
    for path, symbol in REFERENCE.findall(references):
        file = ROOT / path
        if not file.exists():
            gone.append(path)
        elif symbol and symbol not in (symbols(file) if file.suffix == ".py" else file.read_text("utf-8")):
            gone.append(f"{path}::{symbol}")
    return gone


@pytest.mark.parametrize("row", ROWS, ids=IDS)
def test_a_row_names_what_exists(row: Row) -> None:
    assert missing(row.where) == []
    assert missing(row.test) == []


@pytest.mark.parametrize("row", ROWS, ids=IDS)
def test_a_row_claims_no_more_than_it_shows(row: Row) -> None:
    assert row.status in STATUSES
    assert row.mark in MARKS
    code, tests = REFERENCE.findall(row.where), REFERENCE.findall(row.test)
    assert len(code) + len(tests) >= (row.where + row.test).count("::"), "a reference that cannot be read"
    assert all(path.startswith("tests/") for path, _ in tests)
    if row.status in {"tested here", "simulated"}:
        assert code, "a claim names the code that keeps it"
        assert tests, "a claim names a test"
        assert all(symbol for path, symbol in tests if path.endswith(".py")), "a test is named, not only its file"
    else:
        assert not tests, "what is tested is claimed"
        assert row.where != "", "say what is missing, or who reports it"


@pytest.mark.parametrize(
    "clause",
    [
        *("NĐ 68/2024 Đ.29", "NĐ 68/2024 Đ.30", "NĐ 68/2024 Đ.31", "NĐ 68/2024 Đ.32"),
        *("TT 15/2025 Đ.5", "TT 15/2025 Đ.6", "TT 15/2025 Phụ lục I"),
        *("NĐ 45/2020 Đ.14.3", "ND30 Phụ lục I", "ND30 Đ.18", "ND30 Đ.32"),
        *("Luật GDĐT 20/2023 Đ.12", "NĐ 137/2024 Đ.4", "QĐ 20/2020 Đ.4", "EN 319 142-1"),
    ],
)
def test_every_clause_of_ours_has_a_row(clause: str) -> None:
    assert any(row.clause.startswith(clause) for row in ROWS)


def test_the_check_finds_what_is_gone() -> None:
    assert missing("`tests/unit/test_conformity.py::missing` and `src/esign/keys.py::KeyRef.parse`") == []
    assert missing("`src/esign/keys.py::KeyRef.gone`") == ["src/esign/keys.py::KeyRef.gone"]
    assert missing("`src/esign/gone.py::x`") == ["src/esign/gone.py"]
    assert missing("`src/esign/texts/keys.toml::no-such-code`") != []
