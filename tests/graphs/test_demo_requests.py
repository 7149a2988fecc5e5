"""Many ways to ask, and the tool calls or answers that the demo model gives."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import BaseTool, tool

from graphwright_graphs.demo import DemoChatModel
from graphwright_graphs.demo.arithmetic import expression
from graphwright_graphs.demo.conversation import DISCLAIMER


@tool
def calculator(expression: str) -> str:
    """Work out an expression."""
    return expression


@tool
def clock(timezone: str = "UTC") -> str:
    """Tell the time."""
    return timezone


@tool
def save_note(text: str) -> str:
    """Save a note."""
    return text


@tool
def list_notes() -> str:
    """List the notes."""
    return ""


@tool
def delete_note(number: int) -> str:
    """Delete a note."""
    return str(number)


@tool
def search(query: str) -> str:
    """Search the documents."""
    return query


@tool
def weather(city: str) -> str:
    """Current weather for a city."""
    return city


@tool
def send_email(to: str, subject: str, body: str) -> str:
    """Send an email to a person."""
    return to


@tool
def refund(order: str, amount: float) -> str:
    """Refund a customer's order."""
    return order


@tool
def multiply(a: int, b: int) -> int:
    """Multiply two integers."""
    return a * b


@tool
def convert(amount: float, source: str, target: str) -> str:
    """Convert an amount from one unit to another."""
    return f"{amount} {source} {target}"


SHIPPED: list[BaseTool] = [calculator, clock, save_note, list_notes, delete_note, search]
OWN: list[BaseTool] = [weather, send_email, refund, multiply, convert]

Said = str | BaseMessage


def ask(*said: Said, tools: list[BaseTool] | None = None, **options: object) -> AIMessage:
    messages = [HumanMessage(each) if isinstance(each, str) else each for each in said]
    bound = DemoChatModel().bind_tools(SHIPPED if tools is None else tools, **options)
    return bound.invoke(messages)


def calls(*said: Said, tools: list[BaseTool] | None = None, **options: object) -> list[object]:
    answer = ask(*said, tools=tools, **options)
    return [(call["name"], *call["args"].values()) for call in answer.tool_calls]


SUMS = {
    "What is 12 times 12?": "12 * 12",
    "add 5 and 9": "5 + 9",
    "(3+4)*5": "(3 + 4) * 5",
    "15% of 80": "80 * 15 / 100",
    "square root of 2": "sqrt(2)",
    "seven plus eight": "7 + 8",
    "half of 90": "90 / 2",
    "2 to the power of 10": "2 ** 10",
    "what's twenty-three minus 4?": "23 - 4",
    "What's one hundred and five times two thousand?": "105 * 2000",
    "sum of 3, 4 and 5": "3 + 4 + 5",
    "the average of 3, 4 and 5": "(3 + 4 + 5) / 3",
    "12 x 12 =": "12 * 12",
    "what is 3^2": "3 ** 2",
    "How much is 1,000 / 8?": "1000 / 8",
    "subtract 4 from 10": "10 - 4",
    "20% off 50": "50 * (100 - 20) / 100",
    "three point five times 2": "3.5 * 2",
    "10 squared": "10 ** 2",
    "Can you please tell me what 3 plus 4 is?": "3 + 4",
    "What is 12*7 in euros?": "12 * 7",
}


@pytest.mark.parametrize("text", SUMS)
def test_sums(text: str) -> None:
    assert calls(text) == [("calculator", SUMS[text])]


@pytest.mark.parametrize(
    "text",
    ["3", "what is 7", "2026-11-22", "what is a checkpoint?", "5 (3)", "2 * (3 + 4 ))", "((((("],
)
def test_what_is_no_sum(text: str) -> None:
    assert expression(text) is None


