"""Fill a register with an entry of each sort and write it down as SQL, beside what its own code reads from it.

    python tests/vectors/registry/make.py 0001

Run at the last commit whose newest migration has that number: a vector is what that release's own code wrote, so it
is made once and never again. `<revision>.sql` holds the tables, indexes and triggers; `<revision>.json` what
`Registry.listing`, `history`, `deliveries` and `book` said of them.
"""

import dataclasses
import json
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Any

from esign.codes import AgencyCode, DocumentNumber, DossierCode, ProcedureCode, ResultId
from esign.document import ResultMetadata, Standing, StandingChange
from esign.keys import Mechanism
from esign.profile import DuplicatePolicy, Level, Numbering
from esign.reasons import Reason
from esign.registry import (
    Intent,
    IntentKind,
    NewIntent,
    NextNumber,
    Registration,
    Registry,
    SignerCertificate,
)
from esign.registry.schema import HEAD

HERE = Path(__file__).parent
WARD = AgencyCode.parse("H26.1.2")
START = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)


class _Clock:
    def __init__(self) -> None:
        self.at = START

    def __call__(self) -> datetime:
        self.at += timedelta(seconds=1)
        return self.at


def _fill(registry: Registry, clock: _Clock) -> None:
    def reserve(key: str, **changes: Any) -> Intent:
        values: dict[str, Any] = {
            "agency": WARD,
            "idempotency_key": key,
            "request_digest": key[0].encode().hex() * 32,
            "profile": "default",
            "masked_holder": "N***** C",
            "metadata": ResultMetadata(
                procedure=ProcedureCode.parse("1.001122"),
                title="Quyết định",
                subject="về việc cấp phép",
                dossier=DossierCode.parse("H26.1.2-261008-0975"),
                expires=START + timedelta(days=365),
            ),
            "number": NextNumber(symbol="QĐ-UBND"),
        }
        return registry.reserve(NewIntent(**values | changes))

    def prepare(intent: Intent) -> Intent:
        return registry.prepared(
            intent.id, prepared_sha256="a1" * 32, to_be_signed_sha256="b2" * 32, signing_time=clock()
        )

    def issue(intent: Intent, sha256: str) -> Intent:
        prepare(intent)
        registry.signed(intent.id, sha256=sha256)
        facts = Registration(
            sha256=sha256,
            size=12345,
            signers=(SignerCertificate(sha256="c3" * 32, issuer="CN=CA,C=VN", serial="0a1c"),),
            signing_time=START,
            level=Level.B_B,
            mechanism=Mechanism.RSA_PKCS1_SHA256,
            pages=3,
            seal_token_sha256="d4" * 32,
            fonts=("Liberation Serif",),
            profile="vgca-compat",
            notices=(Reason("active-content", {"count": 2}),),
        )
        return registry.issued(intent.id, facts)

    registry.open_book(WARD, year=2026, symbol="QĐ-UBND", first=412)
    first, second = issue(reserve("issued"), "01" * 32), issue(reserve("replacement"), "02" * 32)
    registry.delivered(first.id, at=clock(), where="/out")
    registry.delivered(first.id, at=clock(), where="https://portal")
    for to, other in ((Standing.SUSPENDED, None), (Standing.IN_FORCE, None), (Standing.REPLACED, second.id)):
        change = StandingChange(standing=to, at=clock(), by="chánh văn phòng", why="QĐ 12", other=other)
        registry.change(first.id, change)
    number = DocumentNumber.parse("414/QĐ-UBND")
    reserve("given", number=number)
    reserve("warned", number=number, duplicates=DuplicatePolicy.WARN)
    issue(reserve("file", kind=IntentKind.SIGNATURE, number=None, metadata=None), "03" * 32)
    prepare(reserve("prepared"))
    registry.signed(prepare(reserve("signed")).id, sha256="04" * 32)
    void = prepare(reserve("void", number=NextNumber(symbol="QĐ-UBND", with_year=True)))
    registry.void(void.id, reason=Reason("request-lost", {"when": "today"}), why="mất điện")
    _two_officials(registry, clock, reserve, first)
    reserve("last")


def _two_officials(registry: Registry, clock: _Clock, reserve: Callable[..., Intent], issued: Intent) -> None:
    """What came with revision 0002: persons who sign first, numbers at release, attachments."""

    def wait(key: str, **changes: Any) -> Intent:
        intent = reserve(key, person=True, **changes)
        return registry.awaiting(
            intent.id,
            prepared_sha256="e5" * 32,
            to_be_signed_sha256="f6" * 32,
            signing_time=clock(),
            expires=START + timedelta(days=30),
        )

    wait("waits for the person")
    registry.approved(wait("waits for a number", number=None, numbering=Numbering.AT_RELEASE).id, sha256="07" * 32)
    released = registry.approved(wait("numbered", number=None, numbering=Numbering.AT_RELEASE).id, sha256="08" * 32)
    registry.assign_number(released.id, NextNumber(symbol="QĐ-UBND"), issue_date=START.date())
    reserve("attached", kind=IntentKind.ATTACHMENT, main=issued.id, number=None)


def read(registry: Registry) -> dict[str, Any]:
    """Everything, as JSON keeps it."""
    entries = registry.listing(limit=1000).entries
    return {
        "entries": plain(entries),
        "history": {str(e.id): plain(registry.history(e.id)) for e in entries},
        "deliveries": {str(e.id): plain(registry.deliveries(e.id)) for e in entries},
        "book": plain(registry.book(WARD, year=2026, symbol="QĐ-UBND")),
    }


def plain(value: Any) -> Any:
    """A value of the register by its fields; a release that adds fields only adds keys."""
    match value:
        case AgencyCode() | DocumentNumber() | DossierCode() | ProcedureCode() | ResultId() | date():
            return str(value)
        case Enum():
            return value.value
        case tuple():
            return [plain(v) for v in value]
        case Mapping():
            return {str(k): plain(v) for k, v in value.items()}
        case _ if dataclasses.is_dataclass(value):
            return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
        case _:
            return value


def main(revision: str) -> None:
    """Write the vector of the schema that is the newest here."""
    if revision != HEAD:
        sys.exit(f"this code makes {HEAD}, expected {revision}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "register.sqlite"
        clock = _Clock()
        with Registry.open(path, now=clock) as registry:
            _fill(registry, clock)
            said = read(registry)
        raw = sqlite3.connect(path)
        sql = "\n".join(raw.iterdump()) + "\n"
        raw.close()
    (HERE / f"{revision}.sql").write_text(sql, "utf-8")
    (HERE / f"{revision}.json").write_text(json.dumps(said, ensure_ascii=False, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
