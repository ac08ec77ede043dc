"""Who may sign what: which person for which agency, which procedures, in which capacity, from when to when.

The agency's key follows the competent person's signature (NĐ 30/2020 Đ.5, Đ.32.2.d), so what this table says decides
whether it may be used. It is a file that an office keeps and only adds to (docs/adr/0008-authority.md):

>>> table = AuthorityTable.from_toml(path.read_text("utf-8"))
>>> table.may_sign(certificate, agency=agency, procedure=procedure, at=now).lines
('TM. UỶ BAN NHÂN DÂN', 'KT. CHỦ TỊCH', 'PHÓ CHỦ TỊCH')
"""

import hashlib
import json
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum
from typing import Final, Literal, Self, TypeVar

from asn1crypto import x509

from esign.codes import AgencyCode, ProcedureCode
from esign.errors import ConfigurationError, InputError, SigningError
from esign.profile import VIETNAM
from esign.reasons import Reason

__all__ = ["ALL", "Authority", "AuthorityEnd", "AuthorityTable", "Capacity", "ProcedureList", "public_key_sha256"]

T = TypeVar("T")
_KEY = re.compile(r"[0-9a-f]{64}")


class Capacity(Enum):
    """In whose place somebody signs (NĐ 30/2020 Đ.13, Phụ lục I II.7.a)."""

    DIRECT = "direct"
    """Nobody's: the head of the agency."""
    Q = "q"
    """Quyền: acting head."""
    KT = "kt"
    """Ký thay: the deputy for the head (Đ.13.1–2)."""
    TL = "tl"
    """Thừa lệnh: the head of a unit by order (Đ.13.4)."""
    TUQ = "tuq"
    """Thừa uỷ quyền: by a written authorisation with limits of time and content (Đ.13.3)."""

    @property
    def abbreviation(self) -> str:
        """What stands before the title: `KT.`; empty for who signs directly."""
        return "" if self is Capacity.DIRECT else f"{self.name}."


class _Procedures(Enum):
    ALL = "all"


