"""A portal issues one result: `python examples/issue_one.py FOLDER`."""

import sys
from datetime import UTC, datetime
from pathlib import Path

from esign import DossierCode, Filled, NextNumber, ProcedureCode, Request, ResultMetadata
from esign.pdf import load
from esign_cli.config import Config
from esign_cli.wiring import Workplace


def main(folder: Path) -> None:
    """Issue a residence confirmation with the template's own sample data."""
    dossier = DossierCode.parse("H26.1.2-261120-0002")
    request = Request(
        # What names this request in the portal: asking again gives the same document, never a second one.
        idempotency_key=str(dossier),
        content=Filled(template="xac-nhan-cu-tru", data=load("xac-nhan-cu-tru").sample),
        metadata=ResultMetadata(
            procedure=ProcedureCode.parse("1.004222"), title="Xác nhận thông tin về cư trú", dossier=dossier
        ),
        number=NextNumber(symbol="XN-UBND"),
    )
    with Workplace(Config.load(folder / "esign.toml"), now=lambda: datetime.now(UTC)) as workplace:
        issued = workplace.issuer().issue(request)
    target = folder / "out" / f"{issued.id}.pdf"
    target.write_bytes(issued.pdf)
    print(issued.number, issued.result_code, target)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
