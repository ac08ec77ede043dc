"""What people read, in Vietnamese and English, side by side by reason code.

One TOML file per area; each entry says what happened and, where a person can act, what to do next::

    [pin-refused]
    what.vi = "thiết bị {token} từ chối mã PIN"
    what.en = "token {token} refused the PIN"
    next.vi = "…"
    next.en = "…"

A table per reason keeps a translator's two texts on neighbouring lines (docs/adr/0007-texts.md).
"""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Literal

__all__ = ["LANGUAGES", "Language", "catalogue", "text"]

Language = Literal["vi", "en"]
LANGUAGES: tuple[Language, ...] = ("vi", "en")

_Entry = Mapping[str, Mapping[str, str]]


@cache
def catalogue(package: str = __name__) -> Mapping[str, _Entry]:
    """Every entry of the TOML files beside `package`, by code; a code stands in one file only."""
    entries: dict[str, _Entry] = {}
    for file in sorted(files(package).iterdir(), key=lambda f: f.name):
        if file.name.endswith(".toml"):
            for code, entry in tomllib.loads(file.read_text("utf-8")).items():
                if code in entries:
                    message = f"text {code} stands twice, again in {file.name}"
                    raise ValueError(message)
                entries[code] = entry
    return entries


def text(code: str, kind: str, language: Language, facts: Mapping[str, object], *, package: str = __name__) -> str:
    """The `kind` ("what" or "next") text of `code`, filled with `facts`; "" where there is none."""
    template = catalogue(package).get(code, {}).get(kind, {}).get(language, "")
    return template.format_map(facts) if template else ""
