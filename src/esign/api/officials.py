"""Two officials: the competent person signs, perhaps elsewhere and later; then the agency numbers, seals and signs."""

from datetime import date

from pydantic import Base64Bytes, Field

from esign.api.base import Model, Moment
from esign.api.results import IssueRequest, Links

__all__ = [
    "CopyRequest",
    "FileRequest",
    "PersonGiven",
    "ReleaseRequest",
    "SignatureRequest",
    "Submission",
    "SubmissionRequest",
]


class PersonGiven(Model):
    """The competent person (người có thẩm quyền)."""

    certificates: list[Base64Bytes] = Field(
        min_length=1,
        max_length=10,
        repr=False,
        description="The person's, then its issuers': DER in base64.",
    )
    image: Base64Bytes | None = Field(
        default=None, repr=False, description="The wet signature: blue, a PNG with transparency, in base64."
    )


class SubmissionRequest(IssueRequest):
    """A result that a person signs before the agency."""

    person: PersonGiven


class Submission(Model):
    """What the person is to sign."""

    id: str
    state: str
    expires: Moment = Field(description="After this moment the signature is not taken any more.")
    mechanism: str = Field(description="How to sign.", examples=["rsa-pkcs1-sha256"])
    to_be_signed: str = Field(description="The bytes for the person's key, in base64.")
    to_be_signed_sha256: str
    document_sha256: str = Field(description="Of the prepared document, which people look at before they sign.")
    certificate: str = Field(description="Whose signature is expected: DER in base64.")
    links: Links


class SignatureRequest(Model):
    """The person's signature over `to_be_signed`."""

    signature: Base64Bytes = Field(repr=False, min_length=32, max_length=2048)


class ReleaseRequest(Model):
    """The records clerk's act (phát hành)."""

    number: str | None = Field(default=None, description="A number that was given already.", examples=["15/QĐ-UBND"])
    symbol: str | None = Field(default=None, description="Or the symbol whose next number it takes.")
    with_year: bool = False
    issue_date: date | None = Field(default=None, description="Null: the date of the request, or today in +07:00.")


class FileRequest(Model):
    """A PDF: in base64, or as the part `pdf` of a multipart body."""

    pdf: Base64Bytes | None = Field(default=None, repr=False)


class CopyRequest(FileRequest):
    """A copy to be certified."""

    form: str = Field(pattern="^(SAO_Y|SAO_LUC|TRICH_SAO)$", examples=["SAO_Y"])
    scanned: bool = Field(default=True, description="A scan must be in colour and at 200 dpi or more.")
