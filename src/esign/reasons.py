"""A reason: the code that machines keep, and the facts that fill its sentence for people.

>>> Reason("pin-refused", {"token": "van-thu"}).explain("en").what
'token van-thu refused the PIN'

Findings of a report and errors carry the same reasons, so a code means one thing everywhere
(docs/spec/reasons.md lists them all).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from esign.texts import Language, text

__all__ = ["Explanation", "Language", "Reason"]


@dataclass(frozen=True, slots=True)
class Explanation:
    """A reason in one language."""

    code: str
    """The reason code, for instance `pin-refused`."""
    what: str
    """What was found, and what was expected."""
    next_step: str
    """What a person can do; empty where nothing needs doing."""


@dataclass(frozen=True, slots=True)
class Reason:
    """A reason code with its facts: ids, counts, labels; never a PIN, a key or personal data."""

    code: str
    """A code of the texts catalogue."""
    facts: Mapping[str, object] = field(default_factory=dict)
    """What fills the sentence; values are printable."""

    def explain(self, language: Language = "vi") -> Explanation:
        """Say it in `language`; a reason among the facts is said in it too."""
        facts = {k: v.explain(language).what if isinstance(v, Reason) else v for k, v in self.facts.items()}
        what = text(self.code, "what", language, facts) or self.code
        return Explanation(self.code, what, text(self.code, "next", language, facts))

    def __str__(self) -> str:
        return self.explain("en").what
