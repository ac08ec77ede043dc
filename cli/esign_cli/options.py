"""Options that several commands share; their help is a code of the texts, translated when the app is built."""

from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "Anchors",
    "AsJSON",
    "By",
    "DataFile",
    "Dossier",
    "Expires",
    "Given",
    "HolderFrom",
    "Intermediates",
    "IssueDate",
    "Lists",
    "Number",
    "Ordinal",
    "OutFolder",
    "OwnKey",
    "PinFd",
    "PinFile",
    "Procedure",
    "Report",
    "Sheet",
    "Subject",
    "Symbol",
    "Template",
    "Title",
    "Token",
    "Yes",
]

AsJSON = Annotated[bool, typer.Option("--json", help="opt-json")]
PinFile = Annotated[Path | None, typer.Option("--pin-file", metavar="FILE", help="opt-pin-file", readable=False)]
PinFd = Annotated[int | None, typer.Option("--pin-fd", metavar="N", help="opt-pin-fd")]
Token = Annotated[str | None, typer.Option("--token", metavar="LABEL", help="opt-token")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="opt-yes")]

# What a verification rests on.

Anchors = Annotated[list[Path] | None, typer.Option("--anchor", metavar="FILE|DIR", help="opt-anchor", readable=False)]
Intermediates = Annotated[
    list[Path] | None, typer.Option("--intermediate", metavar="FILE|DIR", help="opt-intermediate", readable=False)
]
Lists = Annotated[list[Path] | None, typer.Option("--crl", metavar="FILE|DIR", help="opt-crl", readable=False)]

# What a result is; `issue`, `submit` and `adopt` ask for the same.

_NAMES = ["ho-kinh-doanh", "quyet-dinh", "xac-nhan-cu-tru"]  # for completion, which must not wait for typst

Template = Annotated[str | None, typer.Option(metavar="NAME", help="opt-template", autocompletion=lambda: _NAMES)]
DataFile = Annotated[Path | None, typer.Option(metavar="FILE.json", help="opt-data", readable=False)]
Given = Annotated[Path | None, typer.Option(metavar="FILE.pdf", help="opt-pdf", readable=False)]
Number = Annotated[str | None, typer.Option(metavar="N/SYMBOL", help="opt-number")]
Symbol = Annotated[str | None, typer.Option(metavar="SYMBOL", help="opt-symbol")]
Procedure = Annotated[str | None, typer.Option(metavar="CODE", help="opt-procedure")]
Title = Annotated[str | None, typer.Option(metavar="TEXT", help="opt-title")]
Subject = Annotated[str, typer.Option(metavar="TEXT", help="opt-issue-subject")]
Dossier = Annotated[str | None, typer.Option(metavar="CODE", help="opt-dossier")]
Ordinal = Annotated[int, typer.Option(metavar="N", min=1, help="opt-ordinal")]
HolderFrom = Annotated[str | None, typer.Option(metavar="FIELD", help="opt-holder-from")]
Expires = Annotated[str | None, typer.Option(metavar="YYYY-MM-DD", help="opt-expires")]
IssueDate = Annotated[str | None, typer.Option("--date", metavar="YYYY-MM-DD", help="opt-date")]
OwnKey = Annotated[str | None, typer.Option("--idempotency-key", metavar="KEY", help="opt-idempotency-key")]

# Batches.

Sheet = Annotated[Path | None, typer.Option("--sheet", metavar="FILE.csv|.xlsx", help="opt-sheet", readable=False)]
OutFolder = Annotated[Path | None, typer.Option("--out", "-o", metavar="DIR", help="opt-sign-out", readable=False)]
Report = Annotated[Path | None, typer.Option("--report", metavar="DIR", help="opt-report", readable=False)]
By = Annotated[str, typer.Option("--by", metavar="WHO", help="opt-batch-by")]
