"""The tools of `graphs/analyst.yaml`: they read the database of SQL_DATABASE, or a sample shop."""

import atexit
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from tempfile import mkdtemp

from graphwright_tools.sql import sql_toolset

SHOP = Path(__file__).parents[1] / "shop" / "shop.sql"


def _database() -> str:
    """The name of the variable that says which database is read."""
    if os.environ.get("SQL_DATABASE", "").strip():
        return "env:SQL_DATABASE"
    os.environ["SAMPLE_SHOP"] = f"sqlite:///{_sample_shop()}"
    return "env:SAMPLE_SHOP"


def _sample_shop() -> Path:
    """A database made of shop/shop.sql, which goes with the process."""
    folder = mkdtemp(prefix="graphwright-shop-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = Path(folder) / "shop.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(SHOP.read_text(encoding="utf-8"))
    return path


sql_tables, sql_schema, sql_query = sql_toolset(_database(), tables="env:SQL_TABLES")