ALL: Final = _Procedures.ALL
"""Every procedure of the agency, and documents that belong to none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """One grant: this person may sign these procedures for this agency."""

    id: str
    """Names the entry in the register and in an `AuthorityEnd`; never used twice."""
    public_key_sha256: str
    """Hex, of the SubjectPublicKeyInfo (RFC 5280 §4.1.2.7) that the person signs with."""
    name: str = field(repr=False)
    """The person's name as printed: `Nguyễn Văn Mẫu`."""
    title: str
    """The person's own title as printed: `PHÓ CHỦ TỊCH`."""
    agency: AgencyCode
    """For whom; exactly this agency, not those below it."""
    procedures: frozenset[ProcedureCode] | Literal[_Procedures.ALL]
    """Which; a short code (`1.001122`) stands for its longer spellings too."""
    capacity: Capacity
    """In whose place."""
    principal: str = ""
    """The title of the one who should sign, for KT., TL. and TUQ.: `CHỦ TỊCH`."""
    deputises: str = ""
    """The unit head's title where an order was handed on to a deputy: TL. … KT. … (Đ.13.4)."""
    collective: str = ""
    """Whom the signer speaks for, printed after `TM.`: `UỶ BAN NHÂN DÂN` (Đ.13.2); empty for none."""
    since: date
    """The first day, in Vietnam."""
    until: date | None = None
    """The last day, in Vietnam; None where nothing says so yet."""
    basis: str
    """The decision that grants it: `QĐ 12/QĐ-UBND ngày 01/7/2026`."""

    def __post_init__(self) -> None:
        for name in ("id", "name", "title", "basis"):
            _require(bool(getattr(self, name)), self.id, name, "authority-expects-text")
        _require(bool(_KEY.fullmatch(self.public_key_sha256)), self.id, "public_key_sha256", "authority-expects-sha256")
        _require(self.procedures is ALL or bool(self.procedures), self.id, "procedures", "authority-expects-procedures")
        for_other = self.capacity in {Capacity.KT, Capacity.TL, Capacity.TUQ}
        _require(for_other == bool(self.principal), self.id, "principal", "authority-expects-principal")
        handed_on = not self.deputises or self.capacity is Capacity.TL
        _require(handed_on, self.id, "deputises", "authority-expects-order")
        _require(self.until is None or self.since <= self.until, self.id, "until", "authority-ends-before-it-begins")
        limited = self.until is not None and self.procedures is not ALL
        _require(self.capacity is not Capacity.TUQ or limited, self.id, "capacity", "authority-without-limits")

    @property
    def lines(self) -> tuple[str, ...]:
        """What stands above the signature, as the document prints it (NĐ 30/2020 Phụ lục I II.7.a)."""
        abbreviation = self.capacity.abbreviation
        above = [f"TM. {self.collective}"] if self.collective else []
        if self.principal:
            above.append(f"{abbreviation} {self.principal}")
        if self.deputises:
            above.append(f"KT. {self.deputises}")
        own = f"{abbreviation} {self.title}" if self.capacity is Capacity.Q else self.title
        return (*above, own)

    def covers(self, procedure: ProcedureCode | None) -> bool:
        """Whether `procedure` is among these; None is a document that belongs to no procedure."""
        if self.procedures is ALL:
            return True
        return procedure is not None and bool({procedure, procedure.short} & self.procedures)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorityEnd:
    """What ends grants that were given without an end, or earlier than they said: a transfer, a merger."""

    last_day: date
    """The last day, in Vietnam, on which they count."""
    basis: str
    """The decision that ends them."""
    authority: str = ""
    """The id of the one that ends; empty where `agency` says which."""
    agency: AgencyCode | None = None
    """Every grant of this agency that began by `last_day`: it was merged or dissolved."""

    def __post_init__(self) -> None:
        _require(bool(self.basis), self.authority or str(self.agency), "basis", "authority-expects-text")
        _require(bool(self.authority) != bool(self.agency), self.authority, "authority", "authority-expects-one")

    def ends(self, granted: Authority) -> bool:
        """Whether it speaks of `granted`."""
        if self.authority:
            return granted.id == self.authority
        return granted.agency == self.agency and granted.since <= self.last_day


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcedureList:
    """Procedures that one decision delegates together, written once and named by many grants."""

    id: str
    """The decision: `QĐ 4040/QĐ-UBND`."""
    procedures: frozenset[ProcedureCode]
    """All of them."""

    def __post_init__(self) -> None:
        _require(bool(self.id), self.id, "id", "authority-expects-text")
        _require(bool(self.procedures), self.id, "procedures", "authority-expects-procedures")


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorityTable:
    """Every grant and every end, in the order in which they were written down."""

    grants: tuple[Authority, ...] = ()
    """Also those that are over: a signature of last year is judged by last year's grants."""
    ends: tuple[AuthorityEnd, ...] = ()
    """What ended them."""
    lists: tuple[ProcedureList, ...] = ()
    """The named lists; a grant has its own copy of the codes."""

    def __post_init__(self) -> None:
        known: set[str] = set()
        for name in [*(entry.id for entry in self.lists), *(entry.id for entry in self.grants)]:
            _require(name not in known, name, "id", "authority-id-twice")
            known.add(name)
        granted = {g.id for g in self.grants}
        for end in self.ends:
            _require(not end.authority or end.authority in granted, end.authority, "authority", "authority-unknown")

    def last_day(self, granted: Authority) -> date | None:
        """The last day of `granted`, by itself or by what ended it; None: still open."""
        days = [e.last_day for e in self.ends if e.ends(granted)]
        return min([*days, *([granted.until] if granted.until else [])], default=None)

    def may_sign(
        self,
        certificate: bytes,
        *,
        agency: AgencyCode,
        procedure: ProcedureCode | None,
        at: datetime,
        capacity: Capacity | None = None,
    ) -> Authority:
        """The grant under which the holder of `certificate` (DER) may sign; the newest, where there are several.

        Says nothing about whether the certificate is good: that is for the chain to answer.

        Raises:
            SigningError: `not-authorised-person`, `-agency`, `-procedure`, `-capacity` or `-date`: the first that no
                grant meets.
            InputError: `certificate-unreadable`.
        """
        key = public_key_sha256(certificate)
        day = at.astimezone(VIETNAM).date()
        mine = [g for g in self.grants if g.public_key_sha256 == key]
        if not mine:
            raise SigningError("not-authorised-person", key=key)
        here = [g for g in mine if g.agency == agency]
        if not here:
            raise SigningError("not-authorised-agency", agency=agency)
        such = [g for g in here if g.covers(procedure)]
        if not such:
            raise SigningError("not-authorised-procedure", agency=agency, procedure=procedure or "-")
        so = [g for g in such if capacity in {None, g.capacity}]
        if capacity and not so:
            raise SigningError("not-authorised-capacity", capacity=Reason(f"capacity-{capacity.value}"))
        now = [g for g in so if g.since <= day <= (self.last_day(g) or day)]
        if not now:
            nearest = so[-1]
            last = self.last_day(nearest)
            raise SigningError(
                "not-authorised-date",
                day=_printed(day),
                entry=nearest.id,
                since=_printed(nearest.since),
                until=_printed(last) if last else "…",
            )
        return now[-1]

    def check_continues(self, earlier: "AuthorityTable") -> None:
        """Make sure that nothing of `earlier` was changed or taken out: a table only grows.

        Raises:
            ConfigurationError: `authority-rewritten` with the entry at fault.
        """
        kept: set[Authority | AuthorityEnd | ProcedureList] = {*self.grants, *self.ends, *self.lists}
        entries: tuple[Authority | AuthorityEnd | ProcedureList, ...] = (
            *earlier.grants,
            *earlier.ends,
            *earlier.lists,
        )
        for entry in entries:
            if entry not in kept:
                name = entry.authority or entry.agency if isinstance(entry, AuthorityEnd) else entry.id
                raise ConfigurationError("authority-rewritten", entry=name)

    @classmethod
    def from_toml(cls, text: str) -> Self:
        """Read a table; what is missing, unknown, twice there or impossible is refused.

        Raises:
            ConfigurationError: `authority-unreadable`, or `authority-invalid` with entry, field and problem.
        """
        try:
            document = tomllib.loads(text)
        except (tomllib.TOMLDecodeError, RecursionError) as e:
            raise ConfigurationError("authority-unreadable", problem=str(e)[:100]) from e
        _require(document.pop("version", None) == 1, "-", "version", "authority-expects-version")
        lists = tuple(map(_read_list, _tables(document, "list")))
        named = {entry.id: entry.procedures for entry in lists}
        grants = tuple(_read_authority(e, named) for e in _tables(document, "authority"))
        ends = tuple(map(_read_end, _tables(document, "end")))
        for name in document:
            _require(holds=False, entry="-", name=name, problem="authority-field-unknown")
        return cls(grants=grants, ends=ends, lists=lists)

    def to_toml(self) -> str:
        """The table as `from_toml` reads it."""
        named = {entry.procedures: entry.id for entry in reversed(self.lists)}
        blocks = ["version = 1\n"]
        blocks += [_block("list", {"id": e.id, "procedures": e.procedures}) for e in self.lists]
        blocks += [_block("authority", _written(g, named)) for g in self.grants]
        for end in self.ends:
            which: dict[str, object] = {"authority": end.authority, "agency": end.agency}
            blocks.append(_block("end", {**which, "last_day": end.last_day, "basis": end.basis}))
        return "\n".join(blocks)


