"""Distinguished names as people may see them: every attribute in its order, personal numbers masked (DESIGN law 8).

Vietnamese certificates keep their numbers in a multi-valued UID, each with its kind before a colon
(`UID=MST:0400260612, UID=CCCD:…`), and some eID cards keep a personal code inside the common name.

>>> [str(part) for part in subject_parts(certificate)]
['CN=Hà Văn Tý', 'CCCD=•••••••••534', 'O=ỦY BAN NHÂN DÂN TỈNH QUẢNG NGÃI', 'C=VN']
"""

import re
from collections.abc import Callable, Iterator

from asn1crypto import x509

from esign.report import NamePart

__all__ = ["common_name", "masked", "subject_parts"]

_MASK = "•"
_SHOWN_DIGITS = 3
# A personal code inside a name: eleven digits on Estonian cards, twelve of a CCCD, nine of a CMND.
_LONG_NUMBER = re.compile(r"\d{9,}")
_ENTERPRISE = re.compile(r"(?!8)\d{10}(-\d{3})?")
_UID_KIND = re.compile(r"(MST|MNS|CMND|CCCD|HC|BHXH):(.*)", re.DOTALL)
_MOST_PARTS = 64

_UID = "0.9.2342.19200300.100.1.1"
_LABELS = {
    "2.5.4.3": "CN",
    "2.5.4.4": "SN",
    "2.5.4.42": "GN",
    "2.5.4.12": "T",
    "2.5.4.10": "O",
    "2.5.4.11": "OU",
    "2.5.4.7": "L",
    "2.5.4.8": "ST",
    "2.5.4.6": "C",
    "0.9.2342.19200300.100.1.25": "DC",
    "2.5.4.97": "organizationIdentifier",
    "2.5.4.5": "serialNumber",
    "2.5.4.65": "pseudonym",
    "1.2.840.113549.1.9.1": "E",
    _UID: "UID",
}


def subject_parts(certificate: bytes) -> tuple[NamePart, ...]:
    """The subject of `certificate` (DER), masked; nothing where it cannot be read."""
    try:
        return tuple(NamePart(label=label, value=_shown(label, value)) for label, value in _attributes(certificate))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):  # asn1crypto parses late, raises any
        return ()


def common_name(certificate: bytes) -> str:
    """The common name in the subject of `certificate` (DER), masked; empty where there is none."""
    return next((part.value for part in subject_parts(certificate) if part.label == "CN"), "")


def masked(text: str) -> str:
    """`text` with every number in it that could be a person's shown by its last digits only."""
    return _LONG_NUMBER.sub(lambda found: _hidden(found[0]), text)


def _attributes(certificate: bytes) -> Iterator[tuple[str, str]]:
    count = 0
    for rdn in x509.Certificate.load(certificate).subject.chosen:
        for attribute in rdn:
            count += 1
            if count > _MOST_PARTS:
                return
            oid = attribute["type"].dotted
            value = str(attribute["value"].native)
            kind = _UID_KIND.fullmatch(value) if oid == _UID else None
            yield (kind[1], kind[2]) if kind else (_LABELS.get(oid, oid), value)


def _shown(label: str, value: str) -> str:
    return _RULES.get(label, _hidden)(value)


def _hidden(value: str) -> str:
    """The last three digits of a number; nothing of a short one, nor of words."""
    kept = _SHOWN_DIGITS if len(value) >= 3 * _SHOWN_DIGITS and value[-_SHOWN_DIGITS:].isdigit() else 0
    return _MASK * (len(value) - kept) + value[len(value) - kept :]


def _tax_code(value: str) -> str:
    """An enterprise's is public; a person's is the personal number, or begins with 8."""
    return value if _ENTERPRISE.fullmatch(value) else _hidden(value)


def _address(value: str) -> str:
    """An e-mail address by its first letter and its domain."""
    local, at, domain = value.rpartition("@")
    return f"{local[:1]}{_MASK * 3}@{domain}" if at else _hidden(value)


def _plain(value: str) -> str:
    return value


# What is not listed, a birth date or an attribute of somebody's own, is hidden.
_RULES: dict[str, Callable[[str], str]] = {
    **dict.fromkeys(("CN", "SN", "GN", "T", "O", "OU", "L", "ST", "DC", "pseudonym"), masked),
    **dict.fromkeys(("C", "MNS", "organizationIdentifier"), _plain),
    "MST": _tax_code,
    "E": _address,
}
