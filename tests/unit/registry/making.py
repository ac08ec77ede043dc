"""Small makers of intents, registrations and registers for the tests of this folder."""

import itertools
import shutil
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from esign.codes import AgencyCode, DossierCode, ProcedureCode
from esign.document import ResultMetadata, SignerRole
from esign.keys import Mechanism
from esign.profile import Level
from esign.reasons import Reason
from esign.registry import Intent, NewIntent, NextNumber, Registration, Registry, SignerCertificate

WARD = AgencyCode.parse("H26.1.2")
OTHER_WARD = AgencyCode.parse("H26.1.3")
START = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
METADATA = ResultMetadata(
    procedure=ProcedureCode.parse("1.001122"),
    title="Quyết định",
    subject="về việc cấp phép",
    dossier=DossierCode.parse("H26.1.2-261008-0975"),
    ordinal=2,
    holder="Nguyễn Thị Canary",
)

_serial = itertools.count()


class Clock:
    """A clock that a test moves."""

    def __init__(self, at: datetime = START) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def forward(self, **step: float) -> datetime:
        self.at += timedelta(**step)
        return self.at


def digest(text: object) -> str:
    return sha256(str(text).encode()).hexdigest()


def unique() -> str:
    return f"{next(_serial)}"


def new_intent(key: str | None = None, **changes: Any) -> NewIntent:
    key = key or unique()
    values: dict[str, Any] = {
        "agency": WARD,
        "idempotency_key": key,
        "request_digest": digest(key),
        "profile": "default",
        "metadata": METADATA,
        "number": NextNumber(symbol="QĐ-UBND"),
    }
    return NewIntent(**values | changes)


def registration(**changes: Any) -> Registration:
    values: dict[str, Any] = {
        "sha256": digest(unique()),
        "size": 12345,
        "signers": (
            SignerCertificate(sha256=digest("leader"), issuer="CN=CA,C=VN", serial="0a1b", role=SignerRole.PERSON),
            SignerCertificate(sha256=digest("agency"), issuer="CN=CA,C=VN", serial="0a1c", role=SignerRole.AGENCY),
        ),
        "signing_time": START,
        "level": Level.B_B,
        "mechanism": Mechanism.RSA_PKCS1_SHA256,
        "pages": 3,
        "seal_token_sha256": digest("seal"),
        "fonts": ("Liberation Serif", "DejaVu Sans"),
        "profile": "vgca-compat",
        "notices": (Reason("active-content", {"count": 2, "where": ["page 1", "page 3"]}),),
    }
    return Registration(**values | changes)


def await_person(registry: Registry, intent: Intent, *, expires: datetime = START + timedelta(days=3)) -> Intent:
    return registry.awaiting(
        intent.id,
        prepared_sha256=digest("person p"),
        to_be_signed_sha256=digest("person t"),
        signing_time=START,
        expires=expires,
    )


def approve(registry: Registry, intent: Intent) -> Intent:
    return registry.approved(intent.id, sha256=digest("person s"))


def prepare(registry: Registry, intent: Intent) -> Intent:
    return registry.prepared(
        intent.id, prepared_sha256=digest("p"), to_be_signed_sha256=digest("t"), signing_time=START
    )


def issue(registry: Registry, **changes: Any) -> Intent:
    """An ISSUED intent, by the way that the workflow takes."""
    return finish(registry, registry.reserve(new_intent(**changes)))


def finish(registry: Registry, intent: Intent) -> Intent:
    """From RESERVED or APPROVED to ISSUED."""
    prepare(registry, intent)
    facts = registration()
    registry.signed(intent.id, sha256=facts.sha256)
    return registry.issued(intent.id, facts)


def copy_of(template: Path, folder: Path) -> Path:
    """A register of one's own without the price of a migration."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "register.sqlite"
    shutil.copyfile(template, path)
    return path


def file_of(registry: Registry) -> Path:
    """The file of a register that is one."""
    assert isinstance(registry.place, Path)
    return registry.place


def place(text: str) -> Path | str:
    """Where a register is, as the argument of a program."""
    return text if "://" in text else Path(text)
