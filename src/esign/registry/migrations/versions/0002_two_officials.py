"""Two officials: the person's signature, numbers at release, attachments, copies, and the role of each signer.

Only columns are added, so that no row of a register is rewritten; triggers are replaced by the ones that know them.
They are written out here as they are, because a migration never changes with the code.
"""

from importlib import import_module

import sqlalchemy as sa
from alembic import op

from esign.registry.downgrades import refuse_to_lose
from esign.registry.triggers import Trigger, create_triggers, drop_triggers

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# What an intent is never changes; how far it has come changes along these lines only.
FIXED = (
    *("sequence", "id", "kind", "agency", "main", "person", "idempotency_key", "request_digest", "profile"),
    *("procedure", "title", "subject", "dossier", "ordinal", "masked_holder", "expires", "numbering"),
    *("status_number", "reserved_at"),
)
# Fixed as well, but for a result that is numbered at its release.
_NUMBER = ("issue_date", "year", "symbol", "with_year", "number", "number_source", "duplicate_of")
# What a step wrote stays as it was written.
_ONCE = (
    *("awaiting_at", "person_prepared_sha256", "person_to_be_signed_sha256", "person_signing_time", "expires_at"),
    *("approved_at", "approved_sha256", "numbered_at"),
    *("prepared_at", "prepared_sha256", "to_be_signed_sha256", "signing_time", "signed_at", "signed_sha256"),
    *("issued_at", "delivered_at", "voided_at", "void_code", "void_facts"),
)
_STEPS = {
    "reserved": ("awaiting", "approved", "prepared", "void"),
    "awaiting": ("approved", "void"),
    "approved": ("prepared", "void"),
    "prepared": ("signed", "void"),
    "signed": ("issued", "void"),
    "issued": ("issued",),  # only to note the first delivery
}
_REPLACED = ("intent_fixed", "intent_once", "intent_step")
_ADDED = (
    *("person", "numbering", "awaiting_at", "person_prepared_sha256", "person_to_be_signed_sha256"),
    *("person_signing_time", "expires_at", "approved_at", "approved_sha256", "numbered_at", "main"),
)
_NUMBERED_NOW = (
    "OLD.state = 'approved' AND NEW.state = 'approved' AND OLD.numbering = 'at-release'"
    " AND OLD.number IS NULL AND NEW.number IS NOT NULL"
)
_MAIN_FITS = (
    "EXISTS (SELECT 1 FROM intent WHERE id = NEW.main AND kind = 'result' AND agency = NEW.agency AND state <> 'void')"
)


