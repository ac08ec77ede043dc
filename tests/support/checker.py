"""The independent checker: looks at what a deployment left, as an auditor would who has never seen its code.

It reads the database in plain SQL, hashes the files, recomputes the audit chain from docs/spec/audit.md, and compares
all that with what the token signed (the shim's record) and with what a portal was told. Nothing of esign is imported:
a fault of esign must not hide itself here.

    python -m tests.support.checker DATABASE ARCHIVE [--signatures FILE] [--told FILE] [--expected N]

`DATABASE` is the path of a SQLite register or a postgresql:// URL; `--told` has a JSON object a line with `key`, `id`,
`number` and `sha256` of every answer that a portal got.
"""

import argparse
import hashlib
import json
import re
import sqlite3
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from asn1crypto import cms

__all__ = ["Checked", "Told", "check", "prepared", "signed", "unfinished"]

Row = dict[str, Any]
_STEPS = ("intent.reserved", "intent.prepared", "intent.signed", "intent.issued")
_BYTE_RANGE = re.compile(rb"/ByteRange\s*\[\s*(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s*\]")
_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One answer that a portal got."""

    key: str
    id: str
    number: str
    sha256: str


@dataclass(slots=True)
class Checked:
    """What was counted, and everything that is not as it must be."""

    figures: dict[str, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def fail(self, what: str, those: Iterable[object]) -> None:
        """Every one of `those` is a failure of this kind."""
        found = list(those)
        self.figures[what] = self.figures.get(what, 0) + len(found)
        if found:
            shown = ", ".join(map(str, found[:_SHOWN])) + (", …" if len(found) > _SHOWN else "")
            self.failures.append(f"{len(found)} {what}: {shown}")

    def __str__(self) -> str:
        return ", ".join(f"{count} {name}" for name, count in self.figures.items())


def check(
    database: str,
    archive: Path,
    *,
    told: Sequence[Told] = (),
    signatures: Path | None = None,
    expected: int | None = None,
) -> Checked:
    """Everything, once nothing is under way any more."""
    found = Checked()
    with _query(database) as query:
        intents = {r["id"]: r for r in query("SELECT * FROM intent")}
        issued = {r["id"]: r for r in query("SELECT * FROM issued")}
        versions = query("SELECT * FROM file_version ORDER BY result_id, position")
        audit = query("SELECT * FROM audit ORDER BY sequence")
        anchors = query("SELECT * FROM audit_anchor")
    found.figures["intents"] = len(intents)
    found.figures["issued"] = len(issued)
    if expected is not None and len(issued) != expected:
        found.failures.append(f"{len(issued)} are issued, {expected} were expected")
    _rows(found, intents, issued)
    _files(found, issued, versions, archive)
    _answers(found, intents, issued, told)
    _chain(found, audit)
    _audited(found, issued, audit)
    if signatures is not None:
        _signatures(found, intents, issued, anchors, audit, signatures)
    return found


def unfinished(database: str) -> set[str]:
    """The intents that code could still go on with."""
    sql = (
        "SELECT id FROM intent WHERE state IN ('reserved', 'prepared', 'signed')"
        " OR (state = 'issued' AND delivered_at IS NULL)"
    )
    with _query(database) as query:
        return {r["id"] for r in query(sql)}


def prepared(database: str) -> set[str]:
    """The digests that the agency's key may be asked for: their rows and their audit entries are there."""
    sql = (
        "SELECT to_be_signed_sha256 AS digest FROM intent JOIN audit ON audit.object = intent.id"
        " WHERE audit.act = 'intent.prepared'"
    )
    with _query(database) as query:
        return {r["digest"] for r in query(sql)}


def signed(record: Path) -> list[tuple[str, str]]:
    """What the token signed, in order: the key's CKA_ID, and the SHA-256 of what was to be signed."""
    lines = record.read_text("ascii").splitlines() if record.exists() else []
    return [(key, _digest_of(bytes.fromhex(data))) for _, key, data in (line.split(" ") for line in lines)]


# --- the database -------------------------------------------------------------------------------------------------


@contextmanager
def _query(database: str) -> Iterator[Any]:
    if database.startswith("postgresql://"):
        with psycopg.connect(database) as server:

            def ask(sql: str) -> list[Row]:
                cursor = server.execute(sql.encode())
                names = [c.name for c in cursor.description or ()]
                return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

            yield ask
        return
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=30)) as file:
        file.row_factory = sqlite3.Row
        yield lambda sql: [dict(row) for row in file.execute(sql)]


