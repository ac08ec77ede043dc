"""What `esign doctor` looks at, one function an area."""

import hashlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from typing import TYPE_CHECKING

from esign.reasons import Reason

if TYPE_CHECKING:
    from cryptography import x509

    from esign.keys import SigningKey
    from esign_cli.session import Session
    from esign_cli.wiring import Workplace

__all__ = ["CHECKS", "Check", "Finding", "Severity"]

_SOON = timedelta(days=30)
# As in example.toml.
_SPECIMEN_NAME, _SPECIMEN_HOST = " MẪU", ".example.gov.vn"
_LITTLE_SPACE, _NO_SPACE = 2 * 2**30, 200 * 2**20


class Severity(IntEnum):
    """How bad a finding is."""

    FINE = 0
    WARNING = 1
    """Work goes on; somebody should look at it."""
    FAULT = 2
    """Issuing fails, or soon will."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    severity: Severity
    """How bad."""
    area: str
    """Which part."""
    reason: Reason
    """What, and what to do next."""


@dataclass(frozen=True, slots=True)
class Check:
    """One area."""

    area: str
    """Its name."""
    look: "Callable[[Session, Workplace], Iterator[Finding]]"
    """Looks."""
    needs_pin: bool = False
    """Whether the token must be logged in to."""


def _finding(severity: Severity, area: str, code: str, **facts: object) -> Finding:
    return Finding(severity, area, Reason(code, facts))


def _folders(_run: "Session", workplace: "Workplace") -> Iterator[Finding]:
    """Writable, and with room."""
    import secrets

    from esign.files import write_durably
    from esign_cli.places import files_at

    paths = workplace.config.paths
    name = f".esign-doctor-{secrets.token_hex(4)}"
    for folder in paths.folders:
        write_durably(folder / name, b"")
        (folder / name).unlink()
    for place in (paths.spool, paths.archive):
        if isinstance(place, str):
            files_at(place).put(name, b"esign doctor")
            files_at(place).discard(name)
    free = min(shutil.disk_usage(folder).free for folder in paths.folders)
    severity = Severity.FAULT if free < _NO_SPACE else Severity.WARNING if free < _LITTLE_SPACE else Severity.FINE
    code = "doctor-disk" if severity is Severity.FINE else "doctor-disk-low"
    yield _finding(severity, "disk", code, free=f"{free / 2**30:.1f}")


def _register(run: "Session", workplace: "Workplace") -> Iterator[Finding]:
    """Sound, no work left, and a clock that has not stepped back."""
    registry = workplace.registry
    registry.check()
    newest = registry.listing(limit=1).entries
    yield _finding(Severity.FINE, "register", "doctor-register", path=registry.name)
    unfinished = registry.unfinished()
    if unfinished:
        yield _finding(Severity.WARNING, "register", "doctor-unfinished", count=len(unfinished))
    if newest and newest[0].reserved_at > run.now() + timedelta(minutes=1):
        yield _finding(Severity.FAULT, "clock", "doctor-clock-back", last=newest[0].reserved_at.isoformat())
    else:
        from esign_cli.output import shown

        yield _finding(Severity.FINE, "clock", "doctor-clock", now=shown(run.now()))
    from esign_cli.places import files_at

    in_work = (*unfinished, *registry.waiting())  # what people have not signed yet is no leftover
    known = {f"{i.id}" for i in in_work} | {i.request_digest for i in in_work}
    stray = [n for n in files_at(workplace.config.paths.spool).names() if n.partition(".")[0] not in known]
    if stray:
        yield _finding(Severity.WARNING, "spool", "doctor-spool", count=len(stray), folder=workplace.config.paths.spool)
    else:
        yield _finding(Severity.FINE, "spool", "doctor-spool-clean", count=len(in_work))


def _agency(_run: "Session", workplace: "Workplace") -> Iterator[Finding]:
    """Whether somebody said whose results these are."""
    agency, seal = workplace.config.agency, workplace.config.seal
    values = [agency.name] if agency.name.upper().endswith(_SPECIMEN_NAME) else []
    values += [seal.host] if seal is not None and seal.host.endswith(_SPECIMEN_HOST) else []
    if values:
        yield _finding(Severity.WARNING, "agency", "doctor-specimen", values=", ".join(values))
    else:
        yield _finding(Severity.FINE, "agency", "doctor-agency", name=agency.name, id=agency.code)


def _authority(run: "Session", workplace: "Workplace") -> Iterator[Finding]:
    """Whether somebody said who may sign before the agency."""
    table, path = workplace.authority, workplace.config.authority.table
    if table is None:
        if workplace.config.issuance.person:
            yield _finding(Severity.WARNING, "authority", "doctor-no-authority")
        return
    from esign_cli.output import VIETNAM

    day = run.now().astimezone(VIETNAM).date()
    mine = [g for g in table.grants if g.agency == workplace.config.agency.code]
    current = [g for g in mine if g.since <= day <= (table.last_day(g) or day)]
    severity = Severity.FINE if current else Severity.FAULT
    code = "doctor-authority" if current else "doctor-authority-nobody"
    yield _finding(severity, "authority", code, count=len(current), file=path)


def _fonts(_run: "Session", _workplace: "Workplace") -> Iterator[Finding]:
    from esign.pdf import FontSet

    found = FontSet.find()
    # Without Times New Roman nothing is wrong (docs/adr/0005-fonts.md); typst's own family has other widths.
    severity = Severity.FINE if found.files else Severity.WARNING
    yield _finding(severity, "fonts", "doctor-font" if found.files else "doctor-font-inside", family=found.family)


def _token(run: "Session", workplace: "Workplace") -> Iterator[Finding]:
    """What can be seen of the token without its PIN."""
    from esign_cli.commands.token import seen

    ref = workplace.config.key.uri
    found = [
        t for t in seen(run, None) if t.initialised and ref.token in (None, t.label) and ref.serial in (None, t.serial)
    ]
    if len(found) != 1:
        yield _finding(Severity.FAULT, "token", "doctor-token-missing", uri=ref, count=len(found))
        return
    token = found[0]
    yield _finding(Severity.FINE, "token", "doctor-token", token=token.label, serial=token.serial, model=token.model)
    if "softhsm" in token.model.lower() or "softhsm" in token.manufacturer.lower():
        yield _finding(Severity.WARNING, "token", "doctor-softhsm")
    for flag, severity in (
        ("user-pin-locked", Severity.FAULT),
        ("user-pin-final-try", Severity.FAULT),
        ("user-pin-count-low", Severity.WARNING),
        ("user-pin-to-be-changed", Severity.FAULT),
    ):
        if flag in token.flags:
            yield _finding(severity, "pin", "doctor-pin-flag", token=token.label, flag=Reason(f"token-{flag}"))
    if workplace.guard.blocked(token.serial):
        yield _finding(Severity.FAULT, "pin", "doctor-pin-blocked", token=token.label)
    else:
        yield _finding(Severity.FINE, "pin", "doctor-pin-free", token=token.label)


def _keys(run: "Session", workplace: "Workplace") -> Iterator[Finding]:
    """The signing key, its certificates and their chain."""
    from esign.errors import Error
    from esign_cli.pins import typing_again

    key = typing_again(run.output, workplace.pin, workplace.key)
    yield _finding(Severity.FINE, "key", "doctor-key", uri=workplace.config.key.uri, kind=key.key_type.value)
    if workplace.config.profile.signature.mechanism(key.key_type, key.mechanisms) is None:
        profile, offered = workplace.config.profile.signature.name, ", ".join(sorted(m.value for m in key.mechanisms))
        yield _finding(Severity.FAULT, "key", "mechanism-not-allowed", profile=profile, offered=offered)
    if not key.certificates:
        yield _finding(Severity.FAULT, "certificate", "no-certificate", key=workplace.config.key.uri)
        return
    yield from _days_left(key, run.now())
    from esign.trust import check_before_signing

    try:
        notices = check_before_signing(key.certificates, trust=workplace.trust, at=run.now())
    except Error as e:
        yield Finding(Severity.FAULT, "chain", e.reason)
        return
    for notice in notices:
        yield Finding(Severity.WARNING, "chain", notice)
    if not notices:
        yield _finding(Severity.FINE, "chain", "doctor-chain")


def _days_left(key: "SigningKey", now: datetime) -> Iterator[Finding]:
    from cryptography import x509

    for certificate in map(x509.load_der_x509_certificate, key.certificates):
        left = certificate.not_valid_after_utc - now
        severity = Severity.FAULT if left <= timedelta(0) else Severity.WARNING if left < _SOON else Severity.FINE
        code = {
            Severity.FAULT: "doctor-certificate-over",
            Severity.WARNING: "doctor-certificate-soon",
            Severity.FINE: "doctor-certificate",
        }[severity]
        yield _finding(severity, "certificate", code, subject=_common_name(certificate), days=left.days)


def _common_name(certificate: "x509.Certificate") -> str:
    from cryptography.x509.oid import NameOID

    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else certificate.subject.rfc4514_string()


def _seal(run: "Session", workplace: "Workplace") -> Iterator[Finding]:
    """The seal key, and whether others can know it."""
    from esign.keys import KeyType
    from esign.seal import Kid
    from esign_cli.pins import typing_again

    config = workplace.config.seal
    if config is None:
        yield _finding(Severity.WARNING, "seal", "doctor-no-seal")
        return
    key = typing_again(run.output, workplace.pin, workplace.seal_key)
    assert key is not None
    if key.key_type is not KeyType.P256:
        yield _finding(Severity.FAULT, "seal", "seal-key-unsuitable", found=key.key_type.value)
        return
    kid = Kid(config.agency_number, config.key_sequence)
    known = workplace.seal_keys.get(kid)
    if known is None:
        yield _finding(Severity.WARNING, "seal", "doctor-seal-key-unknown", kid=kid)
    elif known.public_key != key.public_key or known.host != config.host:
        yield _finding(Severity.FAULT, "seal", "seal-key-differs", kid=kid, file=workplace.config.trust.seal_keys)
    elif known.not_after - run.now() < _SOON:
        yield _finding(Severity.WARNING, "seal", "doctor-seal-key-soon", kid=kid, until=known.not_after.date())
    else:
        yield _finding(Severity.FINE, "seal", "doctor-seal-key", kid=kid, until=known.not_after.date())
    signer = hashlib.sha256(workplace.key().public_key).hexdigest()
    if known is not None and signer not in known.signers:
        yield _finding(Severity.FAULT, "seal", "doctor-seal-signer-unknown", uri=workplace.config.key.uri)


def _trust(run: "Session", workplace: "Workplace") -> Iterator[Finding]:
    """Anchors, and revocation lists that are current."""
    from cryptography import x509

    trust = workplace.trust
    if not trust.anchors:
        yield _finding(Severity.WARNING, "trust", "doctor-no-anchors")
        return
    yield _finding(Severity.FINE, "trust", "doctor-anchors", count=len(trust.anchors))
    if not trust.crls:
        yield _finding(Severity.WARNING, "trust", "doctor-no-crls")
    for crl in map(x509.load_der_x509_crl, trust.crls):
        end = crl.next_update_utc
        if end is not None and end <= run.now():
            yield _finding(
                Severity.WARNING, "trust", "doctor-crl-old", issuer=crl.issuer.rfc4514_string(), until=end.date()
            )


def _past(run: "Session", workplace: "Workplace") -> Iterator[Finding]:
    """Whether the register is as new as what it led to, and whether that can be told."""
    from esign.errors import Error
    from esign_cli.recovery import refuse_behind_files, refuse_without_anchors

    try:
        refuse_without_anchors(workplace)
        refuse_behind_files(workplace, now=run.now, everything=True)
    except Error as e:
        yield Finding(Severity.FAULT, "audit", e.reason)
        return
    if workplace.config.audit.anchors is None:
        yield _finding(Severity.WARNING, "audit", "doctor-no-anchors-folder")
    elif workplace.registry.audit.last_anchor() is None:
        yield _finding(Severity.WARNING, "audit", "doctor-no-anchor-yet")
    else:
        yield _finding(Severity.FINE, "audit", "doctor-anchored", folder=workplace.config.audit.anchors)


def _levels(run: "Session", workplace: "Workplace") -> Iterator[Finding]:
    """Levels that were promised at issuing."""
    from esign.registry import UpgradeState

    states = [i.upgrade.state(run.now()) for i in workplace.registry.upgrades() if i.upgrade is not None]
    overdue, late = states.count(UpgradeState.OVERDUE), states.count(UpgradeState.LATE)
    if overdue:
        yield _finding(Severity.FAULT, "levels", "doctor-levels-overdue", count=overdue)
    if late:
        yield _finding(Severity.WARNING, "levels", "doctor-levels-late", count=late)
    if not overdue and not late and (states or workplace.timestamper is not None):
        yield _finding(Severity.FINE, "levels", "doctor-levels", count=len(states))


CHECKS = (
    Check("disk", _folders),
    Check("register", _register),
    Check("audit", _past),
    Check("levels", _levels),
    Check("agency", _agency),
    Check("authority", _authority),
    Check("fonts", _fonts),
    Check("trust", _trust),
    Check("token", _token),
    Check("key", _keys, needs_pin=True),
    Check("seal", _seal, needs_pin=True),
)
"""In the order in which they are shown: what needs no PIN first."""