def upgrade() -> None:
    for column in (
        sa.Column("person", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("numbering", sa.String(24), server_default="reserved", nullable=False),
        sa.Column("awaiting_at", sa.DateTime(), nullable=True),
        sa.Column("person_prepared_sha256", sa.String(64), nullable=True),
        sa.Column("person_to_be_signed_sha256", sa.String(64), nullable=True),
        sa.Column("person_signing_time", sa.DateTime(), nullable=True),
        sa.Column("expires_at", sa.DateTime(), nullable=True),
        sa.Column("approved_at", sa.DateTime(), nullable=True),
        sa.Column("approved_sha256", sa.String(64), nullable=True),
        sa.Column("numbered_at", sa.DateTime(), nullable=True),
    ):
        op.add_column("intent", column)
    main = sa.Column("main", sa.String(19), sa.ForeignKey("intent.id", name=op.f("fk_intent_main")), nullable=True)
    op.add_column("intent", main, inline_references=True)  # SQLite adds no constraint to a table that is there
    op.create_index("ix_intent_main", "intent", ["main"], unique=False)
    op.add_column("signer", sa.Column("role", sa.String(24), server_default="agency", nullable=False))

    drop_triggers(*_REPLACED)
    create_triggers(triggers(), replacing=("intent_number_late",))


def triggers() -> list[Trigger]:
    fixed = " OR ".join(f"NEW.{column} IS NOT OLD.{column}" for column in FIXED)
    number = " OR ".join(f"NEW.{column} IS NOT OLD.{column}" for column in _NUMBER)
    once = " OR ".join(f"(OLD.{c} IS NOT NULL AND NEW.{c} IS NOT OLD.{c})" for c in _ONCE)
    # The only thing that happens to an APPROVED intent that stays so.
    others = " OR ".join(f"NEW.{c} IS NOT OLD.{c}" for c in _ONCE if c != "numbered_at")
    step = " OR ".join(
        f"(OLD.state = '{old}' AND NEW.state IN ({', '.join(repr(new) for new in allowed)}))"
        for old, allowed in _STEPS.items()
    )
    same = " AND ".join(f"{c} = NEW.{c}" for c in ("agency", "year", "symbol", "with_year", "number"))
    taken = f"EXISTS (SELECT 1 FROM intent WHERE duplicate_of IS NULL AND sequence <> NEW.sequence AND {same})"  # noqa: S608  # constants of this file
    main_unnumbered = "(SELECT number IS NULL FROM intent WHERE id = NEW.main)"
    main_unissued = "(SELECT state <> 'issued' FROM intent WHERE id = NEW.main)"
    before, after = "BEFORE INSERT ON intent", "BEFORE UPDATE ON intent"
    return [
        ("intent_fixed", after, fixed, "what was reserved never changes"),
        ("intent_number_fixed", after, f"({number}) AND NOT ({_NUMBERED_NOW})", "a number never changes"),
        (
            "intent_number_late",  # an UPDATE OR REPLACE would delete the row that has it
            after,
            f"NEW.number IS NOT OLD.number AND NEW.duplicate_of IS NULL AND {taken}",
            "this number is taken",
        ),
        ("intent_once", after, once, "what a step recorded never changes"),
        ("intent_step", after, f"NOT ({step} OR ({_NUMBERED_NOW} AND NOT ({others})))", "no such step"),
        (
            "intent_approved",
            after,
            "NEW.state = 'approved' AND (NEW.approved_at IS NULL OR NEW.approved_sha256 IS NULL)",
            "approved without the file that the person signed",
        ),
        (
            "intent_unapproved",
            after,
            "NEW.state = 'prepared' AND OLD.state <> 'approved' AND NEW.person",
            "the person signs before the agency",
        ),
        (
            "intent_unnumbered",
            after,
            f"NEW.state = 'prepared' AND NEW.number IS NULL AND (NEW.numbering = 'at-release' OR {main_unnumbered})",
            "prepared without a number",
        ),
        (
            "intent_late",
            before,
            "NEW.numbering = 'at-release' AND (NEW.kind <> 'result' OR NEW.number IS NOT NULL)",
            "only results without a number are numbered at their release",
        ),
        (
            "intent_main",
            before,
            "CASE WHEN NEW.kind = 'attachment' THEN NEW.number IS NOT NULL OR NOT "
            + _MAIN_FITS
            + " ELSE NEW.main IS NOT NULL END",
            "an attachment belongs to a result of its agency",
        ),
        (
            "intent_main_issued",
            after,
            f"NEW.state = 'issued' AND {main_unissued}",
            "an attachment is not issued before its main result",
        ),
        (
            "standing_change_attachment",
            "BEFORE INSERT ON standing_change",
            "EXISTS (SELECT 1 FROM intent WHERE id IN (NEW.result_id, NEW.other) AND main IS NOT NULL)",
            "an attachment stands as its main result stands",
        ),
    ]


def downgrade() -> None:
    refuse_to_lose(
        revision,
        officials="SELECT 1 FROM intent WHERE person OR approved_at IS NOT NULL OR state IN ('awaiting', 'approved')",
        numbers="SELECT 1 FROM intent WHERE numbering <> 'reserved'",
        attachments="SELECT 1 FROM intent WHERE main IS NOT NULL OR kind NOT IN ('result', 'signature')",
        signers="SELECT 1 FROM signer WHERE role <> 'agency'",
    )
    drop_triggers(*(name for name, *_ in triggers()))
    op.drop_index("ix_intent_main", "intent")
    op.drop_column("signer", "role")
    for column in _ADDED:
        op.drop_column("intent", column)
    initial = import_module("esign.registry.migrations.versions.0001_initial")
    create_triggers(t for t in initial.triggers() if t[0] in _REPLACED)
