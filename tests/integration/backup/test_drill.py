"""The drill: a register is lost, the backup of before is restored, and nothing that was issued since is given again.

On SQLite with the online copy, on PostgreSQL with pg_dump and pg_restore; files and rows are compared before and after.
"""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from esign.auditing import Anchoring, trusted_by
from esign.codes import ResultId
from esign.document import Standing, StandingChange
from esign.errors import PublishingError, RegistryError, RequestConflict, SigningError
from esign.files import Folder
from esign.issued import Issued
from esign.line import Line
from esign.pades.sign import choose_mechanism
from esign.publishing import FolderStore, Publisher, RegisterSource
from esign.recovery import (
    Reader,
    Recovering,
    Witness,
    check,
    copy_database,
    newest_anchor,
    published_counters,
    read_published,
    refuse_behind_archive,
    refuse_behind_status,
    refuse_older,
)
from esign.recovery import Step as Told
from esign.registry import Intent, IntentState, NewIntent, NextNumber, Registry
from esign.report import Integrity
from esign.seal.trust_list import Host, StatusKey
from esign.steps import Step
from tests.support.guide_office import pdf
from tests.support.office import NOW, Office, request
from tests.support.postgres import PostgresServer, postgres_programs
from tests.support.site import STATUS_KID, key, point

LISTED = Host(
    name="q.gov.vn",
    template="https://q.gov.vn/s/{n}.cwt",
    status_keys=(
        StatusKey(
            kid=STATUS_KID,
            public_key=point("status"),
            not_before=NOW - timedelta(days=400),
            not_after=NOW + timedelta(days=400),
        ),
    ),
)


class Databases:
    """How a register is copied and put back: one for each database."""

    def __init__(self, place: Path | str, postgres: PostgresServer | None, folder: Path) -> None:
        self.place = place
        self._postgres = postgres
        self._folder = folder

    def back_up(self) -> Path:
        target = self._folder / "register.backup"
        if isinstance(self.place, Path):
            copy_database(self.place, target)
        else:
            self._program("pg_dump", "--format=custom", f"--file={target}", f"--dbname={self.place}")
        return target

    def restore(self, backup: Path) -> None:
        """Into the place of what was lost."""
        if isinstance(self.place, Path):
            for name in ("", "-wal", "-shm"):
                self.place.with_name(self.place.name + name).unlink(missing_ok=True)
            shutil.copyfile(backup, self.place)
            return
        assert self._postgres is not None
        fresh = self._postgres.url(self._postgres.database())
        self._program(
            "pg_restore", "--no-owner", "--exit-on-error", "--single-transaction", f"--dbname={fresh}", str(backup)
        )
        self.place = fresh

    def _program(self, name: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(postgres_programs() / name), *arguments], capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr


@dataclass(kw_only=True)
class Drill:
    """An office, its public host, its backup."""

    office: Office
    databases: Databases
    folder: Path
    issued: list[Issued] = field(default_factory=list)

    def issue(self, name: str, **about: str) -> Issued:
        done = self.office.issuer().issue(request(name, **about))
        self.issued.append(done)
        self.office.clock.advance(timedelta(minutes=1))
        return done

    def stand(self, id: ResultId, standing: Standing, *, other: ResultId | None = None) -> None:  # noqa: A002
        change = StandingChange(standing=standing, at=self.office.clock(), by="Lãnh đạo MẪU", why="QĐ 7", other=other)
        self.office.registry.change(id, change)
        self.office.clock.advance(timedelta(minutes=1))

    @property
    def site(self) -> FolderStore:
        return FolderStore(self.folder / "site")

    def publish(self) -> None:
        Publisher(
            source=RegisterSource(self.office.registry),
            store=self.site,
            host=LISTED,
            kid=STATUS_KID,
            key=key("status"),
            now=self.office.clock,
        ).publish()

    def witness(self) -> Witness:
        """An anchor that the agency's key signs, in a folder elsewhere."""
        anchors = Folder(self.folder / "elsewhere")
        key, log = self.office.key, self.office.registry.audit
        mechanism = choose_mechanism(self.office.profile.signature, key)
        Anchoring(log, key=key, mechanism=mechanism, folder=anchors, now=self.office.clock).anchor()
        newest = newest_anchor(anchors, trusted_by(self.office.trust))
        assert newest is not None
        return newest

    def back_up(self) -> Path:
        """The register first, files after it: a row of the copy finds its file, whatever happens in between."""
        backup = self.databases.back_up()
        for name in ("archive", "spool"):
            (self.office.folder / name).mkdir(exist_ok=True)
            shutil.copytree(self.office.folder / name, self.folder / "backup" / name)
        return backup

    def restore(self, backup: Path, *, archive: bool) -> None:
        """The register and the spool of the backup; with `archive` the files are those of the backup, too."""
        self.office.registry.close()
        self.databases.restore(backup)
        for name in ("spool", "archive") if archive else ("spool",):
            shutil.rmtree(self.office.folder / name)
            shutil.copytree(self.folder / "backup" / name, self.office.folder / name)
        registry = Registry.open(self.databases.place, now=self.office.clock)
        self.office = replace(self.office, registry=registry)

    def check(self) -> dict[str, int]:
        """What `esign registry check` says, by code; only what is grave."""
        found = check(self.office.registry, archive=self._part("archive"), spool=self._part("spool"))
        codes = [each.reason.code for each in found if each.grave]
        return {code: codes.count(code) for code in sorted(set(codes))}

    def reader(self) -> Reader:
        office = self.office
        return Reader(
            agency=office.agency.code,
            profile=office.profile.name,
            seal_keys=office.seal_keys(),
            certificates=office.registry.recovery.signer_certificates(),
            now=office.clock,
        )

    def behind(self) -> list[str]:
        """What is ahead of the register, by the code with which issuing is refused; nothing where all is well."""
        registry, found = self.office.registry, []
        for refuse in (
            partial(refuse_behind_archive, registry, self._part("archive"), self.reader),
            partial(refuse_behind_archive, registry, self._part("archive"), self.reader, sample=None),
            partial(refuse_behind_status, registry, published_counters(self.site, LISTED)),
        ):
            try:
                refuse()
            except RegistryError as e:
                found.append(e.code)
        return found

    def recover(self, *, witness: Witness | None = None, skip: int = 0, published: bool = True) -> list[Told]:
        office = self.office
        recovering = Recovering(
            office.registry,
            archive=self._part("archive"),
            spool=self._part("spool"),
            reader=self.reader(),
            now=office.clock,
            published=read_published(self.site, LISTED) if published else None,
            witness=witness,
            skip=skip,
        )
        return list(recovering.run())

    def _part(self, name: str) -> Folder:
        return Folder(self.office.folder / name)

    def standings(self) -> dict[ResultId, tuple[Standing, tuple[ResultId, ...], ResultId | None]]:
        at = self.office.clock()
        now = {i.id: self.office.registry.standing(i.id, at=at) for i in self.issued}
        return {id_: (s.standing, s.corrections, s.replaced_by) for id_, s in now.items()}


@pytest.fixture
def drill(
    rsa_office: Path, tmp_path: Path, register_place: Path | str, request: pytest.FixtureRequest
) -> Iterator[Drill]:
    office = Office.copied(rsa_office, tmp_path / "office")
    office.registry.close()
    server = None if isinstance(register_place, Path) else request.getfixturevalue("postgres")
    drill = Drill(
        office=replace(office, registry=Registry.open(register_place, now=office.clock)),
        databases=Databases(register_place, server, tmp_path),
        folder=tmp_path,
    )
    yield drill
    drill.office.registry.close()


class Killed(BaseException):
    """Stands for SIGKILL: nothing of ours catches it."""


def die_at(step: Step) -> Callable[[Step, Intent | None], None]:
    def on_step(found: Step, _intent: Intent | None) -> None:
        if found is step:
            raise Killed

    return on_step


def codes(steps: list[Told]) -> list[str]:
    return sorted(step.reason.code for step in steps)


