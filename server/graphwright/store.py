"""The store: what graphs remember across threads, kept in the record.

A graph sees LangGraph's `BaseStore`. Values are JSON objects; there is no vector index yet, so a
search's `query` is not used.
"""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import Any

from langgraph.store.base import (
    BaseStore,
    GetOp,
    ListNamespacesOp,
    MatchCondition,
    Op,
    PutOp,
    Result,
    SearchItem,
    SearchOp,
)

from graphwright.database import Connection, Database
from graphwright.database import items as rows


class TenantStores:
    """The store of each tenant."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, tenant: str) -> "Store":
        """The store that a tenant's graphs use."""
        return Store(self._database, tenant)


class Store(BaseStore):
    """One tenant's items. Use it from the event loop by its `a…` methods, from other threads by the
    plain ones.
    """

    def __init__(self, database: Database, tenant: str) -> None:
        self._database = database
        self._tenant = tenant
        self._loop = asyncio.get_running_loop()

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """Do several operations from a thread that is not the event loop's, such as a sync node's
        or tool's.
        """
        try:
            running = asyncio.get_running_loop()
        except RuntimeError:
            running = None
        if running is self._loop:
            raise RuntimeError(
                "The store was called synchronously on the event loop. "
                "In async code use its async methods: aget, aput, asearch, adelete."
            )
        return asyncio.run_coroutine_threadsafe(self.abatch(ops), self._loop).result()

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """Do several operations, in order, as one transaction."""
        listed = list(ops)
        async with self._transaction(listed) as connection:
            return [await self._do(connection, op) for op in listed]

    def _transaction(self, ops: Sequence[Op]) -> AbstractAsyncContextManager[Connection]:
        writes = sum(isinstance(op, PutOp) for op in ops)
        if not writes:
            return self._database.connect()
        # Two that write the same items in another order would wait for each other.
        return self._database.begin(lock=f"store {self._tenant}" if writes > 1 else None)

    async def _do(self, connection: Connection, op: Op) -> Result:
        if isinstance(op, GetOp):
            return await rows.get(connection, self._tenant, op.namespace, op.key)
        if isinstance(op, PutOp):
            await self._put(connection, op)
            return None
        if isinstance(op, SearchOp):
            return await self._search(connection, op)
        return _listed(await rows.namespaces(connection, self._tenant), op)

    async def _put(self, connection: Connection, op: PutOp) -> None:
        if op.value is None:
            await rows.delete(connection, self._tenant, op.namespace, op.key)
        else:
            now = datetime.now(UTC)
            await rows.put(connection, self._tenant, op.namespace, op.key, op.value, now)

    async def _search(self, connection: Connection, op: SearchOp) -> list[SearchItem]:
        found = await rows.search(
            connection,
            self._tenant,
            op.namespace_prefix,
            op.filter or {},
            limit=op.limit,
            offset=op.offset,
        )
        return [
            SearchItem(
                namespace=item.namespace,
                key=item.key,
                value=item.value,
                created_at=item.created_at,
                updated_at=item.updated_at,
            )
            for item in found
        ]


def _listed(namespaces: Sequence[tuple[str, ...]], op: ListNamespacesOp) -> list[tuple[str, ...]]:
    matching = [n for n in namespaces if all(_matches(n, c) for c in op.match_conditions or ())]
    cut = dict.fromkeys(namespace[: op.max_depth] for namespace in matching)
    return list(cut)[op.offset : op.offset + op.limit]


def _matches(namespace: tuple[str, ...], condition: MatchCondition) -> bool:
    path: tuple[Any, ...] = tuple(condition.path)
    if len(path) > len(namespace):
        return False
    part = namespace[: len(path)] if condition.match_type == "prefix" else namespace[-len(path) :]
    return all(wanted in ("*", found) for wanted, found in zip(path, part, strict=True))
