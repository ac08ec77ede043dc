"""Which language to speak, and the words: texts by code, of this command first and then of the library."""

import os
import sys
from collections.abc import Mapping, Sequence

from esign.reasons import Explanation, Reason
from esign.texts import LANGUAGES, Language, entry, text

__all__ = ["choose", "explain", "known", "say"]

_TEXTS = "esign_cli.texts"
_VARIABLES = ("ESIGN_LANG", "LC_ALL", "LC_MESSAGES", "LANG")
_WINDOWS_VIETNAMESE = 0x2A  # LANG_VIETNAMESE of winnt.h


def choose(argv: Sequence[str] = (), environ: Mapping[str, str] = os.environ) -> Language:
    """`--lang` in `argv`, else ESIGN_LANG, LC_ALL, LC_MESSAGES, LANG, else Windows; English if none is Vietnamese."""
    for option, value in zip(argv, [*argv[1:], ""], strict=False):
        if option == "--":
            break
        found = value if option == "--lang" else option.removeprefix("--lang=") if "--lang=" in option[:7] else ""
        for language in LANGUAGES:
            if found == language:
                return language
    value = next((environ[v] for v in _VARIABLES if environ.get(v)), "")
    return "vi" if value.lower().startswith("vi") or (not value and _windows_is_vietnamese()) else "en"


def _windows_is_vietnamese() -> bool:
    if sys.platform == "win32":
        import ctypes

        return int(ctypes.windll.kernel32.GetUserDefaultUILanguage()) & 0x3FF == _WINDOWS_VIETNAMESE
    else:  # noqa: RET505  # mypy reads one branch of the two, by platform
        return False


def say(code: str, language: Language, /, **facts: object) -> str:
    """The text `code` of this command."""
    return _filled(code, "what", language, _told(facts, language), _TEXTS) or code


def explain(reason: Reason, language: Language) -> Explanation:
    """`reason` in words, whoever's it is; a reason among its facts is told in words as well."""
    package = _TEXTS if entry(reason.code, package=_TEXTS) else "esign.texts"
    facts = _told(reason.facts, language)
    what = _filled(reason.code, "what", language, facts, package) or reason.code
    return Explanation(reason.code, what, _filled(reason.code, "next", language, facts, package))


def known(code: str) -> bool:
    """Whether `code` has a text."""
    return bool(entry(code, package=_TEXTS) or entry(code))


def _filled(code: str, kind: str, language: Language, facts: Mapping[str, object], package: str) -> str:
    try:
        return text(code, kind, language, facts, package=package)
    except KeyError as e:
        # A text that asks for a fact which was not given: the code and the facts say more than a trace would.
        return f"{code} ({', '.join(f'{k}={v}' for k, v in facts.items())}; {e} ?)"


def _told(facts: Mapping[str, object], language: Language) -> dict[str, object]:
    return {k: explain(v, language).what if isinstance(v, Reason) else v for k, v in facts.items()}
