"""The words of reports for people, and how times and sentences are written in them."""

from datetime import datetime, timedelta, timezone

from esign.texts import Language, text

__all__ = ["VIETNAM", "say", "sentence", "shown"]

VIETNAM = timezone(timedelta(hours=7))
_TEXTS = "esign.reports.texts"


def say(code: str, language: Language, /, **facts: object) -> str:
    """The text `code` in `language`."""
    return text(code, "what", language, facts, package=_TEXTS)


def shown(moment: datetime | None) -> str:
    """A time as people in Vietnam read it, wherever the program runs (ND30 Phụ lục I)."""
    return "—" if moment is None else moment.astimezone(VIETNAM).strftime("%d.%m.%Y %H:%M:%S +07:00")


def sentence(words: str) -> str:
    """`words` as a sentence: texts start small and have no full stop, because they also stand within others."""
    begun = words[:1].upper() + words[1:]
    return begun if begun.endswith((".", "!", "?", ":", "…")) else f"{begun}."
