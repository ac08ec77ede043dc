"""Files that others made: our integrity beside the verdict of EU DSS, and what their own projects expect."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from tests.interop.java import Judge

__all__ = ["table"]

_CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpus"
_CHUNK = 24

# Texts by which EU DSS says that a document is not as it was signed; it warns, its indication stays.
_CHANGED = ("modif", "overlap", "has been changed", "not covered", "undefined")


def table(judge: Judge) -> int:
    """Print every file on which the two differ; 0, as a difference of opinion is no failure of ours."""
    manifest = _CORPUS / "manifest.json"
    if not manifest.exists():
        print("corpus: not there, left out")
        return 0
    cases = json.loads(manifest.read_text())
    files = [_CORPUS / "files" / case["file"] for case in cases]
    ours = _ours(files)
    theirs = {row["file"]: row for row in judge.ask(files)}
    tally: Counter[str] = Counter()
    print(f"\n{'expected':12} {'esign':11} {'DSS':24} {'class':16} file")
    for case, file in zip(cases, files, strict=True):
        expected = case["expect"].get("verdict", "-")
        mine, dss = ours.get(str(file), {}).get("integrity", "CRASHED"), verdict(theirs.get(str(file), {}))
        tally[f"esign {mine} / DSS {dss}"] += 1
        if expected in {"accept", "reject"} and not (case.get("contested") or case.get("depends")):
            tally[f"judged: esign {'agrees' if agrees(expected, mine) else 'DIFFERS'}"] += 1
            tally[f"judged: DSS {'agrees' if agrees(expected, dss) else 'DIFFERS'}"] += 1
        if mine != dss.removesuffix(" (warned)"):
            reasons = ", ".join(ours.get(str(file), {}).get("reasons", [])[:3])
            print(f"{expected:12} {mine:11} {dss:24} {case['cls']:16} {case['file']}  {reasons}")
    print()
    for what, count in sorted(tally.items()):
        print(f"{count:5}  {what}")
    return 0


def agrees(expected: str, integrity: str) -> bool:
    """Whether an integrity is what a project expects of its file; a warning alone accepts."""
    accepted = integrity.startswith("INTACT")
    return accepted if expected == "accept" else not accepted


def verdict(row: dict[str, Any]) -> str:
    """What EU DSS says of a file, in our words: trust and time are left aside."""
    if "error" in row or not row:
        return "UNREADABLE"
    signatures = row["signatures"]
    if not signatures:
        return "UNSIGNED"
    if not all(s["valid"] for s in signatures) or any(s["sub_indication"] == "FORMAT_FAILURE" for s in signatures):
        return "ALTERED"
    said = " ".join(m for s in signatures for m in (*s.get("errors", ()), *s.get("warnings", ()))).lower()
    return "INTACT (warned)" if any(word in said for word in _CHANGED) else "INTACT"


def _ours(files: list[Path]) -> dict[str, dict[str, Any]]:
    rows: dict[str, dict[str, Any]] = {}
    command = [str(Path(sys.executable).with_name("esign")), "verify", "--json"]
    for start in range(0, len(files), _CHUNK):
        part = [str(f) for f in files[start : start + _CHUNK]]
        done = subprocess.run([*command, *part], capture_output=True, text=True, check=False)
        for line in done.stdout.splitlines():
            row = json.loads(line)
            rows[row["file"]] = row
    return rows
