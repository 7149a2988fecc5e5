"""The tables, the functions that write and read them, and how they come to this release.

Functions, because a statement that does as much takes longer to plan than to run, and statements
cannot be prepared behind pgbouncer. Their names end with the schema that they are for.
"""

import secrets
from typing import cast

import psycopg
from langgraph.checkpoint.serde.base import SerializerProtocol

from graphwright_checkpoints.errors import DatabaseTooNew, DatabaseUnavailable, ValueNotRead
from graphwright_checkpoints.postgres.pools import OPTIONS
from graphwright_checkpoints.serialization import Codec

VERSION = 2
LOCK = 0x67776370  # of `pg_advisory_xact_lock`: one process migrates, the others wait

TABLES = """
    CREATE TABLE graphwright_checkpoint_schema (version integer NOT NULL);

    CREATE TABLE graphwright_checkpoint_keys (
        name text PRIMARY KEY,
        type text NOT NULL,
        value bytea NOT NULL
    );

    -- `id_hash` is NULL from the moment a thread is deleted until its last row is gone.
    CREATE TABLE graphwright_checkpoint_threads (
        key bigint PRIMARY KEY,
        id_hash bytea UNIQUE,
        thread_id text COLLATE "C" NOT NULL,
        epoch bigint NOT NULL,
        fence bigint NOT NULL
    );

    -- `refs` are references to elements; with `body` they make the checkpoint's values.
    CREATE TABLE graphwright_checkpoints (
        thread bigint NOT NULL,
        checkpoint_ns text COLLATE "C" NOT NULL,
        checkpoint_id text COLLATE "C" NOT NULL,
        parent_checkpoint_id text,
        run_id text,
        type text NOT NULL,
        body bytea NOT NULL,
        metadata text NOT NULL,
        refs bytea,
        PRIMARY KEY (thread, checkpoint_ns, checkpoint_id)
    );
    CREATE INDEX graphwright_checkpoints_run ON graphwright_checkpoints USING hash (run_id)
        WHERE run_id IS NOT NULL;

    CREATE TABLE graphwright_checkpoint_writes (
        thread bigint NOT NULL,
        checkpoint_ns text COLLATE "C" NOT NULL,
        checkpoint_id text COLLATE "C" NOT NULL,
        task_id text COLLATE "C" NOT NULL,
        idx integer NOT NULL,
        task_path text COLLATE "C" NOT NULL,
        channel text NOT NULL,
        type text NOT NULL,
        value bytea NOT NULL,
        refs bytea,
        PRIMARY KEY (thread, checkpoint_ns, checkpoint_id, task_id, idx)
    );

    -- Checkpoints that retention keeps.
    CREATE TABLE graphwright_checkpoint_pins (
        thread bigint NOT NULL,
        checkpoint_ns text COLLATE "C" NOT NULL,
        checkpoint_id text COLLATE "C" NOT NULL,
        PRIMARY KEY (thread, checkpoint_ns, checkpoint_id)
    );

    -- A look-up reads all digests of a thread, from the index alone.
    CREATE TABLE graphwright_checkpoint_elements (
        thread bigint NOT NULL,
        number bigint NOT NULL,
        digest bytea NOT NULL,
        many boolean NOT NULL,
        type text NOT NULL,
        data bytea NOT NULL,
        blob text,
        PRIMARY KEY (thread, number) INCLUDE (digest)
    );
    CREATE INDEX graphwright_checkpoint_elements_blob
        ON graphwright_checkpoint_elements (digest, thread, number) WHERE blob IS NOT NULL;

    CREATE TABLE graphwright_checkpoint_doomed_blobs (blob text PRIMARY KEY);
"""

# `blob` is the key of the blob that has an element's bytes. Whoever deletes the element dooms its
# blob, which is deleted once the transaction is committed.
DOOM = """
    CREATE FUNCTION graphwright_checkpoint_doom_1() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO graphwright_checkpoint_doomed_blobs VALUES (old.blob) ON CONFLICT DO NOTHING;
        RETURN NULL;
    END $$;

    CREATE TRIGGER graphwright_checkpoint_elements_blob
        AFTER DELETE ON graphwright_checkpoint_elements
        FOR EACH ROW WHEN (old.blob IS NOT NULL)
        EXECUTE FUNCTION graphwright_checkpoint_doom_1();
"""

