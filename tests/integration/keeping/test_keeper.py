"""Documents are renewed in time, over decades that pass in a test, and say why where they were not."""

import shutil
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from esign.errors import SigningError
from esign.files import Folder
from esign.keeping import Entry, FolderStore, Index, Keeper, RegisterStore
from esign.pades.inspect import inspect_signatures
from esign.pades.lifetime import lifetime_of
from esign.pades.timestamp import complete_timestamp, prepare_timestamp
from esign.profile import Level
from esign.report import Indication, Integrity, SignatureKind, SubIndication
from tests.support.authority import Authorities
from tests.support.long_term import augmenter, network, renewer, signed_by, timestamper
from tests.support.office import NOW, Office, request
from tests.support.plain_pdf import plain_pdf

YEAR = timedelta(days=365)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Authorities]:
    with Authorities.start(tmp_path / "authorities", now=NOW) as found:
        yield found


def keeper(pki: Authorities, folder: Path, **parts: object) -> Keeper:
    given: dict[str, object] = {"renewer": renewer(pki), "now": lambda: pki.clock.now}
    given |= parts
    return Keeper(FolderStore([folder]), index=Index.open(folder.parent / "keeper.sqlite"), **given)  # type: ignore[arg-type]


@pytest.fixture
def folder(world: Authorities, tmp_path: Path) -> Path:
    """Three documents at B-LTA, and one at B-B."""
    place = tmp_path / "archive"
    place.mkdir()
    made = augmenter(world).augment(signed_by(world, "agency"), level=Level.B_LTA).pdf
    for name in ("a", "b", "c"):
        (place / f"{name}.pdf").write_bytes(made)
    (place / "plain.pdf").write_bytes(signed_by(world, "agency"))
    (place / "not-a.pdf").write_bytes(b"no PDF at all")
    return place


def test_a_plan_says_what_ends_when_and_why(world: Authorities, folder: Path) -> None:
    found = keeper(world, folder).plan(within=30 * YEAR)
    assert found.documents == found.read == 5
    ends = {Path(e.name).name: (e.until, e.code) for e in found.due}
    # The time-stamping unit's certificate ends in 2049, the signer's in 2029.
    assert ends["a.pdf"] == (datetime(2049, 1, 1, tzinfo=UTC), "proof-ends-timestamp")
    assert ends["plain.pdf"] == (datetime(2029, 1, 1, tzinfo=UTC), "proof-ends-certificate")
    assert "not-a.pdf" not in ends
    assert found.by_year == {"-": 1, "2029": 1, "2049": 3}
    assert [e.until for e in found.due] == sorted(e.until for e in found.due if e.until)


def test_what_did_not_change_is_not_read_again(world: Authorities, folder: Path) -> None:
    first = keeper(world, folder)
    first.plan(within=YEAR)
    (folder / "c.pdf").unlink()
    shutil.copy(folder / "a.pdf", folder / "d.pdf")
    again = keeper(world, folder).plan(within=30 * YEAR)
    assert (again.documents, again.read) == (5, 1)
    assert {Path(e.name).name for e in again.due} == {"a.pdf", "b.pdf", "d.pdf", "plain.pdf"}


def test_renewed_documents_verify_in_2036_2046_and_2056(world: Authorities, folder: Path) -> None:
    """The first certificates end in 2029, the time-stamping unit's in 2049; another unit takes over in time."""
    left = folder.parent / "left.pdf"
    shutil.copy(folder / "a.pdf", left)
    for year, tsa in ((2036, "tsa"), (2046, "later")):
        world.clock.now = datetime(year, 6, 1, tzinfo=UTC)
        work = keeper(world, folder, renewer=renewer(world, tsa))
        due = [e for e in work.plan(within=30 * YEAR).due if e.level.endswith("LTA")]
        assert [r.error for r in work.renew(due)] == [None, None, None]
        assert judged(world, folder / "a.pdf") == (Integrity.INTACT, Indication.TOTAL_PASSED, None)
    world.clock.now = datetime(2056, 6, 1, tzinfo=UTC)
    assert judged(world, folder / "a.pdf") == (Integrity.INTACT, Indication.TOTAL_PASSED, None)
    assert judged(world, left) == (Integrity.INTACT, Indication.INDETERMINATE, SubIndication.OUT_OF_BOUNDS_NO_POE)


def judged(pki: Authorities, file: Path) -> tuple[Integrity, Indication, SubIndication | None]:
    """With the anchor, and the lists that authorities publish on that day."""
    lists = tuple(urllib.request.urlopen(pki.crl(c)).read() for c in ("root", "stamping", "stamping-later"))
    trust = replace(pki.trust("root"), crls=lists)
    found = inspect_signatures(file.read_bytes(), trust=trust, at=pki.clock.now)
    signature = next(s for s in found.signatures if s.kind is SignatureKind.SIGNATURE)
    return found.integrity, signature.indication, signature.sub_indication


