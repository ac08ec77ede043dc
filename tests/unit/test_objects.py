"""Files in an object store: whole, once, read back; the archive on them and on folders."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from esign.archive import Archive, sha256
from esign.errors import ConfigurationError, RegistryError
from esign.files import Files, Folder
from esign.objects import ObjectFiles
from esign.profile import Level
from esign.registry import FileVersion
from tests.support.bucket import Bucket, serving
from tests.support.office import Office, request


@pytest.fixture
def bucket() -> Bucket:
    return Bucket()


@pytest.fixture
def endpoint(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with serving(bucket) as endpoint:
        yield endpoint


@pytest.fixture
def objects(endpoint: str) -> ObjectFiles:
    return ObjectFiles.at(f"s3://archive/ward?endpoint={endpoint}&region=vn-1")


@pytest.fixture(params=["folder", "objects"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> Files:
    if request.param == "folder":
        return Folder(tmp_path / "archive")
    found: ObjectFiles = request.getfixturevalue("objects")
    return found


def test_what_is_stored_is_there(files: Files) -> None:
    assert list(files.names()) == []
    assert files.get("a.pdf") is None
    files.put("a.pdf", b"one")
    files.put("b.pdf", b"two")
    files.put("a.pdf", b"three")
    assert files.get("a.pdf") == b"three"
    assert list(files.names()) == ["a.pdf", "b.pdf"]
    assert timedelta(0) <= files.age("a.pdf") < timedelta(minutes=5)
    assert files.age("c.pdf") == timedelta(0)
    files.discard("a.pdf")
    files.discard("a.pdf")
    assert list(files.names()) == ["b.pdf"]
    assert files.sweep_parts() == 0


def test_of_many_who_take_a_name_one_has_it(files: Files) -> None:
    start = threading.Barrier(8)

    def take(who: int) -> bool:
        start.wait()
        return bool(files.put_new({"a.pdf": b"%d" % who}))

    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(take, range(8)))
    assert sum(taken) == 1
    assert files.get("a.pdf") == b"%d" % taken.index(True)
    assert list(files.names()) == ["a.pdf"]


def test_of_many_that_are_new_those_stay_whose_names_are_taken(files: Files) -> None:
    files.put("b.pdf", b"there", b" before")
    assert files.put_new({"a.pdf": b"a", "b.pdf": b"b", "c.pdf": b"c"}) == {"a.pdf", "c.pdf"}
    assert [files.get(name) for name in files.names()] == [b"a", b"there before", b"c"]
    assert files.put_new({}) == frozenset()


def test_a_folder_without_links_keeps_what_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr("os.link", refuse)
    assert Folder(tmp_path).put_new({"a": b"one"})
    assert not Folder(tmp_path).put_new({"a": b"two"})
    assert Folder(tmp_path).get("a") == b"one"


def test_a_put_whose_answer_was_lost_is_found(objects: ObjectFiles, bucket: Bucket) -> None:
    bucket.loses_answers = 1
    objects.put_new({"a.pdf": b"ours"})  # tried again by the client, and then perhaps refused: it is there already
    assert objects.get("a.pdf") == b"ours"


def test_what_the_store_does_is_a_typed_error(objects: ObjectFiles, bucket: Bucket) -> None:
    bucket.fails = 1
    with pytest.raises(RegistryError) as e:
        objects.put("a.pdf", b"x")
    assert e.value.code == "store-not-writable"
    bucket.fails = 1
    with pytest.raises(RegistryError) as e:
        objects.get("a.pdf")
    assert e.value.code == "store-not-readable"
    bucket.garbles = True
    with pytest.raises(RegistryError) as e:
        objects.put_new({"b.pdf": b"document"})
    assert e.value.code == "store-altered"


def test_an_address_that_is_none_is_refused() -> None:
    for url in ("ftp://x/y", "s3://bucket?no-such-option=1"):
        with pytest.raises(ConfigurationError) as e:
            ObjectFiles.at(url)
        assert e.value.code == "store-url-invalid"


def test_the_first_signed_file_stays(files: Files, tmp_path: Path) -> None:
    """Two hosts sign the same bytes with ECDSA: what the register gets is what is stored."""
    office = Office.create(tmp_path / "office")
    intent = office.issuer().accept(request("first"))
    archive = Archive(files)
    assert archive.put(intent, b"prepared A") == b"prepared A"
    assert archive.put(intent, b"prepared B", fits=lambda pdf: pdf.startswith(b"prepared")) == b"prepared A"
    assert archive.find(intent) == b"prepared A"
    # What lay there by mistake is no signed file.
    assert archive.put(intent, b"signed", fits=lambda pdf: pdf.startswith(b"signed")) == b"signed"
    assert archive.find(intent) == b"signed"


def test_results_are_issued_with_documents_in_a_store(
    objects: ObjectFiles, endpoint: str, bucket: Bucket, tmp_path: Path
) -> None:
    office = Office.create(tmp_path / "office")
    spool = ObjectFiles.at(f"s3://spool?endpoint={endpoint}")
    issuer = office.issuer(archive=objects, spool=spool)
    issued = issuer.issue(request("stored"))
    assert bucket.objects[f"ward/{issued.id}.pdf"][0] == issued.pdf
    assert list(bucket.objects) == [f"ward/{issued.id}.pdf"]
    bucket.fails = 10**6
    with pytest.raises(RegistryError):
        issuer.issue(request("away", dossier="H26.18.01-261120-0002"))
    bucket.fails = 0
    again = issuer.issue(request("away", dossier="H26.18.01-261120-0002"))
    assert again.number is not None
    assert again.number.number == 2


def test_a_version_that_was_overtaken_is_not_registered(files: Files, tmp_path: Path) -> None:
    office = Office.create(tmp_path / "office")
    issued = office.issuer(archive=files).issue(request("versions"))
    registry, archive = office.registry, Archive(files)
    first = registry.get(issued.id)

    def longer(tail: bytes) -> tuple[bytes, FileVersion]:
        pdf = issued.pdf + tail
        return pdf, FileVersion(sha256=sha256(pdf), size=len(pdf), level=Level.B_T, at=office.clock())

    (pdf, mine), (other_pdf, other) = longer(b"%a\n"), longer(b"%longer\n")
    archive.put_version(first, pdf)
    archive.put_version(first, other_pdf)
    now = registry.upgraded(issued.id, mine, after=first.versions[-1].sha256)
    with pytest.raises(RegistryError) as e:
        registry.upgraded(issued.id, other, after=first.versions[-1].sha256)
    assert e.value.code == "version-overtaken"
    assert archive.version(now) == pdf
    assert archive.version(now, 0) == issued.pdf
    # A third version makes the second one needless; every version can still be had.
    third_pdf, third = longer(b"%a\n%and more\n")
    archive.put_version(now, third_pdf)
    newest = registry.upgraded(issued.id, third, after=mine.sha256)
    archive.tidy(newest)
    assert [archive.version(newest, n) for n in range(3)] == [issued.pdf, pdf, third_pdf]
    assert len([n for n in files.names() if n.startswith(str(issued.id))]) == 3  # the one that nobody registered too
