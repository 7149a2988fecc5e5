"""LangChain's own unit tests for chat models, on the demo model."""

from __future__ import annotations

import pickle
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_tests.unit_tests import ChatModelUnitTests

from graphwright_graphs.demo import DemoChatModel


class TestDemoChatModel(ChatModelUnitTests):
    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return DemoChatModel

    @property
    def init_from_env_params(self) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        # No key in the environment changes anything.
        return {"OPENAI_API_KEY": "unused"}, {}, {"model": "demo"}

    def test_pickles(self) -> None:
        assert pickle.loads(pickle.dumps(DemoChatModel())) == DemoChatModel()

    def test_tracing_names_the_provider(self) -> None:
        assert DemoChatModel()._get_ls_params()["ls_provider"] == "graphwright"