def public_key_sha256(certificate: bytes) -> str:
    """What names a person in the table: hex SHA-256 of the public key in `certificate` (RFC 7469 §2.4).

    Raises:
        InputError: `certificate-unreadable`.
    """
    try:
        return hashlib.sha256(x509.Certificate.load(certificate, strict=True).public_key.dump()).hexdigest()
    except (ValueError, TypeError, KeyError) as e:
        raise InputError("certificate-unreadable", problem=type(e).__name__) from e


def _printed(day: date) -> str:
    return day.strftime("%d.%m.%Y")


def _require(holds: bool, entry: str, name: str, problem: str | Reason) -> None:  # noqa: FBT001 - reads as an assertion
    if not holds:
        reason = Reason(problem) if isinstance(problem, str) else problem
        raise ConfigurationError("authority-invalid", entry=entry or "-", field=name[:60], problem=reason)


# Reading. An entry is named by its id, or by its place where it has none.


@dataclass(frozen=True, slots=True)
class _Entry:
    """A table of the file, and what it is called in a message."""

    name: str
    members: Mapping[str, object]

    def only(self, *known: str) -> None:
        for member in self.members:
            _require(member in known, self.name, member, "authority-field-unknown")

    def text(self, name: str, *, optional: bool = False) -> str:
        value = self.members.get(name, "" if optional else None)
        _require(value is not None, self.name, name, "authority-field-missing")
        good = isinstance(value, str) and value.isprintable() and value == value.strip()
        _require(good, self.name, name, "authority-expects-text")
        return str(value)

    def day(self, name: str, *, optional: bool = False) -> date | None:
        value = self.members.get(name)
        if value is None and optional:
            return None
        _require(value is not None, self.name, name, "authority-field-missing")
        # A TOML date-time is a `datetime`, which Python counts as a `date`: its day would hang on a zone.
        _require(isinstance(value, date) and not isinstance(value, datetime), self.name, name, "authority-expects-date")
        assert isinstance(value, date)
        return value

    def first_day(self, name: str) -> date:
        day = self.day(name)
        assert day is not None
        return day

    def code(self, name: str, read: Callable[[str], T]) -> T:
        return self.parsed(name, self.text(name), read)

    def parsed(self, name: str, value: str, read: Callable[[str], T]) -> T:
        try:
            return read(value)
        except InputError as e:
            raise ConfigurationError("authority-invalid", entry=self.name, field=name, problem=e.reason) from e

    def procedures(self) -> frozenset[ProcedureCode]:
        codes = self.members.get("procedures")
        _require(codes is not None, self.name, "procedures", "authority-field-missing")
        _require(isinstance(codes, list), self.name, "procedures", "authority-expects-procedures")
        assert isinstance(codes, list)
        for code in codes:
            _require(isinstance(code, str), self.name, "procedures", "authority-expects-procedures")
        found = frozenset(self.parsed("procedures", code, ProcedureCode.parse) for code in codes)
        _require(len(found) == len(codes), self.name, "procedures", "authority-procedure-twice")
        return found


