"""The sources of the page as they are published: modules in one script, without what only their readers need.

Nothing is translated on the way. Comments, indentation and spaces go, and each module becomes a function that gives what
it exports.
"""

import json
import re
from importlib.resources import files

__all__ = ["script", "source", "style", "words", "worker"]

_FOLDER = files(__package__) / "browser"
_IMPORT = re.compile(r'^import \{([^}]*)\} from "\./(\w+)\.js";$', re.MULTILINE)
_EXPORT = re.compile(r"^export (?:async )?(?:function|class|const) (\w+)", re.MULTILINE)
# Divisions have a space behind them in our sources, regular expressions have not; templates do not nest.
_SPACE = re.compile(
    r"""(?P<kept>"(?:\\.|[^"\\])*"|`(?:\\.|[^`\\])*`|/(?![*/ ])(?:\\.|\[(?:\\.|[^]])*\]|[^/\\\n])+/)
    |[ ]?(?P<sign>[=(){},;:?&|<>*%^!\[\]])[ ]?""",
    re.VERBOSE,
)


def source(name: str) -> str:
    """A file of the folder `browser`."""
    return (_FOLDER / name).read_text("utf-8")


def words(language: str) -> dict[str, str]:
    """What the page says, by key."""
    found: dict[str, str] = json.loads(source(f"words.{language}.json"))
    return found


def style() -> str:
    """The style sheet."""
    return _tight(re.sub(r"/\*.*?\*/", "", source("page.css"), flags=re.DOTALL))


def worker() -> str:
    """The service worker, which is a script of its own."""
    return _tight(_without_comments(source("worker.js")))


def script(first: str) -> str:
    """The module `first` and all that it needs in one script, each a function of its own behind those it imports."""
    done: dict[str, str] = {}

    def add(name: str) -> None:
        if name not in done:
            text = source(f"{name}.js")
            for _, imported in _IMPORT.findall(text):
                add(imported)
            done[name] = _as_function(name, text)

    add(first)
    return _tight("\n".join(done.values()))


def _as_function(name: str, text: str) -> str:
    exported = ", ".join(_EXPORT.findall(text))
    text = _IMPORT.sub(r"const {\1} = $\2;", _without_comments(text))
    text = re.sub(r"^export ", "", text, flags=re.MULTILINE)
    return f"const ${name} = (() => {{\n{text}\nreturn {{ {exported} }};\n}})();"


def _without_comments(text: str) -> str:
    return re.sub(r"(^|\s)// .*$", "", text, flags=re.MULTILINE)


def _tight(text: str) -> str:
    """`text` without the spaces that only people need; what stands in quotes and in regular expressions stays."""
    lean = "\n".join(line.strip() for line in text.splitlines() if line.strip())
    tight = _SPACE.sub(lambda match: match["kept"] or match["sign"], lean)
    # After these signs a statement goes on, or has ended; elsewhere the end of a line may be its semicolon.
    return re.sub(r"(?<=[{;,(])\n", "", tight)
