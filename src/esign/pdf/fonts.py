"""The fonts that pages are set in: found once, checked for every Vietnamese letter, named in the record.

ND30 Phụ lục I, I.2 asks for Times New Roman, which cannot be shipped. It is used where it is installed, else a family
with the same widths, else the one inside typst (docs/adr/0005-fonts.md).
"""

import re
import shutil
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import typst

from esign.errors import ConfigurationError
from esign.pdf._folder import Folder
from esign.reasons import Reason

__all__ = ["FAMILIES", "VIETNAMESE", "FontSet", "missing_glyph"]

FAMILIES = ("Times New Roman", "Liberation Serif", "Tinos", "Libertinus Serif")
"""In order of preference; the second and third have the widths of the first, the last is inside typst."""

_VOWELS = "aăâeêioôơuưy"
_TONES = ("", "\u0300", "\u0309", "\u0303", "\u0301", "\u0323")

VIETNAMESE = (
    "".join(
        case(unicodedata.normalize("NFC", vowel + tone))
        for case in (str.lower, str.upper)
        for vowel in _VOWELS
        for tone in _TONES
    )
    + "".join(chr(c) for c in range(0x20, 0x7F))
    + "đĐ–—…“”‘’₫²³°×½"
)
"""Every letter of every Vietnamese syllable, and what else the templates print."""

_STYLES = frozenset({("normal", 400), ("normal", 700), ("italic", 400), ("italic", 700)})
_MISSING = re.compile(r'the text `"(.*?)"` could not be displayed', re.DOTALL)
_ESCAPE = re.compile(r"\\u\{([0-9a-fA-F]+)\}|\\(.)", re.DOTALL)
_PROBE = b"""#set text(font: sys.inputs.family, fallback: false)
#set page(height: auto)
#sys.inputs.text *#sys.inputs.text* _#sys.inputs.text _ *_#sys.inputs.text _*
"""
# A text with more different missing characters than this is not one to list in full.
_MOST_MISSING = 16
# So many name the trouble with a font.
_ENOUGH = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class FontSet:
    """One family in its four styles, and typst's own monospaced one; everything is set with these alone."""

    family: str
    """What was chosen; the record of a result says it."""
    files: tuple[Path, ...] = ()
    """Where it is installed; empty for the family inside typst."""
    passed_over: tuple[Reason, ...] = field(default=(), compare=False)
    """Families that come before it and cannot be used, and why: `font-absent`, `font-incomplete`."""
    handle: typst.Fonts = field(repr=False, compare=False)
    """typst's list, short so that a compiler starts quickly (only `esign.pdf` uses it)."""
    folder: Folder | None = field(default=None, repr=False, compare=False)
    """Keeps `files` alone in a folder, the only form in which typst takes fonts."""

    @classmethod
    def find(cls, families: Sequence[str] = FAMILIES) -> "FontSet":
        """The first of `families` that is installed, has four styles and every Vietnamese letter.

        Raises:
            ConfigurationError: `fonts-not-found`: none of them.
        """
        return _find(tuple(families))

    def missing(self, text: str, *, most: int = _MOST_MISSING) -> tuple[str, ...]:
        """The code points of `text` (in NFC) for which the family has no glyph in one of its styles, as `U+4E2D`.

        After `most` of them the search ends.
        """
        left = "".join(sorted(set(unicodedata.normalize("NFC", text)) - set("\n\r\t")))
        found: list[str] = []
        while left and len(found) < most:
            cluster = _first_missing(self.family, self.handle, left)
            if not cluster:
                break
            found += [f"U+{ord(c):04X}" for c in cluster]
            left = "".join(c for c in left if c not in cluster)
        return tuple(found)


def missing_glyph(message: str) -> str:
    """What typst could not show, out of its message; "" for any other message.

    PDF/A forbids .notdef (ISO 19005-2 §6.2.11.8), and typst's PDF/A export refuses it: rendering is the glyph check.
    """
    found = _MISSING.search(message)
    if not found:
        return ""
    return _ESCAPE.sub(lambda m: chr(int(m[1], 16)) if m[1] else m[2], found[1])


def _first_missing(family: str, fonts: typst.Fonts, text: str) -> str:
    # Spaces keep letters from joining into clusters; combining marks stay with the space before them.
    inputs = {"family": family, "text": " ".join(text)}
    try:
        typst.Compiler(_PROBE, font_paths=fonts, sys_inputs=inputs).compile(
            format="pdf", pdf_standards="a-2b", timestamp=0
        )
    except typst.TypstError as e:
        cluster = missing_glyph(e.message)
        if not cluster:
            raise
        return "".join(c for c in cluster if c in text) or cluster
    return ""


@cache
def _find(families: tuple[str, ...]) -> FontSet:
    passed_over: list[Reason] = []
    installed = _installed(families)
    for family in families:
        places = installed.get(family, {})
        if not places:
            passed_over.append(Reason("font-absent", {"family": family}))
        # Two versions of a family may be installed, and typst would mix them: Debian 12 has Liberation 1.07, without
        # Vietnamese letters, beside 2.1. Each folder is judged by itself; `liberation2` before `liberation`, for each
        # letter that is missing costs a page.
        for folder, files in sorted(places.items(), key=lambda place: str(place[0] or ""), reverse=True):
            candidate = _load(family, files, tuple(passed_over))
            lacking = _lacking(candidate)
            if not lacking:
                return candidate
            facts = {"family": family, "folder": str(folder or "typst"), "lacking": lacking}
            passed_over.append(Reason("font-incomplete", facts))
    raise ConfigurationError("fonts-not-found", families=", ".join(families))


def _installed(families: tuple[str, ...]) -> dict[str, dict[Path | None, tuple[Path, ...]]]:
    found: dict[str, dict[Path | None, tuple[Path, ...]]] = {}
    for font in typst.Fonts(include_system_fonts=True, include_embedded_fonts=True).fonts():
        if font.family in families:
            file = Path(font.path) if font.path else None
            places = found.setdefault(font.family, {})
            files = places.setdefault(file.parent if file else None, ())
            if file and file not in files:
                places[file.parent] = (*files, file)
    return found


def _load(family: str, files: tuple[Path, ...], passed_over: tuple[Reason, ...]) -> FontSet:
    folder = None
    if files:
        folder = Folder("esign-fonts-")
        for file in files:
            shutil.copyfile(file, folder.path / file.name)
    fonts = typst.Fonts(include_system_fonts=False, font_paths=[str(folder.path)] if folder else [])
    return FontSet(family=family, files=files, passed_over=passed_over, handle=fonts, folder=folder)


def _lacking(fonts: FontSet) -> str:
    styles = {(f.style, f.weight) for f in fonts.handle.fonts() if f.family == fonts.family}
    lacking = [f"{style} {weight}" for style, weight in sorted(_STYLES - styles)]
    return ", ".join(lacking or fonts.missing(VIETNAMESE, most=_ENOUGH))
