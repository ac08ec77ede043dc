"""The page as it is put together: small, complete, in both languages, and under a policy that names what it holds."""

import base64
import hashlib
import json
import re
import tomllib
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest

import esign.citizen
from esign.citizen import Page
from esign.seal import State
from esign.seal.list_keys import AgencyRange, Root
from tests.support.site import point

SOURCES = Path(esign.citizen.__file__).parent / "browser"
MODULES = sorted(SOURCES.glob("*.js"))
PAGE = Page(host="q.gov.vn", roots=(Root(name="vn", public_key=point("root"), agencies=AgencyRange(1, 2)),))


class Reader(HTMLParser):
    """Elements with their attributes, and the text of scripts and styles."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.is_open = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.texts.append("")

        self.is_open = True

    def handle_endtag(self, tag: str) -> None:
        self.is_open = False

    def handle_data(self, data: str) -> None:
        if self.is_open:
            self.texts[-1] += data

    def text_of(self, tag: str, **attributes: str) -> str:
        found = [
            text
            for (name, attrs), text in zip(self.elements, self.texts, strict=True)
            if name == tag and attributes.items() <= attrs.items()
        ]
        assert len(found) == 1, (tag, attributes)
        return found[0]


def words(language: str) -> dict[str, str]:
    found: dict[str, str] = json.loads((SOURCES / f"words.{language}.json").read_text("utf-8"))
    return found


def test_the_page_and_its_worker_have_less_than_60_kb() -> None:
    files = PAGE.files()
    assert len(files["/1"]) + len(files["/worker.js"]) < 60_000
    assert files["/"] == files["/1"] == files["/p"]


def test_the_policy_names_script_and_style_by_their_hashes() -> None:
    html = PAGE.html()
    reader = Reader(html)
    policy = next(a["content"] for t, a in reader.elements if a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    for name, text in (("script-src", reader.text_of("script", type="module")), ("style-src", reader.text_of("style"))):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{name} 'sha256-{digest}';" in policy
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    assert PAGE.headers()["Content-Security-Policy"] == f"{policy}; frame-ancestors 'none'"
    # A policy in the document counts only for what comes after it.
    assert html.index("Content-Security-Policy") < html.index("<style>") < html.index("<script")


def test_nothing_in_it_comes_from_elsewhere_or_runs_in_attributes() -> None:
    reader = Reader(PAGE.html())
    for tag, attributes in reader.elements:
        assert not any(name.startswith("on") or name == "style" for name in attributes), tag
        assert "src" not in attributes, tag
        assert (attributes.get("href") or "#").startswith(("#", "data:,")), tag
    for path in SOURCES.iterdir():
        addresses = set(re.findall(r"https?://[\w.-]+\.\w+", path.read_text("utf-8")))
        assert addresses <= {"http://www.w3.org"}, path.name


def test_a_kit_holds_both_languages_and_its_files_and_may_ask_its_host() -> None:
    data = b"</script><script>alert(1)</script>" * 3
    html = PAGE.kit({"https://q.gov.vn/s/0.cwt": data}, at=datetime(2026, 11, 22, tzinfo=UTC))
    reader = Reader(html)
    kit = json.loads(reader.text_of("script", id="kit"))
    assert base64.b64decode(kit["files"]["https://q.gov.vn/s/0.cwt"]) == data
    assert kit["at"] == 1795305600
    assert json.loads(reader.text_of("script", id="words-en")) == words("en")
    assert "connect-src 'self' https://q.gov.vn;" in html
    assert sum(tag == "script" for tag, _ in reader.elements) == 5


def test_the_configuration_is_in_the_page() -> None:
    page = Page(host="q.gov.vn", roots=PAGE.roots, has_lookup=True, check_service="https://k.gov.vn/</script>")
    config = json.loads(Reader(page.html()).text_of("script", id="config"))
    assert config == {
        "host": "q.gov.vn",
        "roots": [{"name": "vn", "key": base64.b64encode(point("root")).decode(), "first": 1, "last": 2}],
        "lookup": True,
        "service": "https://k.gov.vn/</script>",
    }
    assert '<form method="post" action="/lookup">' in page.html()
    assert "<form" not in PAGE.html()


def test_both_languages_say_everything() -> None:
    vi, en = words("vi"), words("en")
    assert vi.keys() == en.keys()
    for key, sentence in vi.items():
        assert sentence.strip()
        assert set(re.findall(r"\{(\w+)\}", sentence)) == set(re.findall(r"\{(\w+)\}", en[key])), key
    used = {key for path in MODULES for key in re.findall(r'say\("(\w+)"', path.read_text("utf-8"))}
    assert used <= vi.keys()


def test_every_state_has_a_look_and_words() -> None:
    source = (SOURCES / "result.js").read_text("utf-8")
    looks = set(re.findall(r'^  "?([a-z-]+)"?: "\w+ \w+",$', source, re.MULTILINE))
    assert {state.value for state in State} <= looks
    for look in looks:
        assert {f"{look}.title", f"{look}.text", f"{look}.advice"} <= words("vi").keys()
    shapes = set(re.findall(r'"(?:good|bad|gone|care|past|open) (\w+)"', source))
    assert shapes <= set(re.findall(r'<symbol id="(\w+)"', (SOURCES / "page.html").read_text("utf-8")))


def test_no_two_modules_have_the_same_name_for_different_things() -> None:
    top = r"^(?:export )?(?:async )?(?:function\*?|class|const|let) (\w+|\[[^\]]*\]|\{[^}]*\})"
    owners: dict[str, str] = {}
    for path in MODULES:
        if path.stem == "worker":
            continue
        for found in re.findall(top, path.read_text("utf-8"), re.MULTILINE):
            for name in re.findall(r"\w+", found):
                assert owners.setdefault(name, path.stem) == path.stem, name
    assert len(owners) > 100


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.name)
def test_sources_keep_to_what_assembling_relies_on(path: Path) -> None:
    text = path.read_text("utf-8")
    assert text.startswith("// "), "a module says its idea in the first line"
    code = re.sub(r"(^|\s)// .*$", "", text, flags=re.MULTILINE)
    for line in code.splitlines():
        if "import" in line and " from " in line:
            assert re.fullmatch(r'import \{ [\w, ]+ \} from "\./\w+\.js";', line), line
        assert not line.startswith("export default"), line
    assert [line for line in text.splitlines() if len(line) > 120] == []
    # No template within a template, no comment that is not on a line's end, no string over two lines.
    for line in code.splitlines():
        assert line.count("`") % 2 == 0, line
        assert "/*" not in line.replace('"image/*"', ""), line
        for template in re.findall(r"`[^`]*`", line):
            assert template.count("${") == len(re.findall(r"\$\{[^}]*\}", template)), line


def test_codes_are_those_of_the_catalogue() -> None:
    """Findings of the page have the names of Python's; two that only a reader with a network has stand in page.md."""
    texts = Path(esign.citizen.__file__).parents[1] / "texts"
    known = {code for path in texts.glob("*.toml") for code in tomllib.loads(path.read_text("utf-8"))}
    shape = r'"((?:seal|cose|status|trust-list|unknown)-[a-z-]+)"'
    used = {code for path in MODULES for code in re.findall(shape, path.read_text("utf-8"))}
    states = {state.value for state in State}
    spec = (Path(__file__).parents[3] / "docs/spec/page.md").read_text("utf-8")
    assert len(used) > 30
    assert {code for code in used - known - states if f"`{code}`" not in spec} == set()
