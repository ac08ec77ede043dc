"""Files that grew after the backup: added time-stamps are registered again, with the file as it was issued."""

import shutil
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from esign.files import Folder
from esign.profile import Level, TimestampPolicy
from esign.recovery import Reader, Recovering, check, copy_database
from esign.registry import Registry
from tests.support.authority import Authorities
from tests.support.office import NOW, Office, request, stamped


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authorities]:
    with Authorities.start(tmp_path_factory.mktemp("authorities"), now=NOW) as found:
        yield found


@pytest.fixture
def made(tmp_path: Path, pki: Authorities) -> Path:
    folder = tmp_path / "made"
    Office.create(folder, kind="p256").registry.close()
    crls = [urllib.request.urlopen(pki.crl(label)).read() for label in ("root", "stamping")]
    Office.name_authority(folder, pki.tsa("tsa"), pki.certificate("root"), crls=crls)
    return folder


@pytest.mark.parametrize("known", [True, False], ids=["the backup has it", "it was issued since"])
def test_a_file_that_grew_since(made: Path, tmp_path: Path, *, known: bool) -> None:
    office = Office.copied(made, tmp_path / "office", signature=stamped(TimestampPolicy.QUEUE))
    archive, backup = Folder(office.folder / "archive"), tmp_path / "register.sqlite"
    if not known:
        copy_database(office.folder / "register.sqlite", backup)
    issued = office.issuer().issue(request("k"))
    if known:
        copy_database(office.folder / "register.sqlite", backup)
    assert issued.level is Level.B_B
    (upgraded,) = office.upgrader().run()
    assert upgraded.error is None
    newest = office.issuer().document(issued.id)
    assert newest.level is Level.B_T
    office.registry.close()
    shutil.copyfile(backup, office.folder / "register.sqlite")
    office = replace(office, registry=Registry.open(office.folder / "register.sqlite", now=office.clock))

    reader = Reader(
        agency=office.agency.code,
        profile=office.profile.name,
        seal_keys=office.seal_keys(),
        certificates=office.registry.recovery.signer_certificates(),
        now=office.clock,
    )
    spool = Folder(office.folder / "spool")
    steps = list(Recovering(office.registry, archive=archive, spool=spool, reader=reader, now=office.clock).run())
    first = [] if known else ["recovery-registered"]
    assert [s.reason.code for s in steps] == [*first, "recovery-version", "recovery-done"]
    found = office.registry.get(issued.id)
    assert [(v.sha256, v.level) for v in found.versions] == [
        (issued.sha256, Level.B_B),
        (newest.sha256, Level.B_T),
    ]
    assert office.issuer().document(issued.id).pdf == newest.pdf
    assert [f.reason.code for f in check(office.registry, archive=archive, spool=spool) if f.grave] == []
    office.registry.close()
