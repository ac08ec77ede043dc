"""Examples for the description of the interface: what stands here works as it is, with invented data."""

from collections.abc import Mapping
from typing import Any

from esign.pdf import load

__all__ = ["example_of"]

_SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    "ChangeRequest": {"standing": "withdrawn", "why": "QĐ 21/QĐ-UBND", "by": "Phòng Tư pháp"},
    "CopyRequest": {"form": "SAO_Y"},
    "DigestRequest": {"sha256": _SHA256},
    "FileRequest": {},
    "LookupRequest": {"id": "7K3M-9XQ2-4RTB-0ZWA"},
    "PresentationRequest": {"digits": "27650138820417309245"},
    "ReleaseRequest": {"symbol": "QĐ-UBND"},
    "WithdrawalRequest": {"why": "Người nộp rút hồ sơ"},
}


def example_of(model: str) -> Mapping[str, Any] | None:
    """A request body by the name of its model; None where there is none that works by itself."""
    if model == "IssueRequest":
        template = load("quyet-dinh")
        return {
            "template": template.name,
            "data": dict(template.sample),
            "procedure": "1.012345",
            "symbol": "QĐ-UBND",
        }
    return _EXAMPLES.get(model)
