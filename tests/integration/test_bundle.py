"""A bundle is checked with the commands of its own README, and by us; whatever is changed in it is noticed."""

import hashlib
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from esign.bundle import check_bundle, make_bundle, write_bundle
from esign.document import Standing, StandingChange
from esign.errors import InputError
from esign.keys import Mechanism
from esign.report import Indication, Outcome
from esign.trust import TrustStore
from tests.support.office import NOW, Office, request


@pytest.fixture
def office(rsa_office: Path, tmp_path: Path) -> Office:
    return Office.copied(rsa_office, tmp_path / "office", person=True)


def issued(office: Office) -> bytes:
    issuer = office.issuer()
    pending = issuer.submit(replace(request("k"), person=office.person))
    signature = office.person_key.sign(pending.to_be_signed, mechanism=pending.mechanism)
    return issuer.release(issuer.complete(pending.id, signature).id).pdf


def bundle(office: Office, folder: Path, *, signed: bool = True) -> Path:
    pdf = issued(office)
    contents = make_bundle(
        pdf,
        verifier=office.verifier(),
        trust=office.trust,
        made_at=NOW,
        registry=office.registry,
        key=office.key if signed else None,
        mechanism=Mechanism.RSA_PKCS1_SHA256 if signed else None,
    )
    write_bundle(folder, contents)
    return folder


def codes(folder: Path, trust: TrustStore | None = None) -> list[str]:
    found = check_bundle(folder, trust=trust, at=NOW + timedelta(days=365))
    return [c.reason.code for c in found.checks if c.reason is not None]


def test_the_commands_of_the_readme_check_everything(office: Office, tmp_path: Path) -> None:
    folder = bundle(office, tmp_path / "b")
    readme = (folder / "README.txt").read_text("utf-8")
    commands = [
        line.strip() for line in readme.splitlines() if re.match(r"    (sha256sum|head|tail|openssl (cms|ts)) ", line)
    ]
    assert len(commands) == 2 + 2 * 3  # the list and its signature; two signatures: cut twice, check
    for command in commands:
        done = subprocess.run(["sh", "-c", command], cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (command, done.stderr)
    assert "TOTAL-PASSED" in readme
    assert office.trust.anchors[0].sha256 in readme
    pdfsig = subprocess.run(["pdfsig", "document.pdf"], cwd=folder, capture_output=True, text=True, check=False)
    assert pdfsig.stdout.count("Signature is Valid") == 2


def test_it_holds_what_an_archive_needs(office: Office, tmp_path: Path) -> None:
    folder = bundle(office, tmp_path / "b")
    names = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert names >= {
        "document.pdf",
        "report/report.json",
        "report/report.xml",
        "report/bao-cao.html",
        "report/report.html",
        "trust/anchors.pem",
        "trust/issuers.pem",
        "trust/crls.pem",
        "signatures/1/signature.der",
        "signatures/2/signature.der",
        "register/history.json",
        "README.txt",
        "FORMATS.txt",
        "MANIFEST.sha256",
        "MANIFEST.p7s",
    }
    history = json.loads((folder / "register/history.json").read_text("utf-8"))
    assert history["state"] == "issued"
    assert "Nguyễn Văn" not in json.dumps(history, ensure_ascii=False)


def test_the_history_tells_of_a_withdrawal(office: Office, tmp_path: Path) -> None:
    pdf = issued(office)
    report = office.verifier().inspect(pdf)
    intent = office.registry.by_sha256(report.sha256)
    assert intent is not None
    change = StandingChange(standing=Standing.WITHDRAWN, at=NOW, by="H26.18.01", why="sai đối tượng")
    office.registry.change(intent.id, change)
    contents = make_bundle(pdf, verifier=office.verifier(), trust=office.trust, made_at=NOW, registry=office.registry)
    said = json.loads(contents["register/history.json"])
    assert [e["standing"] for e in said["history"]][-1] == "withdrawn"


def test_it_is_good_years_later_for_whoever_knows_the_roots(office: Office, tmp_path: Path) -> None:
    folder = bundle(office, tmp_path / "b")
    found = check_bundle(folder, trust=TrustStore(anchors=office.trust.anchors), at=NOW)
    assert {c.outcome for c in found.checks} <= {Outcome.PASSED, Outcome.NOTED, Outcome.UNKNOWN}
    assert found.signer == office.key.certificates[0]
    assert found.report is not None
    assert {s.indication for s in found.report.signatures} == {Indication.TOTAL_PASSED}
    assert "bundle-anchors-own" in codes(folder)


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "document": (lambda f: append(f / "document.pdf"), "bundle-file-changed"),
    "report": (lambda f: append(f / "report/report.json"), "bundle-file-changed"),
    "gone": (lambda f: (f / "FORMATS.txt").unlink(), "bundle-file-missing"),
    "extra": (lambda f: (f / "more.txt").write_text("x"), "bundle-file-extra"),
    "list": (lambda f: append(f / "MANIFEST.p7s", b""), "bundle-signature-wrong"),
}


