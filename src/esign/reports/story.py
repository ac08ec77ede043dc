"""What happened to a document, in the order in which people would tell it: the headline, then one thing after another.

It decides nothing: it puts what the verifier found in the words and the order of somebody who knows nothing of PDF.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from esign.reasons import Reason
from esign.report import (
    Change,
    Check,
    Indication,
    Integrity,
    Outcome,
    PageDifference,
    SignatureKind,
    SignatureReport,
    SubIndication,
    VerificationReport,
)
from esign.reports.answer import Answer, answer_of, only_standing_failed

__all__ = ["Chapter", "advice", "chapters", "headline", "proof_of_time", "why"]

_DIFFERS = frozenset({SubIndication.HASH_FAILURE})
_FORGED = frozenset({SubIndication.SIG_CRYPTO_FAILURE})
_MEANING = {
    Integrity.UNSIGNED: "unsigned",
    Integrity.UNREADABLE: "unreadable",
}


def headline(report: VerificationReport) -> str:
    """What is the matter, as a part of codes: `changed` of `headline-changed` and `headline-changed-means`."""
    answer = answer_of(report)
    if answer is not Answer.BAD:
        return "good" if answer is Answer.GOOD else "unknown"
    if report.integrity in _MEANING:
        return _MEANING[report.integrity]
    if report.integrity is Integrity.ALTERED:
        return _how_altered(report)
    return "in-force" if only_standing_failed(report) else _what_failed(report)


def _how_altered(report: VerificationReport) -> str:
    subs = {s.sub_indication for s in report.signatures}
    if subs & _DIFFERS:
        return "differs"
    if subs & _FORGED:
        return "forged"
    failed = {c.name for c in report.all_checks() if c.outcome is Outcome.FAILED}
    refused = any(not change.permitted for s in report.signatures for change in s.changes)
    return "changed" if refused or failed & {"modifications", "release-fields"} else "tampered"


def _what_failed(report: VerificationReport) -> str:
    parts = ((report.seal, "seal"), (report.standing, "register"))
    for part, name in parts:
        if part is not None and any(c.outcome is Outcome.FAILED for c in part.checks):
            return name
    if any(c.name == "original" and c.outcome is Outcome.FAILED for c in report.checks):
        return "original"
    failed = any(s.indication is Indication.TOTAL_FAILED for s in report.signatures)
    return "failed" if failed else "other"


def why(checks: Sequence[Check]) -> Reason | None:
    """The reason that decided: the first failure, else the first thing that is not known."""
    for outcome in (Outcome.FAILED, Outcome.UNKNOWN):
        found = next((c.reason for c in checks if c.outcome is outcome and c.reason is not None), None)
        if found is not None:
            return found
    return None


def proof_of_time(report: VerificationReport, signature: SignatureReport) -> str | None:
    """Who proves when `signature` existed at the latest: an authority's name, "" for one without; None: nobody does."""
    if signature.best_time is None or signature.best_time >= report.at:
        return None
    stamps = [t for t in signature.timestamps if t.time == signature.best_time]
    later = [
        s for s in report.signatures if s.kind is SignatureKind.TIMESTAMP and s.signing_time == signature.best_time
    ]
    return next((t.authority for t in stamps), None) or next((s.signer for s in later), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """One signature, and what became of the document until the next one."""

    position: int
    """Of the signature, from 1."""
    signature: SignatureReport
    """Who signed, and how that is judged."""
    changes: tuple[Change, ...]
    """What the revisions between this signature and the next did; permitted only where every earlier one permits."""
    pages: tuple[PageDifference, ...]
    """The pages that look different at the end of the chapter."""


def chapters(report: VerificationReport) -> tuple[Chapter, ...]:
    """The history of the document, signature by signature."""
    ends = [s.revision for s in report.signatures]
    found = []
    for position, signature in enumerate(report.signatures):
        following = [r for r in ends[position + 1 :] if r > signature.revision]
        until = min(following) if following else None
        found.append(
            Chapter(
                position=position + 1,
                signature=signature,
                changes=tuple(_between(report.signatures[: position + 1], signature.revision, until)),
                pages=tuple(p for p in report.pages or () if p.signature == position),
            )
        )
    return tuple(found)


def _between(signatures: Sequence[SignatureReport], after: int, until: int | None) -> Iterator[Change]:
    """Every change once; the strictest signature decides whether it was permitted.

    What the next signature's own revision did is told here, before it: its author put it there.
    """
    strictest: dict[tuple[object, ...], Change] = {}
    for signature in signatures:
        for change in signature.changes:
            if change.revision > after and (until is None or change.revision <= until):
                facts = tuple(sorted((k, str(v)) for k, v in change.reason.facts.items()))
                key = (change.kind, change.reason.code, facts, change.page, change.field)
                if key not in strictest or not change.permitted:
                    strictest[key] = change
    yield from sorted(strictest.values(), key=lambda c: (c.permitted, c.revision, c.page or 0))


def advice(report: VerificationReport) -> tuple[Reason, ...]:
    """The reasons that say what can be done, each once, failures first."""
    known = [c for c in report.all_checks() if c.outcome in {Outcome.FAILED, Outcome.UNKNOWN}]
    ordered = sorted(known, key=lambda c: c.outcome is not Outcome.FAILED)
    return tuple({c.reason.code: c.reason for c in ordered if c.reason is not None}.values())
