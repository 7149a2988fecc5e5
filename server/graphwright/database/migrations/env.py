"""Alembic's entry: migrations run at start on the connection that the service has opened."""

from alembic import context

from graphwright.database.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    version_table=context.config.attributes["version_table"],
    target_metadata=metadata,
    render_as_batch=True,
)
context.run_migrations()
