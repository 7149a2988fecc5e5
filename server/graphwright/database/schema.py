"""Bringing the record's tables up to date when it is opened."""

import sqlalchemy as sa

from graphwright.database.tables import REVISION

# On a database server the record may share its database with others that use Alembic's own name.
VERSION_TABLES = {"sqlite": "alembic_version", "postgresql": "graphwright_version"}


def migrate(connection: sa.Connection) -> None:
    """Make or upgrade the tables, in the connection's transaction; only one process may do so at a
    time. Raises `DatabaseError` for tables of a newer version.
    """
    table = VERSION_TABLES[connection.dialect.name]
    if sa.inspect(connection).has_table(table):
        found = connection.exec_driver_sql(f"SELECT version_num FROM {table}")
        if found.scalar() == REVISION:
            return
    # Imported late: Alembic takes as long to import as the rest of the service does.
    from graphwright.database.migrations import upgrade  # noqa: PLC0415

    upgrade(connection, table)