def append(file: Path, data: bytes = b"\n") -> None:
    content = file.read_bytes()
    file.write_bytes(content + data if data else content[:-1] + bytes([content[-1] ^ 1]))


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_noticed(office: Office, tmp_path: Path, name: str) -> None:
    folder = bundle(office, tmp_path / "b")
    damage, code = DAMAGE[name]
    damage(folder)
    assert code in codes(folder)


def test_a_forger_who_rewrites_the_list_still_has_to_sign_it_and_the_document(office: Office, tmp_path: Path) -> None:
    folder = bundle(office, tmp_path / "b")
    report = folder / "report/report.json"
    said = json.loads(report.read_text("utf-8"))
    said["signatures"][0]["indication"] = "TOTAL-FAILED"
    report.write_text(json.dumps(said), "utf-8")
    lines = (folder / "MANIFEST.sha256").read_text("utf-8").splitlines()
    fresh = [
        f"{hashlib.sha256(report.read_bytes()).hexdigest()}  report/report.json" if "report.json" in line else line
        for line in lines
    ]
    (folder / "MANIFEST.sha256").write_text("\n".join(fresh) + "\n", "utf-8")
    assert {"bundle-report-differs", "bundle-signature-wrong"} <= set(codes(folder))


@pytest.mark.parametrize("line", ["../x", "/etc/passwd", "a/../../b", "not a line"])
def test_a_list_that_leads_out_of_the_folder_is_refused(office: Office, tmp_path: Path, line: str) -> None:
    folder = bundle(office, tmp_path / "b", signed=False)
    with (folder / "MANIFEST.sha256").open("a", encoding="utf-8") as manifest:
        manifest.write(f"{'0' * 64}  {line}\n" if line != "not a line" else "not a line\n")
    with pytest.raises(InputError) as e:
        check_bundle(folder, at=NOW)
    assert e.value.code == "bundle-unreadable"


def test_a_link_is_no_file_of_a_bundle(office: Office, tmp_path: Path) -> None:
    folder = bundle(office, tmp_path / "b", signed=False)
    kept = tmp_path / "formats"
    shutil.move(folder / "FORMATS.txt", kept)
    (folder / "FORMATS.txt").symlink_to(kept)
    assert "bundle-file-missing" in codes(folder)


def test_a_folder_with_something_in_it_is_left_alone(office: Office, tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "mine").write_text("x")
    with pytest.raises(InputError) as e:
        bundle(office, tmp_path / "b", signed=False)
    assert e.value.code == "output-exists"


def test_no_bundle() -> None:
    with pytest.raises(InputError) as e:
        check_bundle(Path(__file__).parent, at=NOW)
    assert e.value.code == "bundle-unreadable"


def test_an_unsigned_file_has_a_bundle_too(office: Office, tmp_path: Path) -> None:
    from tests.support.plain_pdf import plain_pdf

    contents = make_bundle(plain_pdf(), verifier=office.verifier(), trust=office.trust, made_at=NOW)
    write_bundle(tmp_path / "b", contents)
    assert "report/report.xml" not in contents
    assert "bundle-report-differs" not in codes(tmp_path / "b")
