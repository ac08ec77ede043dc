"""A typst project that is compiled again and again with new inputs: the only module that runs the compiler.

What a project may see is what it was given: its files are copied into a folder of their own, which typst does not
let it leave; packages, which typst would fetch from the network, are refused before it starts.
"""

import json
import re
import unicodedata
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from typing import Any, Literal, cast

import typst

from esign.errors import InputError, PreflightError
from esign.pdf._folder import Folder
from esign.pdf.fonts import FontSet, missing_glyph
from esign.reasons import Reason

__all__ = ["Project", "Typeset", "nfc", "refuse_packages"]

Standard = Literal["a-2b", "a-3b"]

# typst fetches what a string like "@namespace/name:version" names, and `eval`, escapes and computed paths could build
# one. So a path is written out, plainly, right after the word; in comments too, for what is a comment depends on a
# parse that an attacker would bend.
_IMPORT = re.compile(r"(?<![\w-])(?:(?:import|include)(?![\w-])(?!\s*\"[\w./ -]+\")|eval(?![\w-]))|\"\s*@")
_LONGEST_MESSAGE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Typeset:
    """One compiled document."""

    pdf: bytes = field(repr=False)
    """Without a trace of the time or the machine: the same inputs give the same bytes."""
    places: tuple[Mapping[str, Any], ...]
    """The values of all `<esign-place>` labels."""


class Project:
    """Files of a typst project; `main` is compiled. Safe to use from several threads.

    Each thread borrows a compiler or makes one, because typst lets the others run while it works.
    """

    def __init__(self, name: str, files: Mapping[str, bytes], *, main: str, fonts: FontSet) -> None:
        self._name = name
        self._files = dict(files)
        self._main = main
        self._fonts = fonts
        self._folder = Folder("esign-typst-")
        self._root = self._folder.path / "root"
        self._staging = Lock()
        self._idle: deque[typst.Compiler] = deque()

    def typeset(
        self, inputs: Mapping[str, object], *, at: datetime, standard: Standard = "a-2b", tags: bool = True
    ) -> Typeset:
        """Compile with `inputs`, in NFC, as `sys.inputs.input` (JSON); `at` is the document's date.

        Raises:
            PreflightError: `glyph-missing`.
            InputError: `template-broken`, `template-font-unknown`.
        """
        self._stage()
        try:
            compiler = self._idle.pop()
        except IndexError:
            compiler = self._compiler()
        try:
            pdf, warnings = compiler.compile_with_warnings(
                format="pdf",
                sys_inputs={"input": json.dumps(nfc(inputs), ensure_ascii=False, allow_nan=False)},
                pdf_standards=standard,
                timestamp=at.replace(microsecond=0),  # typst refuses fractions of a second
                pdf_tags=tags,
            )
            for warning in warnings:
                # typst drops text whose family it does not know, and says no more than this.
                if "unknown font family" in warning.message:
                    raise InputError("template-font-unknown", template=self._name, problem=warning.message)
            places = json.loads(compiler.query("<esign-place>", field="value"))
        except RuntimeError as e:  # TypstError is one, and `query` raises the plain kind too
            raise self._explained(e) from e
        finally:
            self._idle.append(compiler)
        return Typeset(pdf=cast("bytes", pdf), places=tuple(places))

    def _compiler(self) -> typst.Compiler:
        nowhere = str(self._folder.path / "no-packages")
        return typst.Compiler(
            str(self._root / self._main),
            root=str(self._root),
            font_paths=self._fonts.handle,
            package_path=nowhere,
            package_cache_path=nowhere,
        )

    def _stage(self) -> None:
        # A service runs for weeks, and what is in /tmp is cleared now and then.
        with self._staging:
            for name, content in self._files.items():
                file = self._root / name
                if not file.exists():
                    file.parent.mkdir(parents=True, exist_ok=True)
                    file.write_bytes(content)

    def _explained(self, error: RuntimeError) -> InputError:
        message = str(getattr(error, "message", error))
        cluster = missing_glyph(message)
        if cluster:
            points = " ".join(f"U+{ord(c):04X}" for c in cluster[:4])
            facts = {"codepoint": points, "font": self._fonts.family}
            return PreflightError("glyph-missing", findings=(Reason("glyph-missing", facts),), **facts)
        return InputError("template-broken", template=self._name, problem=message[:_LONGEST_MESSAGE])


def nfc(value: object) -> object:
    """`value`, a JSON value, with every text in Unicode normal form C: fonts have glyphs for that form."""
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value)
    if isinstance(value, Mapping):
        return {str(nfc(k)): nfc(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [nfc(v) for v in value]
    return value


def refuse_packages(name: str, files: Mapping[str, bytes]) -> None:
    """Raise `template-imports-package` where a typst source could load a package.

    Stricter than needed: only `import "a/literal/path"` passes.
    """
    for file, content in files.items():
        if file.endswith(".typ") and _IMPORT.search(content.decode("utf-8", "replace")):
            raise InputError("template-imports-package", template=name, file=file)
