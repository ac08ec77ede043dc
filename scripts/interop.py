"""What software that we did not write says: `make interop` prints tables, exit 1 where it differs from what we say.

1. What we make, of every profile: pdfsig (NSS), openssl cms, pyHanko's own path building, qpdf, zxing reading the seal
   from the rastered page, EU DSS (accepted, as the level that it claims) and veraPDF (PDF/A as rendered).
2. The same at B-T, B-LT and B-LTA.
3. What others made, where `../shared/corpus` is there: our verdict beside that of EU DSS.
4. Our reports in the form of ETSI TS 119 102-2: the schema that ETSI publishes accepts each.

    python scripts/interop.py [made] [levels] [corpus] [reports]
"""

import sys
import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from esign.profile import Level  # noqa: E402
from tests.interop import corpus, reports, tools  # noqa: E402
from tests.interop.augmented import EXPIRED_AT, JUDGED_AT, augmented  # noqa: E402
from tests.interop.java import Judge, write_trust  # noqa: E402
from tests.interop.made import Made, documents  # noqa: E402
from tests.support.office import NOW  # noqa: E402

# What DSS calls a level that we reached.
_DSS_LEVELS = {"PAdES-B-B": "B", "PAdES-B-T": "T", "PAdES-B-LT": "LT", "PAdES-B-LTA": "LTA"}


def main() -> None:
    """Make, ask, print."""
    parts: dict[str, Callable[[Judge], int]] = {
        "made": made,
        "levels": levels,
        "corpus": corpus.table,
        "reports": reports.table,
    }
    judge = Judge.build()
    sys.exit(sum(parts[name](judge) for name in sys.argv[1:] or parts) > 0)


def made(judge: Judge) -> int:
    """How many verdicts on what we make differ from ours."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        return _judged(judge, list(documents(folder)), trust=folder / "trust", at=NOW)


def levels(judge: Judge) -> int:
    """The same at B-T, whose verifier needs revocation lists, and at B-LT and B-LTA, which have all in themselves."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        found = list(augmented(folder / "made"))
        stamped = [d for d in found if d.level is Level.B_T]
        kept = [d for d in found if d.level is not Level.B_T]
        lists, anchors = folder / "lists", folder / "anchors"
        wrong = _judged(judge, stamped, trust=lists, at=JUDGED_AT) + _judged(judge, kept, trust=anchors, at=JUDGED_AT)
        # Evidence comes from the document and from nowhere else: without it DSS cannot tell, with it years later still.
        return wrong + _by_evidence_alone(judge, [*stamped, *kept], trust=anchors, at=EXPIRED_AT)


def _by_evidence_alone(judge: Judge, found: list[Made], *, trust: Path, at: datetime) -> int:
    """How many verdicts differ from: DSS accepts those that carry their evidence, though certificates expired."""
    rows = judge.ask([d.file for d in found], trust=trust, at=at)
    accepted = [_is_accepted(d, row) for d, row in zip(found, rows, strict=True)]
    differ = [d.name for d, is_accepted in zip(found, accepted, strict=True) if is_accepted == (d.level is Level.B_T)]
    print(f"EU DSS as of {at:%Y}, anchors only, {len(found)} verdicts, {sum(accepted)} accept, {len(differ)} differ")
    print(*(f"    {name}" for name in differ), sep="\n")
    return len(differ)


def _judged(judge: Judge, found: list[Made], *, trust: Path, at: datetime) -> int:
    names = ("pdfsig", "openssl", "pyhanko", "qpdf", "zxing", "dss", "verapdf")
    print(f"{'document':56}", *(f"{n:8}" for n in names))
    verdicts = wrong = 0
    rows = judge.ask(
        [d.file for d in found], trust=write_trust(trust, [d.trust for d in found]), at=at, conformance=True
    )
    for document, row in zip(found, rows, strict=True):
        said = {
            "pdfsig": tools.pdfsig(document),
            "openssl": tools.openssl(document, at=at),
            "pyhanko": tools.pyhanko(document, at=at),
            "qpdf": tools.qpdf(document.file),
            "zxing": tools.zxing(document.pdf, document.url),
            "dss": _is_accepted(document, row),
            "verapdf": bool(row.get("verapdf", {}).get("compliant")),
        }
        print(f"{document.name:56}", *(f"{'yes' if said[n] else 'NO':8}" for n in names), flush=True)
        if not (said["dss"] and said["verapdf"]):
            print(f"    {row}", flush=True)
        verdicts += len(said)
        wrong += list(said.values()).count(False)
    print(f"\n{verdicts} verdicts, {wrong} differ\n")
    return wrong


def _is_accepted(document: Made, row: dict[str, object]) -> bool:
    """In EU DSS every signature is TOTAL_PASSED at the level that it claims, every document time-stamp PASSED."""
    level = f"PAdES-BASELINE-{_DSS_LEVELS[document.level.value]}"
    found = sorted((s["kind"], s["indication"], s.get("level", "")) for s in _signatures(row))
    signatures = [("signature", "TOTAL_PASSED", level)] * document.signatures
    return found == signatures + [("timestamp", "PASSED", "")] * document.timestamps


def _signatures(row: dict[str, object]) -> list[dict[str, object]]:
    found = row.get("signatures", [])
    return found if isinstance(found, list) else []


if __name__ == "__main__":
    main()
