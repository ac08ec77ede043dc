"""Write a specimen of a red seal, which says MẪU so that nobody's real seal is imitated."""

import argparse
from pathlib import Path

from esign.pdf import specimen_seal


def main() -> None:
    """Parse, draw, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help="the PNG to write")
    parser.add_argument("--diameter-mm", type=float, default=36.0)
    arguments = parser.parse_args()
    arguments.file.write_bytes(specimen_seal(diameter_mm=arguments.diameter_mm))


if __name__ == "__main__":
    main()
