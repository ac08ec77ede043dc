"""What the benchmarks of whole issuance have in common: an office whose three keys are in one SoftHSM token.

The keys of the agency, of the competent person and of the seal are used through the signer process, as in service.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from cryptography.hazmat.primitives.serialization import load_der_public_key  # noqa: E402

from esign.codes import DocumentNumber  # noqa: E402
from esign.document import Person  # noqa: E402
from esign.issuance import Issuer  # noqa: E402
from esign.issued import Issued  # noqa: E402
from esign.keys import KeyRef, Mechanism  # noqa: E402
from esign.line import Line  # noqa: E402
from esign.pdf.render import Rendered, Renderer  # noqa: E402
from esign.pdf.templates import load  # noqa: E402
from esign.request import Filled, Given, Request  # noqa: E402
from esign.trust import TrustAnchor, TrustStore  # noqa: E402
from esign_hsm import (  # noqa: E402
    FilePin,
    KeyKind,
    TokenKey,
    TokenKeyStore,
    generate_key,
    import_certificates,
    softhsm,
)
from esign_hsm.signer import KeyInUse, ProcessKey, Purpose, SignerProcess  # noqa: E402
from tests.support.office import NOW, Clock, Office, request  # noqa: E402
from tests.support.pki import PKI, der, name  # noqa: E402
from tests.support.softhsm import softhsm_module  # noqa: E402

PIN = "123456"
TEMPLATE = "quyet-dinh"
_KEYS = {
    "agency": (KeyKind.RSA_2048, "UBND PHƯỜNG MẪU", Purpose.DOCUMENT),
    "person": (KeyKind.RSA_2048, "Nguyễn Văn Mẫu", Purpose.DOCUMENT),
    "seal": (KeyKind.P256, "Tem QR UBND PHƯỜNG MẪU", Purpose.SEAL),
}


@dataclass(kw_only=True)
class Counter:
    """An office at work."""

    office: Office
    issuer: Issuer
    person: Person
    person_key: ProcessKey
    raw_key: TokenKey
    """The agency's key again, in this process, to measure the token alone."""
    page: Rendered
    """A body that is given."""
    name: str = "r"
    """What idempotency keys begin with."""
    given: int = 0
    """How many requests were made."""

    def filled(self) -> Iterator[Request]:
        """Requests that are rendered, for ever; two signatures each."""
        while True:
            self.given += 1
            content = Filled(template=TEMPLATE, data=data_of(self.given))
            yield replace(request(f"{self.name}{self.given}"), content=content, person=self.person)

    def bodies(self) -> Iterator[Request]:
        """Requests with a body that is given, the same for all; two signatures each."""
        while True:
            self.given += 1
            content = Given(pdf=self.page.pdf, seal_place=self.page.seal, signature_place=self.page.signature)
            number = DocumentNumber(10**6 + self.given, None, "QĐ-UBND")
            yield replace(request(f"g{self.given}"), content=content, number=number, person=self.person)

    def render(self) -> None:
        """Typst alone, each page another one."""
        self.given += 1
        self.issuer.equipment.composer.renderer.render(
            load(TEMPLATE),
            data_of(self.given),
            agency=self.office.agency,
            number=f"{self.given}/QĐ-UBND",
            issued=NOW.date(),
            at=NOW,
            seal_mm=(28.0, 34.0),
            person=True,
        )


def data_of(number: int) -> Mapping[str, Any]:
    """The template's sample for somebody else."""
    sample = load(TEMPLATE).sample
    subject = f"Về việc hỗ trợ chi phí học tập cho học sinh thứ {number} năm học 2026 - 2027"
    return {**sample, "subject": subject, "proposal": f"Trưởng phòng Văn hóa - Xã hội, tờ trình {number}"}


