"""Authority: who may sign what, for whom, on which day, and a file that says so and only grows."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from esign.authority import (
    ALL,
    Authority,
    AuthorityEnd,
    AuthorityTable,
    Capacity,
    ProcedureList,
    public_key_sha256,
)
from esign.codes import AgencyCode, ProcedureCode
from esign.errors import ConfigurationError, InputError, SigningError
from esign.reasons import Reason
from tests.support.pki import PKI, YEAR, der, name

PKI_ = PKI.create()
KEY = ec.generate_private_key(ec.SECP256R1())
CERTIFICATE = der(PKI_.issuing.certify(KEY.public_key(), name("Nguyễn Văn Mẫu")))
WARD = AgencyCode("H26.18.01")
OTHER_WARD = AgencyCode("H26.18.02")
PERMIT = ProcedureCode("1.001122")
CERTIFIED_COPY = ProcedureCode("2.000815")
NOON = datetime(2026, 11, 21, 5, tzinfo=UTC)

DEPUTY = Authority(
    id="pct-mau-2026",
    public_key_sha256=public_key_sha256(CERTIFICATE),
    name="Nguyễn Văn Mẫu",
    title="PHÓ CHỦ TỊCH",
    agency=WARD,
    procedures=frozenset({PERMIT}),
    capacity=Capacity.KT,
    principal="CHỦ TỊCH",
    collective="UỶ BAN NHÂN DÂN",
    since=date(2026, 7, 1),
    until=date(2026, 12, 31),
    basis="QĐ 12/QĐ-UBND ngày 01/7/2026",
)


def refusal(table: AuthorityTable, **changed: object) -> SigningError:
    asked: dict[str, object] = {"agency": WARD, "procedure": PERMIT, "at": NOON, **changed}
    with pytest.raises(SigningError) as refused:
        table.may_sign(asked.pop("certificate", CERTIFICATE), **asked)  # type: ignore[arg-type]  # a case of each kind
    return refused.value


def test_the_grant_is_found() -> None:
    table = AuthorityTable(grants=(DEPUTY,))
    assert table.may_sign(CERTIFICATE, agency=WARD, procedure=PERMIT, at=NOON) == DEPUTY
    assert table.may_sign(CERTIFICATE, agency=WARD, procedure=PERMIT, at=NOON, capacity=Capacity.KT) == DEPUTY


def test_a_renewed_certificate_is_the_same_person_and_a_new_key_is_not() -> None:
    table = AuthorityTable(grants=(DEPUTY,))
    other_authority = PKI.create()
    renewed = der(
        other_authority.issuing.certify(KEY.public_key(), name("NGUYỄN VĂN MẪU"), since=NOON, until=NOON + YEAR)
    )
    assert table.may_sign(renewed, agency=WARD, procedure=PERMIT, at=NOON) == DEPUTY
    new_key = ec.generate_private_key(ec.SECP256R1()).public_key()
    namesake = der(PKI_.issuing.certify(new_key, name("Nguyễn Văn Mẫu")))
    assert refusal(table, certificate=namesake).code == "not-authorised-person"


@pytest.mark.parametrize(
    ("changed", "code", "vi", "en"),
    [
        ({"agency": OTHER_WARD}, "not-authorised-agency", "cho cơ quan H26.18.02", "for agency H26.18.02"),
        ({"procedure": CERTIFIED_COPY}, "not-authorised-procedure", "thủ tục 2.000815", "procedure 2.000815"),
        ({"procedure": None}, "not-authorised-procedure", "thủ tục -", "procedure -"),
        ({"capacity": Capacity.DIRECT}, "not-authorised-capacity", "người đứng đầu", "head of the agency"),
        ({"at": datetime(2026, 6, 30, 16, 59, 59, tzinfo=UTC)}, "not-authorised-date", "30.06.2026", "30.06.2026"),
        ({"at": datetime(2026, 12, 31, 17, tzinfo=UTC)}, "not-authorised-date", "đến 31.12.2026", "to 31.12.2026"),
    ],
)
def test_a_refusal_says_which_of_the_facts_failed(changed: dict[str, object], code: str, vi: str, en: str) -> None:
    refused = refusal(AuthorityTable(grants=(DEPUTY,)), **changed)
    assert refused.code == code
    assert vi in refused.diagnostics("vi").what
    assert en in refused.diagnostics("en").what
    assert refused.diagnostics("vi").next_step


def test_days_are_those_of_vietnam() -> None:
    """Both days count whole, in +07:00: the first begins at 17:00 UTC of the day before."""
    table = AuthorityTable(grants=(DEPUTY,))
    for moment in (datetime(2026, 6, 30, 17, tzinfo=UTC), datetime(2026, 12, 31, 16, 59, 59, tzinfo=UTC)):
        assert table.may_sign(CERTIFICATE, agency=WARD, procedure=PERMIT, at=moment) == DEPUTY


def test_a_short_code_stands_for_its_longer_spellings_and_not_the_other_way_round() -> None:
    long = ProcedureCode("1.001122.000.00.00.H26")
    assert AuthorityTable(grants=(DEPUTY,)).may_sign(CERTIFICATE, agency=WARD, procedure=long, at=NOON) == DEPUTY
    narrow = replace(DEPUTY, procedures=frozenset({long}))
    assert refusal(AuthorityTable(grants=(narrow,))).code == "not-authorised-procedure"


def test_all_procedures_cover_what_belongs_to_none() -> None:
    chair = replace(DEPUTY, procedures=ALL)
    assert AuthorityTable(grants=(chair,)).may_sign(CERTIFICATE, agency=WARD, procedure=None, at=NOON) == chair


def test_the_newest_of_several_grants_is_named() -> None:
    acting = replace(DEPUTY, id="q-2026", capacity=Capacity.Q, principal="", title="CHỦ TỊCH", since=date(2026, 11, 1))
    table = AuthorityTable(grants=(DEPUTY, acting))
    assert table.may_sign(CERTIFICATE, agency=WARD, procedure=PERMIT, at=NOON) == acting
    before = NOON - timedelta(days=60)
    assert table.may_sign(CERTIFICATE, agency=WARD, procedure=PERMIT, at=before) == DEPUTY


def test_an_end_ends_one_grant_and_leaves_the_past_as_it_was() -> None:
    ended = AuthorityTable(
        grants=(DEPUTY,),
        ends=(AuthorityEnd(authority=DEPUTY.id, last_day=date(2026, 11, 20), basis="QĐ 40/QĐ-UBND"),),
    )
    refused = refusal(ended)
    assert refused.code == "not-authorised-date"
    assert "20.11.2026" in str(refused)
    assert ended.may_sign(CERTIFICATE, agency=WARD, procedure=PERMIT, at=NOON - timedelta(days=1)) == DEPUTY


def test_a_merger_ends_every_grant_of_the_old_agency() -> None:
    merged = AuthorityTable(
        grants=(
            replace(DEPUTY, id="old", since=date(2024, 1, 1), until=None),
            replace(DEPUTY, id="new", agency=OTHER_WARD, since=date(2026, 7, 1)),
        ),
        ends=(AuthorityEnd(agency=WARD, last_day=date(2026, 6, 30), basis="NQ 1656/NQ-UBTVQH15"),),
    )
    assert refusal(merged).code == "not-authorised-date"
    assert merged.may_sign(CERTIFICATE, agency=OTHER_WARD, procedure=PERMIT, at=NOON).id == "new"
    founded_again = replace(merged, grants=(*merged.grants, replace(DEPUTY, id="again")))
    assert founded_again.may_sign(CERTIFICATE, agency=WARD, procedure=PERMIT, at=NOON).id == "again"


@pytest.mark.parametrize(
    ("changed", "lines"),
    [
        ({}, ("TM. UỶ BAN NHÂN DÂN", "KT. CHỦ TỊCH", "PHÓ CHỦ TỊCH")),
        (
            {"capacity": Capacity.DIRECT, "principal": "", "title": "CHỦ TỊCH"},
            ("TM. UỶ BAN NHÂN DÂN", "CHỦ TỊCH"),
        ),
        (
            {"capacity": Capacity.Q, "principal": "", "title": "GIÁM ĐỐC", "collective": ""},
            ("Q. GIÁM ĐỐC",),
        ),
        (
            {"capacity": Capacity.TL, "title": "CHÁNH VĂN PHÒNG", "collective": ""},
            ("TL. CHỦ TỊCH", "CHÁNH VĂN PHÒNG"),
        ),
        (
            {"capacity": Capacity.TL, "deputises": "CHÁNH VĂN PHÒNG", "title": "PHÓ CHÁNH VĂN PHÒNG", "collective": ""},
            ("TL. CHỦ TỊCH", "KT. CHÁNH VĂN PHÒNG", "PHÓ CHÁNH VĂN PHÒNG"),
        ),
        (
            {"capacity": Capacity.TUQ, "title": "TRƯỞNG PHÒNG TƯ PHÁP", "collective": ""},
            ("TUQ. CHỦ TỊCH", "TRƯỞNG PHÒNG TƯ PHÁP"),
        ),
    ],
)
def test_lines_above_the_signature_are_those_of_the_decree(changed: dict[str, object], lines: tuple[str, ...]) -> None:
    assert replace(DEPUTY, **changed).lines == lines  # type: ignore[arg-type]  # a case of each kind


def problem(refused: ConfigurationError) -> tuple[object, object, str]:
    inner = refused.reason.facts["problem"]
    assert isinstance(inner, Reason)
    for language in ("vi", "en"):
        explained = refused.diagnostics(language)
        assert inner.explain(language).what in explained.what
        assert explained.next_step
    return refused.reason.facts["entry"], refused.reason.facts["field"], inner.code


@pytest.mark.parametrize(
    ("changed", "field", "code"),
    [
        ({"capacity": Capacity.TUQ, "until": None}, "capacity", "authority-without-limits"),
        ({"capacity": Capacity.TUQ, "procedures": ALL}, "capacity", "authority-without-limits"),
        ({"principal": ""}, "principal", "authority-expects-principal"),
        ({"capacity": Capacity.DIRECT}, "principal", "authority-expects-principal"),
        ({"deputises": "CHÁNH VĂN PHÒNG"}, "deputises", "authority-expects-order"),
        ({"until": date(2026, 6, 30)}, "until", "authority-ends-before-it-begins"),
        ({"procedures": frozenset()}, "procedures", "authority-expects-procedures"),
        ({"public_key_sha256": DEPUTY.public_key_sha256.upper()}, "public_key_sha256", "authority-expects-sha256"),
        ({"basis": ""}, "basis", "authority-expects-text"),
    ],
)
def test_a_grant_that_the_decree_does_not_know_is_refused(changed: dict[str, object], field: str, code: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        replace(DEPUTY, **changed)  # type: ignore[arg-type]  # a case of each kind
    assert problem(refused.value) == (DEPUTY.id, field, code)


FILE = f"""\
version = 1

