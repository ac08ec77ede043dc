"""What a signature dictionary holds, by what it says of itself (ISO 32000-2 §12.8.1, Tables 255 and 258)."""

from esign.pades.reading import Reader
from esign.syntax import Dict

__all__ = ["TIMESTAMP", "is_timestamp"]

TIMESTAMP = "ETSI.RFC3161"
"""The /SubFilter of document time-stamps."""


def is_timestamp(reader: Reader, value: Dict) -> bool:
    """Whether it is a document time-stamp; software that writes `/Type /Sig` for one exists."""
    return reader.name(value, "Type") == "DocTimeStamp" or reader.name(value, "SubFilter") == TIMESTAMP