def _tables(document: dict[str, object], kind: str) -> list[_Entry]:
    found = document.pop(kind, [])
    _require(isinstance(found, list), kind, kind, "authority-expects-tables")
    assert isinstance(found, list)
    entries = []
    for i, members in enumerate(found, 1):
        _require(isinstance(members, dict), kind, kind, "authority-expects-tables")
        given = members.get("id")
        named = isinstance(given, str) and given.isprintable() and given
        entries.append(_Entry(f"[[{kind}]] {given[:60] if named else i}", members))
    return entries


def _read_list(entry: _Entry) -> ProcedureList:
    entry.only("id", "procedures")
    return ProcedureList(id=entry.text("id"), procedures=entry.procedures())


_AUTHORITY = (
    "id",
    "public_key_sha256",
    "name",
    "title",
    "agency",
    "procedures",
    "capacity",
    "principal",
    "deputises",
    "collective",
    "since",
    "until",
    "basis",
)


def _read_authority(entry: _Entry, lists: Mapping[str, frozenset[ProcedureCode]]) -> Authority:
    entry.only(*_AUTHORITY)
    capacity = entry.text("capacity")
    capacities = {c.value: c for c in Capacity}
    _require(capacity in capacities, entry.name, "capacity", "authority-expects-capacity")
    return Authority(
        id=entry.text("id"),
        public_key_sha256=entry.text("public_key_sha256"),
        name=entry.text("name"),
        title=entry.text("title"),
        agency=entry.code("agency", AgencyCode.parse),
        procedures=_read_procedures(entry, lists),
        capacity=capacities[capacity],
        principal=entry.text("principal", optional=True),
        deputises=entry.text("deputises", optional=True),
        collective=entry.text("collective", optional=True),
        since=entry.first_day("since"),
        until=entry.day("until", optional=True),
        basis=entry.text("basis"),
    )


def _read_procedures(
    entry: _Entry, lists: Mapping[str, frozenset[ProcedureCode]]
) -> frozenset[ProcedureCode] | Literal[_Procedures.ALL]:
    """`"all"`, the name of a list, or the codes themselves."""
    given = entry.members.get("procedures")
    if given == ALL.value:
        return ALL
    if isinstance(given, str):
        _require(given in lists, entry.name, "procedures", "authority-list-unknown")
        return lists[given]
    return entry.procedures()


def _read_end(entry: _Entry) -> AuthorityEnd:
    entry.only("authority", "agency", "last_day", "basis")
    return AuthorityEnd(
        authority=entry.text("authority", optional=True),
        agency=entry.code("agency", AgencyCode.parse) if "agency" in entry.members else None,
        last_day=entry.first_day("last_day"),
        basis=entry.text("basis"),
    )


# Writing.


def _written(granted: Authority, lists: Mapping[frozenset[ProcedureCode], str]) -> dict[str, object]:
    members: dict[str, object] = {name: getattr(granted, name) for name in _AUTHORITY}
    if granted.procedures is ALL:
        members["procedures"] = ALL.value
    elif granted.procedures in lists:
        members["procedures"] = lists[granted.procedures]
    return {**members, "capacity": granted.capacity.value}


def _block(kind: str, members: Mapping[str, object]) -> str:
    lines = (f"{name} = {_value(value)}\n" for name, value in members.items() if value not in {"", None})
    return f"[[{kind}]]\n" + "".join(lines)


def _value(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, frozenset):
        codes: Iterable[ProcedureCode] = value
        return "[\n" + "".join(f'  "{code}",\n' for code in sorted(codes)) + "]"
    # Printable text has one spelling in JSON and in TOML's basic strings.
    return json.dumps(str(value), ensure_ascii=False)