REQUESTS: dict[str, list[object]] = {
    "what time is it?": [("clock",)],
    "time?": [("clock",)],
    "what day is it?": [("clock",)],
    "what time is it in Tokyo?": [("clock", "Asia/Tokyo")],
    "What's the time in New York and in Berlin?": [
        ("clock", "America/New_York"),
        ("clock", "Europe/Berlin"),
    ],
    "what day is it in 3 weeks?": [("clock",)],
    "how many days until Christmas?": [("clock",)],
    "remember that the meeting is at 5 and that Bob comes": [
        ("save_note", "the meeting is at 5 and that Bob comes")
    ],
    "note: buy milk and call Bob": [("save_note", "buy milk and call Bob")],
    "don't forget: milk": [("save_note", "milk")],
    "add milk to my notes": [("save_note", "milk")],
    "what did I note?": [("list_notes",)],
    "list my notes": [("list_notes",)],
    "What do I owe Ada?": [("list_notes",)],
    "how much do I still owe Ada?": [("list_notes",)],
    "delete note 2": [("delete_note", 2)],
    "please remove the second note": [("delete_note", 2)],
    "search for checkpoints": [("search", "checkpoints")],
    "what is a checkpoint?": [("search", "checkpoint")],
    "how do I resume a run?": [("search", "resume a run")],
    "tell me about streaming": [("search", "streaming")],
    "What is 12*7, what time is it and note that I owe Ada 5 euros": [
        ("calculator", "12 * 7"),
        ("clock",),
        ("save_note", "I owe Ada 5 euros"),
    ],
    "add 5 and 9 and what time is it": [("calculator", "5 + 9"), ("clock",)],
    "What is 3 plus 4 and 5 times 6?": [("calculator", "3 + 4"), ("calculator", "5 * 6")],
    "1. compute 2+2\n2. tell me the time": [("calculator", "2 + 2"), ("clock",)],
    "Hi, what is 2+2?": [("calculator", "2 + 2")],
    "what is the current date and time": [("clock",)],
}


@pytest.mark.parametrize("text", REQUESTS)
def test_requests(text: str) -> None:
    assert calls(text) == REQUESTS[text]


OTHERS: dict[str, list[object]] = {
    "What's the weather in Paris?": [("weather", "Paris")],
    "what is 6 times 7": [("multiply", 6, 7)],
    "send an email to bob@example.com about lunch saying see you at noon": [
        ("send_email", "bob@example.com", "lunch", "see you at noon")
    ],
    "refund 20 euros for order A-881": [("refund", "A-881", 20)],
    "Convert 3 miles to km": [("convert", 3, "miles", "km")],
    "convert 10 stone into kg please": [("convert", 10, "stone", "kg")],
    "Write a poem about the sea": [],
}


@pytest.mark.parametrize("text", OTHERS)
def test_tools_of_ones_own(text: str) -> None:
    assert calls(text, tools=OWN) == OTHERS[text]


def test_a_tool_of_ones_own_beside_the_shipped_ones() -> None:
    asked = "What's the weather in Paris and what's 2+2?"
    expected = [("weather", "Paris"), ("calculator", "2 + 2")]
    assert calls(asked, tools=[*SHIPPED, weather]) == expected


def test_what_a_tool_lacks_is_asked_for_and_taken_from_the_reply() -> None:
    question = ask("refund order A-881", tools=OWN)
    assert not question.tool_calls
    assert "amount" in question.text
    reply = calls("refund order A-881", question, "20 euros", tools=OWN)
    assert reply == [("refund", "A-881", 20)]


def test_another_request_is_no_reply_to_that_question() -> None:
    question = ask("refund order A-881", tools=OWN)
    assert calls("refund order A-881", question, "Write 20 poems", tools=OWN) == []


def test_a_call_that_needs_a_result_waits_for_it() -> None:
    request = HumanMessage("Calculate 12*12, then note the result")
    first = ask(request)
    assert [call["name"] for call in first.tool_calls] == ["calculator"]
    result = ToolMessage("144", tool_call_id=first.tool_calls[0]["id"])
    assert calls(request, first, result) == [("save_note", "12 * 12 = 144")]


