"""Clients for code that words its requests itself, such as the `http` node of a graph document.

```python
client = http_client("https://api.example.com", auth={"bearer": "env:EXAMPLE_TOKEN"})
answer = await client.send("GET", "https://api.example.com/orders")
```
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from graphwright_tools.credentials import Credential, basic, bearer, header, query
from graphwright_tools.hosts import entries_for, entry_for
from graphwright_tools.outbound import TIMEOUT, Outbound


def http_client(
    address: str | None = None,
    *,
    hosts: Sequence[str] = (),
    auth: Mapping[str, str] | None = None,
    timeout: float = TIMEOUT,
) -> Outbound:
    """A way out to the host of an address, and to those of a list.

    Args:
        address: A URL of the one host that gets the secret; localhost is allowed its loopback.
        hosts: Further hosts, as `graphwright_tools.hosts` has them.
        auth: `{"bearer": "env:NAME"}`, `{"basic": "env:NAME"}`, or with the header's or
            parameter's name `{"header": "X-API-Key", "secret": "env:NAME"}`, `{"query": …}`.

        timeout: Seconds for a whole call.

    Raises:
        ValueError: one of them is none.
    """
    allowed = [*hosts, *(entries_for(address) if address else ())]
    return Outbound(hosts=allowed, credentials=_credentials(address, auth), timeout=timeout)


def _credentials(address: str | None, auth: Mapping[str, str] | None) -> list[Credential]:
    if not auth:
        return []
    if address is None:
        raise ValueError("a secret is for one host: begin the address with it, https://host/…")
    host = entry_for(address)
    match dict(auth):
        case {"bearer": secret, **others} if not others:
            return [bearer(host, secret)]
        case {"basic": secret, **others} if not others:
            return [basic(host, secret)]
        case {"header": name, "secret": secret, **others} if not others:
            return [header(host, name, secret)]
        case {"query": name, "secret": secret, **others} if not others:
            return [query(host, name, secret)]
    raise ValueError(
        "the secret goes by `bearer` or `basic` with env:NAME, or by `header` or `query` with its "
        "name and `secret` with env:NAME"
    )
