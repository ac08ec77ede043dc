"""A reason: the code that machines keep, and the facts that fill its sentence for people.

>>> Reason("pin-refused", {"token": "van-thu"}).explain("en").what
'token van-thu refused the PIN'

Findings of a report and errors carry the same reasons, so a code means one thing everywhere
(docs/spec/reasons.md lists them all).
"""

import errno
from collections.abc import Mapping
from dataclasses import dataclass, field

from esign.texts import Language, text

__all__ = ["Explanation", "Language", "Reason", "system_problem"]


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
        try:
            what = text(self.code, "what", language, facts) or _bare(self.code, facts)
            return Explanation(self.code, what, text(self.code, "next", language, facts))
        except KeyError:
            # A sentence that asks for a fact which was not given: code and facts say more than a trace would.
            return Explanation(self.code, _bare(self.code, facts), "")

    def __str__(self) -> str:
        return self.explain("en").what


def _bare(code: str, facts: Mapping[str, object]) -> str:
    """A code of another package, whose texts are not known here, still says what it is about."""
    return f"{code} ({', '.join(f'{k}={v}' for k, v in facts.items())})" if facts else code


_SYSTEM = {
    errno.ENOENT: "system-not-found",
    errno.EACCES: "system-not-permitted",
    errno.EPERM: "system-not-permitted",
    errno.EISDIR: "system-is-folder",
    errno.ENOTDIR: "system-not-folder",
    errno.EEXIST: "system-exists",
    errno.ENOSPC: "system-disk-full",
    errno.EDQUOT: "system-disk-full",
    errno.EROFS: "system-read-only",
    errno.ENAMETOOLONG: "system-name-too-long",
    errno.EIO: "system-disk-fault",
}


def system_problem(error: OSError) -> Reason | str:
    """What the system said, as a fact for a reason: in words where they are known, for systems speak English."""
    code = _SYSTEM.get(error.errno or 0)
    return Reason(code) if code else error.strerror or type(error).__name__
