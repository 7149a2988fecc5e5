"""Security schemes: which secret an operation needs, and where it goes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from graphwright_tools.credentials import Credential, basic, bearer
from graphwright_tools.openapi.document import Place
from graphwright_tools.secrets import Secret

PLACES: Final = ("header", "query", "cookie")
HTTP: Final[Mapping[str, Callable[[str, str], Credential]]] = {"bearer": bearer, "basic": basic}


def credentials(operation: Place, host: str, secrets: Mapping[str, str]) -> list[Credential]:
    """The credentials that an operation needs, of the schemes for which there are secrets.

    Args:
        operation: Its place in the document.
        host: That gets them.
        secrets: The names of secrets, such as `env:NAME`, by the names of security schemes.

    Raises:
        DocumentError: it needs a scheme for which there is no secret.
    """
    required = operation.get("security") or operation.document.root.get("security")
    if required is None or not required.value:
        return []
    choices = [[name for name, _ in choice.items()] for _, choice in required.items()]
    chosen = next((c for c in choices if c and all(name in secrets for name in c)), None)
    if chosen is None:
        if [] in choices:  # credentials are allowed, but not needed
            return []
        needed = " or ".join(" and ".join(map(repr, choice)) for choice in choices)
        raise operation.wrong(
            f"needs the security scheme {needed}: give secrets={{{choices[0][0]!r}: 'env:NAME'}}, "
            "the environment variable that holds it"
        )
    schemes = operation.document.root.need("components").need("securitySchemes")
    return [_credential(schemes.need(name), host, secrets[name]) for name in chosen]


def _credential(scheme: Place, host: str, secret: str) -> Credential:
    kind = scheme.text("type").lower()
    if kind == "apikey":
        place, name = scheme.text("in"), scheme.text("name")
        for known in PLACES:
            if place == known and name:
                return Credential(host, Secret(secret), known, name)
        raise scheme.wrong(f"is an apiKey in {place!r}; known are {', '.join(PLACES)}, with a name")
    if kind in ("oauth2", "openidconnect"):
        return bearer(host, secret)
    way = scheme.text("scheme").lower()
    if kind == "http" and way in HTTP:
        return HTTP[way](host, secret)
    raise scheme.unsupported(
        f"is of type {kind!r} {way}; known are apiKey, http bearer, http basic, oauth2 and "
        "openIdConnect with a token"
    )
