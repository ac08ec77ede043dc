"""B-LT and B-LTA: evidence gathered over HTTP, stored in the document, held together by document time-stamps."""

import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import DocumentSecurityStore, validate_pdf_signature, validate_pdf_timestamp

from esign.errors import InputError, SigningError
from esign.net import Client, Kind, NetworkRules
from esign.pades.dss import read_stores
from esign.profile import Level, TimestampPolicy
from esign.report import Indication, Integrity, SignatureKind
from esign.steps import Step
from esign.syntax import read
from tests.support.authority import Authorities
from tests.support.hostile import serving
from tests.support.long_term import augmenter, signed_by
from tests.support.office import NOW, Office, request, stamped
from tests.support.plain_pdf import plain_pdf

Opened = Callable[..., Office]
NEXT_DAY = NOW + timedelta(days=1, hours=1)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Authorities]:
    """A PKI whose clock this test moves."""
    with Authorities.start(tmp_path / "authorities", now=NOW) as found:
        yield found


def pyhanko_says(pki: Authorities, pdf: bytes, *, at: datetime) -> list[bool]:
    """What a validator that we did not write says of the signature and its first time-stamp, from the store alone."""
    reader = PdfFileReader(io.BytesIO(pdf))
    store = DocumentSecurityStore.read_dss(reader)
    given = {
        "trust_roots": [load_asn1(pki.certificate("root"))],
        "allow_fetching": False,
        "revocation_mode": "require",
        "moment": at,
    }
    signature = validate_pdf_signature(
        reader.embedded_regular_signatures[0], store.as_validation_context(given), skip_diff=True
    )
    stamp = validate_pdf_timestamp(
        reader.embedded_timestamp_signatures[0], store.as_validation_context(given), skip_diff=True
    )
    return [signature.valid and signature.trusted and signature.intact, stamp.valid and stamp.trusted and stamp.intact]


def load_asn1(der: bytes) -> object:
    from asn1crypto import x509

    return x509.Certificate.load(der)


@pytest.mark.parametrize(("level", "timestamps"), [(Level.B_T, 1), (Level.B_LT, 1), (Level.B_LTA, 2)])
def test_each_level_is_reached_by_appending(world: Authorities, level: Level, timestamps: int) -> None:
    pdf = signed_by(world, "agency")
    made = augmenter(world).augment(pdf, level=level)
    assert made.pdf.startswith(pdf)
    assert made.level == level.value
    from esign.pades.inspect import inspect_signatures

    found = inspect_signatures(made.pdf, trust=world.trust("root"), at=NOW)
    assert found.integrity is Integrity.INTACT
    kinds = [s.kind for s in found.signatures]
    assert kinds == [SignatureKind.SIGNATURE] + [SignatureKind.TIMESTAMP] * timestamps
    assert found.signatures[0].level == level.value
    if level is not Level.B_T:
        assert found.signatures[0].indication is Indication.TOTAL_PASSED


def test_the_store_holds_all_that_is_needed_and_says_for_what(world: Authorities) -> None:
    made = augmenter(world).augment(signed_by(world, "agency"), level=Level.B_LT)
    [store] = read_stores(read(made.pdf))
    assert {world.certificate(c) for c in ("agency", "issuing", "root", "tsa", "stamping")} <= set(
        store.evidence.certificates
    )
    assert store.evidence.ocsps
    assert store.evidence.crls
    named = DocumentSecurityStore.read_dss(PdfFileReader(io.BytesIO(made.pdf))).vri_entries
    assert len(named) == 2  # the signature, and its document time-stamp
    for pieces in (store.evidence.certificates, store.evidence.crls, store.evidence.ocsps):
        assert len(set(pieces)) == len(pieces)


@pytest.mark.parametrize("level", [Level.B_LT, Level.B_LTA])
def test_a_validator_that_is_not_ours_accepts_it_offline(world: Authorities, level: Level) -> None:
    made = augmenter(world).augment(signed_by(world, "agency"), level=level)
    assert pyhanko_says(world, made.pdf, at=NOW + timedelta(minutes=1)) == [True, True]


def test_a_level_grows_step_by_step(world: Authorities) -> None:
    raising = augmenter(world)
    stamped_pdf = raising.augment(signed_by(world, "agency"), level=Level.B_T).pdf
    world.clock.now = NEXT_DAY
    proven = augmenter(world).augment(stamped_pdf, level=Level.B_LT)
    assert proven.pdf.startswith(stamped_pdf)
    # News from after the signature: nothing to remark.
    assert not [n for n in proven.notices if n.code == "augment-evidence-older"]
    kept = augmenter(world).augment(proven.pdf, level=Level.B_LTA)
    assert kept.pdf.startswith(proven.pdf)
    assert kept.level == "PAdES-B-LTA"


