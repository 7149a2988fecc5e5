"""What every endpoint shares: who calls, the ids in a path, and answers as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Path, Request, Response
from fastapi.exceptions import RequestValidationError

from graphwright.database import DEFAULT_TENANT
from graphwright.errors import InvalidRequest, RequestError
from graphwright.events import to_json
from graphwright.schemas import Body

# Fields that the record keeps and the API does not show.
HIDDEN = {
    *("tenant", "position", "due_at", "temporary", "attempt", "worker", "lease_until"),
    *("idempotency_key", "request_digest", "stop"),
}


async def _tenant() -> str:
    return DEFAULT_TENANT


def _uuid(name: str) -> Any:
    async def parse(value: Annotated[str, Path(alias=f"{name}_id")]) -> str:
        return valid_uuid(value, name)

    return Depends(parse)


def valid_uuid(value: str, name: str) -> str:
    """The canonical text of an id that a caller sent."""
    try:
        return str(UUID(value))
    except ValueError:
        raise InvalidRequest(f"Invalid {name} ID: must be a UUID") from None


Tenant = Annotated[str, Depends(_tenant)]
AssistantId = Annotated[str, _uuid("assistant")]
ThreadId = Annotated[str, _uuid("thread")]
RunId = Annotated[str, _uuid("run")]


def answer(value: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer."""
    return Response(to_json(shown(value)), status, headers, media_type="application/json")


def page(
    rows: Sequence[Any], total: int, offset: int, select: Sequence[str] | None = None
) -> Response:
    """One page of a list, with the headers that tell how it goes on."""
    headers = {"x-pagination-total": str(total)}
    if offset + len(rows) < total:
        headers["x-pagination-next"] = str(offset + len(rows))
    return answer([selected(shown(row), select) for row in rows], headers=headers)


def shown(value: Any) -> Any:
    """A row as the API shows it."""
    if is_dataclass(value) and not isinstance(value, type):
        return {key: item for key, item in asdict(value).items() if key not in HIDDEN}
    if isinstance(value, list | tuple):
        return [shown(item) for item in value]
    return value


def selected(row: dict[str, Any], select: Sequence[str] | None) -> dict[str, Any]:
    """Only the fields that were asked for."""
    return row if select is None else {key: row[key] for key in select if key in row}


async def on_request_error(_request: Request, error: Exception) -> Response:
    """A refusal, in the API's shape."""
    assert isinstance(error, RequestError)
    return answer({"detail": str(error)}, status=error.status)


async def on_invalid_body(_request: Request, error: Exception) -> Response:
    """What is wrong with a request's body or query, by field."""
    assert isinstance(error, RequestValidationError)
    detail = "; ".join(_problem(problem) for problem in error.errors())
    return answer({"detail": detail}, status=InvalidRequest.status)


def _problem(problem: Mapping[str, Any]) -> str:
    if problem["type"] == "json_invalid":
        return "Invalid JSON in request body"
    field = ".".join(str(part) for part in problem["loc"][1:]) or "body"
    if problem["type"] == "extra_forbidden":
        return f"{field}: unknown field"
    return f"{field}: {problem['msg']}"


__all__ = [
    "AssistantId",
    "Body",
    "RunId",
    "Tenant",
    "ThreadId",
    "answer",
    "on_invalid_body",
    "on_request_error",
    "page",
    "selected",
    "shown",
    "valid_uuid",
]