def test_the_archive_is_left(drill: Drill) -> None:
    """Database and spool are lost, archive and public host are not: everything that was issued is there again."""
    before = [drill.issue(f"before-{i}") for i in range(4)]
    with pytest.raises(Killed):
        drill.office.issuer(die_at(Step.PREPARED)).issue(request("in-work"))
    drill.publish()
    backup = drill.back_up()
    assert drill.check() == {}

    (in_work,) = [r.intent for r in drill.office.issuer().resume()]
    after = [drill.issue(f"after-{i}") for i in range(3)]
    attached = drill.office.issuer().attach(after[0].id, pdf("Phụ lục MẪU"), idempotency_key="attached")
    drill.stand(before[0].id, Standing.WITHDRAWN)
    drill.stand(before[1].id, Standing.SUSPENDED)
    drill.stand(before[2].id, Standing.REPLACED, other=after[1].id)
    drill.stand(before[3].id, Standing.CORRECTED, other=after[2].id)
    drill.publish()
    assert drill.behind() == []
    drill.issued.append(drill.office.issuer().document(in_work.id))
    expected, witness = drill.standings(), drill.witness()
    numbers = {i.number for i in drill.issued}
    places = {drill.office.registry.get(i.id).status_number for i in drill.issued}

    drill.restore(backup, archive=False)
    with pytest.raises(RegistryError) as older:
        refuse_older(drill.office.registry, witness)
    assert older.value.code == "registry-restored"
    assert drill.behind() == [*["registry-behind-archive"] * 2, "registry-behind-status"]
    with pytest.raises(PublishingError) as unpublished:
        drill.publish()
    assert unpublished.value.code == "status-register-older"
    # The entry in work still has its spooled files, so `resume` would take its signed file; the rest is unknown.
    assert drill.check() == {"check-file-unknown": 4}

    steps = drill.recover(witness=witness)
    assert [s for s in steps if not s.done] == []
    assert codes(steps).count("recovery-registered") == 4
    refuse_older(drill.office.registry, witness)
    assert drill.behind() == []
    assert {r.error for r in drill.office.issuer().resume()} == {None}
    assert drill.standings() == expected
    assert drill.check() == {}
    for issued in drill.issued:
        registered = drill.office.registry.get(issued.id)
        assert (registered.state, registered.number) == (IntentState.ISSUED, issued.number)
        assert drill.office.issuer().document(issued.id).pdf == issued.pdf
        report = drill.office.verifier().inspect(issued.pdf)
        assert report.integrity is Integrity.INTACT
        assert drill.office.registry.by_sha256(issued.sha256) is not None
    assert drill.office.registry.get(attached.id).state is IntentState.ISSUED

    drill.office.clock.advance(timedelta(hours=1))
    drill.publish()
    fresh = [drill.issue(f"fresh-{i}") for i in range(3)]
    assert not {i.number for i in fresh} & numbers
    new_places = {drill.office.registry.get(i.id).status_number for i in fresh}
    assert not new_places & places
    assert {place >> 17 for place in new_places} == {1}, "no place of a shard that was open before"
    drill.publish()

    # Everything again: nothing is done twice.
    assert codes(drill.recover(witness=witness)) == ["recovery-done"]
    assert drill.check() == {}


def test_all_is_lost_but_the_backup(drill: Drill) -> None:
    """The archive is the backup's, too: numbers are left out, and what readers know of lost results is told."""
    first = drill.issue("first")
    backup = drill.back_up()
    lost = [drill.issue(f"lost-{i}") for i in range(2)]
    drill.stand(lost[0].id, Standing.WITHDRAWN)
    drill.stand(first.id, Standing.WITHDRAWN)
    drill.publish()
    last = max(i.number.number for i in lost if i.number)

    drill.restore(backup, archive=True)
    assert drill.behind() == ["registry-behind-status"], "what readers have is all that is left to tell"
    steps = drill.recover(skip=50)
    assert codes([s for s in steps if not s.done]) == ["recovery-place-unknown"]
    assert drill.office.registry.standing(first.id, at=drill.office.clock()).standing is Standing.WITHDRAWN
    fresh = drill.issue("fresh")
    assert fresh.number is not None
    assert fresh.number.number > last
    assert drill.office.registry.get(fresh.id).status_number >> 17 == 1
    missing = [
        f.reason for f in check(drill.office.registry, archive=drill._part("archive"), spool=drill._part("spool"))
    ]
    assert [r.code for r in missing] == ["check-numbers-missing"]
    assert missing[0].facts["count"] == 50


