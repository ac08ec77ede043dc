"""The codes that Vietnamese authorities give to agencies, dossiers, results, procedures and documents.

Each is a value type: `parse` forgives what people type and refuses the rest with a reason, `str` prints the
one canonical spelling, and a value that exists is valid.

>>> str(ResultCode.parse("H15.50.05.13-261008-0975-KQ(1)"))
'H15.50.05.13-261008-0975-KQ1'
>>> str(DocumentNumber.parse("5/QĐ-UBND"))
'05/QĐ-UBND'
"""

import os
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from enum import Enum
from functools import lru_cache
from typing import Self

from esign.errors import InputError

__all__ = [
    "AgencyCode",
    "DocumentNumber",
    "DossierCode",
    "DossierForm",
    "ProcedureCode",
    "ResultCode",
    "ResultId",
]

_AGENCY = re.compile(r"[A-Y][0-9]{2}(?:\.[0-9A-Z]+)*")
_AGENCY_LENGTH = 35  # QĐ 20/2020/QĐ-TTg Đ.4


@dataclass(frozen=True, slots=True, order=True)
class AgencyCode:
    """The identifier of an agency (QĐ 20/2020/QĐ-TTg Đ.4): level 1 first, for instance `H15.50.05.13`."""

    value: str
    """At most 35 characters: a letter A–Y and two digits, then groups of digits and capitals between dots."""

    def __post_init__(self) -> None:
        if len(self.value) > _AGENCY_LENGTH:
            raise InputError("agency-code-too-long", found=_shown(self.value), length=len(self.value), limit=35)
        if not _AGENCY.fullmatch(self.value):
            raise InputError("agency-code-invalid", found=_shown(self.value))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `text`; surrounding space and small letters are forgiven.

        Raises:
            InputError: `agency-code-invalid` or `agency-code-too-long`.
        """
        return cls(_typed(text))

    def __str__(self) -> str:
        return self.value

    @property
    def level1(self) -> str:
        """The ministry or province, for instance `H15`."""
        return self.value[:3]


class DossierForm(Enum):
    """Which circular shaped a dossier code."""

    LEGACY = "TT 01/2018/TT-VPCP Đ.19"
    """`000.00.12.H26-201130-0001`: the unit first, level 1 last."""
    CURRENT = "TT 03/2025/TT-VPCP Đ.13"
    """`H15.50.05.13-261008-0975`: the agency's identifier first, a counter of four digits (or five)."""
    CENTRAL = "TT 03/2025/TT-VPCP Đ.13.3"
    """`H15.50.05.13-261008-090123`: from a ministry's central service, whose two digits begin the counter."""


_DOSSIER = re.compile(r"(?P<unit>[0-9A-Z.]+)-(?P<date>[0-9]{6})-(?P<counter>[0-9]{4,12})")
_LEGACY_UNIT = re.compile(r"[0-9]{3}\.[0-9]{2}\.[0-9]{2,3}\.[A-Y][0-9]{2}")
_CENTRAL_COUNTER = 6
# No code of these shapes is older than TT 01/2018/TT-VPCP, which was signed in 2018.
_FIRST_YEAR = 2018


@dataclass(frozen=True, slots=True, order=True)
class DossierCode:
    """The code of a dossier: who received it, when, and a counter of that day.

    The unit is opaque on purpose: the mergers of 2025 gave agencies new identifiers, old codes stay as they
    are.
    """

    value: str
    """The code as it is printed."""

    def __post_init__(self) -> None:
        match = _DOSSIER.fullmatch(self.value)
        if not match:
            raise InputError("dossier-code-invalid", found=_shown(self.value))
        unit = match["unit"]
        if not _LEGACY_UNIT.fullmatch(unit) and not (_AGENCY.fullmatch(unit) and len(unit) <= _AGENCY_LENGTH):
            raise InputError("dossier-unit-invalid", found=_shown(self.value), unit=_shown(unit))
        try:
            received = _day(match["date"])
        except ValueError as e:
            raise InputError("dossier-date-invalid", found=_shown(self.value), date=match["date"]) from e
        if received.year < _FIRST_YEAR:
            raise InputError("dossier-date-too-early", found=self.value, date=received.isoformat())

    @classmethod
    def parse(cls, text: str, *, today: date | None = None) -> Self:
        """Read `text`; surrounding space and small letters are forgiven.

        With `today`, a dossier that would be received after it is refused as well.

        Raises:
            InputError: `dossier-code-invalid`, `dossier-unit-invalid`, `dossier-date-invalid`,
                `dossier-date-too-early` or `dossier-date-in-future`.
        """
        code = cls(_typed(text))
        if today is not None and code.received > today:
            raise InputError(
                "dossier-date-in-future",
                found=code.value,
                date=code.received.isoformat(),
                today=today.isoformat(),
            )
        return code

    def __str__(self) -> str:
        return self.value

    @property
    def form(self) -> DossierForm:
        """Which circular's shape it has."""
        if _LEGACY_UNIT.fullmatch(self.unit):
            return DossierForm.LEGACY
        return DossierForm.CENTRAL if len(self.counter) >= _CENTRAL_COUNTER else DossierForm.CURRENT

    @property
    def unit(self) -> str:
        """The receiving unit as it is printed; level 1 stands last in the legacy form."""
        return self.value.split("-")[0]

    @property
    def received(self) -> date:
        """The day of reception."""
        return _day(self.value.split("-")[1])

    @property
    def counter(self) -> str:
        """The counter with its leading zeros, and in the central form with the ministry before it."""
        return self.value.split("-")[2]

    @property
    def ministry(self) -> str | None:
        """AA of the central form, for instance `09` (Bộ Nội vụ); None in the other forms."""
        return self.counter[:2] if self.form is DossierForm.CENTRAL else None


