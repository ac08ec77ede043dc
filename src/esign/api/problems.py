"""What every refusal says: RFC 9457 problem details, with the next step and both languages.

The media type is `application/problem+json`; `type` is a path of the service at which the code is explained.
"""

from typing import Any

from pydantic import Field

from esign.api.base import Model

__all__ = ["MEDIA_TYPE", "Finding", "Problem", "Sentences", "Violation"]

MEDIA_TYPE = "application/problem+json"


class Sentences(Model):
    """A reason in one language."""

    what: str = Field(description="What was found, and what was expected.")
    next: str = Field(default="", description="What a person can do; empty where nothing needs doing.")


class Finding(Model):
    """A reason code with its sentences."""

    code: str = Field(description="Stable, for programs (docs/spec/reasons.md).", examples=["number-taken"])
    vi: Sentences
    en: Sentences


class Violation(Model):
    """A member of a request that is not as it must be; never what stands there."""

    at: str = Field(description="JSON pointer into the request.", examples=["/procedure"])
    rule: str = Field(description="The rule that it breaks.", examples=["missing"])


class Problem(Model):
    """RFC 9457 problem details."""

    type: str = Field(description="Stable; a path of this service.", examples=["/problems/number-taken"])
    title: str = Field(description="The code in words.", examples=["number taken"])
    status: int = Field(examples=[409])
    detail: str = Field(description="What happened, in the language of Accept-Language.")
    code: str = Field(description="Stable, for programs (docs/spec/reasons.md).", examples=["number-taken"])
    kind: str = Field(description="The family of errors that it belongs to.", examples=["DuplicateNumber"])
    next: str = Field(description="What a person can do next, in the same language.")
    vi: Sentences
    en: Sentences
    facts: dict[str, Any] = Field(default_factory=dict, description="What fills the sentences; no personal data.")
    findings: list[Finding] = Field(default_factory=list, description="Every single thing, where there are several.")
    violations: list[Violation] = Field(default_factory=list, description="Of `request-invalid`.")
    incident: str | None = Field(default=None, description="Of `service-failed`: the log knows more under this id.")
    retry_after: int | None = Field(default=None, description="Seconds, where trying again helps; also a header.")
