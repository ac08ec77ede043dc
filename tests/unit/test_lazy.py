"""Packages that load their modules late say the same to Python, to type checkers and to readers."""

import ast
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from esign import lazy

ROOT = Path(__file__).parents[2]
PACKAGES = {
    ".".join(path.parent.relative_to(ROOT / source).parts): path
    for source in ("src", "hsm", "cli")
    for path in (ROOT / source).rglob("__init__.py")
    if "lazy.loader(" in path.read_text("utf-8")
}


def told_to_type_checkers(path: Path) -> Iterator[tuple[str, str]]:
    """Each name with its module."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module not in {"typing", "esign"}:
            yield from ((alias.name, str(node.module)) for alias in node.names)


def test_they_are_found() -> None:
    assert {"esign", "esign_hsm", "esign.registry", "esign.pdf", "esign.trust"} <= set(PACKAGES)


@pytest.mark.parametrize("name", PACKAGES)
def test_every_public_name_is_loaded_from_its_home(name: str) -> None:
    package = import_module(name)
    homes = dict(told_to_type_checkers(PACKAGES[name]))
    assert sorted(homes) == sorted(package.__all__)
    for public, module in homes.items():
        assert getattr(package, public) is getattr(import_module(module), public), public


@pytest.mark.parametrize("name", PACKAGES)
def test_no_public_name_is_that_of_a_module(name: str) -> None:
    modules = {path.stem for path in PACKAGES[name].parent.iterdir()}
    assert not modules & set(import_module(name).__all__)


@pytest.mark.parametrize("name", PACKAGES)
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(AttributeError, match=f"module '{name}' has no attribute 'nothing'"):
        _ = import_module(name).nothing


def test_a_name_is_looked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    import esign.codes

    monkeypatch.delattr(esign, "AgencyCode", raising=False)
    found = lazy.loader("esign", {"codes": "AgencyCode"})("AgencyCode")
    assert found is esign.codes.AgencyCode
    assert vars(esign)["AgencyCode"] is found
