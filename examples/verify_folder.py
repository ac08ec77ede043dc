"""Look at every PDF of a folder: `python examples/verify_folder.py FOLDER PDFS`."""

import sys
from datetime import UTC, datetime
from pathlib import Path

from esign import Verifier
from esign_cli.config import Config
from esign_cli.wiring import Workplace


def main(folder: Path, documents: Path) -> None:
    """One line a file, and the reasons in Vietnamese where it does not simply pass."""

    def now() -> datetime:
        return datetime.now(UTC)

    with Workplace(Config.load(folder / "esign.toml"), now=now) as workplace:
        verifier = Verifier(trust=workplace.trust, seal_keys=workplace.seal_keys, registry=workplace.registry, now=now)
        for file in sorted(documents.glob("*.pdf")):
            report = verifier.inspect(file.read_bytes())
            indications = [s.indication.value for s in report.signatures]
            standing = report.standing.standing if report.standing else None
            print(file.name, report.integrity.value, *indications, standing.value if standing else "-")
            for reason in report.reasons:
                explanation = reason.explain("vi")
                print(f"    {explanation.what}; {explanation.next_step}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
