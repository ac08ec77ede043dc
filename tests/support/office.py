"""An office in a folder: test PKI, keys in software, register, spool and archive; several processes can open it.

`python -m tests.support.office FOLDER issue KEY [--die-at STEP]` issues one result and, if asked, kills itself with
SIGKILL right after the named step; `line` issues several in groups; `upgrade` works on time-stamps that were promised.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import PrivateFormat, pkcs12

from esign.authority import public_key_sha256
from esign.codes import AgencyCode, DossierCode, ProcedureCode
from esign.delivery import FolderDelivery
from esign.document import Agency, Person, ResultMetadata
from esign.errors import Error
from esign.files import Folder
from esign.issuance import Issuer
from esign.keys import SigningKey
from esign.line import Line
from esign.net import Client, NetworkRules
from esign.pades.augment import Augmenter
from esign.pdf.specimen import specimen_seal, specimen_signature
from esign.pdf.templates import load
from esign.profile import (
    TT15,
    IssuanceProfile,
    Level,
    SealProfile,
    SignatureProfile,
    Timestamping,
    TimestampPolicy,
)
from esign.registry import Intent, NextNumber, Registry
from esign.request import Filled, Request
from esign.seal import Kid, SealKey, SealKeys
from esign.softkey import SoftwareKey
from esign.steps import Step
from esign.timestamp import TimestampAuthority, Timestamper
from esign.trust import TrustStore
from esign.upgrading import Upgrader, UpgradeStep
from esign.verification import Verifier
from tests.support.pki import PKI, PrivateKey, name, pem
from tests.support.registers import fresh_register

NOW = datetime(2026, 11, 21, 3, 32, 58, tzinfo=UTC)
PASSPHRASE = "test only"
HOST = "q.gov.vn"
# One round: what is encrypted here is no secret, and every test opens it.
_ENCRYPTION = PrivateFormat.PKCS12.encryption_builder().kdf_rounds(1).build(PASSPHRASE.encode())


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self, at: datetime = NOW) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def advance(self, by: timedelta) -> None:
        self.at += by


@dataclass(kw_only=True)
class Office:
    """One agency, ready to issue."""

    folder: Path
    agency: Agency
    profile: IssuanceProfile
    key: SigningKey
    seal_key: SigningKey
    registry: Registry
    trust: TrustStore
    clock: Clock
    augmenter: Augmenter | None = None

    @classmethod
    def create(cls, folder: Path, *, kind: str = "rsa") -> "Office":
        """Make keys and certificates in `folder`, then open it."""
        folder.mkdir(parents=True, exist_ok=True)
        pki = PKI.create()
        for file, key, who in (
            ("key.p12", _private_key(kind), "UBND PHƯỜNG MẪU"),
            ("seal.p12", _private_key("p256"), "Tem QR UBND PHƯỜNG MẪU"),
            ("person.p12", _private_key(kind), "Nguyễn Văn Mẫu"),
        ):
            certificate = pki.issuing.certify(key.public_key(), name(who, locality="Hà Nội"))
            issuers = [pki.issuing.certificate]
            (folder / file).write_bytes(
                pkcs12.serialize_key_and_certificates(None, key, certificate, issuers, _ENCRYPTION)
            )
        (folder / "root.pem").write_bytes(pem([pki.root.certificate]))
        for i, crl in enumerate(pki.crls(at=NOW - timedelta(hours=1))):
            (folder / f"{i}.crl").write_bytes(crl)
        (folder / "seal.png").write_bytes(specimen_seal())
        (folder / "person.png").write_bytes(specimen_signature("Nguyễn Văn Mẫu"))
        return cls.open(folder)

    @classmethod
    def copied(cls, made: Path, folder: Path, **profile: Any) -> "Office":
        """A fresh register over the keys and certificates of `made`: making keys takes longer than most tests."""
        folder.mkdir()
        for file in made.iterdir():
            if file.suffix in {".p12", ".pem", ".crl", ".png", ".url"}:
                (folder / file.name).write_bytes(file.read_bytes())
        if "register" not in profile:
            fresh_register(folder)
        return cls.open(folder, **profile)

    @classmethod
    def open(
        cls, folder: Path, *, signature: SignatureProfile = TT15, register: str | None = None, **profile: Any
    ) -> "Office":
        """Open what `create` made, with its register at a URL if one is given; any number of processes may."""
        clock = Clock()
        key = SoftwareKey.from_pkcs12((folder / "key.p12").read_bytes(), PASSPHRASE)
        trust = TrustStore.from_pem(
            *(p.read_bytes() for p in (folder / "root.pem", folder / "tsa.pem") if p.exists()),
            crls=[p.read_bytes() for p in sorted(folder.glob("*.crl"))],
        )
        seal = SealProfile(host=HOST, agency_number=258, key_sequence=3)
        return cls(
            folder=folder,
            agency=Agency(
                code=AgencyCode.parse("H26.18.01"),
                name="UỶ BAN NHÂN DÂN PHƯỜNG MẪU",
                parent="UỶ BAN NHÂN DÂN THÀNH PHỐ HÀ NỘI",
                place="Hà Nội",
                address="Số 1 phố Mẫu, phường Mẫu, thành phố Hà Nội",
                seal_image=(folder / "seal.png").read_bytes(),
                system="Hệ thống thông tin giải quyết thủ tục hành chính (mẫu)",
                system_owner="UBND thành phố Hà Nội (mẫu)",
            ),
            profile=IssuanceProfile(seal=seal, signature=signature, **profile),
            key=key,
            seal_key=SoftwareKey.from_pkcs12((folder / "seal.p12").read_bytes(), PASSPHRASE),
            registry=Registry.open(register or folder / "register.sqlite", now=clock),
            trust=trust,
            clock=clock,
            augmenter=_augmenter(folder, clock, trust),
        )

    @staticmethod
    def name_authority(folder: Path, url: str, anchor: bytes, *, crls: Sequence[bytes] = ()) -> None:
        """From now on the office in `folder` asks the time-stamping authority at `url`, below `anchor` (DER).

        Its verifiers trust that anchor and have `crls`; what asks for time-stamps has no lists.
        """
        for position, crl in enumerate(crls):
            (folder / f"tsa-{position}.crl").write_bytes(crl)
        (folder / "tsa.url").write_text(url, "ascii")
        (folder / "tsa.pem").write_bytes(pem([x509.load_der_x509_certificate(anchor)]))

    @property
    def person_key(self) -> SigningKey:
        """The competent person's, in software; it could be anywhere."""
        return SoftwareKey.from_pkcs12((self.folder / "person.p12").read_bytes(), PASSPHRASE)

    @property
    def person(self) -> Person:
        """The competent person, with the image of a wet signature."""
        return Person(certificates=self.person_key.certificates, image=(self.folder / "person.png").read_bytes())

    @property
    def out(self) -> Path:
        """Where documents are delivered to."""
        return self.folder / "out"

    def issuer(self, on_step: Callable[[Step, Intent | None], None] | None = None, **changes: Any) -> Issuer:
        """An issuer over this office's parts."""
        parts: dict[str, Any] = {
            "agency": self.agency,
            "profile": self.profile,
            "key": self.key,
            "seal_key": self.seal_key,
            "registry": self.registry,
            "spool": Folder(self.folder / "spool"),
            "archive": Folder(self.folder / "archive"),
            "now": self.clock,
            "trust": self.trust,
            "augmenter": self.augmenter,
            "delivery": FolderDelivery(self.out),
        }
        if on_step is not None:
            parts["on_step"] = on_step
        return Issuer(**parts | changes)

    def upgrader(
        self, on_step: Callable[[UpgradeStep, Intent], None] = lambda _step, _intent: None, **changes: Any
    ) -> Upgrader:
        """A worker for what was promised."""
        parts: dict[str, Any] = {
            "registry": self.registry,
            "archive": Folder(self.folder / "archive"),
            "augmenter": self.augmenter,
            "now": self.clock,
            "delivery": FolderDelivery(self.out),
            "on_step": on_step,
        }
        return Upgrader(**parts | changes)

    def verifier(self, **changes: Any) -> Verifier:
        """A verifier that trusts this office's PKI, knows its seal key and its register."""
        parts: dict[str, Any] = {
            "trust": self.trust,
            "now": self.clock,
            "seal_keys": self.seal_keys(),
            "registry": self.registry,
        }
        return Verifier(**parts | changes)

    def seal_keys(self) -> SealKeys:
        """The table that citizens' verifiers would have."""
        key = SealKey(
            kid=Kid(258, 3),
            public_key=self.seal_key.public_key,
            name_vi=self.agency.name,
            name_en="People's Committee of Specimen Ward",
            host=HOST,
            not_before=NOW - timedelta(days=1),
            not_after=NOW + timedelta(days=365),
            signers=(public_key_sha256(self.key.certificates[0]),),
        )
        return SealKeys([key])

    def signer_certificate(self) -> x509.Certificate:
        """The agency's."""
        return x509.load_der_x509_certificate(self.key.certificates[0])


