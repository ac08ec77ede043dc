"""Keys of access: whose a key is, what it opens and until when; of the key itself only the digest is here.

The digest is a plain SHA-256: a key has 256 random bits, so there is nothing to guess that a slow hash would protect.
"""

import hashlib
import re
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import cast

from sqlalchemy import CursorResult, bindparam, insert, or_, select, update
from sqlalchemy.orm import Session

from esign.codes import AgencyCode
from esign.errors import InputError, NotRegistered, RegistryError
from esign.registry.access_models import AccessKeyRow
from esign.registry.audit import note
from esign.registry.locking import alone
from esign.registry.persons import named, person_code
from esign.registry.store import Store

__all__ = ["AccessKey", "AccessKeys", "Grant"]

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,59}")
_ID = "0123456789abcdefghjkmnpqrstvwxyz"
# On columns: it is asked with every request, and a row that is loaded as an object costs several times as much.
_KEYS = AccessKeyRow.__table__
_BY_DIGEST = select(_KEYS).where(_KEYS.c.digest == bindparam("digest"))


@dataclass(frozen=True, slots=True, order=True)
class Grant:
    """A role at an agency."""

    agency: AgencyCode
    """Where."""
    role: str
    """The role, as `esign.service.access.Role` names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessKey:
    """A key as it is listed; the key itself was shown once, to whoever asked for it."""

    id: str
    """Names it in lists, in rotation and in revocation."""
    name: str
    """Whose it is: the audit says `key:<name>`."""
    grants: tuple[Grant, ...]
    """What it opens."""
    person: str
    """The code of the person who has it; empty for a program's, or where nobody said it."""
    made_at: datetime
    """Since when."""
    expires_at: datetime
    """Until when."""
    revoked_at: datetime | None
    """When somebody ended it."""
    last_used: date | None
    """The day, no more."""

    def opens(self, at: datetime) -> bool:
        """Whether it is good at `at`."""
        return self.revoked_at is None and at < self.expires_at


