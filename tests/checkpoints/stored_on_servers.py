"""Fresh databases on servers: MariaDB and Redis of this machine, where found; Firestore's emulator;
and litemongo, which stands in for MongoDB.
"""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from unittest import mock
from uuid import uuid4

import litemongo.client
import ormsgpack
import pymongo
import pymysql
import pytest
import redis
from google.cloud import firestore
from pymysql.cursors import DictCursor
from tests.checkpoints.stored import TABLES, Row, Stored

from graphwright_checkpoints.mongodb.server import DELETED
from graphwright_checkpoints.networked.rows import CheckpointRow, WriteRow
from graphwright_checkpoints.numbering import NewElement

MYSQL: dict[str, Any] = {"host": "127.0.0.1", "port": 3306, "user": "root"}
REDIS = "redis://127.0.0.1:6379/0"
COLLECTIONS = [f"graphwright_{table}" for table in (*TABLES, "keys", "doomed_blobs")]


class StoredInMysql(Stored):
    batches = ("graphwright_checkpoints.mysql.server.BATCH",)
    kills = 0.5

    def __init__(self, url: str, link: Any) -> None:
        super().__init__(url)
        self._link = link

    def rows(self, table: str) -> list[Row]:
        if table == "doomed_blobs":
            return self._execute("SELECT name FROM graphwright_blobs WHERE thread IS NULL")
        where = "WHERE name = 'digest'" if table == "keys" else ""
        return self._execute(f"SELECT * FROM graphwright_{table} {where}")

    def interrupt_deletion(self) -> None:
        self._execute("UPDATE graphwright_threads SET digest = NULL")

    def _execute(self, statement: str) -> list[Row]:
        with self._link.cursor(DictCursor) as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall())


class StoredInRedis(Stored):
    batches = ("graphwright_checkpoints.networked.database.BATCH",)
    kills = 0.5

    def __init__(self, url: str, client: Any, prefix: str) -> None:
        super().__init__(url)
        self._client = client
        self._prefix = prefix

    def names(self, part: str = "") -> list[str]:
        found = self._client.scan_iter(f"{self._prefix}:*{part}", count=1000)
        return sorted(name.decode() for name in found)

    def rows(self, table: str) -> list[Row]:
        if table == "keys":
            type_, _ = ormsgpack.unpackb(self._client.hget(f"{self._prefix}:keys", "digest"))
            return [{"type": type_}]
        if table == "threads":
            return [{"thread": name} for name in self.names(":thread")]
        if table == "doomed_blobs":
            sets = [self._client.smembers(name) for name in self.names(":doomed")]
            return [{"name": name} for names in sets for name in names]
        part = {"checkpoints": "rows"}.get(table, table)
        return [
            self._row(table, field, packed) | {"thread": name.rpartition(":")[0]}
            for name in self.names(f":{part}")
            for field, packed in self._client.hgetall(name).items()
        ]

    def _row(self, table: str, field: bytes, packed: bytes) -> Row:
        row = ormsgpack.unpackb(packed)
        if table == "elements":
            return NewElement(int(field), *row)._asdict()
        return (CheckpointRow if table == "checkpoints" else WriteRow)(*row)._asdict()

    def interrupt_deletion(self) -> None:
        """The first step deletes all but the notes of where runs have written."""
        for name in self.names():
            if "{" in name:
                self._client.delete(name)


class StoredInMongo(Stored):
    batches = ("graphwright_checkpoints.networked.database.BATCH",)

    def __init__(self, url: str, database: Any) -> None:
        super().__init__(url)
        self._database = database

    def rows(self, table: str) -> list[Row]:
        found = self._database[f"graphwright_{table}"].find()
        if table == "keys":
            return [row for row in found if row["_id"] == "digest"]
        return [{**row, "thread": str(row["_id"]).partition("/")[0]} for row in found]

    def interrupt_deletion(self) -> None:
        threads = self._database["graphwright_threads"]
        for thread in list(threads.find()):
            name = f"{DELETED}{thread['_id']}"
            threads.update_one({"_id": thread["_id"]}, {"$set": {"thread": name}})


