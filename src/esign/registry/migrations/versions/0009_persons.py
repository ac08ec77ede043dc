"""Whose a key of access is, as a person; names of keys belong to an agency; recovered results get their requests back.

Until now a name was taken in the whole register. The older schema has no words for persons, and its program would take
two agencies' keys of one name for one: a step down is refused while there are such.
"""

from importlib import import_module

import sqlalchemy as sa
from alembic import op

from esign.registry.downgrades import refuse_to_lose
from esign.registry.triggers import Trigger, create_triggers, drop_triggers

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_access = import_module("esign.registry.migrations.versions.0006_access")
_officials = import_module("esign.registry.migrations.versions.0002_two_officials")

# A repeated request proves whose a recovered result is (docs/adr/0026-recovery.md); any other never changes.
_REQUEST_CHANGES = (
    "(NEW.idempotency_key <> OLD.idempotency_key OR NEW.request_digest <> OLD.request_digest)"
    " AND (OLD.idempotency_key NOT LIKE 'recovered-%' OR OLD.state <> 'issued')"
)


def upgrade() -> None:
    op.add_column("access_key", sa.Column("person", sa.String(60), nullable=True))
    drop_triggers("access_key_update", "intent_fixed")
    create_triggers(_triggers())


def _triggers() -> list[Trigger]:
    request = {"idempotency_key", "request_digest"}
    fixed = " OR ".join(f"NEW.{c} IS NOT OLD.{c}" for c in _officials.FIXED if c not in request)
    revives = f"{_access.REVIVES} OR NEW.person IS NOT OLD.person"
    return [
        ("access_key_update", "BEFORE UPDATE ON access_key", revives, "a key of access only ends"),
        ("intent_fixed", "BEFORE UPDATE ON intent", fixed, "what was reserved never changes"),
        ("intent_request_fixed", "BEFORE UPDATE ON intent", _REQUEST_CHANGES, "what was asked for never changes"),
    ]


def downgrade() -> None:
    refuse_to_lose(
        revision,
        persons="SELECT 1 FROM access_key WHERE person IS NOT NULL",
        names="SELECT 1 FROM access_key WHERE revoked_at IS NULL"
        " GROUP BY name HAVING count(DISTINCT CAST(grants AS TEXT)) > 1",
    )
    drop_triggers(*(name for name, *_ in _triggers()))
    op.drop_column("access_key", "person")
    create_triggers(
        t for t in (*_access.TRIGGERS, *_officials.triggers()) if t[0] in {"access_key_update", "intent_fixed"}
    )
