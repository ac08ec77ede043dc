"""How Alembic runs: inside the transaction that `esign.registry.schema` opened; a failure leaves no trace."""

from alembic import context

from esign.registry.tables import METADATA

connection = context.config.attributes["connection"]
# Alembic neither begins nor commits on a connection that is in a transaction already.
context.configure(connection=connection, target_metadata=METADATA)
with context.begin_transaction():
    context.run_migrations()