def test_what_comes_too_late_is_refused(world: Authorities, folder: Path) -> None:
    before = (folder / "a.pdf").read_bytes()
    world.clock.now = datetime(2050, 1, 1, tzinfo=UTC)
    work = keeper(world, folder, renewer=renewer(world, "later"))
    due = [e for e in work.plan(within=YEAR).due if e.level.endswith("LTA")]
    results = list(work.renew(due))
    assert {r.error.code for r in results if r.error} == {"renewal-too-late"}
    assert (folder / "a.pdf").read_bytes() == before
    problems = {e.problem for e in keeper(world, folder).plan(within=YEAR).due if e.level.endswith("LTA")}
    assert problems == {"renewal-too-late"}


def test_a_dead_authority_leaves_everything_as_it_was(world: Authorities, folder: Path) -> None:
    work = keeper(world, folder, renewer=renewer(world, "nobody"))
    due = [e for e in work.plan(within=30 * YEAR).due if e.level.endswith("LTA")]
    before = [(folder / f"{n}.pdf").read_bytes() for n in "abc"]
    assert all(r.error is not None for r in work.renew(due))
    assert [(folder / f"{n}.pdf").read_bytes() for n in "abc"] == before


def test_a_document_without_a_time_stamp_has_to_reach_one_first(world: Authorities) -> None:
    with pytest.raises(Exception) as e:
        renewer(world).renew(signed_by(world, "agency"))
    assert getattr(e.value, "code", "") == "renewal-no-timestamp"


def test_a_file_of_time_stamps_alone_is_renewed_too(world: Authorities) -> None:
    """There is no signature, and so no level; what was stamped existed then all the same."""
    prepared = prepare_timestamp(plain_pdf(), digest="sha256", room=16 * 1024)
    stamp = timestamper(world, network(world)).stamp(prepared.imprint, digest="sha256")
    pdf = complete_timestamp(prepared, stamp.token)
    work = renewer(world)
    before = lifetime_of(pdf, work.inspect(pdf))
    assert (before.level, before.reason.code) == ("", "proof-ends-timestamp")
    world.clock.now += YEAR
    renewed = work.renew(pdf)
    assert renewed.startswith(pdf)
    assert [s.kind for s in work.inspect(renewed).signatures] == [SignatureKind.TIMESTAMP] * 2


def test_a_changed_document_is_not_renewed(world: Authorities, folder: Path) -> None:
    pdf = (folder / "a.pdf").read_bytes()
    with pytest.raises(Exception) as e:
        renewer(world).renew(pdf[:100] + b"X" + pdf[101:])
    assert getattr(e.value, "code", "") == "augment-altered"
    assert not isinstance(e.value, SigningError)


def test_a_run_that_is_stopped_goes_on_where_it_was(world: Authorities, folder: Path) -> None:
    work = keeper(world, folder, at_once=1)
    due = [e for e in work.plan(within=30 * YEAR).due if e.level.endswith("LTA")]
    running = work.renew(due)
    first = next(running)
    running.close()  # type: ignore[attr-defined]  # a generator
    again = keeper(world, folder).plan(within=30 * YEAR)
    renewed = [e for e in again.due if e.renewed_at is not None]
    assert first.name in {e.name for e in renewed}
    assert again.read <= 1  # what was replaced while the run was stopped


def test_a_hundred_thousand_documents_are_planned_from_the_index(tmp_path: Path) -> None:
    class Many:
        def documents(self) -> Iterator[tuple[str, str]]:
            return ((f"{i:06}.pdf", "1") for i in range(100_000))

        def read(self, name: str) -> bytes:
            raise AssertionError(name)

        def replace(self, name: str, longer: bytes) -> str:
            raise AssertionError(name)

    index = Index.open(tmp_path / "i.sqlite")
    index.put(
        *(
            Entry(
                name=f"{i:06}.pdf",
                stamp="1",
                level="PAdES-B-LTA",
                until=NOW + timedelta(hours=i),
                code="proof-ends-timestamp",
                what="Timestamp",
            )
            for i in range(100_000)
        )
    )
    work = Keeper(Many(), index=index, renewer=None, now=lambda: NOW)  # type: ignore[arg-type]  # reads nothing
    found = work.plan(within=timedelta(days=365))
    assert (found.documents, found.read, len(found.due)) == (100_000, 0, 365 * 24)


def test_a_registered_result_becomes_a_new_version(world: Authorities, tmp_path: Path) -> None:
    office = Office.create(tmp_path / "office", kind="p256")
    issued = office.issuer().issue(request("k"))
    made = augmenter(world).augment(signed_by(world, "agency"), level=Level.B_LTA).pdf
    archive = Folder(office.folder / "archive")
    store = RegisterStore(registry=office.registry, archive=archive, now=office.clock)
    assert list(store.documents()) == [(str(issued.id), issued.sha256)]
    assert store.read(str(issued.id)) == issued.pdf
    longer = issued.pdf + made[len(issued.pdf) :] if len(made) > len(issued.pdf) else issued.pdf + b"%\n"
    stamp = store.replace(str(issued.id), longer)
    assert list(store.documents()) == [(str(issued.id), stamp)]
    found = office.registry.by_sha256(issued.sha256)
    assert found is not None
    assert found.versions[-1].sha256 == stamp
    assert store.read(str(issued.id)) == longer
