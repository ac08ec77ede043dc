"""House rules that a machine can hold, beside ruff, mypy and the import contracts of `make lint`."""

import ast
import importlib
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.programs import missing, program

ROOT = Path(__file__).parents[2]
PACKAGES = {"esign": ROOT / "src/esign", "esign_hsm": ROOT / "hsm/esign_hsm", "esign_cli": ROOT / "cli/esign_cli"}


def modules() -> dict[str, Path]:
    """Every module of the three packages by its dotted name; migrations apart, which are run by their path."""
    found = {}
    for package, folder in PACKAGES.items():
        for path in sorted(folder.rglob("*.py")):
            parts = path.relative_to(folder).with_suffix("").parts
            if "migrations" not in parts:
                found[".".join((package, *(p for p in parts if p != "__init__")))] = path
    return found


MODULES = modules()
PUBLIC_PACKAGES = [
    name for name, path in MODULES.items() if path.name == "__init__.py" and "__all__" in path.read_text("utf-8")
]


def tree(name: str) -> ast.Module:
    return ast.parse(MODULES[name].read_text("utf-8"), filename=str(MODULES[name]))


def imports(name: str) -> Iterator[tuple[str, str | None]]:
    """(module, name) of every import; name is None for `import module`."""
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}:{node.lineno}: imports are absolute"
            assert node.module is not None
            yield from ((node.module, alias.name) for alias in node.names)


def top_level(name: str) -> Iterator[ast.stmt]:
    """The statements of a module, and those under `if TYPE_CHECKING:` (names that are loaded when first used)."""
    for node in tree(name).body:
        yield from node.body if isinstance(node, ast.If) else [node]


def test_there_are_modules_to_look_at() -> None:
    assert {"esign.issuance", "esign_hsm.keystore", "esign_cli.main"} <= MODULES.keys()
    assert {"esign", "esign.pdf", "esign.registry", "esign.seal", "esign_hsm"} <= set(PUBLIC_PACKAGES)


@pytest.mark.parametrize("name", PUBLIC_PACKAGES)
def test_a_package_lists_what_it_re_exports(name: str) -> None:
    package = importlib.import_module(name)
    listed: list[str] = package.__all__
    assert [n for n in listed if not hasattr(package, n)] == []
    assert len(listed) == len(set(listed))
    ours = {
        alias.asname or alias.name
        for node in top_level(name)
        if isinstance(node, ast.ImportFrom) and re.match(rf"({'|'.join(PACKAGES)})\.", node.module or "")
        for alias in node.names
    }
    defined = {
        node.name
        for node in top_level(name)
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
    }
    assert (ours | defined) - set(listed) == set(), "imported or defined in the package, but not in its __all__"


@pytest.mark.parametrize("name", MODULES)
def test_a_module_says_its_idea_in_the_first_line(name: str) -> None:
    docstring = ast.get_docstring(tree(name))
    assert docstring, "no docstring"
    first = docstring.splitlines()[0]
    assert first.endswith((".", ":")), f"the first line is not a sentence: {first}"
    # A stop, a space and a capital: a second sentence. Đ.29, §2.3 and "e.g." have no capital or no space.
    assert not re.search(r"[.!?] +[A-ZĐ]", first), f"more than one sentence: {first}"


@pytest.mark.parametrize("name", MODULES)
def test_nothing_private_is_imported_across_packages(name: str) -> None:
    own = name if MODULES[name].name == "__init__.py" else name.rpartition(".")[0]
    for module, imported in imports(name):
        if module.partition(".")[0] not in PACKAGES:
            continue
        path = module.split(".")
        for depth, part in enumerate(path):
            if part.startswith("_") and not part.startswith("__"):
                assert own.startswith(".".join(path[:depth])), f"{module} is private to {'.'.join(path[:depth])}"
        if imported is not None and imported.startswith("_"):
            assert f"{module}.{imported}" in MODULES, f"{imported} is private to {module}"
            assert own.startswith(module), f"{module}.{imported} is private to {module}"


def dataclasses(name: str) -> Iterator[tuple[ast.ClassDef, ast.expr]]:
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.ClassDef):
            for decorator in node.decorator_list:
                called = decorator.func if isinstance(decorator, ast.Call) else decorator
                if isinstance(called, ast.Name) and called.id == "dataclass":
                    yield node, decorator


@pytest.mark.parametrize("name", MODULES)
def test_fields_of_values_have_a_docstring(name: str) -> None:
    bare = [
        f"{node.name}.{field.target.id}"
        for node, _ in dataclasses(name)
        if not node.name.startswith("_")
        for field, after in zip(node.body, [*node.body[1:], None], strict=True)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if not field.target.id.startswith("_")
        if not (isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant))
    ]
    assert bare == []


def tracked() -> list[Path]:
    git = program("git")
    if not (ROOT / ".git").exists():
        raise missing("not a git checkout")
    listed = subprocess.run([git, "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True).stdout
    return [path for name in listed.decode().split("\0") if name and (path := ROOT / name).is_file()]


# The patterns do not match their own spelling here.
MACHINE_PATH = re.compile(rb"(?<![A-Za-z0-9_.])/(?:work|root|home|farm|Users)/")
REGISTRY_HOST = re.compile(
    rb"(?:pypi\.org|pythonhosted\.org|registry\.npmjs\.org|crates\.io|rubygems\.org|proxy\.golang\.org"
    rb"|--(?:extra-)?index-url[ =]|hub\.docker\.com)"
)


@pytest.mark.parametrize(
    ("pattern", "what"),
    [(MACHINE_PATH, "a path of one machine"), (REGISTRY_HOST, "a package registry's host")],
    ids=["machine paths", "registry hosts"],
)
def test_tracked_files_name_no(pattern: re.Pattern[bytes], what: str) -> None:
    found = []
    for path in tracked():
        content = path.read_bytes()
        if b"\0" in content:
            continue
        for number, line in enumerate(content.splitlines(), 1):
            if pattern.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line[:100]!r}")
    assert found == [], what


LINK = re.compile(r"\]\((?!https?://|mailto:)([^)#\s]*)(?:#([^)\s]*))?\)")


def anchors(text: str) -> set[str]:
    """The headings of a Markdown file as links name them."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in headings}


def test_links_in_documents_lead_somewhere() -> None:
    broken = []
    for path in (p for p in tracked() if p.suffix == ".md"):
        text = path.read_text("utf-8")
        for target, anchor in LINK.findall(re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)):
            to = path.parent / target if target else path
            if not to.exists() or (anchor and to.suffix == ".md" and anchor not in anchors(to.read_text("utf-8"))):
                broken.append(f"{path.relative_to(ROOT)}: {target}{'#' if anchor else ''}{anchor}")
    assert broken == []


def test_the_patterns_find_what_they_are_for() -> None:
    assert MACHINE_PATH.search(b"open('/" + b"home/clerk/pin')")
    assert not MACHINE_PATH.search(b"see docs/home/index and a.com/work/x")
    assert LINK.findall("[a](b.md#c) [d](https://e) ![f](g.png)") == [("b.md", "c"), ("g.png", "")]
    assert anchors("# Whom you trust\n## The QR: seal?") == {"whom-you-trust", "the-qr-seal"}
    assert REGISTRY_HOST.search(b"https://py" + b"pi.org/simple")
    assert not REGISTRY_HOST.search(b"pip install --require-hashes -r requirements/dev.txt")
