"""Tools for any REST API that has an OpenAPI document, version 3.0 to 3.2.

```python
from graphwright_tools.openapi import openapi_tools

tools = openapi_tools("petstore.yaml", operations=["getPet"], secrets={"api_key": "env:PETS_KEY"})
```
"""

from graphwright_tools.openapi.document import DocumentError
from graphwright_tools.openapi.tools import openapi_tools

__all__ = ["DocumentError", "openapi_tools"]
