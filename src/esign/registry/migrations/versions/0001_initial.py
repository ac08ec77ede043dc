"""The register: intents, issued files, their standing, number books, status shards.

The triggers keep mistakes out (a careless UPDATE, a restored dump, a bug of ours); whoever can write the
file can also drop them.
"""

import sqlalchemy as sa
from alembic import op

from esign.registry.downgrades import refuse_to_lose
from esign.registry.triggers import Trigger, create_triggers, drop_triggers, forbid_truncate

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# What an intent is never changes; how far it has come changes along these lines only.
_FIXED = (
    *("sequence", "id", "kind", "agency", "idempotency_key", "request_digest", "profile", "procedure", "title"),
    *("subject", "dossier", "ordinal", "masked_holder", "expires", "issue_date", "year", "symbol", "with_year"),
    *("number", "number_source", "duplicate_of", "status_number", "reserved_at"),
)
# What a step wrote stays as it was written.
_ONCE = (
    *("prepared_at", "prepared_sha256", "to_be_signed_sha256", "signing_time", "signed_at", "signed_sha256"),
    *("issued_at", "delivered_at", "voided_at", "void_code", "void_facts"),
)
_STEPS = {
    "reserved": ("prepared", "void"),
    "prepared": ("signed", "void"),
    "signed": ("issued", "void"),
    "issued": ("issued",),  # only to note the first delivery
}
_ENTRY = ("result_id", "position")
_APPEND_ONLY = {"issued": ("id",), "signer": _ENTRY, "delivery": _ENTRY, "standing_change": _ENTRY}
_TABLES = ("signer", "standing_change", "issued", "delivery", "status_shard", "number_book", "intent")
_REPLACING = ("intent_replace", "intent_number", "number_book_replace", *(f"{t}_replace" for t in _APPEND_ONLY))
_STATE = "(SELECT state FROM intent WHERE id = NEW.{column})"


