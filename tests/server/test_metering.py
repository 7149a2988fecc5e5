"""The meter: what it makes of the callbacks of models."""

from typing import Any
from uuid import UUID, uuid4

import httpx
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, LLMResult

from graphwright.metering import Meter
from graphwright.prices import Price, Prices
from graphwright_graphs.demo import DemoChatModel


def begin(meter: Meter, provider: str = "openai", model: str = "a", node: str = "chat") -> UUID:
    run_id = uuid4()
    about = {"ls_provider": provider, "ls_model_name": model, "langgraph_node": node}
    meter.on_chat_model_start({}, [[]], run_id=run_id, metadata=about)
    return run_id


def said(**usage: Any) -> LLMResult:
    whole = {"total_tokens": usage.get("input_tokens", 0) + usage.get("output_tokens", 0), **usage}
    message = AIMessage("x", usage_metadata=whole if usage else None)  # type: ignore[arg-type]
    return LLMResult(generations=[[ChatGeneration(message=message)]])


def test_calls_are_summed_by_node_and_model() -> None:
    meter = Meter(Prices({"openai:a": Price(input=1, output=2)}))
    for node in ("chat", "chat", "plan"):
        call = begin(meter, node=node)
        details = {"cache_read": 4, "cache_creation": 0, "ephemeral_5m_input_tokens": 2}
        meter.on_llm_end(
            said(
                input_tokens=10,
                output_tokens=5,
                input_token_details=details,
                output_token_details={"reasoning": 3},
            ),
            run_id=call,
        )
    chat, plan = meter.uses()

    assert (chat.node, chat.model, chat.calls, plan.calls) == ("chat", "openai:a", 2, 1)
    assert vars(chat.tokens) == {
        "input": 20, "output": 10, "cache_read": 8, "cache_write": 4, "reasoning": 6,
    }  # fmt: skip
    assert chat.cost == (20 + 20) / 1e6


def test_providers_have_the_names_that_documents_give_them() -> None:
    meter = Meter()
    for provider in ("azure", "amazon_bedrock", "mistral", "groq"):
        meter.on_llm_end(said(input_tokens=1, output_tokens=1), run_id=begin(meter, provider))
    names = [use.model for use in meter.uses()]
    assert names == ["azure_openai:a", "bedrock_converse:a", "mistralai:a", "groq:a"]
    assert all(use.cost is None for use in meter.uses())


def test_a_call_that_never_said_what_it_used_is_counted_as_such() -> None:
    meter = Meter()
    meter.on_llm_end(said(), run_id=begin(meter))  # its server tells no usage
    meter.on_llm_error(RuntimeError("cut"), run_id=begin(meter), response=said())
    response = httpx.Response(429, request=httpx.Request("POST", "http://model"))
    refused = httpx.HTTPStatusError("no", request=response.request, response=response)
    meter.on_llm_error(refused, run_id=begin(meter), response=said())
    begin(meter)  # cancelled: nobody tells of its end
    (use,) = meter.uses()

    assert (use.calls, use.unmetered) == (3, 3)
    assert meter.uses()[0].calls == 3  # to ask again counts nothing again


def test_the_demo_model_uses_nothing() -> None:
    meter = Meter()
    DemoChatModel().invoke("What is 2 plus 2?", {"callbacks": [meter]})
    assert meter.uses() == []