class StoredInFirestore(Stored):
    batches = ("graphwright_checkpoints.firestore.collections.DELETED",)
    kills = 0.25

    def __init__(self, url: str, client: Any) -> None:
        super().__init__(url)
        self._client = client

    def rows(self, table: str) -> list[Row]:
        collection = self._client.collection(f"graphwright_{table}")
        if table == "keys":
            return [collection.document("digest").get().to_dict()]
        found = [snapshot.to_dict() for snapshot in collection.stream()]
        return [{**row, "thread": row.get("place", "").partition("/")[0]} for row in found]

    def interrupt_deletion(self) -> None:
        for snapshot in list(self._client.collection("graphwright_threads").stream()):
            key = snapshot.to_dict()["key"]
            self._client.collection("graphwright_deleted").document(key).set({})
            snapshot.reference.delete()


@contextmanager
def mysql(request: pytest.FixtureRequest) -> Iterator[Stored]:
    try:
        link: Any = pymysql.connect(**MYSQL, autocommit=True)
    except pymysql.Error as error:
        pytest.skip(f"no MariaDB or MySQL for tests at 127.0.0.1:3306: {error}")
    name = f"graphwright_test_{uuid4().hex}"
    try:
        link.cursor().execute(f"CREATE DATABASE {name}")
        link.select_db(name)
        yield StoredInMysql(f"mysql://root@127.0.0.1:3306/{name}", link)
    finally:
        link.cursor().execute(f"DROP DATABASE IF EXISTS {name}")
        link.close()


@contextmanager
def plain_redis(request: pytest.FixtureRequest) -> Iterator[Stored]:
    client = redis.Redis.from_url(REDIS)
    prefix = f"graphwright-test-{uuid4().hex}"
    stored = StoredInRedis(f"{REDIS}?prefix={prefix}", client, prefix)
    try:
        client.ping()
    except redis.RedisError as error:
        client.close()
        pytest.skip(f"no Redis for tests at 127.0.0.1:6379: {error}")
    try:
        yield stored
    finally:
        for name in stored.names():
            client.delete(name)
        client.close()


class OneAtATime:
    """A collection or a cursor of litemongo, whose calls are not atomic as MongoDB's are."""

    lock = threading.RLock()

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: Any, **options: Any) -> Any:
            with self.lock:
                answer = getattr(self._inner, name)(*arguments, **options)
            return OneAtATime(answer) if name in ("find", "sort", "limit") else answer

        return call

    def __iter__(self) -> Iterator[Any]:
        with self.lock:
            return iter(list(self._inner))


class Litemongo(litemongo.client.MongoClient):
    """Stands in for pymongo's client, on data in memory that stays when it is closed."""

    def __init__(self, url: str, **options: Any) -> None:
        name = url.rpartition("/")[2]
        super().__init__(litemongo.client.create_store(f"file:///{name}?engine=memory"), name)

    def get_default_database(self, name: str | None = None) -> Any:
        database = super().get_default_database(name)
        return {each: OneAtATime(database[each]) for each in COLLECTIONS}

    def close(self) -> None:
        """Litemongo's own would end with an error here."""


@contextmanager
def mongodb(request: pytest.FixtureRequest) -> Iterator[Stored]:
    url = f"mongodb://127.0.0.1/test_{uuid4().hex}"
    with mock.patch.object(pymongo, "MongoClient", Litemongo):
        yield StoredInMongo(url, Litemongo(url).get_default_database())


@contextmanager
def firestore_emulator(request: pytest.FixtureRequest) -> Iterator[Stored]:
    address: str = request.getfixturevalue("firestore_emulator")
    project = f"test-{uuid4().hex}"
    with mock.patch.dict(os.environ, FIRESTORE_EMULATOR_HOST=address):
        client = firestore.Client(project=project)
        try:
            yield StoredInFirestore(f"firestore://{project}", client)
        finally:
            client.close()


SERVERS: dict[str, Callable[[pytest.FixtureRequest], AbstractContextManager[Stored]]] = {
    "mysql": mysql,
    "redis": plain_redis,
    "mongodb": mongodb,
    "firestore": firestore_emulator,
}
