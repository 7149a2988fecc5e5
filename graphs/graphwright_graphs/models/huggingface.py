"""Models of Hugging Face's transformers in this process, such as one of one's own training."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from graphwright_graphs.models.errors import ModelError
from graphwright_graphs.models.providers import CACHE_KEY, EXTRAS, IF_KNOWN

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

PACKAGES: Final = ("langchain_huggingface", "transformers", "torch")
OPTIONS: Final = ("max_tokens", "temperature", "top_k", "top_p")
ONLINE: Final = "HF_HUB_OFFLINE"  # Hugging Face's variable; 0 allows to download


def huggingface(name: str, options: Mapping[str, Any], fixed: Mapping[str, Any]) -> BaseChatModel:
    """The model of `huggingface:DIR`. Its weights are loaded now, which takes a while.

    Raises:
        ModelError: a package, the folder or an option is missing.
    """
    model = name.partition(":")[2]
    if any(find_spec(package) is None for package in PACKAGES):
        raise ModelError(
            f"Model {name!r} needs a package that is not installed. "
            f'Install it with: pip install "graphwright[{EXTRAS["huggingface"]}]"'
        )
    given = {key: options[key] for key in options if key not in {CACHE_KEY, *IF_KNOWN}}
    if unknown := sorted(set(given) - set(OPTIONS)):
        raise ModelError(
            f"Model {name!r} has no option {', '.join(unknown)}. It has {', '.join(OPTIONS)}."
        )
    folder, is_online = Path(model).expanduser(), os.environ.get(ONLINE) == "0"
    if not folder.is_dir() and not is_online:
        raise ModelError(
            f"Model {name!r}: there is no folder {folder}. Nothing is downloaded unless "
            f"{ONLINE}=0 is in the environment."
        )
    if "temperature" in given:
        given |= _sampled(given["temperature"])
    keywords = {"model_kwargs": {"local_files_only": not is_online}, **given, **fixed}
    try:
        return _chat_model(str(folder) if folder.is_dir() else model, keywords)
    except Exception as error:  # torch and transformers have errors of many kinds
        raise ModelError(f"Model {name!r} cannot be set up: {error}") from error


def _chat_model(model: str, keywords: Mapping[str, Any]) -> BaseChatModel:
    from langchain_core.language_models import BaseChatModel  # noqa: PLC0415 - see the catalogue

    plain: Any = import_module("langchain_huggingface").ChatHuggingFace

    class PipelineChatModel(plain):  # type: ignore[misc]
        """LangChain's, which on an event loop asks for a client that pipelines do not have."""

        _agenerate = BaseChatModel._agenerate
        _astream = BaseChatModel._astream

    made: BaseChatModel = PipelineChatModel.from_model_id(
        model_id=model, task="text-generation", **keywords
    )
    return made


def _sampled(temperature: float) -> dict[str, Any]:
    """Whether to draw words by chance; transformers take no temperature of 0."""
    return {"do_sample": True} if temperature else {"do_sample": False, "temperature": None}
