"""The README and the guides are run: every `console` and `python` block, in order, in one folder per document.

A line `$ …` is a command and must end with 0 (`> …` goes on with it); the lines below it must come out in this order,
`…` standing for anything. Python blocks run in the same folder. `<!-- run: … -->` prepares what a reader has already,
`<!-- needs: build/demo -->` is the folder of `make demo`. Blocks of another kind (`sh`) are not run.
"""

import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support import guide_office
from tests.support.programs import program

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs/guide").glob("*.md"))]
BLOCK = re.compile(
    r"<!-- run: (?P<hidden>.*?) -->|^```(?P<kind>console|python)\n(?P<body>.*?)^```$", re.DOTALL | re.MULTILINE
)
MARK = "-=#=-"


@dataclass
class Step:
    """One thing to run, and what it must print."""

    script: str
    expected: list[str] = field(default_factory=list)


def steps(text: str) -> list[Step]:
    found: list[Step] = []
    for block in BLOCK.finditer(text):
        if block["hidden"]:
            found.append(Step(block["hidden"]))
        elif block["kind"] == "python":
            found.append(Step(f"python -W error - <<'END-OF-PYTHON'\n{block['body']}END-OF-PYTHON"))
        else:
            for line in block["body"].splitlines():
                if line.startswith("$ "):
                    found.append(Step(line[2:]))
                elif line.startswith("> "):
                    found[-1].script += "\n" + line[2:]
                else:
                    found[-1].expected.append(line)
    return found


def pattern(line: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, line.rstrip().split("…"))))


def run(document: list[Step], folder: Path) -> list[str]:
    """What each step printed; one shell for all, which stops at the first that fails."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("ESIGN_", "SOFTHSM2_"))}
    environment |= {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}",
        "PYTHONPATH": str(ROOT),
        "ESIGN_STATE_DIR": str(folder / "state"),
        "HOME": str(folder),
        "NO_COLOR": "1",
        "LANG": "C.UTF-8",
    }
    script = "set -eu\n" + "".join(f"{step.script}\necho '{MARK}'\n" for step in document)
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    outputs = done.stdout.split(f"{MARK}\n")
    if done.returncode != 0:
        failed = document[len(outputs) - 1].script
        pytest.fail(f"exit code {done.returncode} of: {failed}\n{outputs[-1]}\n{done.stderr[-3000:]}")
    return outputs[:-1]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of `make demo`, made once."""
    for name in ("openssl", "pdftoppm", "softhsm2-util"):
        program(name)
    folder = tmp_path_factory.mktemp("made") / "demo"
    guide_office.make(folder)
    return folder


@pytest.mark.softhsm
@pytest.mark.parametrize("path", DOCUMENTS, ids=[p.name for p in DOCUMENTS])
def test_a_document_runs_as_it_says(path: Path, demo: Path, tmp_path: Path) -> None:
    text = path.read_text("utf-8")
    if "<!-- needs: build/demo -->" in text:
        guide_office.copy(demo, tmp_path / "build" / "demo")
    document = steps(text)
    assert document, "nothing to run"
    for step, output in zip(document, run(document, tmp_path), strict=True):
        lines = iter(output.splitlines())
        for expected in step.expected:
            wanted = pattern(expected)
            assert any(wanted.fullmatch(line) for line in lines), (
                f"{step.script}\nno line like {expected!r} in\n{output}"
            )


def test_steps_are_read_as_written() -> None:
    text = "<!-- run: true -->\n```console\n$ a \\\n>   b\nout…\n$ c\n```\n```sh\nnot run\n```\n```python\npass\n```\n"
    read = steps(text)
    assert [s.script for s in read[:3]] == ["true", "a \\\n  b", "c"]
    assert read[1].expected == ["out…"]
    assert "pass\n" in read[3].script
    assert len(read) == 4
    assert pattern("a…c").fullmatch("abbc")
    assert not pattern("a…c").fullmatch("abbcd")
