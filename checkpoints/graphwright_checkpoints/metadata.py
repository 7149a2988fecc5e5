"""Checkpoints' metadata as JSON, so that databases can look into it."""

import json
from collections.abc import Callable, Mapping
from json import encoder as c_json
from typing import Any

from langgraph.checkpoint.base import CheckpointMetadata

from graphwright_checkpoints.errors import ValueNotStored

JSON = json.JSONEncoder(separators=(",", ":"))


def encode_metadata(metadata: CheckpointMetadata) -> str:
    """Metadata as JSON, always in the same form, or raise `ValueNotStored`."""
    try:
        return _encode(metadata)
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueNotStored("metadata", f"it has to be JSON ({error})") from error


def matches(metadata: str, expected: Mapping[str, Any]) -> bool:
    """Whether encoded metadata has every expected entry; None also matches an absent one."""
    found = json.loads(metadata)
    return all(found.get(name) == value for name, value in expected.items())


def _encoder() -> Callable[[Any], str]:
    """`JSON.encode`, which makes an encoder in C for each call: that takes as long as to use it."""
    make = getattr(c_json, "c_make_encoder", None)
    if make is None:  # an interpreter without it
        return JSON.encode
    # ASCII, with everything else escaped: surrogates and NUL come back as they went in.
    escape = c_json.encode_basestring_ascii
    separators = (JSON.key_separator, JSON.item_separator)
    encode = make(None, JSON.default, escape, None, *separators, False, False, True)
    return lambda value: "".join(encode(value, 0))


_encode = _encoder()
