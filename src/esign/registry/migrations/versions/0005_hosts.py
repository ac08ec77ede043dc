"""What several hosts share: the guard of a token's PIN."""

import sqlalchemy as sa
from alembic import op

from esign.registry.downgrades import refuse_to_lose
from esign.registry.triggers import create_triggers, drop_triggers, forbid_truncate

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_TRIGGERS = [("pin_guard_delete", "BEFORE DELETE ON pin_guard", "1", "a guard is cleared, never deleted")]


def upgrade() -> None:
    op.create_table(
        "pin_guard",
        sa.Column("serial", sa.String(64), nullable=False),
        sa.Column("trying", sa.String(24), nullable=False),
        sa.Column("attended", sa.Boolean(), nullable=False),
        sa.Column("unattended", sa.Boolean(), nullable=False),
        sa.Column("attempt", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("serial", name=op.f("pk_pin_guard")),
    )
    create_triggers(_TRIGGERS)
    forbid_truncate("pin_guard")


def downgrade() -> None:
    # A PIN that was refused would be sent again.
    refuse_to_lose(revision, pins="SELECT 1 FROM pin_guard WHERE attended OR unattended OR trying <> ''")
    drop_triggers("pin_guard_delete", "pin_guard_truncate")
    op.drop_table("pin_guard")
