"""What people read, in Vietnamese and English, side by side by reason code.

One TOML file per area; each entry says what happened and, where a person can act, what to do next::

    [pin-refused]
    what.vi = "thiết bị {token} từ chối mã PIN"
    what.en = "token {token} refused the PIN"
    next.vi = "…"
    next.en = "…"

A table per reason keeps a translator's two texts on neighbouring lines (docs/adr/0007-texts.md). A command says five of
two thousand texts, so of the files only those tables are parsed that are asked for.
"""

import tomllib
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib.resources import files
from typing import Literal

__all__ = ["LANGUAGES", "Language", "catalogue", "entry", "text"]

Language = Literal["vi", "en"]
LANGUAGES: tuple[Language, ...] = ("vi", "en")

_Entry = Mapping[str, Mapping[str, str]]
_NONE: _Entry = {}


@cache
def catalogue(package: str = __name__) -> Mapping[str, _Entry]:
    """Every entry of the TOML files beside `package`, by code; a code stands in one file only."""
    entries: dict[str, _Entry] = {}
    for name, content in _files(package):
        for code, found in tomllib.loads(content).items():
            if code in entries:
                message = f"text {code} stands twice, again in {name}"
                raise ValueError(message)
            entries[code] = found
    return entries


@lru_cache(maxsize=4096)
def entry(code: str, *, package: str = __name__) -> _Entry:
    """The entry of `code`; empty where there is none."""
    header = f"\n[{code}]\n"
    for _, content in _files(package):
        start = content.find(header)
        if start >= 0:
            end = content.find("\n[", start + len(header))
            found: _Entry = tomllib.loads(content[start : end if end >= 0 else None])[code]
            return found
    return _NONE


def text(code: str, kind: str, language: Language, facts: Mapping[str, object], *, package: str = __name__) -> str:
    """The `kind` ("what" or "next") text of `code`, filled with `facts`; "" where there is none."""
    template = entry(code, package=package).get(kind, {}).get(language, "")
    return template.format_map(facts) if template else ""


@cache
def _files(package: str) -> tuple[tuple[str, str], ...]:
    beside = sorted((f for f in files(package).iterdir() if f.name.endswith(".toml")), key=lambda f: f.name)
    return tuple((f.name, f"\n{f.read_text('utf-8')}") for f in beside)
