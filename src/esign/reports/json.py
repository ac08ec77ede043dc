"""A report as JSON, by the published schema (docs/spec/report.schema.json); the members' names are a promise.

Reasons are told as their stable codes, and as sentences in both languages for who reads a stored report years later.
Certificates stay out: their fingerprints name them, and names are shown with personal numbers masked (DESIGN law 8).

>>> to_json(report)["integrity"]
'INTACT'
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any

from esign.names import masked
from esign.reasons import Reason
from esign.report import (
    Block,
    Change,
    Check,
    Integrity,
    Outcome,
    PageDifference,
    SealFinding,
    SignatureReport,
    StandingReport,
    TimestampReport,
    VerificationReport,
)
from esign.reports.answer import Answer, answer_of
from esign.texts import LANGUAGES

__all__ = ["FORMAT", "canonical", "schema", "to_json", "unopened"]

FORMAT = "esign-report/1"
"""What a report says that it is; a reader refuses what it does not know."""


@cache
def schema() -> Mapping[str, Any]:
    """The JSON Schema (draft 2020-12) that every report obeys."""
    found: Mapping[str, Any] = json.loads(files(__package__).joinpath("report.schema.json").read_text("utf-8"))
    return found


def to_json(report: VerificationReport) -> dict[str, object]:
    """`report` as values that JSON knows; pictures of pages are left to the page for people."""
    return {
        "integrity": report.integrity.value,
        "signatures": [_signature(s) for s in report.signatures],
        "reasons": list(dict.fromkeys(r.code for r in report.reasons)),
        "answer": answer_of(report).value,
        "sha256": report.sha256,
        "at": _time(report.at),
        "checks": [_check(c) for c in report.checks],
        "seal": report.seal and _seal(report.seal),
        "standing": report.standing and _standing(report.standing),
        "pages": None if report.pages is None else [_page(p) for p in report.pages],
        "format": FORMAT,
    }


def unopened(code: str, *, at: datetime) -> dict[str, object]:
    """The report on a file that could not even be read, because of `code`."""
    missing = {
        "name": "file",
        "block": Block.FORMAT.value,
        "outcome": Outcome.FAILED.value,
        "clause": "",
        "reason": code,
    }
    return {
        "integrity": Integrity.UNREADABLE.value,
        "signatures": [],
        "reasons": [code],
        "answer": Answer.BAD.value,
        "sha256": None,
        "at": _time(at),
        "checks": [missing],
        "seal": None,
        "standing": None,
        "pages": None,
        "format": FORMAT,
    }


def canonical(value: object) -> bytes:
    """The one spelling of `value` that is digested and signed: RFC 8785 for what reports hold (no floats).

    Raises:
        TypeError: There is a float in it, whose spelling differs from one language to the next.
    """
    _refuse_floats(value)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True, allow_nan=False).encode("utf-8")


def _refuse_floats(value: object) -> None:
    if isinstance(value, float):
        message = "a float has no canonical spelling here"
        raise TypeError(message)
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _refuse_floats(part)


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _said(reason: Reason | None) -> dict[str, object]:
    """The code, and what it says in both languages; a sentence stays out where there is nothing to do."""
    if reason is None:
        return {"reason": None}
    told = {language: reason.explain(language) for language in LANGUAGES}
    next_steps = {language: t.next_step for language, t in told.items()}
    said: dict[str, object] = {"reason": reason.code, "what": {language: t.what for language, t in told.items()}}
    return said | ({"next": next_steps} if any(next_steps.values()) else {})


def _check(check: Check) -> dict[str, object]:
    return {
        "name": check.name,
        "block": check.block.value,
        "outcome": check.outcome.value,
        "clause": check.clause,
        **_said(check.reason),
    }


def _signature(s: SignatureReport) -> dict[str, object]:
    return {
        "kind": s.kind.value,
        "level": s.level,
        "field": s.field_name,
        "signer": masked(s.signer),
        "subject": [{"label": p.label, "value": p.value} for p in s.subject],
        "certificate_sha256": s.certificate_sha256,
        "signing_time": _time(s.signing_time),
        "best_time": _time(s.best_time),
        "mechanism": s.mechanism,
        "policy": s.policy or None,
        "covers_whole_file": s.covers_whole_file,
        "signed_bytes": s.signed_bytes,
        "revision": s.revision,
        "indication": s.indication.value,
        "sub_indication": s.sub_indication.value if s.sub_indication else None,
        "checks": [_check(c) for c in s.checks],
        "timestamps": [_timestamp(t) for t in s.timestamps],
        "changes": [_change(c) for c in s.changes],
    }


def _timestamp(t: TimestampReport) -> dict[str, object]:
    return {
        "kind": t.kind.value,
        "time": _time(t.time),
        "authority": t.authority,
        "certificate_sha256": t.certificate_sha256,
        "indication": t.indication.value,
        "sub_indication": t.sub_indication.value if t.sub_indication else None,
        "checks": [_check(c) for c in t.checks],
    }


def _change(change: Change) -> dict[str, object]:
    return {
        "kind": change.kind.value,
        "permitted": change.permitted,
        "revision": change.revision,
        "page": change.page,
        "field": change.field or None,
        **_said(change.reason),
    }


def _page(page: PageDifference) -> dict[str, object]:
    # Of a thousand: whole numbers have one spelling.
    return {"page": page.page, "signature": page.signature, "per_mille": round(1000 * page.share)}


def _seal(seal: SealFinding) -> dict[str, object]:
    return {
        "number": seal.number,
        "id": seal.result_id,
        "issued_at": _time(seal.issued_at),
        "checks": [_check(c) for c in seal.checks],
    }


def _standing(standing: StandingReport) -> dict[str, object]:
    return {
        "standing": standing.standing.value if standing.standing else None,
        "number": standing.number,
        "history": [
            {"standing": c.standing.value, "at": _time(c.at), "why": c.why, "other": str(c.other) if c.other else None}
            for c in standing.history
        ],
        "checks": [_check(c) for c in standing.checks],
    }
