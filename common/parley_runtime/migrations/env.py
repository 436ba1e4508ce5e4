"""Alembic's entry: runs on the connection that `parley_runtime.database.migrate` hands over."""

from alembic import context

connection = context.config.attributes["connection"]
context.configure(connection=connection, version_table="parley_schema_version", transaction_per_migration=True)
with context.begin_transaction():
    context.run_migrations()
