"""EU DSS and veraPDF, as a subprocess that answers in JSON lines; only `make interop` needs Java."""

import json
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from esign.trust import TrustStore

__all__ = ["Judge", "schemas", "write_trust"]

_HERE = Path(__file__).resolve().parent
_BUILT = _HERE.parents[1] / "build" / "interop"


@dataclass(frozen=True, slots=True)
class Judge:
    """The Java program in this folder."""

    classpath: str

    @classmethod
    def build(cls) -> "Judge":
        """Let Maven fetch EU DSS and veraPDF and compile the program; a minute the first time."""
        if shutil.which("mvn") is None:
            message = "make interop needs a JDK (17 or newer) and Maven: apt-get install maven"
            raise SystemExit(message)
        subprocess.run(["mvn", "-q", "-B", "-f", str(_HERE / "pom.xml"), "package"], check=True)
        return cls(f"{_BUILT / 'judge-1.jar'}:{_BUILT / 'lib'}/*")

    def ask(
        self,
        files: Iterable[Path],
        *,
        trust: Path | None = None,
        at: datetime | None = None,
        conformance: bool = False,
        seconds: float = 3600,
    ) -> Iterator[dict[str, Any]]:
        """One object a file, in their order; a file at which the program dies has `error`."""
        command = ["java", "-Xmx2g", "-cp", self.classpath, "esign.Judge"]
        command += ["--trust", str(trust)] if trust is not None else []
        command += ["--at", at.strftime("%Y-%m-%dT%H:%M:%SZ")] if at is not None else []
        command += ["--verapdf"] if conformance else []
        waiting = [str(f) for f in files]
        while waiting:
            done = subprocess.run(
                [*command, "-"], input="\n".join(waiting), capture_output=True, text=True, timeout=seconds, check=False
            )
            rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
            yield from rows
            waiting = waiting[len(rows) :]
            if waiting and done.returncode:
                yield {"file": waiting.pop(0), "error": done.stderr.strip()[-300:] or f"exit {done.returncode}"}
            elif waiting:
                message = f"the judge fell silent before {waiting[0]}"
                raise RuntimeError(message)


def write_trust(folder: Path, stores: Sequence[TrustStore]) -> Path:
    """What the program trusts, as the files that it reads."""
    folder.mkdir(parents=True, exist_ok=True)
    for s, store in enumerate(stores):
        for i, anchor in enumerate(store.anchors):
            (folder / f"anchor{s}-{i}.der").write_bytes(anchor.der)
        for i, certificate in enumerate(store.intermediates):
            (folder / f"issuer{s}-{i}.der").write_bytes(certificate)
        for i, crl in enumerate(store.crls):
            (folder / f"{s}-{i}.crl").write_bytes(crl)
    return folder


def schemas() -> list[Path]:
    """The jars that carry the schemas of ETSI TS 119 102-2 and of what it imports."""
    return sorted((_BUILT / "lib").glob("specs-*.jar"))