def _day(yymmdd: str) -> date:
    return date(2000 + int(yymmdd[:2]), int(yymmdd[2:4]), int(yymmdd[4:]))


_RESULT = re.compile(r"(?P<dossier>.+)-KQ(?:\((?P<n1>[0-9]{1,3})\)|(?P<n>[0-9]{1,3}))?")
_MAX_ORDINAL = 999


@dataclass(frozen=True, slots=True, order=True)
class ResultCode:
    """The code under which a citizen's store keeps a result: `<dossier>-KQ<n>` (NĐ 45/2020 Đ.14.3.d)."""

    dossier: DossierCode
    """The dossier that it answers."""
    ordinal: int = 1
    """n: which of the dossier's results, from 1."""

    def __post_init__(self) -> None:
        if not 1 <= self.ordinal <= _MAX_ORDINAL:
            raise InputError("result-ordinal-invalid", found=self.ordinal, limit=_MAX_ORDINAL)

    @classmethod
    def parse(cls, text: str, *, today: date | None = None) -> Self:
        """Read `text`; `-KQ`, `-KQ1`, `-KQ01` and `-KQ(1)` are the same first result.

        Raises:
            InputError: `result-code-invalid`, `result-ordinal-invalid`, or a code of `DossierCode.parse`.
        """
        match = _RESULT.fullmatch(_typed(text))
        if not match:
            raise InputError("result-code-invalid", found=_shown(text))
        ordinal = int(match["n1"] or match["n"] or 1)
        return cls(DossierCode.parse(match["dossier"], today=today), ordinal)

    def __str__(self) -> str:
        return f"{self.dossier}-KQ{self.ordinal}"


_PROCEDURE = re.compile(
    r"(?P<short>[0-9]\.[0-9]{6})(?:\.[0-9]{3}\.[0-9]{2}\.[0-9]{2})?(?:\.(?P<province>[A-Y][0-9]{2}))?"
)
_MAX_PROCEDURE = 9_999_999


@dataclass(frozen=True, slots=True, order=True)
class ProcedureCode:
    """The code of an administrative procedure: `1.001122`, `3.000259.H13`, `1.001122.000.00.00.H48`."""

    value: str
    """The code as the national database of procedures prints it."""

    def __post_init__(self) -> None:
        if not _PROCEDURE.fullmatch(self.value):
            raise InputError("procedure-code-invalid", found=_shown(self.value))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `text`; surrounding space and small letters are forgiven.

        Raises:
            InputError: `procedure-code-invalid`.
        """
        return cls(_typed(text))

    @classmethod
    def from_number(cls, number: int) -> Self:
        """The short form that `number` stands for: 1012345 is `1.012345`.

        Raises:
            InputError: `procedure-number-invalid`.
        """
        if not 0 <= number <= _MAX_PROCEDURE:
            raise InputError("procedure-number-invalid", found=number, limit=_MAX_PROCEDURE)
        return cls(f"{number // 1_000_000}.{number % 1_000_000:06}")

    def __str__(self) -> str:
        return self.value

    @property
    def number(self) -> int:
        """The seven digits of the short form as a number (a u32 in the seal)."""
        return int(self.value[0] + self.value[2:8])

    @property
    def short(self) -> "ProcedureCode":
        """The code without what an agency appended to it."""
        return ProcedureCode(self.value[:8])

    @property
    def province(self) -> str | None:
        """The level-1 identifier at its end, for instance `H48`; None where it has none."""
        match = _PROCEDURE.fullmatch(self.value)
        return match["province"] if match else None


_DOCUMENT = re.compile(r"(?P<number>[0-9]{1,9})(?:\s*/\s*(?P<year>[0-9]{4}))?\s*/\s*(?P<symbol>\S.*)")
_MAX_DOCUMENT = 999_999_999
_MAX_SYMBOL = 60
_MAX_TEXT = 200
_YEARS = range(1945, 2200)


@dataclass(frozen=True, slots=True)
class DocumentNumber:
    """Số, ký hiệu of a document (NĐ 30/2020 Phụ lục I, II.3): `05/QĐ-UBND`, `144/2025/QĐ-CTUBND`."""

    number: int
    """Số, from 1; printed with a zero before it below 10."""
    year: int | None
    """The year that legal documents carry; None for others."""
    symbol: str
    """Ký hiệu in NFC: letters, digits, `.` and `&` in groups between `-`, the first letter a capital."""

    def __post_init__(self) -> None:
        if not 1 <= self.number <= _MAX_DOCUMENT:
            raise InputError("document-number-out-of-range", found=self.number)
        if self.year is not None and self.year not in _YEARS:
            raise InputError("document-number-year-invalid", found=self.year)
        if not _is_symbol(self.symbol):
            raise InputError("document-symbol-invalid", found=_shown(self.symbol))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `text`; decomposed diacritics (NFD), space around `/` and `-`, and missing zeros are forgiven.

        Raises:
            InputError: `document-number-invalid`, or which of its parts is wrong.
        """
        short = unicodedata.normalize("NFC", text[:_MAX_TEXT]).strip()
        match = _DOCUMENT.fullmatch(short)
        if not match or len(text) > _MAX_TEXT:
            raise InputError("document-number-invalid", found=_shown(text))
        year = match["year"]
        symbol = re.sub(r"\s*-\s*", "-", match["symbol"])
        return cls(int(match["number"]), int(year) if year else None, symbol)

    def __str__(self) -> str:
        year = f"/{self.year}" if self.year is not None else ""
        return f"{self.number:02}{year}/{self.symbol}"


