"""The one word: every state, freshness, what is final, and what may be shown."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from esign.codes import DocumentNumber, ResultId
from esign.seal import Freshness, State, StatusFiles, TrustList, Verdict, judge, read_parts, verify
from esign.seal.shard import Shard, make_shard
from esign.seal.status_details import OtherResult, Replaced, detail_uri, digest_of_file, make_details
from esign.seal.trust_list import StatusKey
from tests.support.site import HOST, NOW, SECOND, STATUS_KID, Sample, key, make_site, point, status_files

SITE = make_site()
TRUST = read_parts(SITE.trust_files, roots=[SITE.root], at=NOW)
SAMPLES = {s.name: s for s in SITE.samples}
SCHEMA = json.loads((Path(__file__).parents[3] / "docs/spec/verdict.schema.json").read_text("utf-8"))
Get = Callable[[str], bytes | None]


def ask(name: str, *, at: datetime = NOW, get: Get = SITE.get, trust: TrustList = TRUST) -> Verdict:
    report = verify(SAMPLES[name].url, keys=trust, at=at, status=StatusFiles(get, trust))
    return judge(report, trust)


@pytest.mark.parametrize("sample", SITE.samples, ids=lambda s: s.name)
def test_every_state_has_its_seal(sample: Sample) -> None:
    verdict = ask(sample.name)
    assert verdict.state.value == sample.state
    assert verdict.state.proven == (verdict.to_json()["seal"] is not None)
    jsonschema.validate(verdict.to_json(), SCHEMA, format_checker=jsonschema.FormatChecker())


def test_the_samples_reach_every_state() -> None:
    assert {s.state for s in SITE.samples} == {s.value for s in State}
    assert set(SCHEMA["properties"]["state"]["enum"]) == {s.value for s in State}


def test_what_is_not_proven_is_not_handed_on() -> None:
    for name in ("tampered", "forged", "wrong-host", "unknown-key", "check-clock", "newer-version"):
        told = ask(name).to_json()
        assert told["seal"] is None
        assert "15/QĐ-UBND" not in json.dumps(told, ensure_ascii=False)
        assert told["freshness"] is None


def test_who_corrects_and_who_replaces() -> None:
    corrected, replaced = ask("corrected"), ask("replaced")
    assert [str(o.number) for o in corrected.corrected_by] == ["17/QĐ-UBND", "18/2026/QĐ-UBND"]
    assert corrected.replaced_by is None
    assert replaced.replaced_by is not None
    assert str(replaced.replaced_by.number) == "17/QĐ-UBND"
    assert replaced.corrected_by == ()


def test_sensitive_titles_are_not_shown() -> None:
    shown = ask("in-force").procedure
    assert shown is not None
    assert shown.title_en == "Registration of a household business"
    assert ask("in-force-sensitive").procedure is None
    assert "Criminal" not in json.dumps(ask("in-force-sensitive").to_json())


# --- freshness ------------------------------------------------------------------------------------------------------

SIGNED = NOW - timedelta(minutes=1)
OLD_KID = b"old!"
OTHER = OtherResult(DocumentNumber.parse("17/QĐ-UBND"), ResultId(b"other-one!"))


@pytest.mark.parametrize(
    ("age", "freshness", "state"),
    [
        (timedelta(hours=24), Freshness.FRESH, State.IN_FORCE),
        (timedelta(hours=24, seconds=1), Freshness.STALE, State.IN_FORCE),
        (timedelta(days=7), Freshness.STALE, State.IN_FORCE),
        (timedelta(days=7, seconds=1), Freshness.UNKNOWN, State.STATUS_UNKNOWN),
        (timedelta(minutes=-5), Freshness.FRESH, State.IN_FORCE),
        (timedelta(minutes=-5, seconds=-1), None, State.CHECK_CLOCK),
        (timedelta(days=-1), None, State.CHECK_CLOCK),
    ],
)
def test_a_shard_grows_old(age: timedelta, freshness: Freshness | None, state: State) -> None:
    verdict = ask("in-force", at=SIGNED + age)
    assert (verdict.freshness, verdict.state) == (freshness, state)


@pytest.mark.parametrize(
    ("name", "later"),
    [
        ("withdrawn", State.WITHDRAWN),
        ("replaced", State.REPLACED),
        ("suspended", State.STATUS_UNKNOWN),
        ("corrected", State.STATUS_UNKNOWN),
        ("not-issued", State.STATUS_UNKNOWN),
        ("expired", State.EXPIRED),
        ("allow-list-broken", State.STATUS_UNKNOWN),
        ("allow-list-broken-withdrawn", State.WITHDRAWN),
        ("allow-list-broken-replaced", State.REPLACED),
    ],
)
def test_only_what_is_final_is_said_for_ever(name: str, later: State) -> None:
    assert ask(name, at=NOW + timedelta(days=20)).state is later


def test_a_trust_list_that_is_over_says_nothing_of_today() -> None:
    over = replace(TRUST, expires=NOW)
    assert ask("in-force", trust=over).state is State.STATUS_UNKNOWN
    assert ask("in-force", trust=over).report.findings[0].code == "trust-list-expired"
    assert ask("withdrawn", trust=over).state is State.WITHDRAWN


# --- what is wrong with files ---------------------------------------------------------------------------------------


def changed(path: str, data: bytes | None) -> Get:
    return lambda uri: data if uri == f"https://{HOST}{path}" else SITE.get(uri)


SHARD = f"/s/{SECOND}.cwt"
DETAIL = next(p for p in SITE.files if p.startswith(f"/s/{SECOND}-"))


@pytest.mark.parametrize(
    ("path", "data", "code"),
    [
        ("shard", None, "status-missing"),
        ("shard", b"", "cose-tag-invalid"),
        ("shard", b"<!doctype html>", "cose-tag-invalid"),
        ("shard", SITE.files["/s/0.cwt"], "status-list-invalid"),  # another shard in its place
        ("shard", SITE.files[SHARD][:-1] + b"\0", "seal-signature-invalid"),
        ("shard", status_files({SECOND: {}}, {}, NOW - timedelta(days=500))[SHARD], "status-key-unknown"),
        ("shard", status_files({SECOND: {}}, {}, NOW, host="evil.example.com")[SHARD], "status-list-invalid"),
        ("detail", None, "status-details-missing"),
        ("detail", SITE.files[DETAIL] + b"\0", "status-details-missing"),
        ("detail", SITE.files[SHARD], "status-details-missing"),
    ],
)
def test_what_cannot_be_relied_on_is_unknown(path: str, data: bytes | None, code: str) -> None:
    verdict = ask("replaced", get=changed(SHARD if path == "shard" else DETAIL, data))
    assert verdict.state is State.STATUS_UNKNOWN
    assert [r.code for r in verdict.report.findings] == [code]


def test_a_status_key_that_was_revoked_signs_nothing_more() -> None:
    def with_key(**changes: Any) -> TrustList:
        (agency,) = TRUST.agencies.values()
        status_key = replace(agency.keys[0].host.status_keys[0], **changes)
        host = replace(agency.keys[0].host, status_keys=(status_key,))
        keys = tuple(replace(k, host=host) for k in agency.keys)
        return replace(TRUST, agencies={agency.number: replace(agency, keys=keys)})

    assert ask("in-force", trust=with_key(revoked_after=NOW)).state is State.IN_FORCE
    stopped = ask("in-force", trust=with_key(revoked_after=NOW - timedelta(hours=1)))
    assert stopped.state is State.STATUS_UNKNOWN
    assert stopped.report.findings[0].code == "status-key-unknown"
    assert ask("in-force", trust=with_key(kid=b"xxxx")).state is State.STATUS_UNKNOWN
    assert ask("in-force", trust=with_key(public_key=point("stranger"))).state is State.STATUS_UNKNOWN


def test_the_key_of_a_detail_file_counts_when_that_file_was_signed() -> None:
    """Detail files never change: a new key signs the shard anew, and the old one vouches for the details still."""

    def detailed(signed: datetime) -> Get:
        uri = f"https://{HOST}{SHARD}"
        details = make_details({4: Replaced(OTHER)}, uri=uri, kid=OLD_KID, key=key("old status"), at=signed)
        content = replace(Shard.read(SITE.files[SHARD]).content, details=digest_of_file(details))
        shard = make_shard(content, uri=uri, kid=STATUS_KID, key=key("status"), at=SIGNED)
        return {uri: shard, detail_uri(uri, digest_of_file(details)): details}.get

    changed_keys = NOW - timedelta(days=2)
    old = StatusKey(
        kid=OLD_KID,
        public_key=point("old status"),
        not_before=NOW - timedelta(days=300),
        not_after=NOW,
        revoked_after=changed_keys,
    )
    (agency,) = TRUST.agencies.values()
    host = replace(agency.keys[0].host, status_keys=(*agency.keys[0].host.status_keys, old))
    keys = tuple(replace(k, host=host) for k in agency.keys)
    trust = replace(TRUST, agencies={agency.number: replace(agency, keys=keys)})
    assert ask("replaced", trust=trust, get=detailed(changed_keys)).state is State.REPLACED
    late = ask("replaced", trust=trust, get=detailed(changed_keys + timedelta(seconds=1)))
    assert late.state is State.STATUS_UNKNOWN
    assert [r.code for r in late.report.findings] == ["status-key-unknown"]


def test_a_key_counts_within_its_time() -> None:
    status_key = StatusKey(kid=STATUS_KID, public_key=point("status"), not_before=NOW, not_after=NOW + timedelta(1))
    assert [status_key.signed_at(NOW + timedelta(n)) for n in (-1, 0, 1, 2)] == [False, True, True, False]
    assert key("status").public_key


def test_without_status_files_nothing_is_in_force() -> None:
    report = verify(SAMPLES["in-force"].url, keys=TRUST, at=NOW)
    assert report.authentic
    assert judge(report, TRUST).state is State.STATUS_UNKNOWN


def test_nothing_is_asked_about_a_seal_that_is_not_genuine() -> None:
    asked: list[str] = []

    def get(uri: str) -> bytes | None:
        asked.append(uri)
        return None

    for name in ("tampered", "forged", "wrong-host", "unknown-key", "check-clock", "newer-version", "unreadable"):
        ask(name, get=get)
    assert asked == []
    ask("in-force", get=get)
    assert asked == [f"https://{HOST}{SHARD}"]
