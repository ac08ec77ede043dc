"""How Alembic runs: inside the transaction that `esign.registry.schema` opened; a failure leaves no trace."""

from alembic import context

from esign.registry.models import Base

connection = context.config.attributes["connection"]
# SQLite can roll DDL back; Alembic assumes that drivers cannot.
context.configure(connection=connection, target_metadata=Base.metadata, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
