from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from pydantic import BaseModel, PrivateAttr

from graphwright_checkpoints import snapshots


def same(snapshot: Any, message: BaseModel) -> bool:
    return bool(snapshot == snapshots.view(message))


@pytest.mark.parametrize(
    "change",
    [
        lambda m: setattr(m, "content", "other"),
        lambda m: m.additional_kwargs.update(deep={"n": True}),
        lambda m: m.additional_kwargs["list"].append(1),
        lambda m: m.additional_kwargs["list"][0].update(a=1.0),
        lambda m: m.tool_calls.append({"name": "t", "args": {}, "id": "1"}),
        lambda m: setattr(m, "extra", "field"),
    ],
)
def test_any_change_in_place_is_seen(change: Any) -> None:
    message = AIMessage("text", additional_kwargs={"deep": {"n": 1}, "list": [{"a": 1}]})
    snapshot = snapshots.take(message)
    assert same(snapshot, message)
    change(message)
    assert not same(snapshot, message)


def test_numbers_that_are_equal_are_not_the_same() -> None:
    message = HumanMessage("text", additional_kwargs={"n": 1})
    snapshot = snapshots.take(message)
    message.additional_kwargs["n"] = True
    assert not same(snapshot, message)


def test_what_may_change_unseen_gets_no_snapshot() -> None:
    class Private(BaseModel):
        _hidden: int = PrivateAttr(default=0)

    for value in (Private(), {"set": {1}}, HumanMessage("x", additional_kwargs={"o": object()})):
        assert snapshots.attempt(value) is None


def test_thawed_containers_are_new() -> None:
    value = {"a": [1, {"b": "c"}], "t": (1.5, [2])}
    again = snapshots.thaw(snapshots.take(value))
    assert again == value
    again["a"][1]["b"] = "changed"
    assert value["a"] == [1, {"b": "c"}]
