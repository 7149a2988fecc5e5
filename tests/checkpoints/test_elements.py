import gc

from langchain_core.messages import AIMessage, HumanMessage

from graphwright_checkpoints import elements, snapshots
from graphwright_checkpoints.elements import Element, Memory, Shelf
from graphwright_checkpoints.templates import Template, Templates

SHELF = Shelf("t", 1, 1)


def remember(memory: Memory, value: object, number: int = 0, size: int = 1) -> Element:
    element = Element.stored(SHELF, number)
    memory.remember(value, snapshots.take(value), element, size)
    return element


def test_an_object_is_recognised_until_it_changes() -> None:
    memory, message = Memory(), HumanMessage("hi")
    element = remember(memory, message)
    assert memory.recall(message) is element
    assert memory.recall(HumanMessage("hi")) is None
    message.content = "ho"
    assert memory.recall(message) is None


def test_dead_models_are_forgotten() -> None:
    memory = Memory()
    for number in range(3 * elements.CROWD):
        remember(memory, HumanMessage(str(number)))
    gc.collect()
    assert len(memory._models) <= elements.CROWD + 1


def test_other_values_are_held_up_to_a_limit() -> None:
    memory = Memory()
    values = [["x" * 1000, number] for number in range(20)]
    for value in values:
        remember(memory, value, size=elements.STRONG_LIMIT // 10)
    assert memory.recall(values[0]) is None
    assert memory.recall(values[-1]) is not None
    values[-1].append("more")
    assert memory.recall(values[-1]) is None


def test_readers_get_copies_of_their_own() -> None:
    message = HumanMessage("hi", id="1", additional_kwargs={"a": [1]}, extra={"b": 1})
    template = Template(message, snapshots.take(message), Element.stored(SHELF, 0), 10)
    first = template.copy()
    assert first == message
    assert first.model_fields_set == message.model_fields_set
    first.additional_kwargs["a"].append(2)
    first.extra["b"] = 2
    first.name = "changed"
    second = template.copy()
    assert second == message
    assert second.model_fields_set == message.model_fields_set


def test_copies_share_nothing_that_is_empty_either() -> None:
    message = AIMessage("hi")
    template = Template(message, snapshots.take(message), Element.stored(SHELF, 0), 10)
    for name, value in vars(template.copy()).items():
        if isinstance(value, dict | list):
            assert value is not getattr(template.copy(), name)
            assert value is not getattr(message, name)
    assert template.copy().model_extra is not template.copy().model_extra


def test_templates_make_room() -> None:
    templates = Templates()
    for number in range(5):
        template = Template("x", "x", Element.stored(SHELF, number), 7_000_000)
        templates.keep(SHELF, number, template)
    assert templates.find(SHELF, 0) is None
    assert templates.find(SHELF, 4) is not None
    assert templates.find(SHELF._replace(epoch=2), 4) is None
