"""What can be wrong with a model before it is asked anything."""


class ModelError(Exception):
    """A chat model cannot be used; the message says which, why, and what to do about it."""


class ModelNotAllowed(ModelError):
    """A remote caller named a model that the service does not offer."""
