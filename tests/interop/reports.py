"""Our reports in ETSI's form, judged by ETSI's schema: for what we make and attack ourselves, and for others' files."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lxml import etree

from esign.reports.etsi import to_xml
from esign.trust import TrustStore
from esign.verification import Verifier
from tests.interop.java import Judge, schemas
from tests.support import etsi_schema
from tests.support.office import NOW
from tests.vectors.changes.generate import vectors

__all__ = ["table"]

_CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpus" / "files"
_SHOWN = 5


def table(_judge: Judge) -> int:
    """Print how many signatures have a report that the schema accepts; gives how many have none."""
    schema: Any = etsi_schema.load(schemas())
    verifier = Verifier(trust=TrustStore(), now=lambda: NOW)
    refused = 0
    print(f"\n{'TS 119 102-2 reports':24} {'files':>6} {'signatures':>11} {'accepted':>9}")
    for name, files in (("attacked and extended", _ours()), ("the corpus", _others())):
        count = signatures = accepted = 0
        for file, pdf in files:
            report = verifier.inspect(pdf)
            if not report.signatures:
                continue
            count += 1
            signatures += len(report.signatures)
            document = etree.fromstring(to_xml(report))
            if schema.validate(document):
                accepted += len(document.findall("{*}SignatureValidationReport"))
            elif refused < _SHOWN:
                print(f"    {file}: {schema.error_log.last_error}")
        refused += signatures - accepted
        print(f"{name:24} {count:6} {signatures:11} {accepted:9}", flush=True)
    return refused


def _ours() -> Iterator[tuple[str, bytes]]:
    return ((vector.name, vector.pdf) for vector in vectors())


def _others() -> Iterator[tuple[str, bytes]]:
    found = sorted(path for path in _CORPUS.rglob("*") if path.is_file()) if _CORPUS.exists() else []
    return ((str(path.relative_to(_CORPUS)), path.read_bytes()) for path in found)