def _rows(found: Checked, intents: Mapping[str, Row], issued: Mapping[str, Row]) -> None:
    """One row for each request, one number for each row, no number left out."""
    found.fail("keys twice", _twice(r["idempotency_key"] for r in intents.values()))
    found.fail("status numbers twice", _twice(r["status_number"] for r in intents.values()))
    books: dict[tuple[object, ...], list[int]] = {}
    for r in intents.values():
        if r["number"] is not None and r["number_source"] != "given":
            books.setdefault((r["agency"], r["year"], r["symbol"], bool(r["with_year"])), []).append(r["number"])
    found.fail("numbers twice", (f"{n} of {book[2]}" for book, used in books.items() for n in _twice(used)))
    gaps = (f"{n} of {book[2]}" for book, used in books.items() for n in set(range(min(used), max(used))) - set(used))
    found.fail("numbers left out", gaps)
    states = Counter(r["state"] for r in intents.values())
    found.figures |= {f"state {state}": count for state, count in states.items() if state != "issued"}
    disagreeing = (i for i, r in intents.items() if (r["state"] == "issued") != (i in issued))
    found.fail("rows that disagree on what is issued", disagreeing)
    unlike = (i for i, r in issued.items() if intents[i]["signed_sha256"] != r["sha256"])
    found.fail("registered other than signed", unlike)


# --- the files ----------------------------------------------------------------------------------------------------


def _files(found: Checked, issued: Mapping[str, Row], versions: Sequence[Row], archive: Path) -> None:
    """For each registered file exactly one file that is it, whatever it is called; no other file."""
    wanted = {r["sha256"]: i for i, r in issued.items()}
    for r in versions:
        wanted.pop(_before(versions, r) or issued[r["result_id"]]["sha256"], None)
        wanted[r["sha256"]] = r["result_id"]
    there: dict[str, Path] = {}
    stray, unsound = [], []
    for path in archive.rglob("*"):
        if not path.is_file() or path.name.startswith("."):  # hidden: a writer that was killed
            continue
        data = path.read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        if digest not in wanted or digest in there:
            stray.append(path.name)
            continue
        there[digest] = path
        if problem := _unsigned(data):
            unsound.append(f"{path.name} {problem}")
    found.figures["files"] = len(there)
    found.fail("files lost", (f"{i} {digest[:12]}" for digest, i in wanted.items() if digest not in there))
    found.fail("files that nobody registered", stray)
    found.fail("files whose signature does not hold their bytes", unsound)


def _before(versions: Sequence[Row], later: Row) -> str | None:
    mine = [r for r in versions if r["result_id"] == later["result_id"] and r["position"] < later["position"]]
    return mine[-1]["sha256"] if mine else None


def _unsigned(pdf: bytes) -> str:
    """Why the first signature of `pdf` is not over its bytes; empty where it is."""
    ranges = _BYTE_RANGE.search(pdf)
    if not ranges:
        return "has no signature"
    a, b, c, d = map(int, ranges.groups())
    hole = pdf[a + b : c]
    try:
        info = cms.ContentInfo.load(bytes.fromhex(hole.strip(b"<>").decode("ascii")))
        attributes = info["content"]["signer_infos"][0]["signed_attrs"]
        said = next(each["values"][0].native for each in attributes if each["type"].native == "message_digest")
    except (ValueError, StopIteration, KeyError) as e:
        return f"has no readable signature ({type(e).__name__})"
    return "" if said == hashlib.sha256(pdf[a : a + b] + pdf[c : c + d]).digest() else "has another digest"


# --- the answers --------------------------------------------------------------------------------------------------


def _answers(found: Checked, intents: Mapping[str, Row], issued: Mapping[str, Row], told: Sequence[Told]) -> None:
    """What a portal was told is so, and it was told the same each time."""
    if not told:
        return
    by_key: dict[str, set[Told]] = {}
    for each in told:
        by_key.setdefault(each.key, set()).add(each)
    found.figures["answered"] = len(by_key)
    found.fail("keys with two answers", (key for key, answers in by_key.items() if len(answers) > 1))
    found.fail("results that answer two keys", _twice(next(iter(a)).id for a in by_key.values()))
    answers = [each for several in by_key.values() for each in several]
    lost = (f"{a.key} {a.id}" for a in answers if issued.get(_plain(a.id, issued), {}).get("sha256") != a.sha256)
    found.fail("answers lost", lost)
    other = (a.key for a in answers if (r := intents.get(_plain(a.id, issued))) and str(r["number"]) != _count(a))
    found.fail("answers with another number", other)


def _plain(told: str, known: Mapping[str, Row]) -> str:
    """The id as the database has it, with or without its dashes."""
    return told if told in known else told.replace("-", "")


def _count(told: Told) -> str:
    return told.number.partition("/")[0].lstrip("0")


