"""The catalogue of models that the settings describe."""

from graphwright.errors import StartError
from graphwright.settings import Settings
from graphwright_graphs.models import ModelError, Models


def models_of(settings: Settings) -> Models:
    """The models of a service. Raises `StartError` for names or limits that cannot be read."""
    try:
        return Models(
            settings.model,
            allowed=settings.models,
            base_url=settings.model_base_url,
            limits=settings.model_limits,
            local={"threads": settings.local_threads, "context": settings.local_context},
        )
    except ModelError as error:
        raise StartError(str(error)) from error
