"""Whose request a recovered result was: the salt of its seal says that, and only to the register that made it.

A restored register has forgotten the requests since its backup, and a portal repeats them. The 16 bytes of a salt
(docs/spec/seal.md §7) are six of a digest of the idempotency key, four of one of the request, and six by chance. Both
digests are keyed with the register's identity, which every backup has: whoever holds the file cannot guess keys by it.
A result that is registered again keeps those ten bytes in the place of key and digest, until somebody comes with them.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from esign.errors import RequestConflict
from esign.registry.audit import note
from esign.registry.audit_models import AuditRow
from esign.registry.models import IntentRow
from esign.registry.store import Store
from esign.registry.values import Intent, NewIntent

__all__ = ["CAUGHT_UP", "RecoveredRequests", "placeholder"]

CAUGHT_UP = "register.caught-up", "register"
"""The entry, and its object, that a recovery leaves: without one there is nobody to look for."""
_KEY, _REQUEST, _SALT = 6, 4, 16
_PREFIX = "recovered-"


def placeholder(salt: bytes, sha256: str) -> tuple[str, str]:
    """What stands for key and digest of the request that led to the file with this `salt` and `sha256`."""
    return f"{_PREFIX}{salt[:_KEY].hex()}", (salt[_KEY : _KEY + _REQUEST].hex() + sha256)[:64]


class RecoveredRequests:
    """Gives recovered results back to whoever asked for them."""

    def __init__(self, store: Store, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now
        # Asked for once, in the session of whoever is first: a second connection for that, while the first is held,
        # is one that a pool may not have.
        self._may_be_there: bool | None = None
        self._identity: bytes | None = None

    def salt(self, intent: Intent) -> bytes:
        """A salt for the file of `intent`."""
        if self._identity is None:
            with self._store.read() as session:
                self._learn(session)
        by_chance = secrets.token_bytes(_SALT - _KEY - _REQUEST)
        return self._key(intent.idempotency_key) + self._request(intent.request_digest) + by_chance

    def give_back(self, session: Session, asked: Sequence[NewIntent]) -> None:
        """Where one that is `asked` for is here already, recovered, let it stand under its key again.

        Raises:
            RequestConflict: `request-conflict`: it is here, and was another request.
        """
        self._learn(session)
        if not self._may_be_there:
            return
        keys = {f"{_PREFIX}{self._key(new.idempotency_key).hex()}": new for new in asked}
        found = session.execute(
            select(IntentRow.id, IntentRow.agency, IntentRow.idempotency_key, IntentRow.request_digest).where(
                IntentRow.idempotency_key.in_(keys)
            )
        )
        for row in found.all():
            new = keys[row.idempotency_key]
            if not row.request_digest.startswith(self._request(new.request_digest).hex()):
                raise RequestConflict("request-conflict", id=row.id)
            session.execute(
                update(IntentRow)
                .where(IntentRow.id == row.id)
                .values(idempotency_key=new.idempotency_key, request_digest=new.request_digest)
                .execution_options(synchronize_session=False)
            )
            note(
                session,
                "intent.recognised",
                at=self._now(),
                agency=row.agency,
                object=row.id,
                digest=new.request_digest,
            )

    def _learn(self, session: Session) -> None:
        """Who this register is, and whether there was a recovery; processes are stopped during one."""
        if self._identity is None:
            act, what = CAUGHT_UP
            recovery = select(AuditRow.sequence).filter_by(object=what, act=act).limit(1)
            self._may_be_there = session.scalar(recovery) is not None
            self._identity = str(session.scalar(select(AuditRow.object).filter_by(sequence=0))).encode()

    def _key(self, key: str) -> bytes:
        return self._digest("key", key)[:_KEY]

    def _request(self, digest: str) -> bytes:
        return self._digest("request", digest)[:_REQUEST]

    def _digest(self, what: str, said: str) -> bytes:
        assert self._identity is not None
        return hmac.digest(self._identity, f"esign {what}\n{said}".encode(), hashlib.sha256)
