"""The client against the service itself: every route of an agency has its method, and both speak alike."""

import ast
import hashlib
import inspect
import re
import threading
from base64 import b64decode, b64encode
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

import esign.client
from esign.api.access import KeyRequest
from esign.api.batches import BatchRowRequest
from esign.api.officials import PersonGiven, ReleaseRequest, SubmissionRequest
from esign.api.results import IssueRequest
from esign.api.standing import ChangeRequest
from esign.api.webhooks import EndpointRequest
from esign.client import Client
from esign.client.part import Part
from esign.errors import (
    Error,
    InputError,
    NotRegistered,
    PreflightError,
    RegistryError,
    RequestConflict,
    ServiceError,
    SigningError,
)
from esign.pdf.templates import load
from tests.support.guide_office import pdf
from tests.support.office import Office
from tests.support.service import ServiceForTest, service

REQUEST = IssueRequest(
    template="quyet-dinh",
    data=dict(load("quyet-dinh").sample),
    procedure="1.012345",
    symbol="QĐ-UBND",
    dossier="H26.18.01-261120-0001",
)


@pytest.fixture
def here(rsa_office: Path, tmp_path: Path) -> Iterator[ServiceForTest]:
    office = Office.copied(rsa_office, tmp_path / "office")
    with service(office) as running:
        yield running
    office.registry.close()


@pytest.fixture
def client(here: ServiceForTest) -> Iterator[Client]:
    with Client(str(here.client.base_url), agency=here.agency, token=here.name) as made:
        yield made


def test_a_result_from_request_to_file(client: Client, tmp_path: Path) -> None:
    assert "quyet-dinh" in {t.name for t in client.results.templates().templates}
    result = client.results.issue(REQUEST, key="dossier-1")
    assert (result.number, result.result_code) == ("01/QĐ-UBND", "H26.18.01-261120-0001-KQ1")
    assert client.results.issue(REQUEST, key="dossier-1") == result
    assert result.file is not None
    target = tmp_path / "result.pdf"
    assert client.results.save(result.id, target) == result.file.sha256
    assert hashlib.sha256(client.results.document(result.id, version=0)).hexdigest() == result.file.sha256
    assert client.results.get(result.id).standing == "in-force"
    assert [r.id for r in client.results.find(dossier="H26.18.01-261120-0001")] == [result.id]
    report = client.verifications.verify(target)
    assert report["integrity"] == "INTACT"
    assert "<html" in client.verifications.page(target.read_bytes())
    assert client.verifications.by_file(target).registered
    assert client.verifications.by_digest("0" * 64).registered is False
    assert client.results.present(result.id).digits


def test_refusals_are_the_librarys_errors(client: Client, here: ServiceForTest) -> None:
    client.results.issue(REQUEST, key="one")
    with pytest.raises(RequestConflict):
        client.results.issue(REQUEST.model_copy(update={"subject": "khác"}), key="one")
    with pytest.raises(InputError):
        client.results.issue(REQUEST.model_copy(update={"dossier": "sai"}))
    request = IssueRequest(procedure="1.012345", title="Giấy phép", number="7/GP-UBND")
    with pytest.raises(PreflightError) as unfit:
        client.results.issue(request, pdf=b"no PDF at all")
    assert unfit.value.findings
    with pytest.raises(NotRegistered):
        client.results.get("7K3M-9XQ2-4RTB-0ZWA")
    with Client(str(here.client.base_url), agency=here.agency, token="nobody") as stranger:
        with pytest.raises(ServiceError) as caught:
            stranger.results.get("7K3M-9XQ2-4RTB-0ZWA")
        assert caught.value.code == "not-authenticated"


def test_a_pdf_is_sent_as_it_is(client: Client, tmp_path: Path) -> None:
    given = tmp_path / "given.pdf"
    given.write_bytes(pdf("Giấy phép MẪU"))
    request = IssueRequest(procedure="1.012345", title="Giấy phép", number="8/GP-UBND")
    result = client.results.issue(request, pdf=given)
    assert client.results.document(result.id).startswith(given.read_bytes())
    attached = client.results.attach(result.id, pdf("Phụ lục MẪU"))
    assert (attached.main, attached.number) == (result.id, result.number)
    assert client.results.sign(pdf("Hồ sơ MẪU")).kind == "signature"
    copied = client.results.copy(pdf("Bản chính MẪU"), form="SAO_Y", scanned=False)
    assert copied.kind == "copy"


def test_accepted_and_waited_for(client: Client, here: ServiceForTest) -> None:
    accepted = client.results.accept(REQUEST)
    worker = threading.Thread(target=lambda: list(here.parts.office(here.agency).issuer.resume()))
    worker.start()
    assert client.results.wait(accepted.id, within=timedelta(seconds=60)).state == "issued"
    worker.join()
    given_up = client.results.accept(REQUEST.model_copy(update={"dossier": None}))
    assert client.results.withdraw(given_up.id, why="nộp nhầm").state == "void"
    with pytest.raises(SigningError, match=r"nộp nhầm|taken back"):
        client.results.wait(given_up.id)


