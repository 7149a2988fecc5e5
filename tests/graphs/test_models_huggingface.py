"""Models of transformers, in this process. What runs one is marked, and needs the extra."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from graphwright_graphs import load
from graphwright_graphs.models import ModelError, Models
from graphwright_graphs.models.huggingface import PACKAGES

TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
)


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the packages of the extra were there."""
    monkeypatch.setattr("graphwright_graphs.models.huggingface.find_spec", lambda _: True)


def test_the_extra_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graphwright_graphs.models.huggingface.find_spec", lambda _: None)
    with pytest.raises(ModelError, match=r'pip install "graphwright\[huggingface\]"'):
        Models("huggingface:somewhere").get()


@pytest.mark.usefixtures("installed")
def test_nothing_is_downloaded_unless_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelError, match=r"there is no folder .*HF_HUB_OFFLINE=0"):
        Models("huggingface:org/name").get()
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setitem(sys.modules, "langchain_huggingface", None)
    with pytest.raises(ModelError, match="cannot be set up"):  # it would have gone on
        Models("huggingface:org/name").get()


@pytest.mark.usefixtures("installed")
def test_an_option_that_it_does_not_have_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"has no option seed\. It has max_tokens"):
        Models(f"huggingface:{tmp_path}").get(None, {"seed": 1, "max_retries": 0})


def test_its_calls_are_one_after_the_other_unless_told() -> None:
    gate = Models("huggingface:x").limits.gate("huggingface")
    assert gate is not None
    assert gate._free == 1
    more = Models("huggingface:x", limits="huggingface=3").limits.gate("huggingface")
    assert more is not None
    assert more._free == 3


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Llama of two layers with random weights, and a tokenizer of bytes."""
    from tokenizers import ByteLevelBPETokenizer  # noqa: PLC0415 - the extra's
    from transformers import (  # noqa: PLC0415
        LlamaConfig,
        LlamaForCausalLM,
        PreTrainedTokenizerFast,
    )

    folder = tmp_path_factory.mktemp("tiny")
    trained: Any = ByteLevelBPETokenizer()
    trained.train_from_iterator(
        ["hello world"], vocab_size=300, special_tokens=["<|im_start|>", "<|im_end|>"]
    )
    tokenizer: Any = PreTrainedTokenizerFast(
        tokenizer_object=trained._tokenizer, eos_token="<|im_end|>", pad_token="<|im_end|>"
    )
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(folder)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=2, max_position_embeddings=128,
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.eos_token_id,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


@pytest.mark.huggingface
@pytest.mark.skipif(
    any(find_spec(package) is None for package in PACKAGES),
    reason="the extra `huggingface` is not installed",
)
@pytest.mark.filterwarnings("default")  # transformers and torch warn of one another
async def test_a_random_llama_answers_in_a_graph(tiny: Path, tmp_path: Path) -> None:
    document = tmp_path / "graph.yaml"
    document.write_text(f"""
state: {{messages: messages}}
nodes:
  chat:
    llm:
      prompt: Hi.
      model: {{name: "huggingface:{tiny}", max_tokens: 8, temperature: 0}}
edges: {{START: chat, chat: END}}
""")
    graph = load(document, models=Models())
    parts = [part async for part, _ in graph.astream({"messages": "hello"}, stream_mode="messages")]
    state = await graph.ainvoke({"messages": "hello"})

    assert "".join(str(part.text) for part in parts)
    assert state["messages"][-1].type == "ai"
