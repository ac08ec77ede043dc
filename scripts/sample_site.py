"""Write a sample of what a host publishes: trust list, shards, detail files, a seal for every state of a verdict."""

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.support.site import HOST, make_site


def main() -> None:
    """Parse, make, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where to write; `samples.json` and `roots.json` stand at its top")
    parser.add_argument("--host", default=HOST, help="the host that the seals open")
    parser.add_argument("--at", type=datetime.fromisoformat, default=datetime.now(UTC), help="the site's time")
    arguments = parser.parse_args()
    make_site(arguments.at.replace(microsecond=0), host=arguments.host).write(arguments.folder)


if __name__ == "__main__":
    main()