class AccessKeys:
    """The keys of access of a register."""

    def __init__(self, store: Store, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now

    def issue(
        self, *, name: str, digest: str, grants: Iterable[Grant], lifetime: timedelta, person: str = ""
    ) -> AccessKey:
        """Record a new key of `name`; an agency's names are its own.

        Raises:
            InputError: `access-name-invalid`, `access-grants-missing`.
            RegistryError: `access-name-taken`: a key of that name is good at one of the agencies; rotate that one.
        """
        if not _NAME.fullmatch(name):
            raise InputError("access-name-invalid")
        wanted = tuple(sorted(set(grants)))
        if not wanted:
            raise InputError("access-grants-missing")
        now = self._now()
        with self._store.write() as session:
            alone(session, f"access key {name}")
            if any(o.opens(now) for o in _of_name(session, name, wanted)):
                raise RegistryError("access-name-taken", name=name)
            of = _Holder(name=name, grants=wanted, person=person_code(person))
            return _add(session, "access.issued", of, digest=digest, at=now, until=now + lifetime)

    def rotate(self, id: str, *, digest: str, lifetime: timedelta, overlap: timedelta) -> AccessKey:  # noqa: A002
        """A new key in the place of `id`, which lives on for `overlap` so that nobody is shut out.

        Raises:
            NotRegistered: `access-key-unknown`.
            RegistryError: `access-key-over`; `access-key-rotated`: it was, and the newer key is good.
        """
        now = self._now()
        with self._store.write() as session:
            old = _as_key(_row(session, id))
            if not old.opens(now):
                raise RegistryError("access-key-over", id=id)
            alone(session, f"access key {old.name}")
            others = _of_name(session, old.name, old.grants)
            if any(o.id != id and o.opens(now) and o.made_at >= old.made_at for o in others):
                raise RegistryError("access-key-rotated", id=id)
            _end(session, id, expires_at=min(old.expires_at, now + overlap))
            of = _Holder(name=old.name, grants=old.grants, person=old.person)
            return _add(session, "access.rotated", of, digest=digest, at=now, until=now + lifetime)

    def revoke(self, id: str) -> AccessKey:  # noqa: A002
        """End a key at once; one that is over stays as it is.

        Raises:
            NotRegistered: `access-key-unknown`.
        """
        now = self._now()
        with self._store.write() as session:
            old = _as_key(_row(session, id))
            if old.revoked_at is None:
                _end(session, id, revoked_at=now)
                note(session, "access.revoked", at=now, agency=_agency(old.grants), object=id, digest=_digest(old))
            session.expire_all()
            return _as_key(_row(session, id))

    def find(self, digest: str) -> AccessKey | None:
        """The key with this digest, good or not."""
        with self._store.read() as session:
            found = session.connection().execute(_BY_DIGEST, {"digest": digest}).one_or_none()
            return _as_key(cast("AccessKeyRow", found)) if found else None

    def get(self, id: str) -> AccessKey:  # noqa: A002
        """The key `id`.

        Raises:
            NotRegistered: `access-key-unknown`.
        """
        with self._store.read() as session:
            return _as_key(_row(session, id))

    def listing(self) -> tuple[AccessKey, ...]:
        """All keys, oldest first, those that are over too."""
        with self._store.read() as session:
            rows = session.scalars(select(AccessKeyRow).order_by(AccessKeyRow.made_at, AccessKeyRow.id))
            return tuple(map(_as_key, rows))

    def used(self, id: str, *, on: date) -> None:  # noqa: A002
        """Record that a key was used that day; one write a day."""
        with self._store.write() as session:
            earlier = or_(AccessKeyRow.last_used.is_(None), AccessKeyRow.last_used < on)
            session.execute(
                update(AccessKeyRow)
                .where(AccessKeyRow.id == id, earlier)
                .values(last_used=on)
                .execution_options(synchronize_session=False)
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Holder:
    """Whose a key is, and what it opens."""

    name: str
    grants: tuple[Grant, ...]
    person: str


def _add(session: Session, act: str, of: _Holder, *, digest: str, at: datetime, until: datetime) -> AccessKey:
    id_ = "".join(secrets.choice(_ID) for _ in range(10))
    spelled = [[str(g.agency), g.role] for g in of.grants]
    values = {"id": id_, "name": of.name, "digest": digest, "grants": spelled, "person": of.person or None}
    session.execute(insert(AccessKeyRow).values(**values, made_at=at, expires_at=until))
    made = _as_key(_row(session, id_))
    note(session, act, at=at, agency=_agency(of.grants), object=id_, digest=_digest(made))
    return made


def _of_name(session: Session, name: str, grants: Iterable[Grant]) -> list[AccessKey]:
    """Every key of that name that opens something at an agency of `grants`."""
    agencies = {grant.agency for grant in grants}
    found = map(_as_key, session.scalars(select(AccessKeyRow).filter_by(name=name)))
    return [key for key in found if agencies & {grant.agency for grant in key.grants}]


def _end(session: Session, id: str, **values: datetime) -> None:  # noqa: A002
    changed = cast(
        "CursorResult[object]",
        session.execute(
            update(AccessKeyRow)
            .where(AccessKeyRow.id == id, AccessKeyRow.revoked_at.is_(None))
            .values(**values)
            .execution_options(synchronize_session=False)
        ),
    )
    if changed.rowcount != 1:  # somebody else ended it in this moment
        raise RegistryError("access-key-over", id=id)


def _row(session: Session, id: str) -> AccessKeyRow:  # noqa: A002
    found = session.get(AccessKeyRow, id)
    if found is None:
        raise NotRegistered("access-key-unknown", id=id)
    return found


def _as_key(r: AccessKeyRow) -> AccessKey:
    return AccessKey(
        id=r.id,
        name=r.name,
        grants=tuple(Grant(AgencyCode(agency), role) for agency, role in r.grants),
        person=r.person or "",
        made_at=r.made_at,
        expires_at=r.expires_at,
        revoked_at=r.revoked_at,
        last_used=r.last_used,
    )


def _agency(grants: tuple[Grant, ...]) -> str:
    """The agency that an entry names: none where a key is for several."""
    agencies = {str(g.agency) for g in grants}
    return agencies.pop() if len(agencies) == 1 else ""


def _digest(key: AccessKey) -> str:
    """What the audit remembers of a key: its name, its person, and everything that it opens."""
    said = (named(key.name, key.person), *(f"{g.agency} {g.role}" for g in key.grants))
    return hashlib.sha256("\n".join(said).encode()).hexdigest()