[[list]]
id = "QĐ 4040/QĐ-UBND"
procedures = ["1.001122", "2.000815"]

[[authority]]
id = "ct-2026"
public_key_sha256 = "{"0" * 64}"
name = "Trần Thị Ví Dụ"
title = "CHỦ TỊCH"
collective = "UỶ BAN NHÂN DÂN"
agency = "H26.18.01"
procedures = "all"
capacity = "direct"
since = 2026-07-01
basis = "NQ 02/NQ-HĐND"

[[authority]]
id = "tp-2026"
public_key_sha256 = "{DEPUTY.public_key_sha256}"
name = "Nguyễn Văn Mẫu"
title = "TRƯỞNG PHÒNG"
agency = "H26.18.01"
procedures = "QĐ 4040/QĐ-UBND"
capacity = "tuq"
principal = "CHỦ TỊCH"
since = 2026-07-01
until = 2026-12-31
basis = "QĐ 4040/QĐ-UBND"

[[end]]
authority = "ct-2026"
last_day = 2026-12-31
basis = "QĐ 50/QĐ-UBND"
"""


def test_a_file_is_read() -> None:
    table = AuthorityTable.from_toml(FILE)
    found = table.may_sign(CERTIFICATE, agency=WARD, procedure=CERTIFIED_COPY, at=NOON)
    assert found.id == "tp-2026"
    assert found.lines == ("TUQ. CHỦ TỊCH", "TRƯỞNG PHÒNG")
    assert table.last_day(table.grants[0]) == date(2026, 12, 31)
    assert AuthorityTable.from_toml(table.to_toml()) == table
    assert 'procedures = "QĐ 4040/QĐ-UBND"' in table.to_toml()


@pytest.mark.parametrize(
    ("old", "new", "where", "code"),
    [
        ("version = 1\n", "", ("-", "version"), "authority-expects-version"),
        ("version = 1", "version = 2", ("-", "version"), "authority-expects-version"),
        ("[[end]]", "[[ends]]", ("-", "ends"), "authority-field-unknown"),
        ('"NQ 02/NQ-HĐND"', '"NQ 02/NQ-HĐND"\nby = "x"', ("[[authority]] ct-2026", "by"), "authority-field-unknown"),
        ('title = "CHỦ TỊCH"\n', "", ("[[authority]] ct-2026", "title"), "authority-field-missing"),
        ('"CHỦ TỊCH"\nc', '" CHỦ TỊCH"\nc', ("[[authority]] ct-2026", "title"), "authority-expects-text"),
        ('"CHỦ TỊCH"\nc', '"CHỦ\\nTỊCH"\nc', ("[[authority]] ct-2026", "title"), "authority-expects-text"),
        ('"CHỦ TỊCH"\nc', "1\nc", ("[[authority]] ct-2026", "title"), "authority-expects-text"),
        ('id = "ct-2026"\n', "", ("[[authority]] 1", "id"), "authority-field-missing"),
        ('id = "ct-2026"', 'id = "tp-2026"', ("tp-2026", "id"), "authority-id-twice"),
        ("since = 2026-07-01\nb", "b", ("[[authority]] ct-2026", "since"), "authority-field-missing"),
        ("2026-07-01\nb", '"2026-07-01"\nb', ("[[authority]] ct-2026", "since"), "authority-expects-date"),
        ("2026-07-01\nb", "2026-07-01T00:00:00Z\nb", ("[[authority]] ct-2026", "since"), "authority-expects-date"),
        ('"direct"', '"tm"', ("[[authority]] ct-2026", "capacity"), "authority-expects-capacity"),
        ('"H26.18.01"', '"Hà Nội"', ("[[authority]] ct-2026", "agency"), "agency-code-invalid"),
        ('"all"', '"QĐ 1"', ("[[authority]] ct-2026", "procedures"), "authority-list-unknown"),
        ('"all"', "3", ("[[authority]] ct-2026", "procedures"), "authority-expects-procedures"),
        ('"all"', "[]", ("ct-2026", "procedures"), "authority-expects-procedures"),
        ('"all"', "[1]", ("[[authority]] ct-2026", "procedures"), "authority-expects-procedures"),
        ('"all"', '["1.1"]', ("[[authority]] ct-2026", "procedures"), "procedure-code-invalid"),
        ('"2.000815"', '"1.001122"', ("[[list]] QĐ 4040/QĐ-UBND", "procedures"), "authority-procedure-twice"),
        ('authority = "ct-2026"', 'authority = "x"', ("x", "authority"), "authority-unknown"),
        ('authority = "ct-2026"\n', "", ("-", "authority"), "authority-expects-one"),
        ("last_day = 2026-12-31\n", "", ("[[end]] 1", "last_day"), "authority-field-missing"),
        ("[[end]]", "[end]", ("end", "end"), "authority-expects-tables"),
        ("until = 2026-12-31\n", "", ("tp-2026", "capacity"), "authority-without-limits"),
    ],
)
def test_a_mistake_in_the_file_is_named(old: str, new: str, where: tuple[str, str], code: str) -> None:
    assert old in FILE
    with pytest.raises(ConfigurationError) as refused:
        AuthorityTable.from_toml(FILE.replace(old, new, 1))
    assert refused.value.code == "authority-invalid"
    assert problem(refused.value) == (*where, code)


def test_what_is_no_toml_is_refused_with_the_line() -> None:
    with pytest.raises(ConfigurationError) as refused:
        AuthorityTable.from_toml("version = 1\n[[authority]\n")
    assert refused.value.code == "authority-unreadable"
    assert "line 2" in refused.value.diagnostics("vi").what


def test_a_table_only_grows() -> None:
    first = AuthorityTable.from_toml(FILE)
    grown = AuthorityTable.from_toml(
        FILE + '\n[[end]]\nauthority = "tp-2026"\nlast_day = 2026-11-30\nbasis = "QĐ 51/QĐ-UBND"\n'
    )
    grown.check_continues(first)
    for rewritten, entry in (
        (first, "tp-2026"),
        (replace(grown, grants=(replace(grown.grants[0], title="BÍ THƯ"), grown.grants[1])), "ct-2026"),
        (replace(grown, lists=()), "QĐ 4040/QĐ-UBND"),
    ):
        with pytest.raises(ConfigurationError) as refused:
            rewritten.check_continues(grown)
        assert refused.value.code == "authority-rewritten"
        assert refused.value.reason.facts["entry"] == entry


def test_what_is_no_certificate_is_refused() -> None:
    with pytest.raises(InputError) as refused:
        public_key_sha256(b"no certificate")
    assert refused.value.code == "certificate-unreadable"


words = st.text(
    st.characters(categories=("L", "N", "P", "S"), include_characters=' "\\'), min_size=1, max_size=30
).filter(lambda t: t.strip() == t and t.isprintable() and t != "all")
codes = st.frozensets(
    (st.integers(0, 9) | st.integers(0, 9_999_999)).map(ProcedureCode.from_number), min_size=1, max_size=8
)
days = st.dates(date(2020, 1, 1), date(2040, 1, 1))


@st.composite
def grants(draw: st.DrawFn) -> Authority:
    capacity = draw(st.sampled_from(Capacity))
    since = draw(days)
    until = draw(st.none() | days.map(lambda d: max(d, since)))
    procedures = draw(st.just(ALL) | codes)
    if capacity is Capacity.TUQ and (until is None or procedures is ALL):
        capacity = Capacity.KT
    return Authority(
        id=draw(words),
        public_key_sha256=draw(st.sampled_from([DEPUTY.public_key_sha256, "0" * 64])),
        name=draw(words),
        title=draw(words),
        agency=draw(st.sampled_from([WARD, OTHER_WARD])),
        procedures=procedures,
        capacity=capacity,
        principal=draw(words) if capacity in {Capacity.KT, Capacity.TL, Capacity.TUQ} else "",
        collective=draw(st.just("") | words),
        since=since,
        until=until,
        basis=draw(words),
    )


@st.composite
def tables(draw: st.DrawFn) -> AuthorityTable:
    granted = tuple(draw(st.lists(grants(), max_size=5, unique_by=lambda g: g.id)))
    names = {g.id for g in granted}
    named = draw(st.lists(st.builds(ProcedureList, id=words, procedures=codes), max_size=2, unique_by=lambda e: e.id))
    one = st.builds(AuthorityEnd, authority=st.sampled_from(sorted(names) or ["-"]), last_day=days, basis=words)
    whole = st.builds(AuthorityEnd, agency=st.sampled_from([WARD, OTHER_WARD]), last_day=days, basis=words)
    ends = draw(st.lists(one | whole if names else whole, max_size=3))
    return AuthorityTable(
        grants=granted, ends=tuple(ends), lists=tuple(entry for entry in named if entry.id not in names)
    )


@given(tables())
def test_what_is_written_is_read_again(table: AuthorityTable) -> None:
    assert AuthorityTable.from_toml(table.to_toml()) == table


@given(tables(), days, st.sampled_from([WARD, OTHER_WARD]), st.none() | st.integers(0, 9))
def test_a_grant_is_found_where_every_fact_holds_and_only_there(
    table: AuthorityTable, day: date, agency: AgencyCode, number: int | None
) -> None:
    procedure = None if number is None else ProcedureCode.from_number(number)
    at = datetime(day.year, day.month, day.day, 5, tzinfo=UTC)
    ended = {g.id for g in table.grants for e in table.ends if e.authority == g.id and e.last_day < day}
    merged = {g.id for g in table.grants for e in table.ends if e.agency == g.agency and g.since <= e.last_day < day}
    matching = [
        g
        for g in table.grants
        if g.public_key_sha256 == DEPUTY.public_key_sha256
        and g.agency == agency
        and (g.procedures is ALL or procedure in g.procedures)
        and g.since <= day <= (g.until or date.max)
        and g.id not in ended | merged
    ]
    if matching:
        assert table.may_sign(CERTIFICATE, agency=agency, procedure=procedure, at=at) == matching[-1]
    else:
        assert refusal(table, agency=agency, procedure=procedure, at=at).code.startswith("not-authorised-")


def code_of(text: str) -> str:
    try:
        AuthorityTable.from_toml(text)
    except ConfigurationError as e:
        return e.code
    return ""


@given(st.text(max_size=200))
def test_any_text_is_a_table_or_refused(text: str) -> None:
    for spelled in (text, f"version = 1\n{text}", f"version = 1\n[[authority]]\n{text}"):
        assert code_of(spelled) in {"", "authority-unreadable", "authority-invalid"}
