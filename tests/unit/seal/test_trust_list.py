"""Who is believed: chains, ranges, rotation of keys, rollback, and what parts may say."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from esign.codes import ProcedureCode
from esign.errors import SealError
from esign.seal import Kid, TrustList, read_parts
from esign.seal.list_keys import AgencyRange, ListKey, Root, certify
from esign.seal.roots import roots_from_json, roots_to_json
from esign.seal.trust_list import Edition, Host, ListedAgency, Procedure
from esign.seal.trust_parts import MANIFEST, part_names, sign_parts
from tests.support.site import AGENCY, COMMON, KID, LAND, NOW, RECORD, REVOKED, key, make_site, point

DAY = timedelta(days=1)
SITE = make_site()
TRUST = read_parts(SITE.trust_files, roots=[SITE.root], at=NOW)
GOOD = TRUST.agencies[AGENCY]
ROOT = SITE.root
PROVINCE = AgencyRange(256, 511)


def certificate(
    subject: Root | ListKey, *, by: str = "root", issuer: str = "vn", since: timedelta = -DAY, until: timedelta = DAY
) -> bytes:
    return certify(subject, issuer=issuer, key=key(by), issued_at=NOW + since, expires=NOW + until)


def list_key(name: str = "vn", *, generation: int = 1, what: str = "list", **range_: Any) -> ListKey:
    return ListKey(name=name, public_key=point(what), generation=generation, agencies=AgencyRange(**range_))


def parts(chain: Sequence[bytes], **changes: Any) -> list[bytes]:
    values: dict[str, Any] = {
        "agencies": [GOOD],
        "procedures": TRUST.procedures.values(),
        "name": "vn",
        "sequence": 8,
        "issued_at": NOW - timedelta(hours=1),
        "expires": NOW + DAY,
        "key": key("list"),
        "chain": chain,
    }
    return list(sign_parts(**values | changes).values())


def read(files: Sequence[bytes], **changes: Any) -> TrustList:
    values: dict[str, Any] = {"roots": [ROOT], "at": NOW}
    return read_parts(files, **values | changes)


def refused(files: Sequence[bytes], **changes: Any) -> str:
    with pytest.raises(SealError) as e:
        read(files, **changes)
    return e.value.code


PLAIN = [certificate(list_key())]


def test_a_list_is_read_as_it_was_signed() -> None:
    again = read(parts(PLAIN))
    assert again.agencies == TRUST.agencies
    assert again.procedures == TRUST.procedures
    assert again.editions == {"vn": Edition(1, 8)}
    assert again.get(KID) == GOOD.keys[0].key
    assert again.get(Kid(1, 1)) is None
    assert again.host(KID) == GOOD.keys[0].host
    assert again.expires == NOW + DAY
    assert len(again.seal_keys) == 2
    assert part_names(AGENCY, COMMON.number) == ("a4.cwt", "p3954.cwt")


def test_procedures_say_what_is_asked_of_their_seals() -> None:
    assert TRUST.asks_for_allow_list(KID, LAND)
    assert not TRUST.asks_for_allow_list(KID, COMMON)
    assert not TRUST.asks_for_allow_list(Kid(1, 1), COMMON)
    listed = replace(GOOD, keys=(replace(GOOD.keys[0], allow_list=True), GOOD.keys[1]))
    marked = read(parts(PLAIN, agencies=[listed]))
    assert marked.asks_for_allow_list(KID, COMMON)
    assert not marked.asks_for_allow_list(REVOKED, COMMON)
    found = TRUST.procedure(KID, RECORD)
    assert found is not None
    assert found.sensitive


@pytest.mark.parametrize("bit", [0, 5])
def test_no_bit_can_be_changed(bit: int) -> None:
    files = parts(PLAIN)
    for position in range(len(files[0])):
        changed = bytearray(files[0])
        changed[position] ^= 1 << bit
        with pytest.raises(SealError):
            read([bytes(changed)])


# --- chains ---------------------------------------------------------------------------------------------------------


def test_a_province_is_vouched_for_by_the_nation() -> None:
    cross = certificate(Root(name="vn-01", public_key=point("province"), agencies=PROVINCE))
    below = certificate(list_key("vn-01", first=256, last=300), by="province", issuer="vn-01")
    files = parts([below, cross], name="vn-01", agencies=[replace(GOOD, list_name="vn-01")])
    assert read(files).agencies[AGENCY].list_name == "vn-01"
    # Also where the province itself is the root that a verifier knows.
    own = Root(name="vn-01", public_key=point("province"), agencies=PROVINCE)
    direct = parts([below], name="vn-01", agencies=[replace(GOOD, list_name="vn-01")])
    assert read(direct, roots=[own]).editions == {"vn-01": Edition(1, 8)}
    assert refused(direct) == "trust-list-untrusted"
    assert refused(direct, roots=[ROOT, own]) == "trust-list-invalid"  # two that may speak for the same agencies


def test_a_new_root_is_vouched_for_by_the_old_one() -> None:
    rollover = certificate(Root(name="vn", public_key=point("new root")))
    files = parts([certificate(list_key(), by="new root"), rollover])
    assert read(files).editions == {"vn": Edition(1, 8)}
    later = parts([certificate(list_key(), by="new root")])
    assert read(later, roots=[Root(name="vn", public_key=point("new root"))]).agencies == TRUST.agencies


WIDE = AgencyRange(0, 65535)


@pytest.mark.parametrize(
    ("chain", "code"),
    [
        ([certificate(list_key(), by="stranger")], "trust-list-untrusted"),
        ([certificate(list_key(), issuer="other")], "trust-list-untrusted"),
        ([certificate(list_key("other"))], "trust-list-untrusted"),
        ([certificate(list_key(what="other"))], "trust-list-untrusted"),
        ([certificate(list_key(), since=-2 * DAY, until=-DAY)], "trust-list-untrusted"),
        ([certificate(list_key(), since=DAY, until=2 * DAY)], "trust-list-untrusted"),
        ([certificate(Root(name="vn", public_key=point("list")))], "trust-list-untrusted"),
        ([certificate(list_key(first=0, last=200))], "trust-list-out-of-range"),
        # A list key is no root, and a root gives no more than it has.
        ([certificate(list_key(), by="list"), certificate(list_key())], "trust-list-untrusted"),
        (
            [
                certificate(list_key(), by="province"),
                certificate(Root(name="vn", public_key=point("province"), agencies=PROVINCE)),
            ],
            "trust-list-untrusted",
        ),
        ([b"\xd2\x84"], "trust-list-invalid"),
        ([PLAIN[0] + b"\0"], "trust-list-invalid"),
    ],
)
def test_who_is_not_believed(chain: list[bytes], code: str) -> None:
    assert refused(parts(chain)) == code


def test_a_part_without_certificates_is_not_believed() -> None:
    assert refused(parts([])) == "trust-list-untrusted"


def test_a_part_by_another_key_than_the_certified_one_is_not_believed() -> None:
    assert refused(parts(PLAIN, key=key("stranger"))) == "trust-list-untrusted"


# --- editions -------------------------------------------------------------------------------------------------------


def test_an_older_edition_is_not_believed_again() -> None:
    files = parts(PLAIN)
    assert read(files, seen={"vn": Edition(1, 8)}).editions == {"vn": Edition(1, 8)}
    assert read(files, seen={"vn": Edition(1, 7), "other": Edition(9, 9)}).editions == {
        "vn": Edition(1, 8),
        "other": Edition(9, 9),
    }
    assert refused(files, seen={"vn": Edition(1, 9)}) == "trust-list-rollback"
    assert refused([*files, parts(PLAIN, sequence=9)[-1]]) == "trust-list-rollback"
    assert refused([parts(PLAIN, sequence=9)[-1], *files]) == "trust-list-rollback"


def test_a_new_list_key_ends_the_old_one_whatever_it_counts() -> None:
    stolen = parts(PLAIN, sequence=4_000_000_000)
    after = read(parts([certificate(list_key(generation=2, what="second"))], key=key("second"), sequence=1))
    assert after.editions == {"vn": Edition(2, 1)}
    assert refused(stolen, seen=after.editions) == "trust-list-rollback"


def test_times_of_a_part() -> None:
    assert refused(parts(PLAIN, issued_at=NOW + timedelta(minutes=6))) == "trust-list-from-future"
    assert read(parts(PLAIN, issued_at=NOW + timedelta(minutes=4))).agencies
    past = read(parts(PLAIN, expires=NOW - timedelta(minutes=1)))
    assert past.agencies  # still read; what rests on it is said to be unknown (test_status.py)
    assert past.expires < NOW


# --- what parts may say -----------------------------------------------------------------------------------------------


def test_nothing_stands_twice() -> None:
    for changes in (
        {"agencies": [GOOD, GOOD]},
        {"procedures": [*TRUST.procedures.values(), *TRUST.procedures.values()]},
    ):
        with pytest.raises(SealError) as e:
            parts(PLAIN, **changes)
        assert e.value.code == "trust-list-invalid"
    first = parts(PLAIN)
    assert refused([first[0], first[0]]) == "trust-list-out-of-range"
    with pytest.raises(SealError):
        replace(GOOD, keys=(GOOD.keys[0], GOOD.keys[0]))
    with pytest.raises(SealError):
        replace(GOOD, number=AGENCY + 1)


@pytest.mark.parametrize(
    "template",
    [
        "http://q.gov.vn/s/{n}.cwt",
        "https://q.gov.vn/s/{n}/{n}",
        "https://q.gov.vn/s",
        "https://{n}.gov.vn/s",
        "https://q.gov.vn/s/{n}?x=1",
        "https://q.gov.vn/s/{n}#x",
        "https://q.gov.vn/s/{n}/{m}",
        "//q.gov.vn/{n}",
        "",
    ],
)
def test_a_template_is_an_address_with_one_place(template: str) -> None:
    with pytest.raises(SealError):
        Host(name="q.gov.vn", template=template, status_keys=())


def test_many_agencies_are_many_small_files() -> None:
    def agency(number: int) -> ListedAgency:
        keys = tuple(replace(k, key=replace(k.key, kid=Kid(number, k.key.kid.sequence))) for k in GOOD.keys[:1])
        return replace(GOOD, number=number, keys=keys)

    named = {f"1.{n:06}": n for n in range(1000, 1600)}
    procedures = [
        Procedure(code=ProcedureCode(code), title_vi="Thủ tục", title_en="Procedure") for code in sorted(named)
    ]
    files = sign_parts(
        agencies=[agency(n) for n in range(200)],
        procedures=procedures,
        name="vn",
        sequence=1,
        issued_at=NOW,
        expires=NOW + DAY,
        key=key("list"),
        chain=PLAIN,
    )
    assert sorted(n for n in files if n.startswith("a")) == ["a0.cwt", "a1.cwt", "a2.cwt", "a3.cwt"]
    assert max(len(data) for data in files.values()) < 20_000
    assert list(files)[-1] == MANIFEST
    whole = read(list(files.values()))
    assert (len(whole.agencies), len(whole.procedures)) == (200, 600)


# --- roots ----------------------------------------------------------------------------------------------------------


def test_roots_are_kept_in_a_file() -> None:
    roots = (ROOT, Root(name="vn-01", public_key=point("province"), agencies=PROVINCE))
    assert roots_from_json(roots_to_json(roots)) == roots


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[1]",
        "[{}]",
        '[{"name": "vn", "public_key": "zz", "first_agency": 0, "last_agency": 1}]',
        '[{"name": "vn", "public_key": "00", "first_agency": 0, "last_agency": 1}]',
        '[{"name": "vn", "public_key": "00", "first_agency": true, "last_agency": 1}]',
        '[{"name": "vn", "public_key": "00", "first_agency": 0, "last_agency": 1, "more": 1}]',
    ],
)
def test_roots_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(SealError):
        roots_from_json(text)