# Rows come as JSON, and their binary values as places in `data` (the first byte is 1): a tenth of
# the time that an array for each column takes. Threads are locked, and made, in one order for all
# processes, so that no two wait for each other.
INSERT = """
    CREATE FUNCTION graphwright_checkpoint_insert_2(new jsonb, data bytea)
    RETURNS bigint[] LANGUAGE plpgsql AS $$
    #variable_conflict use_column
    DECLARE
        asked record;
        allowed bigint[] := '{}';
    BEGIN
        -- In loops, so that the plan cannot become a scan of the table, and is a small one.
        IF jsonb_array_length(new->'locked') > 0 THEN
            FOR asked IN
                SELECT * FROM jsonb_to_recordset(new->'locked')
                    AS n (key bigint, epoch bigint, fence bigint) ORDER BY key
            LOOP
                PERFORM FROM graphwright_checkpoint_threads t
                WHERE t.key = asked.key AND t.epoch = asked.epoch
                    AND t.fence = coalesce(asked.fence, t.fence)
                FOR NO KEY UPDATE;
                IF FOUND THEN
                    allowed := allowed || asked.key;
                END IF;
            END LOOP;
        END IF;

        IF jsonb_array_length(new->'made') > 0 THEN
            FOR asked IN
                SELECT key, decode(id_hash, 'hex') AS id_hash, thread_id, epoch, fence
                FROM jsonb_to_recordset(new->'made')
                    AS n (key bigint, id_hash text, thread_id text, epoch bigint, fence bigint)
                ORDER BY id_hash
            LOOP
                INSERT INTO graphwright_checkpoint_threads (key, id_hash, thread_id, epoch, fence)
                VALUES (
                    asked.key, asked.id_hash, asked.thread_id, asked.epoch,
                    coalesce(asked.fence, 0)
                )
                ON CONFLICT DO NOTHING;
                IF FOUND THEN
                    allowed := allowed || asked.key;
                END IF;
            END LOOP;
        END IF;

        IF jsonb_array_length(new->'elements') > 0 THEN
            INSERT INTO graphwright_checkpoint_elements (
                thread, number, digest, many, type, data, blob
            )
            SELECT thread, number, decode(digest, 'hex'), many, type, substr(data, at, size), blob
            FROM jsonb_to_recordset(new->'elements') AS n (
                thread bigint, number bigint, digest text, many boolean, type text,
                at integer, size integer, blob text
            )
            WHERE thread = ANY (allowed);
        END IF;

        -- After the elements: a blob that came with one of them is its own, now or since a first
        -- attempt whose answer was lost.
        IF jsonb_array_length(new->'surplus') > 0 THEN
            INSERT INTO graphwright_checkpoint_doomed_blobs
            SELECT blob
            FROM jsonb_to_recordset(new->'surplus')
                AS n (thread bigint, number bigint, blob text)
            WHERE thread = ANY (allowed) AND NOT EXISTS (
                SELECT FROM graphwright_checkpoint_elements e
                WHERE e.thread = n.thread AND e.number = n.number AND e.blob = n.blob
            )
            ON CONFLICT DO NOTHING;
        END IF;

        IF jsonb_array_length(new->'checkpoints') > 0 THEN
            INSERT INTO graphwright_checkpoints (
                thread, checkpoint_ns, checkpoint_id, parent_checkpoint_id, run_id, type, body,
                metadata, refs
            )
            SELECT thread, checkpoint_ns, checkpoint_id, parent_checkpoint_id, run_id, type,
                substr(data, at, size), metadata, substr(data, refs_at, refs_size)
            FROM jsonb_to_recordset(new->'checkpoints') AS n (
                thread bigint, checkpoint_ns text, checkpoint_id text, parent_checkpoint_id text,
                run_id text, type text, metadata text, at integer, size integer,
                refs_at integer, refs_size integer
            )
            WHERE thread = ANY (allowed)
            ON CONFLICT (thread, checkpoint_ns, checkpoint_id) DO UPDATE SET
                parent_checkpoint_id = excluded.parent_checkpoint_id, run_id = excluded.run_id,
                type = excluded.type, body = excluded.body, metadata = excluded.metadata,
                refs = excluded.refs;
        END IF;

        -- A task that runs again repeats its writes, and the first ones count; LangGraph's own
        -- writes (negative position) replace each other.
        IF jsonb_array_length(new->'writes') > 0 THEN
            INSERT INTO graphwright_checkpoint_writes AS w (
                thread, checkpoint_ns, checkpoint_id, task_id, idx, task_path, channel, type, value,
                refs
            )
            SELECT thread, checkpoint_ns, checkpoint_id, task_id, idx, task_path, channel, type,
                substr(data, at, size), substr(data, refs_at, refs_size)
            FROM jsonb_to_recordset(new->'writes') AS n (
                thread bigint, checkpoint_ns text, checkpoint_id text, task_id text, idx integer,
                task_path text, channel text, type text, at integer, size integer,
                refs_at integer, refs_size integer
            )
            WHERE thread = ANY (allowed)
            ON CONFLICT (thread, checkpoint_ns, checkpoint_id, task_id, idx) DO UPDATE SET
                task_path = excluded.task_path, channel = excluded.channel, type = excluded.type,
                value = excluded.value, refs = excluded.refs
            WHERE w.idx < 0;
        END IF;

        RETURN allowed;
    END $$
"""

