"""What databases on the network have in common: reads and copies while others delete."""

from collections.abc import Callable
from typing import Any

import pytest
from langgraph.checkpoint.base import empty_checkpoint
from tests.checkpoints.stored_on_servers import SERVERS
from tests.checkpoints.test_database import config, put

from graphwright_checkpoints import ValueNotStored, open_checkpointer
from graphwright_checkpoints.networked.rows import MAX_ID

TEXT = "word " * 100
pytestmark = pytest.mark.parametrize("fresh", SERVERS, indirect=True)


def meanwhile(saver: Any, do: Callable[[], None]) -> None:
    """Let something happen once, between a checkpoint's look-up and its elements'."""
    server = saver._database._server
    elements = server.elements

    def late(*arguments: Any) -> Any:
        server.elements = elements
        do()
        return elements(*arguments)

    server.elements = late


def test_numbers_that_were_given_to_others_are_not_read(url: str) -> None:
    with open_checkpointer(url) as reader, open_checkpointer(url) as writer:
        old = put(writer, "t", text=f"old {TEXT}")

        def replace() -> None:
            writer.delete_thread("t")
            put(writer, "t", text=f"new {TEXT}")

        meanwhile(reader, replace)
        assert reader.get_tuple(old) is None
        meanwhile(reader, replace)
        found = reader.get_tuple(config("t"))
        assert found is not None
        assert found.checkpoint["channel_values"] == {"text": f"new {TEXT}"}


def test_a_copy_while_its_source_is_swept(url: str) -> None:
    with open_checkpointer(url) as saver, open_checkpointer(url) as other:
        for step in range(3):
            put(saver, "t", text=f"{step} {TEXT}")
        meanwhile(saver, lambda: other.prune(["t"]))
        saver.copy_thread("t", "u")
        found = saver.get_tuple(config("u"))
        assert found is not None
        assert found.checkpoint["channel_values"] == {"text": f"2 {TEXT}"}


def test_a_checkpoint_id_that_fits_no_key_is_refused(url: str) -> None:
    with open_checkpointer(url) as saver:
        with pytest.raises(ValueNotStored, match=r"'address' .*checkpoint id of 513 bytes"):
            saver.put(config("t"), {**empty_checkpoint(), "id": "x" * (MAX_ID + 1)}, {}, {})
        saver.put(config("t"), {**empty_checkpoint(), "id": "\N{ROCKET}" * (MAX_ID // 4)}, {}, {})
        found = saver.get_tuple(config("t"))
        assert found is not None
        assert len(found.checkpoint["id"]) == MAX_ID // 4
