"""Every code that the three packages use has its texts, in both languages, with facts that are really given."""

import ast
import re
import string
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import pytest

from esign import errors
from esign.texts import LANGUAGES, catalogue, entry

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = (ROOT / "src/esign", ROOT / "hsm/esign_hsm", ROOT / "cli/esign_cli")
TEXTS = ("esign.texts", "esign.reports.texts", "esign_cli.texts")
ERRORS = {name for name in errors.__all__ if issubclass(getattr(errors, name), errors.Error)}

ENTRIES = {
    (file.name, code): entry
    for package in TEXTS
    for file in files(package).iterdir()
    if file.name.endswith(".toml")
    for code, entry in tomllib.loads(file.read_text("utf-8")).items()
}
CODES = {code: entry for (_, code), entry in ENTRIES.items()}


@dataclass(frozen=True)
class Use:
    """A place that names a code."""

    where: str
    code: str
    facts: frozenset[str] | None
    """None: they are not literal."""
    raised: bool


def fields(text: str) -> set[str]:
    """The placeholders of a text, without what stands behind a dot."""
    return {name.partition(".")[0] for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def uses() -> Iterator[Use]:
    for package in PACKAGES:
        for path in sorted(package.rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Call):
                    yield from _of_call(node, f"{path.relative_to(ROOT)}:{node.lineno}")


def _of_call(node: ast.Call, where: str) -> Iterator[Use]:
    name = node.func.id if isinstance(node.func, ast.Name) else ""
    if name not in ERRORS | {"Reason"} or not node.args:
        return
    for code in _literals(node.args[0]):
        yield Use(where, code, _facts(node, name), raised=name != "Reason")


def _literals(node: ast.expr) -> Iterator[str]:
    """A string, or the two of `a if … else b`."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from _literals(node.body)
        yield from _literals(node.orelse)


def _facts(node: ast.Call, name: str) -> frozenset[str] | None:
    if name != "Reason":
        names = [keyword.arg for keyword in node.keywords]
        return None if None in names else frozenset(n for n in names if n)
    if len(node.args) == 1 and not node.keywords:
        return frozenset()
    given = node.args[1] if len(node.args) > 1 else node.keywords[0].value
    if not isinstance(given, ast.Dict):
        return None
    keys = [k.value if isinstance(k, ast.Constant) else None for k in given.keys]
    return None if None in keys else frozenset(str(k) for k in keys)


USES = list(uses())


def test_there_is_something_to_check() -> None:
    assert len(USES) > 100
    assert len(ENTRIES) > 300


@pytest.mark.parametrize("use", USES, ids=lambda u: f"{u.where} {u.code}")
def test_a_code_has_texts_and_the_facts_that_they_ask_for(use: Use) -> None:
    entry = CODES.get(use.code)
    assert entry is not None, f"{use.where}: {use.code} has no text"
    assert use.raised <= ("next" in entry), f"{use.where}: {use.code} says nothing about what to do next"
    if use.facts is not None:
        asked = {f for kind in entry.values() for text in kind.values() for f in fields(text)}
        assert asked <= use.facts, f"{use.where}: {use.code} asks for {sorted(asked - use.facts)}, which are not given"


def test_a_code_stands_in_one_file_only() -> None:
    assert len(CODES) == len(ENTRIES)


@pytest.mark.parametrize("key", sorted(ENTRIES), ids="/".join)
def test_an_entry_speaks_both_languages_alike(key: tuple[str, str]) -> None:
    entry = ENTRIES[key]
    assert {"what"} <= entry.keys() <= {"what", "next"}
    for texts in entry.values():
        assert set(texts) == set(LANGUAGES)
        assert all(text.strip() == text and text for text in texts.values())
    # The facts in a sentence may stand in one of the two parts only, but both languages tell the same ones.
    told = [{f for kind in entry.values() for f in fields(kind[language])} for language in LANGUAGES]
    assert told[0] == told[1]


@pytest.mark.parametrize("key", [k for k in sorted(ENTRIES) if not k[0].startswith(("help", "messages"))], ids="/".join)
def test_a_reason_starts_small_and_has_no_full_stop(key: tuple[str, str]) -> None:
    for texts in ENTRIES[key].values():
        for text in texts.values():
            assert not text.endswith(".") or text.endswith("…")
            word = text.split()[0].strip("`'\"(,:")
            # Names and initialisms keep their capitals: PDF, QR, SoftHSM, Ctrl-C.
            assert not word[0].isupper() or any(c.isupper() for c in word[1:]) or word in NAMES


NAMES = {"Ctrl-C", "Python", "Windows", "Unicode", "Base", "Ed25519"}


def test_no_text_waits_for_a_code_that_nobody_uses() -> None:
    """Found as a whole string in the sources, or as the beginning that an f-string fills up."""
    whole: set[str] = set()
    beginnings: set[str] = set()
    for package in PACKAGES:
        for path in package.rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    whole.add(node.value)
                elif isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
                    beginnings.add(str(node.values[0].value))
                elif isinstance(node, ast.BinOp) and isinstance(node.left, ast.Constant):
                    beginnings.add(str(node.left.value))
        for path in package.rglob("templates/*.html"):
            # Templates name codes as `"page-story"`, or the beginning of one as `"changed-" ~ kind`.
            quoted = re.findall(r'"([a-z][a-z0-9-]*)"', path.read_text("utf-8"))
            whole.update(quoted)
            beginnings.update(quoted)
    beginnings = {b for b in beginnings if b.endswith("-") and len(b) > 4}
    unused = [c for c in CODES if c not in whole and not c.startswith(tuple(beginnings))]
    assert not unused


@pytest.mark.parametrize("package", TEXTS)
def test_an_entry_that_is_read_alone_is_the_same(package: str) -> None:
    everything = catalogue(package)
    assert len(everything) > 20
    assert [code for code, found in everything.items() if entry(code, package=package) != found] == []
    assert entry("nothing-of-that-kind", package=package) == {}