def test_a_sum_goes_on_from_the_last_result() -> None:
    earlier = [HumanMessage("12*12"), AIMessage("12 * 12 = 144.")]
    assert calls(*earlier, "divide it by 3") == [("calculator", "144 / 3")]


def test_another_place_for_the_same_question() -> None:
    earlier = [HumanMessage("What time is it in Berlin?"), AIMessage("It is late.")]
    assert calls(*earlier, "and in Tokyo?") == [("clock", "Asia/Tokyo")]


def test_all_results_of_a_turn_are_told_with_failures() -> None:
    request = HumanMessage("What is 1/0, what time is it and note that I owe Ada 5 euros")
    asked = ask(request)
    ids = [call["id"] for call in asked.tool_calls]
    results = [
        ToolMessage("Noted.", tool_call_id=ids[2]),
        ToolMessage("division by zero", tool_call_id=ids[0], status="error"),
        ToolMessage("Sunday, 2026-11-22 21:47:31 UTC", tool_call_id=ids[1]),
    ]
    assert ask(request, asked, *results).text.startswith(
        "`calculator` failed: division by zero. It is Sunday, 2026-11-22 21:47:31 UTC. "
        "I noted: “I owe Ada 5 euros”."
    )


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("Answer with the word OK.", "OK"),
        ("Reply with only: pong", "pong"),
        ("say “cheese”!", "cheese"),
        ("Answer my question", "I can't help with “Answer my question”"),
    ],
)
def test_one_word_is_said_as_asked(asked: str, told: str) -> None:
    assert ask(asked).text.split("\n")[0].split(":")[0] == told


def test_a_search_in_vain_is_told_as_it_is() -> None:
    call = ask("search for unicorns")
    vain = "Nothing was found for 'unicorns'. The documents are:\n- a.md: A"
    result = ToolMessage(vain, tool_call_id=call.tool_calls[0]["id"])
    assert ask("search for unicorns", call, result).text.startswith(vain)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("what day is it in 3 weeks?", "That will be Sunday, 2026-12-13."),
        ("what date was it 2 days ago?", "That was Friday, 2026-11-20."),
        ("how many days until Christmas?", "It is 33 days until Friday, 2026-12-25."),
        ("how many days until 2026-11-23?", "It is 1 day until Monday, 2026-11-23."),
    ],
)
def test_other_days_are_counted_from_the_clock(asked: str, told: str) -> None:
    call = ask(asked)
    now = ToolMessage("Sunday, 2026-11-22 21:47:31 UTC", tool_call_id=call.tool_calls[0]["id"])
    assert ask(asked, call, now).text.startswith(told)


def test_a_call_that_a_person_edited_is_not_made_again() -> None:
    request = HumanMessage("What is 12*12?")
    asked = ask(request)
    edited = asked.tool_calls[0] | {"args": {"expression": "13 * 13"}}
    changed = asked.model_copy(update={"tool_calls": [edited]})
    answer = ask(request, changed, ToolMessage("169", tool_call_id=edited["id"]))
    assert not answer.tool_calls
    assert answer.text.startswith("13 * 13 = 169.")