def stamped(policy: TimestampPolicy, *, level: Level = Level.B_T, **changes: Any) -> SignatureProfile:
    """TT15 with time-stamps."""
    return replace(TT15, level=level, timestamping=Timestamping(policy=policy, **changes))


def _augmenter(folder: Path, clock: Clock, trust: TrustStore) -> Augmenter | None:
    if not (folder / "tsa.url").exists():
        return None
    url = (folder / "tsa.url").read_text("ascii")
    client = Client(NetworkRules(inside=(url.split("/")[2],)), now=clock)
    authority = TimestampAuthority(name="TSA MẪU", url=url, deadline=timedelta(minutes=2))
    anchors = TrustStore.from_pem((folder / "tsa.pem").read_bytes())
    timestamper = Timestamper([authority], client=client, trust=anchors, now=clock)
    return Augmenter(timestamper=timestamper, network=client, trust=trust, now=clock)


def _private_key(kind: str) -> PrivateKey:
    if kind == "rsa":
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return ec.generate_private_key(ec.SECP256R1())


def request(
    idempotency_key: str,
    *,
    template: str = "quyet-dinh",
    symbol: str = "QĐ-UBND",
    dossier: str = "H26.18.01-261120-0001",
) -> Request:
    """A request with the template's own sample data."""
    return Request(
        idempotency_key=idempotency_key,
        content=Filled(template=template, data=load(template).sample),
        metadata=ResultMetadata(
            procedure=ProcedureCode.parse("1.012345"),
            title="Quyết định",
            subject="Về việc mẫu",
            dossier=DossierCode.parse(dossier),
        ),
        number=NextNumber(symbol=symbol),
    )