def test_standing(client: Client) -> None:
    one, two = (client.results.issue(REQUEST.model_copy(update={"dossier": None})) for _ in range(2))
    suspended = client.standings.change(one.id, ChangeRequest(standing="suspended", why="QĐ 7"))
    assert suspended.standing == "suspended"
    change = ChangeRequest(standing="replaced", why="QĐ 8", other=two.id)
    assert client.standings.change(one.id, change, key="k") == client.standings.change(one.id, change, key="k")
    assert client.standings.get(one.id).replaced_by == two.id
    assert len(client.standings.get(one.id).history) == 2
    with pytest.raises(RegistryError) as caught:
        client.standings.change(one.id, ChangeRequest(standing="in-force", why="QĐ 9"))
    assert caught.value.code == "standing-step"


def test_two_officials(client: Client, here: ServiceForTest) -> None:
    key = here.office.person_key
    person = PersonGiven(certificates=[b64encode(c) for c in key.certificates])
    submission = client.officials.submit(SubmissionRequest(**dict(REQUEST), person=person))
    assert client.officials.pending(submission.id) == submission
    assert client.officials.document(submission).startswith(b"%PDF")
    with pytest.raises(SigningError):
        client.officials.complete(submission.id, bytes(256))
    mechanism = next(m for m in key.mechanisms if m.value == submission.mechanism)
    signature = key.sign(b64decode(submission.to_be_signed), mechanism=mechanism)
    assert client.officials.complete(submission.id, signature).state == "approved"
    released = client.officials.release(submission.id, ReleaseRequest())
    assert released.state == "issued"
    assert released.file is not None
    assert [s.role for s in released.file.signers] == ["person", "agency"]


def test_operators_and_auditors(client: Client) -> None:
    made = client.keys.issue(KeyRequest(name="portal", roles=["signer"]))
    assert made.key
    rotated = client.keys.rotate(made.id)
    assert rotated.key != made.key
    assert client.keys.revoke(made.id).revoked_at is not None
    assert {k.id for k in client.keys.listing()} == {made.id, rotated.id}
    client.results.issue(REQUEST)
    entries = list(client.audit.entries())
    assert "intent.issued" in {e.act for e in entries}
    assert [e.sequence for e in entries] == sorted(e.sequence for e in entries)
    # Reading the audit stands in it, too.
    assert [e.outcome for e in client.audit.entries(after=entries[-1].sequence)] == ["ok"]
    assert client.approvals.waiting() == ()


def test_a_batch(client: Client, here: ServiceForTest) -> None:
    rows = [BatchRowRequest(**dict(REQUEST) | {"dossier": None}, key=f"row-{i}") for i in range(3)]
    batch = client.batches.submit(rows, key="ten-nam")
    assert client.batches.submit(rows, key="ten-nam").id == batch.id
    assert (batch.size, batch.state) == (3, "waiting")
    assert client.batches.authorise(batch).state == "authorised"
    assert [b.id for b in client.batches.listing()] == [batch.id]
    assert [r.position for r in client.batches.rows(batch.id)] == [1, 2, 3]
    assert client.batches.proof(batch.id, 2).root == batch.root
    assert client.batches.cancel(batch.id).state in {"cancelled", "authorised"}
    assert client.batches.get(batch.id).rows is not None
    assert client.work.status().set_aside == []
    with pytest.raises(Error):
        client.batches.retry(batch.id, 1)


def test_whom_it_tells(client: Client) -> None:
    with pytest.raises(Error):
        client.webhooks.add(EndpointRequest(url="https://127.0.0.1/hook"))
    assert client.webhooks.listing() == ()
    assert list(client.webhooks.deliveries()) == []
    for ask in (client.webhooks.get, client.webhooks.rotate, client.webhooks.enable, client.webhooks.remove):
        with pytest.raises(Error):
            ask("7K3M-9XQ2-4RTB-0ZWA")
    with pytest.raises(Error):
        client.webhooks.replay("msg_unknown")


def test_every_route_of_an_agency_is_called_by_some_method(here: ServiceForTest) -> None:
    """A route that is added to the service shows up here until the client has it."""
    wanted = {re.sub(r"{[a-z_]+}", "*", path.partition("{agency}")[2]) for path in here.app.openapi()["paths"]}
    wanted.discard("")
    assert len(wanted) > 15
    assert wanted <= {path for part in Part.__subclasses__() for path in paths_in(part)}


def paths_in(part: type[Part]) -> set[str]:
    """Every text in the module of `part`, a star for what is filled in."""
    module = inspect.getmodule(part)
    assert module is not None

    def text(node: ast.expr) -> str:
        match node:
            case ast.Constant(value=str(value)):
                return value
            case ast.Name(id=name):
                return str(getattr(module, name, "*"))
            case ast.FormattedValue(value=value):
                return text(value)
            case ast.JoinedStr(values=values):
                return "".join(map(text, values))
        return "*"

    found = {text(n) for n in ast.walk(ast.parse(inspect.getsource(module))) if isinstance(n, ast.expr)}
    return {path.removeprefix("*") for path in found}


def test_what_is_exported() -> None:
    assert {name for name in esign.client.__all__ if hasattr(esign.client, name)} == set(esign.client.__all__)
