"""Issue a result, fetch the document, verify it: `ESIGN_URL=… ESIGN_AGENCY=… ESIGN_TOKEN=… issue.py request.json KEY`.

`KEY` names the request in the portal: however often this runs with it, one document is issued. The client sends the
same again while the service is busy or cannot be heard.
"""

import os
import sys
from pathlib import Path

from esign.api.results import IssueRequest
from esign.client import Client
from esign.errors import Error


def main(request: Path, key: str) -> int:
    """Issue what stands in `request`."""
    wanted = IssueRequest.model_validate_json(request.read_bytes())
    token, agency = os.environ["ESIGN_TOKEN"], os.environ["ESIGN_AGENCY"]
    with Client(os.environ["ESIGN_URL"], agency=agency, token=token) as client:
        try:
            result = client.results.issue(wanted, key=key)
        except Error as e:
            said = e.diagnostics("vi")
            print(f"{e.code}: {said.what} – {said.next_step}", file=sys.stderr)
            return 1
        target = Path(f"{result.id}.pdf")
        client.results.save(result.id, target)
        report = client.verifications.verify(target)
    print(result.number, target, report["integrity"])
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))