# --- the audit ----------------------------------------------------------------------------------------------------


def _chain(found: Checked, audit: Sequence[Row]) -> None:
    """docs/spec/audit.md §2: no gap, each entry names the hash before it, each hash is that of its fields."""
    broken = []
    previous = "0" * 64
    for expected, r in enumerate(audit):
        names = ("at", "actor", "request", "act", "agency", "object", "digest", "outcome")
        lines = ["esign-audit/1", str(r["sequence"]), *(r[name] for name in names), previous]
        sound = hashlib.sha256("\n".join(lines).encode()).hexdigest()
        if (r["sequence"], r["previous"], r["hash"]) != (expected, previous, sound):
            broken.append(r["sequence"])
        previous = r["hash"]
    found.figures["audit entries"] = len(audit)
    found.fail("audit entries that do not follow", broken)


def _audited(found: Checked, issued: Mapping[str, Row], audit: Sequence[Row]) -> None:
    """Each issued result has each of its steps in the audit, once and in order, with the digest of its file."""
    told: dict[str, list[Row]] = {}
    for r in audit:
        if r["act"] in _STEPS and r["object"]:
            told.setdefault(r["object"], []).append(r)
    unaudited = []
    for i, r in issued.items():
        steps = told.get(i, [])
        if tuple(s["act"] for s in steps) != _STEPS or steps[-1]["digest"] != r["sha256"]:
            unaudited.append(f"{i} ({' '.join(s['act'] for s in steps)})")
    found.fail("unaudited", unaudited)


# --- the signatures -----------------------------------------------------------------------------------------------


def _signatures(  # each is a record of its own
    found: Checked,
    intents: Mapping[str, Row],
    issued: Mapping[str, Row],
    anchors: Sequence[Row],
    audit: Sequence[Row],
    record: Path,
) -> None:
    """Each signature that the token made stands in a row, and each signed row has one."""
    recorded = {r["to_be_signed_sha256"]: i for i, r in intents.items() if r["to_be_signed_sha256"]}
    by_key: dict[str, Counter[str]] = {}
    for key, digest in signed(record):
        by_key.setdefault(key, Counter())[digest] += 1
    documents: Counter[str] = Counter()
    others = 0
    for made in by_key.values():
        if any(digest in recorded for digest in made):
            documents += made
        else:
            others += sum(made.values())
    anchored = {_attributes_digest(bytes(r["signature"])) for r in anchors}
    begun = sum(r["act"] == "audit.anchor" for r in audit)
    unknown = [d for d in documents if d not in recorded and d not in anchored]
    found.figures["signatures of documents"] = sum(n for d, n in documents.items() if d in recorded)
    found.figures["of them again, over the same bytes"] = sum(n - 1 for d, n in documents.items() if d in recorded)
    found.figures["of them for what is not issued"] = sum(
        n for d, n in documents.items() if d in recorded and recorded[d] not in issued
    )
    found.figures["other signatures"] = others + sum(n for d, n in documents.items() if d in anchored)
    # An anchor's entry is written before the key is asked; a crash in between leaves an entry without a signature.
    found.fail("signatures that nobody recorded before", unknown[: max(0, len(unknown) - (begun - len(anchors)))])
    found.fail("issued, and never signed", (i for d, i in recorded.items() if i in issued and not documents[d]))


def _digest_of(signed: bytes) -> str:
    """SHA-256 of what was to be signed: a token is given that, or its digest alone, or a DigestInfo."""
    if len(signed) in {32, 51}:
        return signed[-32:].hex()
    return hashlib.sha256(signed).hexdigest()


def _attributes_digest(signature: bytes) -> str:
    attributes = cms.ContentInfo.load(signature)["content"]["signer_infos"][0]["signed_attrs"]
    return hashlib.sha256(attributes.untag().dump()).hexdigest()  # RFC 5652 §5.4: as a SET


def _twice(values: Iterable[Any]) -> list[Any]:
    return [value for value, count in Counter(values).items() if count > 1]


def main() -> int:
    """As a program."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("database")
    parser.add_argument("archive", type=Path)
    parser.add_argument("--signatures", type=Path)
    parser.add_argument("--told", type=Path)
    parser.add_argument("--expected", type=int)
    given = parser.parse_args()
    lines = given.told.read_text("utf-8").splitlines() if given.told else ()
    found = check(
        given.database,
        given.archive,
        told=[Told(**json.loads(line)) for line in lines],
        signatures=given.signatures,
        expected=given.expected,
    )
    print(found, *found.failures, sep="\n")
    return int(bool(found.failures))


if __name__ == "__main__":
    sys.exit(main())