def upgrade() -> None:
    op.create_table(
        "intent",
        sa.Column(
            "sequence",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("id", sa.String(19), nullable=False),
        sa.Column("state", sa.String(24), nullable=False),
        sa.Column("kind", sa.String(24), nullable=False),
        sa.Column("agency", sa.String(35), nullable=False),
        sa.Column("idempotency_key", sa.String(255), nullable=False),
        sa.Column("request_digest", sa.String(64), nullable=False),
        sa.Column("profile", sa.String(100), nullable=False),
        sa.Column("procedure", sa.String(40), nullable=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("dossier", sa.String(60), nullable=True),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("masked_holder", sa.Text(), nullable=False),
        sa.Column("expires", sa.DateTime(), nullable=True),
        sa.Column("issue_date", sa.Date(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("symbol", sa.String(60), nullable=True),
        sa.Column("with_year", sa.Boolean(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=True),
        sa.Column("number_source", sa.String(24), nullable=True),
        sa.Column("duplicate_of", sa.String(19), nullable=True),
        sa.Column("status_number", sa.BigInteger(), nullable=False),
        sa.Column("reserved_at", sa.DateTime(), nullable=False),
        sa.Column("prepared_at", sa.DateTime(), nullable=True),
        sa.Column("prepared_sha256", sa.String(64), nullable=True),
        sa.Column("to_be_signed_sha256", sa.String(64), nullable=True),
        sa.Column("signing_time", sa.DateTime(), nullable=True),
        sa.Column("signed_at", sa.DateTime(), nullable=True),
        sa.Column("signed_sha256", sa.String(64), nullable=True),
        sa.Column("issued_at", sa.DateTime(), nullable=True),
        sa.Column("delivered_at", sa.DateTime(), nullable=True),
        sa.Column("voided_at", sa.DateTime(), nullable=True),
        sa.Column("void_code", sa.String(60), nullable=True),
        sa.Column("void_facts", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("void_why", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "(number IS NULL) = (symbol IS NULL) AND (number IS NULL) = (number_source IS NULL)",
            name=op.f("ck_intent_number_whole"),
        ),
        sa.CheckConstraint("status_number BETWEEN 0 AND 4294967295", name=op.f("ck_intent_status_u32")),
        sa.ForeignKeyConstraint(["duplicate_of"], ["intent.id"], name=op.f("fk_intent_duplicate_of")),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_intent")),
        sa.UniqueConstraint("id", name=op.f("uq_intent_id")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_intent_idempotency_key")),
        sa.UniqueConstraint("status_number", name=op.f("uq_intent_status_number")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_intent_dossier", "intent", ["dossier"], unique=False)
    op.create_index("ix_intent_numbers", "intent", ["agency", "year", "symbol", "number"], unique=False)
    op.create_index("ix_intent_unfinished", "intent", ["state", "delivered_at"], unique=False)
    op.create_index(
        "uq_intent_number",
        "intent",
        ["agency", "year", "symbol", "with_year", "number"],
        unique=True,
        sqlite_where=sa.text("duplicate_of IS NULL"),
        postgresql_where=sa.text("duplicate_of IS NULL"),
    )
    op.create_table(
        "number_book",
        sa.Column("agency", sa.String(35), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("symbol", sa.String(60), nullable=False),
        sa.Column("with_year", sa.Boolean(), nullable=False),
        sa.Column("first", sa.Integer(), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.CheckConstraint("first >= 1 AND last >= first - 1", name=op.f("ck_number_book_counts")),
        sa.PrimaryKeyConstraint("agency", "year", "symbol", "with_year", name=op.f("pk_number_book")),
    )
    op.create_table(
        "status_shard",
        sa.Column("shard", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.Column("opened_at", sa.DateTime(), nullable=False),
        sa.CheckConstraint(
            "shard BETWEEN 0 AND 32767 AND used BETWEEN 0 AND 131072", name=op.f("ck_status_shard_size")
        ),
        sa.PrimaryKeyConstraint("shard", name=op.f("pk_status_shard")),
    )
    op.create_table(
        "delivery",
        sa.Column("result_id", sa.String(19), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("where", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["result_id"], ["intent.id"], name=op.f("fk_delivery_result_id")),
        sa.PrimaryKeyConstraint("result_id", "position", name=op.f("pk_delivery")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "issued",
        sa.Column("id", sa.String(19), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("signing_time", sa.DateTime(), nullable=False),
        sa.Column("level", sa.String(24), nullable=False),
        sa.Column("mechanism", sa.String(24), nullable=False),
        sa.Column("pages", sa.Integer(), nullable=False),
        sa.Column("seal_token_sha256", sa.String(64), nullable=True),
        sa.Column("profile", sa.String(100), nullable=False),
        sa.Column("fonts", sa.JSON(), nullable=False),
        sa.Column("notices", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["id"], ["intent.id"], name=op.f("fk_issued_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_issued")),
        sa.UniqueConstraint("sha256", name=op.f("uq_issued_sha256")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "standing_change",
        sa.Column("result_id", sa.String(19), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("standing", sa.String(24), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("other", sa.String(19), nullable=True),
        sa.Column("recorded_at", sa.DateTime(), nullable=False),
        sa.CheckConstraint(
            "(other IS NOT NULL) = (standing IN ('corrected', 'replaced'))",
            name=op.f("ck_standing_change_other"),
        ),
        sa.CheckConstraint("standing <> 'expired'", name=op.f("ck_standing_change_stored")),
        sa.ForeignKeyConstraint(["other"], ["intent.id"], name=op.f("fk_standing_change_other")),
        sa.ForeignKeyConstraint(["result_id"], ["intent.id"], name=op.f("fk_standing_change_result_id")),
        sa.PrimaryKeyConstraint("result_id", "position", name=op.f("pk_standing_change")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "signer",
        sa.Column("result_id", sa.String(19), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("certificate_sha256", sa.String(64), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("serial", sa.String(80), nullable=False),
        sa.ForeignKeyConstraint(["result_id"], ["issued.id"], name=op.f("fk_signer_result_id")),
        sa.PrimaryKeyConstraint("result_id", "position", name=op.f("pk_signer")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_signer_certificate_sha256"), "signer", ["certificate_sha256"], unique=False)

    create_triggers(triggers(), replacing=_REPLACING)
    forbid_truncate(*_TABLES)


def triggers() -> list[Trigger]:
    """As this revision had them."""
    fixed = " OR ".join(f"NEW.{column} IS NOT OLD.{column}" for column in _FIXED)
    once = " OR ".join(f"(OLD.{c} IS NOT NULL AND NEW.{c} IS NOT OLD.{c})" for c in _ONCE)
    step = " OR ".join(
        f"(OLD.state = '{old}' AND NEW.state IN ({', '.join(repr(new) for new in allowed)}))"
        for old, allowed in _STEPS.items()
    )
    # INSERT OR REPLACE would delete the row that is in the way; these fire before it can.
    taken = " OR ".join(
        _exists("intent", f"{c} = NEW.{c}") for c in ("sequence", "id", "idempotency_key", "status_number")
    )
    return [
        ("intent_delete", "BEFORE DELETE ON intent", "1", "intents are never deleted"),
        ("intent_insert", "BEFORE INSERT ON intent", "NEW.state <> 'reserved'", "intents begin as reserved"),
        ("intent_replace", "BEFORE INSERT ON intent", taken, "intents are never replaced"),
        ("intent_number", "BEFORE INSERT ON intent", _number_taken(), "this number is taken"),
        ("intent_fixed", "BEFORE UPDATE ON intent", fixed, "what was reserved never changes"),
        ("intent_once", "BEFORE UPDATE ON intent", once, "what a step recorded never changes"),
        ("intent_step", "BEFORE UPDATE ON intent", f"NOT ({step})", "no such step"),
        (
            "intent_issued",
            "BEFORE UPDATE ON intent",
            "NEW.state = 'issued' AND NOT EXISTS (SELECT 1 FROM issued WHERE id = NEW.id)",
            "issued without its registration",
        ),
        ("number_book_delete", "BEFORE DELETE ON number_book", "1", "number books are never deleted"),
        (
            "number_book_back",
            "BEFORE UPDATE ON number_book",
            "OLD.last >= OLD.first AND (NEW.last < OLD.last OR NEW.first <> OLD.first)",
            "a number book never counts back",
        ),
        (
            "number_book_replace",
            "BEFORE INSERT ON number_book",
            _exists("number_book", _same("agency", "year", "symbol", "with_year")),
            "number books are never replaced",
        ),
        *(trigger for table, key in _APPEND_ONLY.items() for trigger in _append_only(table, key)),
        _only_when("issued", column="id", state="signed"),
        _only_when("signer", column="result_id", state="signed"),
        _only_when("delivery", column="result_id", state="issued"),
        _only_when("standing_change", column="result_id", state="issued"),
    ]


def _number_taken() -> str:
    same = _same("agency", "year", "symbol", "with_year", "number")
    return f"NEW.duplicate_of IS NULL AND {_exists('intent', f'duplicate_of IS NULL AND {same}')}"


def _same(*columns: str) -> str:
    return " AND ".join(f"{c} = NEW.{c}" for c in columns)


def _exists(table: str, condition: str) -> str:
    return f"EXISTS (SELECT 1 FROM {table} WHERE {condition})"  # noqa: S608  # constants of this file


def _append_only(table: str, key: tuple[str, ...]) -> list[Trigger]:
    same = _same(*key)
    if table == "issued":
        same = f"({same}) OR sha256 = NEW.sha256"
    return [
        (f"{table}_update", f"BEFORE UPDATE ON {table}", "1", f"{table} is never changed"),
        (f"{table}_delete", f"BEFORE DELETE ON {table}", "1", f"{table} is never deleted"),
        (
            f"{table}_replace",
            f"BEFORE INSERT ON {table}",
            _exists(table, same),
            f"{table} is never replaced",
        ),
    ]


def _only_when(table: str, *, column: str, state: str) -> Trigger:
    return (
        f"{table}_state",
        f"BEFORE INSERT ON {table}",
        f"{_STATE.format(column=column)} IS NOT '{state}'",
        f"{table} belongs to the state {state}",
    )


def downgrade() -> None:
    refuse_to_lose(revision, intents="SELECT 1 FROM intent", books="SELECT 1 FROM number_book")
    drop_triggers(*(name for name, *_ in triggers()), *(f"{table}_truncate" for table in _TABLES))
    for table in _TABLES:
        op.drop_table(table)
