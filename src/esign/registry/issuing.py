"""Registering signed files: what is known of each, who signed it, and that it may be handed out from now on."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import cast

from sqlalchemy import Table, insert
from sqlalchemy.orm import Session

from esign.codes import ResultId
from esign.document import SignerRole
from esign.errors import NotRegistered, RegistryError
from esign.reasons import Reason
from esign.registry import events, status, versions
from esign.registry.audit import Actor
from esign.registry.intents import one
from esign.registry.locking import alone, lock_row, lock_rows
from esign.registry.models import IssuedRow, SignerRow
from esign.registry.plain import plain
from esign.registry.registration import Registration, SignerCertificate
from esign.registry.steps import Change, check_digest, refuse, take
from esign.registry.values import Intent, IntentState
from esign.registry.write_rows import write_rows

__all__ = ["issue"]

_ISSUE, _SIGNERS = insert(cast("Table", IssuedRow.__table__)), insert(cast("Table", SignerRow.__table__))


def issue(
    session: Session, signed: Sequence[tuple[Intent, Registration]], *, at: datetime, by: Sequence[Actor | None] = ()
) -> list[Intent]:
    """Register signed files; after this commits they may be handed out.

    Raises:
        NotRegistered: `not-registered`.
        RegistryError: `intent-state`, `file-already-registered`, `registration-signers` or `main-not-issued`.
    """
    if not signed:
        return []
    for _, facts in signed:
        check_digest(facts.sha256, facts.seal_token_sha256, *(s.sha256 for s in facts.signers))
    alone(session, *(f"file {facts.sha256}" for _, facts in signed))
    mains = {intent.main: _lock_main(session, intent.main) for intent, _ in signed if intent.main is not None}
    _check_states(session, [intent for intent, _ in signed])
    _check_known(session, signed)
    for intent, facts in signed:
        main = mains.get(intent.main) if intent.main is not None else None
        if main is not None and main.state is not IntentState.ISSUED:
            raise RegistryError("main-not-issued", id=str(intent.id), main=str(main.id), state=main.state.word)
        _check_signers(intent, facts.signers)
    connection = session.connection()
    write_rows(connection, _ISSUE, [_file(intent.id, facts) for intent, facts in signed])
    write_rows(connection, _SIGNERS, [row for intent, facts in signed for row in _signers(intent.id, facts)])
    versions.promise(session, {i.id: facts.upgrade for i, facts in signed if facts.upgrade is not None})
    status.mark_issued(session, [intent for intent, _ in signed])
    events.results_issued(session, signed, at=at)
    changes = [
        Change(
            intent=intent,
            columns={"issued_at": at},
            becomes={"issued_at": at, "registration": _as_stored(facts)},
            by=who,
        )
        for (intent, facts), who in zip(signed, by or [None] * len(signed), strict=True)
    ]
    return take(session, changes, expected=(IntentState.SIGNED,), to=IntentState.ISSUED)


def _lock_main(session: Session, id: ResultId) -> Intent:  # noqa: A002
    lock_row(session, id, against_change=True)  # its standing is not changed in between
    return one(session, id)


def _check_states(session: Session, intents: Sequence[Intent]) -> None:
    """Facts belong to the state SIGNED; which it stays until this transaction ends."""
    found = {r.id: r.state for r in lock_rows(session, [intent.id for intent in intents])}
    for intent in intents:
        if str(intent.id) not in found:
            raise NotRegistered("not-registered", id=str(intent.id))
        if found[str(intent.id)] is not IntentState.SIGNED:
            refuse(one(session, intent.id), (IntentState.SIGNED,))


def _check_known(session: Session, signed: Sequence[tuple[Intent, Registration]]) -> None:
    """Each file is registered once."""
    first: dict[str, Intent] = {}
    for intent, facts in signed:
        twice = first.setdefault(facts.sha256, intent)
        if twice is not intent:
            raise RegistryError("file-already-registered", id=str(intent.id), other=str(twice.id))
    if versions.known_as(session, *first) is not None:
        for digest, intent in first.items():
            other = versions.known_as(session, digest)
            if other is not None:
                raise RegistryError("file-already-registered", id=str(intent.id), other=other)


def _check_signers(found: Intent, signers: tuple[SignerCertificate, ...]) -> None:
    """The person before the agency (ND30 Đ.32.2.d); both, where the register saw the person's signature."""
    roles = [s.role for s in signers]
    complete = found.approved_at is None or set(roles) == set(SignerRole)
    if not complete or roles != sorted(roles, key=list(SignerRole).index):
        raise RegistryError("registration-signers", id=str(found.id), found=", ".join(r.value for r in roles))


def _file(id: ResultId, facts: Registration) -> Mapping[str, object]:  # noqa: A002
    return {
        "id": str(id),
        "sha256": facts.sha256,
        "size": facts.size,
        "signing_time": facts.signing_time,
        "level": facts.level,
        "mechanism": facts.mechanism,
        "pages": facts.pages,
        "seal_token_sha256": facts.seal_token_sha256,
        "profile": facts.profile,
        "fonts": list(facts.fonts),
        "notices": [{"code": n.code, "facts": plain(n.facts)} for n in facts.notices],
    }


def _signers(id: ResultId, facts: Registration) -> list[Mapping[str, object]]:  # noqa: A002
    return [
        {
            "result_id": str(id),
            "position": position,
            "certificate_sha256": signer.sha256,
            "issuer": signer.issuer,
            "serial": signer.serial,
            "role": signer.role,
        }
        for position, signer in enumerate(facts.signers)
    ]


def _as_stored(facts: Registration) -> Registration:
    return replace(facts, notices=tuple(Reason(n.code, plain(n.facts)) for n in facts.notices))
