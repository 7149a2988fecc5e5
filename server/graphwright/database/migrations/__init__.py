"""Bringing a database's tables up to date, by Alembic.

A new revision: write `versions/NNNN_what_it_does.py`, change `tables.py`, and set its `REVISION`.
"""

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError

from graphwright.database.connection import shown
from graphwright.errors import DatabaseError


def upgrade(connection: sa.Connection, version_table: str) -> None:
    """Apply what is missing, in the connection's transaction. Raises `DatabaseError`."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes |= {"connection": connection, "version_table": version_table}
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        options = {"version_table": version_table}
        found = MigrationContext.configure(connection, opts=options).get_current_revision()
        raise DatabaseError(
            f"database {shown(connection.engine.url)}: its schema {found!r} is newer than "
            "this version of Graphwright knows; upgrade Graphwright, "
            "or name another database with --database."
        ) from error