def test_calls_of_another_model_in_the_same_turn_count() -> None:
    call = {"name": "calculator", "args": {"expression": "12*12"}, "id": "call_x"}
    asked = AIMessage("", tool_calls=[call])
    answer = ask("What is 12*12?", asked, ToolMessage("144", tool_call_id="call_x"))
    assert answer.text.startswith("12*12 = 144.")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (["Hello"], "Hello!"),
        (["thanks!"], "You're welcome."),
        (["who are you?"], "I'm the demo model"),
        (["What can you do?"], "I can\n- work out sums"),
        (["My name is Ada"], "Nice to meet you, Ada."),
        (["My name is Ada", AIMessage("Hi."), "What is my name?"], "Your name is Ada."),
        (["I'm Ada", AIMessage("Hi."), "who am I?"], "Your name is Ada."),
        (["What is my name?"], "You haven't told me your name"),
        (
            ["my favourite colour is blue", AIMessage("Fine."), "what's my favourite colour?"],
            "Your favourite colour is blue.",
        ),
        (
            ["12*12", AIMessage("144"), "what did I just ask?"],
            "Just before this you wrote: “12*12”",
        ),
        (["what did I just ask?"], "This is the first message"),
        (["what time is it in Atlantis?"], "I don't know the time zone"),
        (["delete a note"], "Which note should go?"),
        (["note it"], "There is no result to note yet."),
        (["Write a poem about the sea"], "I can't help with “Write a poem about the sea”"),
    ],
)
def test_words(said: list[Said], told: str) -> None:
    answer = ask(*said)
    assert not answer.tool_calls
    assert answer.text.startswith(told)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (["Translate good morning into French"], "Bonjour"),
        (["Translate into German: good morning and thank you"], "Guten Morgen, Danke"),
        (["Translate the following text into Spanish: thank you very much"], "Muchas gracias"),
        (["how do you say thank you in Portuguese?"], "Obrigado"),
        ([SystemMessage("You translate to Italian."), "See you soon!"], "A presto"),
        ([SystemMessage("Translate what the user says into french."), "Merci"], "Merci"),
        (["Translate the constitution into French"], "I can't translate “the constitution”"),
        (["Translate hello into Klingon"], "I can't translate “hello” into Klingon"),
    ],
)
def test_translations(said: list[Said], told: str) -> None:
    assert ask(*said).text.startswith(told)


def test_without_a_tool_nothing_is_invented() -> None:
    answer = DemoChatModel().invoke("What is 12*12, what time is it and note that I am late")
    assert "144" not in answer.text
    for lacking in ("no calculator", "no clock", "is not saved"):
        assert lacking in answer.text


def test_it_says_once_that_it_is_a_demo_and_always_in_metadata() -> None:
    first = ask("hello")
    second = ask("hello", first, "thanks!")
    assert DISCLAIMER in first.text
    assert DISCLAIMER not in second.text
    for answer in (first, second, ask("What is 2+2?")):
        assert answer.response_metadata["demo"] is True
        assert answer.response_metadata["model_name"] == "demo"
        assert answer.response_metadata["model_provider"] == "graphwright"
        assert answer.usage_metadata is None


def test_pictures_are_not_pretended_to_be_seen() -> None:
    picture = {"type": "image", "url": "https://example.org/cat.png"}
    message = HumanMessage([{"type": "text", "text": "What is this?"}, picture])
    assert "I can read text only" in ask(message, tools=[]).text


@given(st.lists(st.text(max_size=200), min_size=1, max_size=4))
@settings(max_examples=150, deadline=None)
def test_any_text_gets_an_answer(said: list[str]) -> None:
    messages = [HumanMessage(text) for text in said]
    answer = ask(*messages, tools=[*SHIPPED, *OWN])
    assert answer.tool_calls or answer.text


WORDS = st.sampled_from(
    re.findall(
        r"\S+|\n",
        "what is time in and then note that the result 12 * ( ) + plus my name Ada translate into "
        "French delete days until Christmas send email refund order weather , ; ? . \n - : "
        "Goal: Done: Left:",
    )
)


@given(st.lists(WORDS, max_size=25).map(" ".join))
@settings(max_examples=250, deadline=None)
def test_any_mix_of_the_words_it_knows_gets_an_answer(said: str) -> None:
    first = ask(said, tools=[*SHIPPED, *OWN])
    results = [ToolMessage("7", tool_call_id=call["id"]) for call in first.tool_calls]
    second = ask(said, first, *results, tools=[*SHIPPED, *OWN])
    assert second.tool_calls or second.text