@lru_cache(maxsize=256)
def _is_symbol(symbol: str) -> bool:
    """Whether `symbol` could be a ký hiệu: Latin letters of any language, so Đ, Ô and Ư are in."""

    def fits(c: str) -> bool:
        return c in ".&" or (c.isascii() and c.isdigit()) or (c.isalpha() and "LATIN" in unicodedata.name(c, ""))

    if not 1 <= len(symbol) <= _MAX_SYMBOL or unicodedata.normalize("NFC", symbol) != symbol:
        return False
    groups = symbol.split("-")
    return symbol[0].isupper() and all(g[:1].isalnum() and all(map(fits, g)) for g in groups)


# Crockford's base32 (https://www.crockford.com/base32.html): no I, L, O or U, which are read as other signs.
_BASE32 = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_FORGIVEN = str.maketrans("OIL", "011")
_DASHES = str.maketrans("", "", " -\u00a0\u2010\u2011\u2013\u2014")
_ID_BYTES = 10
_ID_CHARACTERS = 16


@dataclass(frozen=True, slots=True, order=True)
class ResultId:
    """A result's own identifier, printed below its seal: 80 random bits as `ABCD-EFGH-JKMN-PQRS`.

    Random, because dossier codes can be guessed (agency, date, daily counter).
    """

    value: bytes
    """Ten bytes."""

    def __post_init__(self) -> None:
        if len(self.value) != _ID_BYTES:
            raise InputError("result-id-length", found=len(self.value), expected=_ID_BYTES)

    @classmethod
    def random(cls, entropy: Callable[[int], bytes] = os.urandom) -> Self:
        """A new one; `entropy(n)` gives n random bytes."""
        return cls(entropy(_ID_BYTES))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `text`; case, dashes, spaces, O for 0 and I or L for 1 are forgiven.

        Raises:
            InputError: `result-id-invalid`.
        """
        symbols = _typed(text.translate(_DASHES)).translate(_FORGIVEN)
        if len(symbols) != _ID_CHARACTERS or not set(symbols) <= set(_BASE32):
            raise InputError("result-id-invalid", found=_shown(text))
        number = 0
        for symbol in symbols:
            number = number << 5 | _BASE32.index(symbol)
        return cls(number.to_bytes(_ID_BYTES, "big"))

    def __str__(self) -> str:
        return _grouped(self.value)


@lru_cache(maxsize=1024)  # each step of a result says its id several times
def _grouped(value: bytes) -> str:
    number = int.from_bytes(value, "big")
    symbols = "".join(_BASE32[number >> 5 * i & 31] for i in reversed(range(_ID_CHARACTERS)))
    return "-".join(symbols[i : i + 4] for i in range(0, _ID_CHARACTERS, 4))


def _typed(text: str) -> str:
    """`text` as it was meant; letters outside ASCII stay, because `ſ` and `ß` have ASCII capitals."""
    stripped = text.strip()
    return stripped.upper() if stripped.isascii() else stripped


def _shown(text: str) -> str:
    """What was found, short and printable: it ends up in messages and logs."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text[:60]) + ("…" if len(text) > 60 else "")
