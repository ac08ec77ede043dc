"""One word for the whole answer about a seal, as Python, the page and apps say it (docs/spec/status.md §10).

The JSON form has a schema: docs/spec/verdict.schema.json.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum

from esign.report import Outcome
from esign.seal.keys import SealKey
from esign.seal.shard import Entry
from esign.seal.status import Freshness, StatusAnswer
from esign.seal.status_details import Corrected, OtherResult, Replaced
from esign.seal.token import SealToken
from esign.seal.trust_list import Procedure, TrustList
from esign.seal.verification import SealReport

__all__ = ["State", "Verdict", "judge"]

_VERSION = 1


class State(Enum):
    """What a reader is told, the first that applies."""

    NOT_GENUINE = "not-genuine"
    """A check of the seal failed."""
    WRONG_HOST = "wrong-host"
    """Genuine by itself, and found on a site that is not the agency's."""
    NEWER_VERSION = "newer-version"
    """This reader is too old to tell."""
    UNKNOWN_KEY = "unknown-key"
    """The issuer is in no list that the reader has."""
    CHECK_CLOCK = "check-clock"
    """Something signed comes from the future."""
    KEY_DOUBTFUL = "key-doubtful"
    """The key was revoked later than the seal says that it was made."""
    WITHDRAWN = "withdrawn"
    """Đã thu hồi; final."""
    REPLACED = "replaced"
    """Đã thay thế; final."""
    EXPIRED = "expired"
    """Its own end has passed."""
    STATUS_UNKNOWN = "status-unknown"
    """Genuine; what holds today is not known."""
    NOT_ISSUED = "not-issued"
    """The register never committed it."""
    SUSPENDED = "suspended"
    """Tạm ngừng hiệu lực."""
    CORRECTED = "corrected"
    """In force together with its correction."""
    IN_FORCE = "in-force"
    """In force."""

    @property
    def proven(self) -> bool:
        """Whether what the seal says is its issuer's word."""
        return self not in _UNPROVEN


_UNPROVEN = {State.NOT_GENUINE, State.WRONG_HOST, State.NEWER_VERSION, State.UNKNOWN_KEY, State.CHECK_CLOCK}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The answer about one seal."""

    state: State
    """In one word."""
    report: SealReport
    """Every check and finding behind it."""
    procedure: Procedure | None = None
    """What kind of result it is, where the trust list says and it may be shown."""

    @property
    def freshness(self) -> Freshness | None:
        """How fresh the status behind the state is; None where the state does not rest on it."""
        return self.report.status.freshness if self.state.proven and self.report.status else None

    @property
    def corrected_by(self) -> tuple[OtherResult, ...]:
        """What corrects it, oldest first."""
        detail = self.report.status.detail if self.state is State.CORRECTED and self.report.status else None
        return detail.by if isinstance(detail, Corrected) else ()

    @property
    def replaced_by(self) -> OtherResult | None:
        """What stands in its place."""
        detail = self.report.status.detail if self.state is State.REPLACED and self.report.status else None
        return detail.by if isinstance(detail, Replaced) else None

    def to_json(self) -> Mapping[str, object]:
        """The verdict as data; what the seal says is left out unless it is proven."""
        report, status = self.report, self.report.status
        return {
            "version": _VERSION,
            "state": self.state.value,
            "at": _shown(report.at),
            "freshness": self.freshness.value if self.freshness else None,
            "status_as_of": _shown(status.as_of) if status and status.as_of and self.state.proven else None,
            "seal": self._seal(report.token, report.key) if self.state.proven else None,
            "corrected_by": [_other(o) for o in self.corrected_by],
            "replaced_by": _other(self.replaced_by) if self.replaced_by else None,
            "findings": [{"code": r.code, "facts": {k: str(v) for k, v in r.facts.items()}} for r in report.findings],
        }

    def _seal(self, token: SealToken | None, key: SealKey | None) -> Mapping[str, object] | None:
        if token is None or key is None:
            return None
        claims, shown = token.claims, self.procedure
        return {
            "id": str(claims.result_id),
            "agency": {"kid": str(key.kid), "name_vi": key.name_vi, "name_en": key.name_en},
            "number": str(claims.number),
            "issued_at": _shown(claims.issued_at),
            "expires": _shown(claims.expires) if claims.expires else None,
            "procedure": {"code": str(shown.code), "title_vi": shown.title_vi, "title_en": shown.title_en}
            if shown
            else None,
            "holder": str(claims.holder) if claims.holder else None,
        }


def judge(report: SealReport, trust: TrustList | None = None) -> Verdict:
    """The verdict on a seal that `esign.seal.verify` has looked at; `trust` gives the procedure's title."""
    state = next(state for state, applies in _RULES if applies(report))
    procedure = None
    if trust is not None and report.token is not None and state.proven:
        procedure = trust.procedure(report.token.kid, report.token.claims.procedure)
    shown = procedure if procedure is not None and not procedure.sensitive else None
    return Verdict(state=state, report=report, procedure=shown)


def _failed(report: SealReport, *names: str, outcome: Outcome = Outcome.FAILED) -> bool:
    return any(c.name in names and c.outcome is outcome for c in report.checks)


def _answer(report: SealReport) -> StatusAnswer:
    return report.status or StatusAnswer(entry=None)


def _known(report: SealReport) -> bool:
    answer = _answer(report)
    return answer.entry is not None and answer.freshness is not Freshness.UNKNOWN


def _is_not_issued(answer: StatusAnswer) -> bool:
    return answer.outside_list or (answer.entry is Entry.DETAIL and answer.detail is None)


# docs/spec/status.md §10, in its order.
_RULES: tuple[tuple[State, Callable[[SealReport], bool]], ...] = (
    (State.NOT_GENUINE, lambda r: _failed(r, "seal-format", "seal-signature", "seal-key-validity")),
    (State.WRONG_HOST, lambda r: _failed(r, "seal-host")),
    (State.NEWER_VERSION, lambda r: _failed(r, "seal-format", outcome=Outcome.UNKNOWN)),
    (State.UNKNOWN_KEY, lambda r: _failed(r, "seal-key", outcome=Outcome.UNKNOWN)),
    (State.CHECK_CLOCK, lambda r: _failed(r, "seal-time") or _answer(r).ahead),
    (State.KEY_DOUBTFUL, lambda r: _failed(r, "seal-key-validity", outcome=Outcome.UNKNOWN)),
    (State.WITHDRAWN, lambda r: _answer(r).entry is Entry.WITHDRAWN),
    (State.REPLACED, lambda r: isinstance(_answer(r).detail, Replaced)),
    (State.EXPIRED, lambda r: _failed(r, "seal-expiry")),
    (State.STATUS_UNKNOWN, lambda r: not _known(r)),
    (State.NOT_ISSUED, lambda r: _is_not_issued(_answer(r))),
    (State.SUSPENDED, lambda r: _answer(r).entry is Entry.SUSPENDED),
    (State.CORRECTED, lambda r: isinstance(_answer(r).detail, Corrected)),
    (State.IN_FORCE, lambda r: _answer(r).entry is Entry.VALID),
)


def _other(other: OtherResult) -> Mapping[str, str | None]:
    return {"number": str(other.number) if other.number else None, "id": str(other.id)}


def _shown(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
