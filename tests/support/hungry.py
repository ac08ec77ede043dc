"""Fetch what servers send and say how much memory that took: `python -m tests.support.hungry KIND AUTHORITY URL…`.

Prints the cap of the kind, by how many bytes the peak of resident memory grew, and how each request ended.
"""

import re
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from esign.errors import NetworkError
from esign.net import Client, Kind, NetworkRules, Query
from esign.net.kinds import shape_of


def _status(name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+) kB", Path("/proc/self/status").read_text("ascii"), re.MULTILINE)
    assert found
    return int(found[1]) * 1024


def main(kind: Kind, authority: str, urls: list[str]) -> None:
    now = datetime(2026, 11, 22, tzinfo=UTC)

    def outcome(url: str) -> str:
        # A client for each: a host that misbehaves this often would be left alone.
        client = Client(NetworkRules(inside=(authority,), deadline=timedelta(seconds=20)), now=lambda: now)
        try:
            client.fetch(Query(kind=kind, url=url, body=b"\x30\x00"))
        except NetworkError as e:
            return e.code
        return "fetched"

    outcome(f"http://{authority}/nothing/{kind.value}")  # what is loaded once does not count
    Path("/proc/self/clear_refs").write_text("5", "ascii")  # the peak starts here (proc(5))
    before = _status("VmRSS")
    codes = [outcome(url) for url in urls]
    print(shape_of(kind).most_bytes, _status("VmHWM") - before, *codes)


if __name__ == "__main__":
    main(Kind(sys.argv[1]), sys.argv[2], sys.argv[3:])