def test_who_asks_again_after_a_recovery(drill: Drill) -> None:
    """A portal repeats what it has no answer to: it gets the recovered result, alone, in a row, and only its own."""
    before = drill.issue("before")
    backup = drill.back_up()
    after = [drill.issue(f"after-{i}") for i in range(4)]
    late = drill.office.issuer().submit(replace(request("late"), person=drill.office.person))
    signature = drill.office.person_key.sign(late.prepared.to_be_signed, mechanism=late.prepared.mechanism)
    drill.office.issuer().complete(late.id, signature)
    released = drill.office.issuer().release(late.id)
    drill.restore(backup, archive=False)
    assert codes(drill.recover(published=False)).count("recovery-registered") == 5
    with Registry.open(drill.databases.place, now=drill.office.clock) as registry:  # processes start anew
        office = replace(drill.office, registry=registry)
        issuer, numbers = office.issuer(), len(registry.listing().entries)
        with pytest.raises(RequestConflict):
            issuer.issue(request("after-0", symbol="QĐ-KHAC"))
        again = [issuer.issue(request(f"after-{i}")) for i in range(2)]
        with Line(issuer, group=4, lanes=1, setters=1) as line:
            again += [i for i in line.issue([request(f"after-{i}") for i in (2, 3)]) if isinstance(i, Issued)]
        assert [(i.id, i.number, i.sha256, i.pdf) for i in again] == [(i.id, i.number, i.sha256, i.pdf) for i in after]
        assert issuer.issue(request("before")).id == before.id
        with pytest.raises(SigningError, match="state issued"):  # nothing waits for a signature any more
            issuer.submit(replace(request("late"), person=office.person))
        assert registry.by_key("late") == registry.get(released.id)
        for _ in range(2):
            assert issuer.issue(request("after-0")).id == after[0].id, "and from now on as always"
        assert len(registry.listing().entries) == numbers
        told = [e.object for e in registry.audit.all() if e.act == "intent.recognised"]
        assert sorted(told) == sorted(str(i.id) for i in (*after, released))  # a row is recognised in any order
        assert issuer.issue(request("fresh")).id not in {i.id for i in after}


def test_what_was_in_work_and_is_signed_since(drill: Drill) -> None:
    """The spool is gone as well: the signed files finish what the backup shows prepared, reserved or awaiting."""
    for name, step in (("prepared", Step.PREPARED), ("reserved", Step.RESERVED)):
        with pytest.raises(Killed):
            drill.office.issuer(die_at(step)).issue(request(name))
    person = replace(request("person"), person=drill.office.person)
    pending = drill.office.issuer().submit(person)
    backup = drill.back_up()

    issuer = drill.office.issuer()
    assert all(r.error is None for r in issuer.resume())
    signature = drill.office.person_key.sign(pending.prepared.to_be_signed, mechanism=pending.prepared.mechanism)
    issuer.complete(pending.id, signature)
    released = issuer.release(pending.id)
    drill.issued = [drill.office.issuer().document(i.id) for i in drill.office.registry.listing().entries]
    assert len(drill.issued) == 3

    drill.restore(backup, archive=False)
    shutil.rmtree(drill.office.folder / "spool")
    assert drill.check() == {"check-spool-missing": 2}
    steps = drill.recover(published=False)
    assert codes(steps) == ["recovery-done", *["recovery-finished"] * 3]
    assert drill.check() == {}
    for issued in drill.issued:
        found = drill.office.issuer().document(issued.id)
        assert (found.pdf, found.number) == (issued.pdf, issued.number)
    roles = drill.office.registry.get(released.id).registration
    assert roles is not None
    assert [s.role.value for s in roles.signers] == ["person", "agency"]


def test_a_forgery_in_the_archive_is_not_registered(drill: Drill, tmp_path: Path) -> None:
    """Whoever can write into the folder cannot have something registered: neither strangers' nor altered files."""
    own = drill.issue("own")
    archive = drill.office.folder / "archive"
    other = Office.create(tmp_path / "other")
    stranger = other.issuer().issue(request("stranger"))
    other.registry.close()
    (archive / f"{stranger.id}.pdf").write_bytes(stranger.pdf)
    renamed, broken, junk = (ResultId.random() for _ in range(3))
    (archive / f"{renamed}.pdf").write_bytes(own.pdf)
    (archive / f"{broken}.pdf").write_bytes(own.pdf.replace(b"/Type", b"/Typo", 1))
    (archive / f"{junk}.pdf").write_bytes(b"no PDF")
    (archive / "notes.txt").write_bytes(b"")
    assert drill.check() == {"check-file-unknown": 4}
    assert drill.behind() == [], "nor can they stop issuing with what they put there"
    steps = drill.recover(published=False)
    assert codes([s for s in steps if not s.done]) == ["recovery-not-ours"] * 4
    assert len(drill.office.registry.listing().entries) == 1


