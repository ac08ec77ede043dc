"""The summary of a batch that a supervisor files: a CSV for counting and a page for reading, without personal data.

File names and titles stay out (DESIGN law 8): a document is named by its number, its id and its place in the plan.
"""

import csv
import getpass
import html
import io
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from esign.reasons import Reason
from esign_cli.output import VIETNAM, shown
from esign_cli.session import Session

if TYPE_CHECKING:
    from esign.batch import Row
    from esign.keys import SigningKey
    from esign_cli.wiring import Workplace

__all__ = ["key_facts", "write_report"]

_COLUMNS = ("col-position", "col-outcome", "col-number", "col-id", "col-sha256", "col-reason")
# Facts that may hold the name of a file, and with it the name of a person.
_NAMING = {"file", "path", "first", "folder"}
_STYLE = """
body { font: 16px/1.5 "Times New Roman", "Liberation Serif", serif; margin: 2rem auto; max-width: 60rem }
h1 { font-size: 1.4rem } table { border-collapse: collapse; width: 100% }
th, td { border: 1px solid #767676; padding: .3rem .5rem; text-align: left; vertical-align: top }
td { overflow-wrap: anywhere }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem } dd { margin: 0 } dt { font-weight: bold }
@media print { body { margin: 0; max-width: none } tr { break-inside: avoid } }
"""


def key_facts(key: "SigningKey") -> str:
    """Which key signed: where it is, and its certificate."""
    from esign.trust import common_name, signer_facts

    facts = signer_facts(key.certificates[0])
    where = f"token {key.ref.token} ({key.ref.serial}), {key.ref.object}" if key.ref else key.protection.value
    return f"{common_name(key.certificates[0])}; {where}; {facts['serial']}"


def write_report(
    run: Session,
    workplace: "Workplace",
    rows: "Sequence[Row]",
    *,
    started: datetime,
    key: str,
    by: str,
    to: Path | None,
) -> Path:
    """Write the table and the page; where the page is."""
    from esign.files import write_durably

    ended = run.now()
    folder = to or workplace.config.paths.reports
    name = f"esign-{started.astimezone(VIETNAM):%Y%m%d-%H%M%S-%f}"
    facts = {
        "col-agency": f"{workplace.config.agency.name} ({workplace.config.agency.code})",
        "report-by": by or _user(),
        "report-key": key or "—",
        "report-from": shown(started),
        "report-to": shown(ended),
        **_counts(run, rows),
    }
    table = [_cells(run, row) for row in rows]
    write_durably(folder / f"{name}.csv", _csv(run, table), private=False)
    page = folder / f"{name}.html"
    write_durably(page, _page(run, facts, table), private=False)
    return page


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a service account without a name
        return "—"


def _counts(run: Session, rows: "Sequence[Row]") -> dict[str, str]:
    from esign.batch import Outcome

    count = {o: sum(r.outcome is o for r in rows) for o in Outcome}
    numbers = [str(r.number) for r in rows if r.outcome is Outcome.ISSUED and r.number]
    told = "; ".join(f"{run.output.say(f'outcome-{o.value}')}: {n}" for o, n in count.items() if n)
    return {"report-total": f"{len(rows)} ({told})", "report-numbers": ", ".join(numbers) or "—"}


def _cells(run: Session, row: "Row") -> list[str]:
    reasons = "; ".join(f"{_told(run, r)} [{r.code}]" for r in row.reasons)
    return [
        str(row.entry.position),
        run.output.say(f"outcome-{row.outcome.value}"),
        str(row.number or ""),
        str(row.id or ""),
        row.issued.sha256 if row.issued else "",
        reasons,
    ]


def _told(run: Session, reason: Reason) -> str:
    """A reason without the names of files."""
    facts: Mapping[str, object] = {k: "…" if k in _NAMING else v for k, v in reason.facts.items()}
    return run.output.explained(Reason(reason.code, facts))


def _csv(run: Session, table: Sequence[Sequence[str]]) -> bytes:
    """As Excel with Vietnamese settings opens it by a double click: `;`, with a byte order mark."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    writer.writerow([run.output.say(c) for c in _COLUMNS])
    writer.writerows([[_harmless(cell) for cell in line] for line in table])
    return text.getvalue().encode("utf-8-sig")


def _harmless(cell: str) -> str:
    """A cell that a spreadsheet does not take for a formula."""
    return f"'{cell}" if cell[:1] in {"=", "+", "-", "@", "\t", "\r"} else cell


def _page(run: Session, facts: Mapping[str, str], table: Sequence[Sequence[str]]) -> bytes:
    out, escape = run.output, html.escape
    title = escape(out.say("report-title"))
    head = "".join(f"<dt>{escape(out.say(code))}</dt><dd>{escape(value)}</dd>\n" for code, value in facts.items())
    columns = "".join(f'<th scope="col">{escape(out.say(c))}</th>' for c in _COLUMNS)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in line) + "</tr>\n" for line in table)
    return (
        f'<!doctype html>\n<html lang="{out.language}">\n<head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style></head>\n<body>\n<h1>{title}</h1>\n<dl>\n{head}</dl>\n"
        f"<table>\n<thead><tr>{columns}</tr></thead>\n<tbody>\n{body}</tbody>\n</table>\n</body>\n</html>\n"
    ).encode()
