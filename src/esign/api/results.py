"""Results: what is asked for, and what the register knows of one."""

from datetime import date
from typing import Any, Literal

from pydantic import Base64Bytes, Field

from esign.api.base import Digest, Listing, Model, Moment
from esign.api.problems import Finding

__all__ = [
    "Accepted",
    "IssueRequest",
    "Links",
    "Place",
    "Promise",
    "Result",
    "ResultDetails",
    "ResultFile",
    "ResultPage",
    "Signer",
    "TemplateDescription",
    "TemplateList",
    "Version",
    "WithdrawalRequest",
]

State = Literal["reserved", "awaiting", "approved", "prepared", "signed", "issued", "void"]
Kind = Literal["result", "signature", "attachment", "copy"]


class Place(Model):
    """A place on a page, in points of its default user space (ISO 32000-1 §8.3.2.3)."""

    page: int = Field(ge=0, le=100_000, description="Index from 0.")
    left: float
    bottom: float
    width: float = Field(gt=0)
    height: float = Field(gt=0)
    rotate: Literal[0, 90, 180, 270] = 0


class IssueRequest(Model):
    """One result to issue: either `template` with `data`, or a PDF (`pdf`, or the part `pdf` of a multipart body)."""

    template: str | None = Field(
        default=None, pattern=r"^[a-z0-9][a-z0-9-]{0,63}$", description="A template's name.", examples=["quyet-dinh"]
    )
    data: dict[str, Any] | None = Field(default=None, repr=False, description="As the template's schema asks.")
    pdf: Base64Bytes | None = Field(default=None, repr=False, description="A PDF in base64, never rewritten.")
    seal_place: Place | None = Field(default=None, description="Where the QR goes on a PDF; null finds white room.")
    signature_place: Place | None = Field(default=None, description="Where the red seal goes; null finds white room.")
    procedure: str = Field(description="The procedure that it ends (mã thủ tục).", examples=["1.012345"])
    title: str | None = Field(default=None, max_length=200, description="The kind of document; null: the template's.")
    subject: str = Field(default="", max_length=500, description="Trích yếu.")
    dossier: str | None = Field(
        default=None, description="The dossier that it answers.", examples=["H26.1.2-261121-0017"]
    )
    ordinal: int = Field(default=1, ge=1, le=999, description="Which result of the dossier: n of `-KQn`.")
    holder: str = Field(default="", max_length=200, repr=False, description="Who it is for; stored masked, if at all.")
    expires: Moment | None = Field(default=None, description="When it stops being in force by itself.")
    number: str | None = Field(default=None, description="A number that was given already.", examples=["15/QĐ-UBND"])
    symbol: str | None = Field(
        default=None, description="Or the symbol whose next number it takes.", examples=["QĐ-UBND"]
    )
    with_year: bool = Field(default=False, description="With `symbol`: whether the year is printed in the number.")
    issue_date: date | None = Field(default=None, description="The date that it carries; null: today in +07:00.")


class Signer(Model):
    """Whose certificate signed, without the person's name."""

    role: Literal["person", "agency"]
    sha256: Digest
    issuer: str
    serial: str


class Version(Model):
    """A state of the file; each begins with all bytes of the one before."""

    sha256: Digest
    size: int
    level: str = Field(examples=["B-B"])
    at: Moment


class ResultFile(Model):
    """The signed file."""

    sha256: Digest
    size: int
    level: str = Field(description="The level that was reached.", examples=["B-B"])
    pages: int
    mechanism: str = Field(examples=["rsa-pkcs1-sha256"])
    signing_time: Moment
    signers: list[Signer]
    notices: list[Finding] = Field(description="What was let pass and must not be forgotten.")


class Promise(Model):
    """A level that is to be reached later."""

    level: str
    due: Moment
    tries: int
    problem: Finding | None
    done_at: Moment | None


class Links(Model):
    """Where more of it is."""

    self: str
    document: str | None = Field(default=None, description="The PDF; null before it is issued.")
    standing: str | None = None


class Result(Model):
    """An entry of the register."""

    id: str = Field(description="Printed below the QR.", examples=["7K3M-9XQ2-4RTB-0ZWA"])
    state: State
    kind: Kind
    agency: str
    number: str | None = Field(description="Số, ký hiệu.", examples=["15/QĐ-UBND"])
    issue_date: date | None = Field(description="Null while it has no number.")
    procedure: str | None
    title: str | None
    subject: str | None
    dossier: str | None
    result_code: str | None = Field(description="`<dossier>-KQn`.")
    expires: Moment | None
    main: str | None = Field(description="An attachment's main result.")
    reserved_at: Moment
    issued_at: Moment | None
    void: Finding | None = Field(description="Why it was given up.")
    void_why: str | None = Field(description="The same in a person's words.")
    file: ResultFile | None = Field(description="As it was issued; null before that.")
    links: Links


class ResultDetails(Result):
    """An entry of the register with what became of it since."""

    versions: list[Version] = Field(
        description="Every state of the file, oldest first; each begins with the one before."
    )
    promised: Promise | None = Field(description="The level that is to be reached later.")
    standing: str | None = Field(description="What holds now; null before it is issued.", examples=["in-force"])


class ResultPage(Listing):
    """A page of the register, newest first."""

    results: list[Result]


class Accepted(Model):
    """Recorded, and to be issued later: what is recorded is never lost."""

    id: str
    links: Links


class WithdrawalRequest(Model):
    """Take back what was not issued yet."""

    why: str = Field(min_length=1, max_length=500)


class TemplateDescription(Model):
    """A template that can be issued from."""

    name: str = Field(examples=["quyet-dinh"])
    title: str
    digest: Digest
    data_schema: dict[str, Any] = Field(description="JSON Schema 2020-12 of `data`.")
    sample: dict[str, Any] = Field(description="Invented data that are valid.")


class TemplateList(Model):
    """Every template of this service."""

    templates: list[TemplateDescription]
