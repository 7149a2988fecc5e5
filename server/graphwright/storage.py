"""How much room threads take, as `GET /threads/{id}/storage` and `graphwright storage` tell it."""

from collections.abc import Mapping
from typing import Any

from graphwright_checkpoints import Amount, Usage, moment

Json = dict[str, Any]


def described(usage: Usage, channels: Mapping[str, Amount] | None = None) -> Json:
    """One thread's storage, in bytes; small values are part of their checkpoints."""
    values = _amount(usage.elements)
    if channels is not None:
        values["by_channel"] = {name: _amount(channels[name]) for name in sorted(channels)}
    return {
        "total_bytes": usage.bytes,
        "checkpoints": _amount(usage.checkpoints),
        "channel_values": values,
        "pending_writes": _amount(usage.writes),
        "blobs": _amount(usage.outside),
        "oldest": _time(usage.oldest),
        "newest": _time(usage.newest),
    }


def _amount(amount: Amount) -> Json:
    return {"count": amount.rows, "bytes": amount.bytes}


def _time(checkpoint_id: str | None) -> str | None:
    found = moment(checkpoint_id)
    return found.isoformat() if found else None
