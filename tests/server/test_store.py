"""The store, beside LangGraph's own in memory."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from langgraph.store.base import BaseStore, PutOp
from langgraph.store.memory import InMemoryStore

from graphwright.database import DEFAULT_TENANT, Database, database_at
from graphwright.errors import InvalidRequest
from graphwright.store import Store, TenantStores

ITEMS: list[tuple[tuple[str, ...], str, dict[str, Any]]] = [
    (("users", "ada"), "colour", {"name": "red", "rank": 1, "warm": True, "of": {"a": 1, "b": 2}}),
    (("users", "ada"), "shape", {"name": "disc", "rank": 2.5, "warm": False, "tags": ["x"]}),
    (("users", "ada", "old"), "colour", {"name": "blue", "rank": 3, "warm": None}),
    (("users", "adam"), "colour", {"name": "é\n%_", "rank": 4}),
    (("docs",), "50%_off", {"name": "it's", "rank": 5}),
]


@pytest.fixture
async def database(record_url: str) -> AsyncIterator[Database]:
    made = database_at(record_url)
    async with made.opened():
        yield made


@pytest.fixture
async def both(database: Database) -> list[BaseStore]:
    stores: list[BaseStore] = [TenantStores(database).of(DEFAULT_TENANT), InMemoryStore()]
    for store in stores:
        await store.abatch([PutOp(*item) for item in ITEMS])
    return stores


@pytest.fixture
def store(both: list[BaseStore]) -> BaseStore:
    return both[0]


@pytest.mark.parametrize(("namespace", "key", "value"), ITEMS)
async def test_get(store: BaseStore, namespace: Any, key: str, value: Any) -> None:
    found = await store.aget(namespace, key)
    assert found is not None
    assert (found.namespace, found.key, found.value) == (namespace, key, value)
    assert found.created_at == found.updated_at


async def test_get_what_is_not_there(store: BaseStore) -> None:
    assert await store.aget(("users",), "colour") is None
    assert await store.aget(("users", "ada"), "size") is None


async def test_put_again_replaces_the_value(store: BaseStore) -> None:
    before = await store.aget(("docs",), "50%_off")
    await store.aput(("docs",), "50%_off", {"new": 1})
    after = await store.aget(("docs",), "50%_off")
    assert before is not None
    assert after is not None
    assert after.value == {"new": 1}
    assert after.created_at == before.created_at < after.updated_at


async def test_delete(store: BaseStore) -> None:
    await store.adelete(("docs",), "50%_off")
    await store.adelete(("docs",), "never there")
    assert await store.aget(("docs",), "50%_off") is None


@pytest.mark.parametrize("prefix", [(), ("users",), ("users", "ada"), ("user",), ("users", "%")])
@pytest.mark.parametrize(
    "wanted",
    [
        None,
        {"name": "red"},
        {"name": "é\n%_"},
        {"name": "it's"},
        {"rank": 1},
        {"rank": 2.5},
        {"warm": True},
        {"warm": False},
        {"warm": None},
        {"of": {"a": 1}},
        {"of": {"a": 2}},
        {"tags": ["x"]},
        {"rank": {"$gt": 2}},
        {"rank": {"$gte": 2.5, "$lt": 4}},
        {"rank": {"$lte": 1}},
        {"name": {"$eq": "blue"}},
        {"name": {"$ne": "red"}},
        {"warm": {"$ne": True}},
        {"tags": {"$eq": ["x"]}},
        {"name": "red", "rank": 2},
        {"missing": 1},
    ],
)
async def test_search_as_in_memory(both: list[BaseStore], prefix: Any, wanted: Any) -> None:
    ours, theirs = [
        {(item.namespace, item.key) for item in await store.asearch(prefix, filter=wanted)}
        for store in both
    ]
    assert ours == theirs


async def test_search_in_pages(store: BaseStore) -> None:
    pages = [await store.asearch((), limit=2, offset=offset) for offset in (0, 2, 4)]
    assert [len(page) for page in pages] == [2, 2, 1]
    assert len({(item.namespace, item.key) for page in pages for item in page}) == 5


async def test_search_by_an_unknown_operator(store: BaseStore) -> None:
    with pytest.raises(InvalidRequest, match=r"filter.rank: no operator '\$near'"):
        await store.asearch((), filter={"rank": {"$near": 1}})


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"prefix": ("users",)},
        {"prefix": ("*", "ada")},
        {"suffix": ("old",)},
        {"max_depth": 1},
        {"max_depth": 2, "prefix": ("users",)},
        {"limit": 2, "offset": 1},
    ],
)
async def test_namespaces_as_in_memory(both: list[BaseStore], asked: Any) -> None:
    ours, theirs = [await store.alist_namespaces(**asked) for store in both]
    assert ours == theirs


async def test_from_another_thread(store: BaseStore) -> None:
    await asyncio.to_thread(store.put, ("sync",), "k", {"by": "a thread"})
    found = await asyncio.to_thread(store.get, ("sync",), "k")
    assert found is not None
    assert found.value == {"by": "a thread"}


async def test_from_the_loop_itself(store: BaseStore) -> None:
    with pytest.raises(RuntimeError, match="use its async methods: aget"):
        store.get(("users", "ada"), "colour")


async def test_tenants_have_stores_of_their_own(database: Database) -> None:
    one, two = Store(database, "one"), Store(database, "two")
    await one.aput(("a",), "k", {"of": 1})
    assert await two.aget(("a",), "k") is None
    assert await two.alist_namespaces() == []
