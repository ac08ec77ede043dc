"""A report as one HTML page for people who know nothing of PDF: what happened, who signed, what to do now.

The page is a single file: its style inside, no script, nothing fetched, and a policy that forbids both. Every text
stands in it in Vietnamese and in English, and two buttons show one of them. Texts of the document are escaped; names
are masked (DESIGN law 8).

>>> Path("result.report.html").write_text(to_html(report, name="result.pdf"), "utf-8")
"""

import base64
import hashlib
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from esign.names import masked
from esign.reasons import Reason
from esign.report import (
    Change,
    Check,
    Indication,
    Integrity,
    NamePart,
    PageDifference,
    SignatureReport,
    VerificationReport,
)
from esign.reports.answer import answer_of
from esign.reports.story import Chapter, advice, chapters, headline, proof_of_time, why
from esign.reports.words import say, sentence, shown
from esign.texts import Language

__all__ = ["to_html"]

_MOST_REASONS = 8
_ANSWERS = {
    Indication.TOTAL_PASSED.value: "good",
    Indication.TOTAL_FAILED.value: "bad",
    Indication.INDETERMINATE.value: "unknown",
}
# Control and format characters: a right-to-left mark in a name would turn the words around it.
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})


def to_html(report: VerificationReport, *, name: str, language: Language = "vi") -> str:
    """The page on `report`; `name` is what the reader calls the file, `language` the one that is shown first."""
    style = _style()
    digest = base64.b64encode(hashlib.sha256(style.encode("utf-8")).digest()).decode()
    matter = headline(report)
    standing = report.standing
    return (
        _environment()
        .get_template("page.html")
        .render(
            report=report,
            name=_plain(name),
            language=language,
            style=Markup(style),  # noqa: S704 - our own file
            style_hash=f"sha256-{digest}",
            answer=answer_of(report).value,
            answers=_ANSWERS,
            headline=matter,
            todo=_todo(matter),
            broken=report.integrity is Integrity.ALTERED,
            chapters=[_shown_chapter(report, chapter) for chapter in chapters(report)],
            standing=standing and standing.standing and Reason(f"standing-is-{standing.standing.value}"),
            history=[
                {"at": c.at, "word": Reason(f"standing-is-{c.standing.value}"), "why": _plain(c.why)}
                for c in (standing.history if standing else ())
            ],
            advice=list(_steps(advice(report))),
        )
    )


def _todo(matter: str) -> str:
    own = {"good", "unknown", "unsigned", "in-force"}
    return f"headline-{matter if matter in own else 'bad'}-do"


def _steps(reasons: Iterable[Reason]) -> Iterator[Reason]:
    """Each advice once: several reasons send the reader to the same place."""
    seen = {""}
    for reason in reasons:
        step = reason.explain("vi").next_step
        if step not in seen:
            seen.add(step)
            yield reason


@dataclass(frozen=True, slots=True, kw_only=True)
class _Group:
    """Changes of one category."""

    kind: str
    pages: str
    fields: str
    reasons: tuple[Reason, ...]
    more: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _ShownChapter:
    """A chapter, as the template prints it."""

    position: int
    signature: SignatureReport
    name: str
    organisation: str
    title: str
    proof: str | None
    refused: tuple[_Group, ...]
    allowed: tuple[_Group, ...]
    pages: tuple[PageDifference, ...]
    checks: tuple[Check, ...]


def _shown_chapter(report: VerificationReport, chapter: Chapter) -> _ShownChapter:
    s = chapter.signature
    proof = proof_of_time(report, s)
    organisation = [*_values(s.subject, "OU"), *_values(s.subject, "O")]
    return _ShownChapter(
        position=chapter.position,
        signature=s,
        name=_plain(", ".join(_values(s.subject, "CN")) or masked(s.signer)),
        organisation=_plain(" · ".join(dict.fromkeys(organisation))),
        title=_plain(", ".join(_values(s.subject, "T"))),
        proof=None if proof is None else _plain(masked(proof)),
        refused=tuple(_groups(c for c in chapter.changes if not c.permitted)),
        allowed=tuple(_groups(c for c in chapter.changes if c.permitted)),
        pages=chapter.pages,
        checks=(*s.checks, *(check for stamp in s.timestamps for check in stamp.checks)),
    )


def _values(subject: Iterable[NamePart], label: str) -> list[str]:
    return [part.value for part in subject if part.label == label]


def _groups(changes: Iterable[Change]) -> Iterator[_Group]:
    by_kind: dict[str, list[Change]] = {}
    for change in changes:
        by_kind.setdefault(change.kind.value, []).append(change)
    for kind, found in by_kind.items():
        reasons = list({c.reason.explain("vi").what: c.reason for c in found}.values())
        pages = sorted({c.page for c in found if c.page is not None})
        yield _Group(
            kind=kind,
            pages=", ".join(map(str, pages)),
            fields=_plain(", ".join(dict.fromkeys(c.field for c in found if c.field))),
            reasons=tuple(reasons[:_MOST_REASONS]),
            more=len(reasons[_MOST_REASONS:]),
        )


def _plain(text: str) -> str:
    return "".join("\ufffd" if unicodedata.category(c) in _UNSAFE else c for c in text)


def _begun(words: str) -> str:
    return words[:1].upper() + words[1:]


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _moment(moment: datetime | None) -> str:
    return shown(moment)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("esign.reports"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    filters: Mapping[str, object] = {"sentence": sentence, "begun": _begun, "moment": _moment, "base64": _base64}
    environment.filters.update(filters)
    environment.globals.update(say=say, reason_of=why)
    return environment


@cache
def _style() -> str:
    source, *_ = PackageLoader("esign.reports").get_source(_environment(), "page.css")
    return source
