"""What a person asks to issue, as options or as a row of a sheet, turned into a request."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from esign.errors import InputError
from esign_cli.output import VIETNAM

if TYPE_CHECKING:
    from esign.codes import DocumentNumber
    from esign.document import Person, ResultMetadata
    from esign.registry import NextNumber
    from esign.request import Content, Request

__all__ = ["Asked", "day", "read_json"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One result as somebody asked for it; nothing of it is checked yet."""

    template: str | None = None
    """A template's name or folder."""
    data: Path | None = None
    """Its data, JSON."""
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Data that stand beside it, for instance in a sheet's columns; they go before those of the file."""
    pdf: Path | None = None
    """A PDF instead of a template."""
    number: str | None = None
    """A number that was given already."""
    symbol: str | None = None
    """Or the symbol whose next number it takes."""
    procedure: str | None = None
    """The code of the procedure."""
    title: str | None = None
    """The kind of document; None takes the template's."""
    subject: str = ""
    """What it is about."""
    dossier: str | None = None
    """The dossier's code."""
    ordinal: int = 1
    """Which result of the dossier."""
    holder_from: str | None = None
    """Where the data name the holder."""
    expires: str | None = None
    """The last day on which it is in force."""
    issue_date: str | None = None
    """The date that it carries."""
    key: str | None = None
    """The request's own key; None takes a digest."""

    def request(self, *, profile: str, person: "Person | None" = None, adopted: bool = False) -> "Request":
        """The request; `profile` goes into the digest that becomes its key.

        Raises:
            InputError: What is missing, or cannot be read.
        """
        from esign.request import Request

        content, default_title, data = self._content(adopted=adopted)
        request = Request(
            idempotency_key="cli",
            content=content,
            metadata=self._metadata(default_title, data),
            number=self._number(),
            issue_date=day(self.issue_date, "--date") if self.issue_date else None,
            person=person,
        )
        # The same request gives the same key, so that pressing the arrow-up key never issues twice.
        return replace(request, idempotency_key=self.key or f"cli-{request.digest(profile)[:40]}")

    def _content(self, *, adopted: bool) -> "tuple[Content, str, dict[str, Any]]":
        from esign.pdf import load
        from esign.request import Adopted, Filled, Given
        from esign_cli.places import read_file

        if (self.template is None) == (self.pdf is None):
            raise InputError("template-or-pdf")
        data = read_json(self.data) if self.data is not None else {}
        if self.pdf is not None:
            pdf = read_file(self.pdf)
            content: Adopted | Given | Filled = Adopted(pdf=pdf) if adopted else Given(pdf=pdf)
            return content, "", data
        assert self.template is not None
        if self.data is None and not self.values:
            raise InputError("option-needed", option="--data")
        data = merged(data, self.values)
        return Filled(template=self.template, data=data), load(self.template).title, data

    def _metadata(self, default_title: str, data: dict[str, Any]) -> "ResultMetadata":
        from esign.codes import DossierCode, ProcedureCode
        from esign.document import ResultMetadata

        if not self.procedure:
            raise InputError("option-needed", option="--procedure")
        if not (self.title or default_title):
            raise InputError("option-needed", option="--title")
        return ResultMetadata(
            procedure=ProcedureCode.parse(self.procedure),
            title=self.title or default_title,
            subject=self.subject,
            dossier=DossierCode.parse(self.dossier) if self.dossier else None,
            ordinal=self.ordinal,
            holder=_field(data, self.holder_from) if self.holder_from else "",
            expires=_end_of(day(self.expires, "--expires")) if self.expires else None,
        )

    def _number(self) -> "DocumentNumber | NextNumber":
        from esign.codes import DocumentNumber
        from esign.registry import NextNumber

        if (self.number is None) == (self.symbol is None):
            raise InputError("number-or-symbol")
        return NextNumber(symbol=self.symbol) if self.symbol is not None else DocumentNumber.parse(self.number or "")


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object in a file.

    Raises:
        InputError: `file-unreadable` or `data-not-json`.
    """
    from esign_cli.places import read_file

    try:
        found = json.loads(read_file(path).decode("utf-8-sig"))
    except (ValueError, RecursionError) as e:
        # The place of the mistake, never what stands there.
        where = f"{e.lineno}:{e.colno}" if isinstance(e, json.JSONDecodeError) else type(e).__name__
        raise InputError("data-not-json", file=path, where=where) from e
    if not isinstance(found, dict):
        raise InputError("data-not-json", file=path, where="1:1")
    return found


def merged(data: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """`data` with `values` laid over it, objects inside each other member by member."""
    both = dict(data)
    for name, value in values.items():
        below = both.get(name)
        both[name] = merged(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return both


def _field(data: dict[str, Any], path: str) -> str:
    """A text of the data, for instance `person/full_name`."""
    found: Any = data
    for part in path.strip("/").split("/"):
        found = found.get(part) if isinstance(found, dict) else None
    if not isinstance(found, str) or not found:
        raise InputError("holder-field-missing", field=path)
    return found


def day(text: str, option: str) -> date:
    """A day as `2026-11-21`.

    Raises:
        InputError: `date-invalid`.
    """
    try:
        return date.fromisoformat(text)
    except ValueError as e:
        raise InputError("date-invalid", option=option, found=text) from e


def _end_of(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(), VIETNAM)
