"""The tables in MySQL, and who makes them.

Names in keys are digests, since a key takes 3072 bytes at most and a thread's id may have a
million; VARBINARY and BINARY, so that case and trailing spaces matter.
"""

from pymysql.cursors import Cursor

from graphwright_checkpoints.networked.server import VERSION, refuse_newer
from graphwright_checkpoints.serialization import Encoded

TEXT = "LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
ONE_AT_A_TIME = "graphwright_checkpoints"
KEY = "digest"  # the name of the digest key
PATIENCE = 60  # seconds that a process waits for another one that makes the tables

TABLES = (
    # `digest` is NULL from the moment a thread is deleted until its last row is gone.
    f"""
    CREATE TABLE IF NOT EXISTS graphwright_threads (
        id BIGINT PRIMARY KEY,
        digest BINARY(64) UNIQUE,
        thread_id {TEXT} NOT NULL,
        epoch BIGINT NOT NULL,
        fence BIGINT NOT NULL,
        revision BIGINT NOT NULL
    ) ENGINE=InnoDB
    """,
    f"""
    CREATE TABLE IF NOT EXISTS graphwright_checkpoints (
        thread BIGINT NOT NULL,
        place VARBINARY(600) NOT NULL,
        checkpoint_ns {TEXT} NOT NULL,
        checkpoint_id {TEXT} NOT NULL,
        parent_checkpoint_id {TEXT},
        run BINARY(32),
        run_id {TEXT},
        type {TEXT} NOT NULL,
        body LONGBLOB NOT NULL,
        metadata {TEXT} NOT NULL,
        refs LONGBLOB,
        PRIMARY KEY (thread, place),
        KEY (run)
    ) ENGINE=InnoDB
    """,
    f"""
    CREATE TABLE IF NOT EXISTS graphwright_writes (
        thread BIGINT NOT NULL,
        place VARBINARY(600) NOT NULL,
        name VARBINARY(64) NOT NULL,
        checkpoint_ns {TEXT} NOT NULL,
        checkpoint_id {TEXT} NOT NULL,
        task_id {TEXT} NOT NULL,
        idx INT NOT NULL,
        task_path {TEXT} NOT NULL,
        channel {TEXT} NOT NULL,
        type {TEXT} NOT NULL,
        value LONGBLOB NOT NULL,
        refs LONGBLOB,
        PRIMARY KEY (thread, place, name)
    ) ENGINE=InnoDB
    """,
    # A large element is several rows, so that each fits into a packet.
    f"""
    CREATE TABLE IF NOT EXISTS graphwright_elements (
        thread BIGINT NOT NULL,
        number BIGINT NOT NULL,
        chunk INT NOT NULL,
        digest BINARY(16) NOT NULL,
        many BOOLEAN NOT NULL,
        type {TEXT} NOT NULL,
        data LONGBLOB NOT NULL,
        PRIMARY KEY (thread, number, chunk)
    ) ENGINE=InnoDB
    """,
    # Of version 2. What is doomed refers to no element any more.
    """
    CREATE TABLE IF NOT EXISTS graphwright_blobs (
        name VARCHAR(200) CHARACTER SET ascii COLLATE ascii_bin PRIMARY KEY,
        thread BIGINT,
        number BIGINT,
        chunk INT,
        FOREIGN KEY (thread, number, chunk)
            REFERENCES graphwright_elements (thread, number, chunk) ON DELETE SET NULL
    ) ENGINE=InnoDB
    """,
    f"""
    CREATE TABLE IF NOT EXISTS graphwright_keys (
        name VARCHAR(20) PRIMARY KEY,
        type {TEXT} NOT NULL,
        value LONGBLOB NOT NULL
    ) ENGINE=InnoDB
    """,
)


def migrate(cursor: Cursor, key: Encoded, where: str) -> Encoded:
    """Make the tables where they are missing, and return the digest key that is kept there."""
    cursor.execute("SELECT GET_LOCK(%s, %s)", (ONE_AT_A_TIME, PATIENCE))
    try:
        for statement in TABLES:
            cursor.execute(statement)
        insert = (
            "INSERT INTO graphwright_keys VALUES (%s, %s, %s) ON DUPLICATE KEY UPDATE name=name"
        )
        cursor.executemany(insert, [("version", "", str(VERSION)), (KEY, *key)])
        cursor.execute("SELECT name, type, value FROM graphwright_keys")
        kept = {name: Encoded(type_, value) for name, type_, value in cursor.fetchall()}
        refuse_newer(where, int(kept["version"].data))
        raise_version = "UPDATE graphwright_keys SET value = %s WHERE name = 'version'"
        cursor.execute(raise_version, (str(VERSION),))
    finally:
        cursor.execute("SELECT RELEASE_LOCK(%s)", (ONE_AT_A_TIME,))
    return kept[KEY]
