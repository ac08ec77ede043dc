"""Documents of every profile, made as a portal makes them: `make interop` shows them to judges that others wrote."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from esign.issued import Issued
from esign.keys import KeyType, Mechanism
from esign.profile import Level, Numbering, SignatureProfile
from esign.trust import TrustStore
from tests.support.office import Office, request

__all__ = ["MECHANISMS", "TEMPLATES", "Made", "documents", "one_official", "two_officials"]

_KINDS = {KeyType.RSA: "rsa", KeyType.P256: "p256"}
MECHANISMS = tuple(m for m in Mechanism if m.key_type in _KINDS)
TEMPLATES = ("quyet-dinh", "xac-nhan-cu-tru", "ho-kinh-doanh")


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """One document, what it claims, and what a judge needs to check that."""

    name: str
    """Mechanism, level, PDF/A part, numbering: what the table shows."""
    file: Path
    """Where it lies."""
    pdf: bytes
    """The same, in memory."""
    level: Level
    """The level that every signature claims."""
    signatures: int
    """How many."""
    timestamps: int = 0
    """How many document time-stamps; those inside signatures do not count."""
    url: str
    """What its seal says."""
    root: Path
    """The root of its signers, PEM."""
    trust: TrustStore
    """What its verifier trusts."""


def documents(folder: Path) -> Iterator[Made]:
    """Every mechanism, one and two signatures, both ways of numbering, PDF/A-2b and 3b."""
    offices: dict[KeyType, Path] = {}
    for number, mechanism in enumerate(MECHANISMS):
        made = offices.setdefault(mechanism.key_type, folder / f"office-{mechanism.key_type.value}")
        if not made.exists():
            Office.create(made, kind=_KINDS[mechanism.key_type])
        signature = SignatureProfile(name=mechanism.value, mechanisms=(mechanism,))
        for variant, (numbering, attached) in enumerate(
            [(None, False), (None, True), (Numbering.RESERVED, False), (Numbering.AT_RELEASE, True)]
        ):
            office = Office.copied(
                made,
                folder / f"{number}-{variant}",
                signature=signature,
                person=numbering is not None,
                numbering=numbering or Numbering.RESERVED,
                attach_data=attached,
            )
            template = TEMPLATES[(number + variant) % len(TEMPLATES)]
            pdf = two_officials(office, template) if numbering is not None else one_official(office, template)
            seal = office.verifier().inspect(pdf).seal
            name = f"{mechanism.value} {'3b' if attached else '2b'} {numbering.value if numbering else 'agency only'}"
            file = folder / f"{name.replace(' ', '-')}.pdf"
            file.write_bytes(pdf)
            yield Made(
                name=name,
                file=file,
                pdf=pdf,
                level=signature.level,
                signatures=1 if numbering is None else 2,
                url=seal.url if seal is not None else "",
                root=office.folder / "root.pem",
                trust=office.trust,
            )


def one_official(office: Office, template: str) -> bytes:
    """The agency alone signs."""
    return _finished(office, office.issuer().issue(request("k", template=template)))


def two_officials(office: Office, template: str) -> bytes:
    """The competent person signs, and then the agency."""
    issuer = office.issuer()
    pending = issuer.submit(replace(request("k", template=template), person=office.person))
    signature = office.person_key.sign(pending.to_be_signed, mechanism=pending.mechanism)
    intent = issuer.complete(pending.id, signature)
    return _finished(office, issuer.release(intent.id))


def _finished(office: Office, issued: Issued) -> bytes:
    """The document, at the level that was promised if one was."""
    if issued.upgrade is None:
        return issued.pdf
    [upgraded] = office.upgrader().run()
    if upgraded.error is not None:
        raise upgraded.error
    return office.issuer().document(issued.id).pdf
