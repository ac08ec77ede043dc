"""Two officials over HTTP: submit, sign elsewhere, release; adopt what was signed elsewhere."""

import base64
import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from esign.keys import Mechanism
from esign.pades.sign import prepare, sign
from esign.report import Integrity
from tests.support.office import NOW, Office
from tests.support.plain_pdf import plain_pdf
from tests.support.service import ServiceForTest, b64, problem, service, wanted


@pytest.fixture
def here(rsa_office: Path, tmp_path: Path) -> Iterator[ServiceForTest]:
    office = Office.copied(rsa_office, tmp_path / "office", person=True)
    with service(office) as found:
        yield found
    office.registry.close()


def submitted(here: ServiceForTest, key: str = "") -> dict[str, str]:
    person = {"certificates": [b64(c) for c in here.office.person.certificates]}
    answer = here.post("submissions", key=key, json=wanted(person=person))
    assert answer.status_code == 201, answer.text
    found: dict[str, str] = answer.json()
    return found


def signature(here: ServiceForTest, submission: dict[str, str]) -> dict[str, str]:
    data = base64.b64decode(submission["to_be_signed"])
    assert hashlib.sha256(data).hexdigest() == submission["to_be_signed_sha256"]
    return {"signature": b64(here.office.person_key.sign(data, mechanism=Mechanism(submission["mechanism"])))}


def test_the_person_signs_elsewhere_and_the_agency_follows(here: ServiceForTest) -> None:
    submission = submitted(here, "k")
    assert submitted(here, "k") == submission
    path = f"results/{submission['id']}"
    assert here.get(f"{path}/pending").json() == submission
    shown = here.get(f"{path}/pending/document")
    assert hashlib.sha256(shown.content).hexdigest() == submission["document_sha256"]
    problem(here.post(f"{path}/release", json={}), 409, "person-signature-missing")
    wrong = {"signature": b64(b"x" * 256)}
    problem(here.post(f"{path}/signature", json=wrong), 422, "signature-mismatch")
    right = signature(here, submission)
    signed = here.post(f"{path}/signature", key="s", json=right)
    assert signed.json()["state"] == "approved"
    assert here.post(f"{path}/signature", key="s", json=right).content == signed.content
    problem(here.post(f"{path}/signature", json=signature(here, submission)), 409, "not-awaiting")
    problem(here.get(f"{path}/pending"), 409, "not-awaiting")
    released = here.post(f"{path}/release", key="r", json={})
    assert (released.status_code, released.json()["state"]) == (200, "issued")
    assert here.post(f"{path}/release", key="r", json={}).content == released.content
    pdf = here.get(f"{path}/document").content
    report = here.office.verifier().inspect(pdf)
    assert report.integrity is Integrity.INTACT
    assert [s["role"] for s in released.json()["file"]["signers"]] == ["person", "agency"]


def test_a_file_that_was_signed_elsewhere_is_adopted(here: ServiceForTest) -> None:
    key = here.office.person_key
    prepared = prepare(
        plain_pdf(),
        certificates=key.certificates,
        mechanism=Mechanism.RSA_PSS_SHA256,
        signing_time=NOW,
        field_name="Signature1",
    )
    asked = {"procedure": "1.012345", "title": "Giấy phép", "number": "15/GP-UBND", "pdf": b64(sign(prepared, key))}
    adopted = here.post("adoptions", json=asked)
    assert (adopted.status_code, adopted.json()["state"]) == (201, "approved"), adopted.text
    released = here.post(f"results/{adopted.json()['id']}/release", json={})
    assert released.json()["number"] == "15/GP-UBND"
    unsigned = here.post("adoptions", json={**asked, "pdf": b64(plain_pdf())})
    problem(unsigned, 409, "person-signature-missing")


def test_where_a_person_signs_first_nothing_is_issued_at_once(here: ServiceForTest) -> None:
    problem(here.post("results", json=wanted()), 422, "person-signs-first")


def test_a_certificate_that_is_none_is_refused_before_anything_is_recorded(here: ServiceForTest) -> None:
    (own, *issuers) = here.office.person.certificates
    for certificates in ([b"x"], [own[:-1]], [own, *issuers, b"x"]):
        person = {"certificates": [b64(each) for each in certificates]}
        problem(here.post("submissions", json={**wanted(), "person": person}), 422, "certificate-unreadable")
    assert here.get("results").json()["results"] == []
