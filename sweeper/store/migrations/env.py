"""What Alembic runs to migrate: on the connection and in the transaction that it is given."""

from alembic import context

from sweeper.store import schema

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=schema.metadata,
    version_table=schema.VERSION_TABLE,
)
context.run_migrations()
