"""The checkpoints as the settings say: where, with which keys, and where large values are."""

from langgraph.checkpoint.base import BaseCheckpointSaver

from graphwright.encryption import serializers
from graphwright.errors import DatabaseError
from graphwright.settings import Settings
from graphwright_checkpoints import (
    CheckpointError,
    ImportRefused,
    Opening,
    SourceError,
    ValueNotRead,
    open_checkpointer,
)

DIGEST_KEY = "digest key"  # what is read first of all, and with another key cannot be


def checkpoints_of(settings: Settings) -> Opening[BaseCheckpointSaver[str]]:
    """The service's checkpointer, to be entered. Raises `DatabaseError` and `StartError`."""
    keys = serializers(settings)
    try:
        return open_checkpointer(
            settings.checkpoints_url,
            serde=keys.current,
            old_serdes=keys.previous,
            blobs=settings.blobs_url,
        )
    except CheckpointError as error:
        raise DatabaseError(explained(error)) from error


def explained(error: CheckpointError) -> str:
    """What is wrong with the checkpoints, and which settings have to do with it."""
    if isinstance(error, SourceError | ImportRefused):
        return str(error)
    if isinstance(error, ValueNotRead) and error.channel == DIGEST_KEY:
        return (
            f"{error} To the service the key is LANGGRAPH_AES_KEY; without it nothing is encrypted,"
            " and where it was changed LANGGRAPH_AES_KEY_PREVIOUS is the one before."
        )
    return (
        f"{error} Checkpoints are where --checkpoints says, and their large values where --blobs"
        " says."
    )
