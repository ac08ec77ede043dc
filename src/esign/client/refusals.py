"""Problem details of the service as the errors that the library itself raises: the same class, code and facts."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from esign import errors
from esign.api.problems import MEDIA_TYPE, Problem
from esign.errors import Error, NetworkError, PreflightError, ServiceError, TimestampError
from esign.reasons import Reason

__all__ = ["Refused", "error_of", "problem_in"]


class Refused(Exception):
    """The cause of each error that the service answered with: `error.__cause__.problem` is what it said."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.status} {problem.code}")
        self.problem = problem


def problem_in(content_type: str, body: bytes) -> Problem | None:
    """The problem details in an answer; None where it has none: a gateway's own page."""
    if content_type.partition(";")[0].strip().lower() != MEDIA_TYPE:
        return None
    try:
        return Problem.model_validate_json(body, extra="ignore")
    except ValidationError:
        return None


def error_of(status: int, problem: Problem | None) -> Error:
    """The error to raise for an answer with this status."""
    if problem is None:
        return NetworkError("service-answer-unexpected", status=status)
    kind = _CLASSES.get(problem.kind, ServiceError)
    facts = {name: _fact(value) for name, value in problem.facts.items()}
    error = kind(problem.code, **facts)
    findings = tuple(Reason(each.code, {}) for each in problem.findings)
    if isinstance(error, PreflightError):
        error.findings = findings
    elif isinstance(error, TimestampError):
        error.attempts = findings
    error.__cause__ = Refused(problem)
    return error


_CLASSES: Mapping[str, type[Error]] = {
    name: found
    for name in errors.__all__
    if isinstance(found := getattr(errors, name), type) and issubclass(found, Error)
}


def _fact(value: Any) -> object:
    match value:
        case {"code": str(code), "facts": dict(facts)}:
            return Reason(code, {name: _fact(below) for name, below in facts.items()})
    return value