def main() -> None:
    """Issue one result, and die on the way if asked."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("action", choices=["issue", "resume", "upgrade", "line"])
    parser.add_argument("key", nargs="?", default="")
    parser.add_argument("--die-at", type=Step)
    parser.add_argument("--die-at-upgrade", type=UpgradeStep)
    parser.add_argument("--template", default="quyet-dinh")
    parser.add_argument("--timestamps", type=TimestampPolicy)
    parser.add_argument("--level", type=Level, default=Level.B_T)
    parser.add_argument("--count", type=int, default=6, help="results on the line, named KEY-0, KEY-1, …")
    parser.add_argument("--person", action="store_true", help="the competent person signs first")
    parser.add_argument("--nth", type=int, default=1, help="die when the step is heard of for the n-th time")
    arguments = parser.parse_args()

    heard = 0

    def on_step(step: Step | UpgradeStep, _intent: Intent | None) -> None:
        nonlocal heard
        heard += step in {arguments.die_at, arguments.die_at_upgrade} - {None}
        if heard == arguments.nth:
            sys.stdout.flush()
            os.kill(os.getpid(), 9)  # SIGKILL has no name on Windows, for which types are checked too

    signature = stamped(arguments.timestamps, level=arguments.level) if arguments.timestamps else TT15
    office = Office.open(arguments.folder, signature=signature)
    if arguments.action == "upgrade":
        for upgraded in office.upgrader(on_step).run():
            print(upgraded.intent.id, upgraded.error or upgraded.intent.versions[-1].level.value)
        return
    issuer = office.issuer(on_step)
    if arguments.action == "line":
        person = office.person if arguments.person else None
        requests = [replace(request(f"{arguments.key}-{n}"), person=person) for n in range(arguments.count)]
        with Line(issuer, person_key=office.person_key, group=3, lanes=2) as line:
            for outcome in line.issue(requests):
                if isinstance(outcome, Error):
                    raise outcome
                print(outcome.id, outcome.number, outcome.sha256)
        return
    if arguments.action == "issue":
        issued = issuer.issue(request(arguments.key, template=arguments.template))
        print(issued.id, issued.number, issued.sha256)
    else:
        for resumed in issuer.resume():
            print(resumed.intent.id, resumed.intent.state.value, resumed.error or "")


if __name__ == "__main__":
    main()