# A thread that has no such checkpoint is a row without a `found_id`.
FIND = """
    CREATE FUNCTION graphwright_checkpoint_find_1(hash bytea, ns text, id text)
    RETURNS TABLE (
        key bigint, epoch bigint, found_id text, parent_id text, metadata text, body_type text,
        body bytea, refs bytea, tasks text[], channels text[], types text[], contents bytea[],
        content_refs bytea[]
    ) LANGUAGE plpgsql STABLE AS $$
    #variable_conflict use_column
    DECLARE
        shelf record;
        head record;
    BEGIN
        SELECT t.key, t.epoch INTO shelf
        FROM graphwright_checkpoint_threads t WHERE t.id_hash = hash;
        IF NOT FOUND THEN
            RETURN;
        END IF;
        IF id = '' THEN
            SELECT c.* INTO head FROM graphwright_checkpoints c
            WHERE c.thread = shelf.key AND c.checkpoint_ns = ns
            ORDER BY c.checkpoint_id DESC LIMIT 1;
        ELSE
            SELECT c.* INTO head FROM graphwright_checkpoints c
            WHERE c.thread = shelf.key AND c.checkpoint_ns = ns AND c.checkpoint_id = id;
        END IF;
        RETURN QUERY
        SELECT shelf.key, shelf.epoch, head.checkpoint_id, head.parent_checkpoint_id,
            head.metadata, head.type, head.body, head.refs, array_agg(w.task_id),
            array_agg(w.channel), array_agg(w.type), array_agg(w.value), array_agg(w.refs)
        FROM (
            SELECT * FROM graphwright_checkpoint_writes
            WHERE thread = shelf.key AND checkpoint_ns = ns AND checkpoint_id = head.checkpoint_id
            ORDER BY task_path, task_id, idx
        ) w;
    END $$
"""

MIGRATIONS = ((TABLES, DOOM, FIND), (INSERT,))
"""What each version of the schema adds to the one before. The first had an insert of its own."""


def open_database(conninfo: str, serde: SerializerProtocol) -> Codec:
    """Bring the database to this release, and return the codec that reads and writes it."""
    with psycopg.connect(conninfo, **OPTIONS) as link:
        _check_encoding(link)
        # Whoever may only read and write opens what another role has made.
        if _version(link) != VERSION:
            with link.transaction():
                link.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
                _migrate(link, _version(link))
        with link.transaction():
            return Codec(serde, _digest_key(link, serde))


def _check_encoding(link: psycopg.Connection) -> None:
    encoding = link.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise DatabaseUnavailable(
            f"its encoding is {encoding}, which cannot hold every text."
            " Make a database for the checkpoints: CREATE DATABASE … ENCODING 'UTF8'"
            " TEMPLATE template0."
        )


def _version(link: psycopg.Connection) -> int:
    """How many migrations the database has had."""
    # Not `to_regclass`: within a transaction that goes by what it knew before it had the lock.
    (tables,) = _row(
        link,
        "SELECT count(*) FROM pg_class"
        " WHERE relname = 'graphwright_checkpoint_schema' AND pg_table_is_visible(oid)",
    )
    if not tables:
        return 0
    (version,) = _row(link, "SELECT version FROM graphwright_checkpoint_schema")
    return cast(int, version)


def _migrate(link: psycopg.Connection, found: int) -> None:
    if found > VERSION:
        raise DatabaseTooNew(
            f"its checkpoints have schema {found} and this release knows up to {VERSION}."
            " Install the release of Graphwright that wrote it, or a newer one."
        )
    for statements in MIGRATIONS[found:]:
        for statement in statements:
            link.execute(statement.encode())
    if found == 0:
        link.execute("INSERT INTO graphwright_checkpoint_schema VALUES (0)")
    link.execute("UPDATE graphwright_checkpoint_schema SET version = %s", (VERSION,))


def _digest_key(link: psycopg.Connection, serde: SerializerProtocol) -> bytes:
    if (found := _stored_key(link)) is None:
        key = secrets.token_bytes(32)
        made = link.execute(
            "INSERT INTO graphwright_checkpoint_keys VALUES ('digest', %s, %s)"
            " ON CONFLICT DO NOTHING RETURNING name",
            serde.dumps_typed(key),
        )
        if made.fetchone():
            return key
        found = _stored_key(link) or ("", b"")  # another process was first
    try:
        return cast(bytes, serde.loads_typed(found))
    except Exception as error:
        raise ValueNotRead("digest key", f"{error} (stored as {found[0]!r})") from error


def _stored_key(link: psycopg.Connection) -> tuple[str, bytes] | None:
    cursor = link.execute(
        "SELECT type, value FROM graphwright_checkpoint_keys WHERE name = 'digest'"
    )
    return cursor.fetchone()


def _row(link: psycopg.Connection, statement: str) -> tuple[object, ...]:
    row = link.execute(statement.encode()).fetchone()
    return row or (None,)
