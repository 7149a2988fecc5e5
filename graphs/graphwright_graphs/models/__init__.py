"""Chat models by name: `demo`, `local:file.gguf`, or `provider:model` through LangChain.

Nothing here imports a provider before a model of it is used, because those imports cost seconds at
start-up.
"""

from graphwright_graphs.models.catalogue import Models, current, get_model, using
from graphwright_graphs.models.errors import ModelError, ModelNotAllowed
from graphwright_graphs.models.providers import CREDENTIALS, DEMO

__all__ = [
    "CREDENTIALS",
    "DEMO",
    "ModelError",
    "ModelNotAllowed",
    "Models",
    "current",
    "get_model",
    "using",
]
