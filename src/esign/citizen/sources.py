"""The sources of the page as they are published: modules in one script, without what only their readers need.

Nothing is translated or renamed on the way: comments, indentation and spaces go, and the lines that tie modules
together.
"""

import json
import re
from importlib.resources import files

__all__ = ["script", "source", "style", "words", "worker"]

_FOLDER = files(__package__) / "browser"
_IMPORT = re.compile(r'^import \{[^}]*\} from "\./(\w+)\.js";$', re.MULTILINE)
# Strings and regular expressions are kept. Divisions have a space behind them in our sources, regular expressions have
# not; templates do not nest.
_SPACE = re.compile(
    r"""(?P<kept>"(?:\\.|[^"\\])*"|`(?:\\.|[^`\\])*`|/(?![*/ ])(?:\\.|\[(?:\\.|[^]])*\]|[^/\\\n])+/)
    |[ ]?(?P<sign>[=(){},;:?&|<>*%^!\[\]]|(?<=[ ])[-+/](?=[ ]))[ ]?""",
    re.VERBOSE,
)
# Where a statement goes on or has ended; at other ends of lines there may be no semicolon.
_LINE_END = re.compile(r"(?<=[{;,(&|?:=>])\n|(?<=\})\n(?=\})|\n(?=[?:.)\]])")


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
    """The module `first` behind all that it needs, in one scope: no two of them use a name at their top level."""
    done: dict[str, str] = {}

    def add(name: str) -> None:
        if name not in done:
            text = source(f"{name}.js")
            for imported in _IMPORT.findall(text):
                add(imported)
            done[name] = re.sub(r"^export ", "", _IMPORT.sub("", _without_comments(text)), flags=re.MULTILINE)

    add(first)
    return _tight("\n".join(done.values()))


def _without_comments(text: str) -> str:
    return re.sub(r"(^|\s)// .*$", "", text, flags=re.MULTILINE)


def _tight(text: str) -> str:
    """`text` without the spaces that only people need."""
    lean = "\n".join(line.strip() for line in text.splitlines() if line.strip())
    return _LINE_END.sub("", _SPACE.sub(lambda match: match["kept"] or match["sign"], lean))
