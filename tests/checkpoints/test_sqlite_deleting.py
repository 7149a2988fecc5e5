"""What happens on SQLite while something is deleted."""

from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import RemoveMessage
from langgraph.graph.message import REMOVE_ALL_MESSAGES
from tests.checkpoints.stored import StoredInSqlite
from tests.checkpoints.test_retention import chat, config, talk

from graphwright_checkpoints import open_checkpointer
from graphwright_checkpoints.sqlite import deleting


@pytest.mark.parametrize("step", ["_hide", "_delete_elements"])
def test_what_comes_during_a_sweep_keeps_what_it_refers_to(
    tmp_path: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = StoredInSqlite(f"sqlite:///{tmp_path}/c.db")
    url = stored.url
    do = getattr(deleting, step)
    with open_checkpointer(url) as one, open_checkpointer(url) as two:
        graph, other = talk(one, "t"), chat(two)
        said = other.get_state(config()).values["messages"]
        removed = [RemoveMessage(REMOVE_ALL_MESSAGES)]
        graph.update_state(config(), {"messages": removed}, as_node="a")
        came = False

        def interposed(transaction: Any, *arguments: Any, **named: Any) -> Any:
            nonlocal came
            if not came:
                # In the midst of the sweep, and before this step: what is doomed is said again.
                came = True
                transaction.link.execute("COMMIT")
                other.update_state(config(), {"messages": said}, as_node="a")
                transaction.link.execute("BEGIN IMMEDIATE")
            return do(transaction, *arguments, **named)

        monkeypatch.setattr(deleting, step, interposed)
        one.prune(["t"])
        assert came
    with open_checkpointer(url) as saver:
        assert chat(saver).get_state(config()).values["messages"] == said
    assert stored.elements() >= stored.referred()