@contextmanager
def counter(folder: Path, *, module: Path | None = None, **parts: Any) -> Iterator[Counter]:
    """An office in `folder`, made where it is not there; with `module` its token is seen through that one."""
    os.environ["ESIGN_STATE_DIR"] = str(folder / "state")
    if not (folder / "made").exists():
        _make(folder)
    softhsm.use(folder / "token" / "softhsm2.conf")
    used = module or softhsm_module()
    refs = {
        label: KeyInUse(
            ref=KeyRef(token="bench", object=label, pin_source=str(folder / "pin"), module_path=str(used)),  # noqa: S106
            purpose=purpose,
        )
        for label, (_, _, purpose) in _KEYS.items()
    }
    office = Office.open(folder / "office")
    root, *crls = (file.read_bytes() for file in sorted(folder.glob("*.der")))
    office.trust = TrustStore(anchors=(TrustAnchor(root),), crls=tuple(crls))
    with SignerProcess(refs) as signer, _store(folder, used) as store:
        office.key, office.seal_key = signer.key("agency"), signer.key("seal")
        person_key = signer.key("person")
        image = (office.folder / "person.png").read_bytes()
        yield Counter(
            office=office,
            issuer=office.issuer(**{"delivery": None} | parts),
            person=Person(certificates=person_key.certificates, image=image),
            person_key=person_key,
            raw_key=store.key(KeyRef(object="agency")),
            page=_page(office),
        )
    office.registry.close()


def _make(folder: Path) -> None:
    """Keys in a token, certificates, and who trusts them."""
    softhsm.use(softhsm.make_token(folder / "token", label="bench", pin=PIN, so_pin="87654321").conf)
    (folder / "pin").touch(0o600)
    (folder / "pin").write_text(f"{PIN}\n", "utf-8")
    pki = PKI.create()
    with _store(folder, softhsm_module()) as store:
        for label, (kind, who, _) in _KEYS.items():
            public = load_der_public_key(store.key(generate_key(store, kind=kind, label=label)).public_key)
            chain = pki.chain(pki.issuing.certify(public, name(who)))  # type: ignore[arg-type]  # one of three kinds
            import_certificates(store, KeyRef(object=label), certificates=chain)
    for position, made in enumerate((der(pki.root.certificate), *pki.crls(at=NOW))):
        (folder / f"{position}.der").write_bytes(made)
    Office.create(folder / "office", kind="p256").registry.close()
    (folder / "made").touch()


def _store(folder: Path, module: Path) -> TokenKeyStore:
    return TokenKeyStore(module=module, pin=FilePin(folder / "pin"), defaults=KeyRef(token="bench"))  # noqa: S106


def _page(office: Office) -> Rendered:
    template = load(TEMPLATE)
    return Renderer().render(
        template,
        template.sample,
        agency=office.agency,
        number="15/QĐ-UBND",
        issued=NOW.date(),
        at=NOW,
        seal_mm=(28.0, 34.0),
        person=True,
    )


@contextmanager
def raw(key: TokenKey) -> Iterator[Callable[[], bytes]]:
    """C_SignInit and C_Sign for `key`, in a session that stays open."""
    # What the key store keeps to itself is what is measured here.
    way = key._way(Mechanism.RSA_PKCS1_SHA256)  # noqa: SLF001
    with key._token.session(fresh=True) as lease:  # noqa: SLF001
        handle = key._find(lease)  # noqa: SLF001
        data = way.before(bytes(250))
        yield lambda: handle.sign(data, mechanism=way.mechanism, parameter=way.parameter)


def seconds(action: Callable[[], object], count: int) -> float:
    """For one of `count`, by the clock on the wall."""
    started = time.perf_counter()
    for _ in range(count):
        action()
    return (time.perf_counter() - started) / count


def issue(line: Line, requests: Iterator[Request], count: int) -> None:
    """Issue so many; each of them has to be issued."""
    some = (next(requests) for _ in range(count))
    for outcome in line.issue(some):
        if not isinstance(outcome, Issued):
            raise outcome


__all__ = ["Clock", "Counter", "counter", "issue", "raw", "seconds"]
