"""The program in docs/spec/audit.md says what `verify_chain` says."""

import json
import re
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

from tests.unit.auditing.test_chain import CHAIN

ROOT = Path(__file__).parents[3]


def run(entries: list[str]) -> subprocess.CompletedProcess[str]:
    text = (ROOT / "docs/spec/audit.md").read_text("utf-8")
    (program,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(program.splitlines()) <= 20
    return subprocess.run(
        [sys.executable, "-I", "-c", program], input="\n".join(entries), text=True, capture_output=True, check=False
    )


def test_a_stranger_can_recompute_the_chain() -> None:
    lines = [json.dumps(asdict(e)) for e in CHAIN]
    good = run(lines)
    assert good.stdout == f"1000 entries fit; the last hash is {CHAIN[-1].hash}\n"
    edited = [*lines[:500], json.dumps(asdict(replace(CHAIN[500], actor="key:evil"))), *lines[501:]]
    for damaged in (edited, lines[:500] + lines[501:]):
        bad = run(damaged)
        assert (bad.returncode, bad.stderr) == (1, "entry 500 is not as it was written\n")