def test_what_the_check_finds(drill: Drill) -> None:
    """Each disagreement by its name."""
    one, two, three = (drill.issue(f"c-{i}") for i in range(3))
    archive = drill.office.folder / "archive"
    (archive / f"{one.id}.pdf").unlink()
    data = bytearray((archive / f"{two.id}.pdf").read_bytes())
    data[len(data) // 2] ^= 1
    (archive / f"{two.id}.pdf").write_bytes(data)
    with (archive / f"{three.id}.pdf").open("ab") as file:
        file.write(b"\n")
    new = NewIntent(
        agency=drill.office.agency.code,
        idempotency_key="to-be-void",
        request_digest="0" * 64,
        profile="default",
        number=NextNumber(symbol="QĐ-UBND"),
    )
    void = drill.office.registry.reserve(new)
    drill.office.issuer().withdraw(void.id, why="thử")
    (archive / f"{void.id}.pdf").write_bytes(b"x")
    found = check(drill.office.registry, archive=Folder(archive), spool=Folder(drill.office.folder / "spool"))
    told = {(f.reason.code, f.grave): f.reason.facts.get("id") for f in found}
    assert told == {
        ("check-file-missing", True): str(one.id),
        ("check-file-differs", True): str(two.id),
        ("check-file-longer", False): str(three.id),
        ("check-file-of-void", True): str(void.id),
    }


def test_who_may_say_that_a_register_is_old(drill: Drill, tmp_path: Path) -> None:
    """An anchor that a stranger signed stops nobody; one of another register stops everybody."""
    drill.issue("one")
    other = Office.create(tmp_path / "other")
    strangers = Folder(tmp_path / "strangers")
    mechanism = choose_mechanism(other.profile.signature, other.key)
    Anchoring(other.registry.audit, key=other.key, mechanism=mechanism, folder=strangers, now=other.clock).anchor()
    assert newest_anchor(strangers, trusted_by(drill.office.trust)) is None
    foreign = newest_anchor(strangers, trusted_by(other.trust))
    other.registry.close()
    refuse_older(drill.office.registry, None)
    refuse_older(drill.office.registry, drill.witness())
    with pytest.raises(RegistryError, match="older than an audit anchor"):
        refuse_older(drill.office.registry, foreign)


def test_a_copy_of_a_register_at_work(tmp_path: Path, rsa_office: Path) -> None:
    """The online copy is whole while others write, and never in the place of another."""
    office = Office.copied(rsa_office, tmp_path / "office")
    office.issuer().issue(request("one"))
    with office.registry._store.write() as session:  # a writer in the middle of its transaction
        session.connection().exec_driver_sql("UPDATE status_shard SET counter = counter + 1")
        copy_database(office.folder / "register.sqlite", tmp_path / "copies" / "one.sqlite")
    with Registry.open(tmp_path / "copies" / "one.sqlite", now=office.clock) as copy:
        copy.check()
        assert [i.state for i in copy.listing().entries] == [IntentState.ISSUED]
        assert copy.shards()[0].counter == 0
    with pytest.raises(RegistryError) as taken:
        copy_database(office.folder / "register.sqlite", tmp_path / "copies" / "one.sqlite")
    assert taken.value.code == "backup-exists"
    (tmp_path / "broken.sqlite").write_bytes(b"no database" * 1000)
    with pytest.raises(RegistryError) as broken:
        copy_database(tmp_path / "broken.sqlite", tmp_path / "copies" / "two.sqlite")
    assert broken.value.code == "backup-not-readable"
    assert [p.name for p in (tmp_path / "copies").iterdir() if "part" in p.name] == []
    office.registry.close()