def test_two_signatures_get_one_store(world: Authorities) -> None:
    pdf = signed_by(world, "agency", signed_by(world, "signer"))
    made = augmenter(world).augment(pdf, level=Level.B_LTA)
    stores = read_stores(read(made.pdf))
    assert len(DocumentSecurityStore.read_dss(PdfFileReader(io.BytesIO(made.pdf))).vri_entries) == 3
    assert {world.certificate(c) for c in ("agency", "signer")} <= set(stores[-1].evidence.certificates)


@pytest.mark.parametrize(
    ("who", "why"),
    [
        ("revoked", "revoked"),
        ("held", "suspended"),
        ("unlisted", "not known"),
        ("expired", "expired"),
        ("stranger", "path"),
    ],
)
def test_what_cannot_be_proven_good_is_not_stored(world: Authorities, who: str, why: str) -> None:
    pdf = signed_by(world, who)
    with pytest.raises(SigningError) as caught:
        augmenter(world).augment(pdf, level=Level.B_LT)
    assert caught.value.code == "augment-evidence-missing"
    assert why in str(caught.value)


def test_without_a_network_there_is_no_evidence(world: Authorities) -> None:
    with pytest.raises(SigningError) as caught:
        augmenter(world, network=None).augment(signed_by(world, "agency"), level=Level.B_LT)
    assert caught.value.code == "level-not-available"


def test_a_document_of_the_office_reaches_the_highest_level_at_signing(office: Opened) -> None:
    opened = office(signature=stamped(TimestampPolicy.WAIT, level=Level.B_LTA))
    steps: list[Step] = []
    issued = opened.issuer(lambda step, _: steps.append(step)).issue(request("k"))
    assert issued.level is Level.B_LTA
    assert issued.upgrade is None
    assert steps.index(Step.STAMPED) < steps.index(Step.AUGMENTED) < steps.index(Step.SIGNED)
    report = opened.verifier().inspect(issued.pdf)
    assert report.integrity is Integrity.INTACT
    assert {s.indication for s in report.signatures} == {Indication.TOTAL_PASSED}
    assert report.signatures[0].level == "PAdES-B-LTA"
    assert len(opened.registry.get(issued.id).versions) == 1


def test_or_from_the_queue(office: Opened) -> None:
    opened = office(signature=stamped(TimestampPolicy.QUEUE, level=Level.B_LTA))
    issued = opened.issuer().issue(request("k"))
    assert issued.level is Level.B_B
    [upgraded] = opened.upgrader().run()
    assert upgraded.error is None
    assert [v.level for v in upgraded.intent.versions] == [Level.B_B, Level.B_LTA]
    report = opened.verifier().inspect(opened.issuer().document(issued.id).pdf)
    assert {s.indication for s in report.signatures} == {Indication.TOTAL_PASSED}
    assert report.seal is not None


def test_two_officials_at_the_highest_level(office: Opened) -> None:
    opened = office(signature=stamped(TimestampPolicy.WAIT, level=Level.B_LTA), person=True)
    issuer = opened.issuer()
    pending = issuer.submit(replace(request("k"), person=opened.person))
    issuer.complete(pending.id, opened.person_key.sign(pending.to_be_signed, mechanism=pending.mechanism))
    issued = issuer.release(pending.id)
    report = opened.verifier().inspect(issued.pdf)
    signatures = [s for s in report.signatures if s.kind is SignatureKind.SIGNATURE]
    assert [s.level for s in signatures] == ["PAdES-B-LTA"] * 2
    assert report.integrity is Integrity.INTACT


def test_a_responder_that_lies_withholds_an_answer_and_no_more(world: Authorities) -> None:
    """Rewritten to a server that answers with something else: nothing of it is stored, nothing is raised."""
    pdf = signed_by(world, "ocsp-only")
    with serving(good={Kind.OCSP: b"\x30\x03\x0a\x01\x06"}) as server:
        rules = NetworkRules(
            inside=(server.authority, world.url.removeprefix("http://")),
            rewrite={"127.0.0.1": server.authority},
        )
        lying = Client(rules, now=lambda: world.clock.now)
        with pytest.raises(SigningError) as caught:
            augmenter(world, network=lying).augment(pdf, level=Level.B_LT)
    assert caught.value.code == "augment-evidence-missing"


def test_what_nobody_signed_has_no_level(world: Authorities) -> None:
    with pytest.raises(InputError) as caught:
        augmenter(world).augment(plain_pdf(), level=Level.B_LTA)
    assert caught.value.code == "augment-unsigned"
