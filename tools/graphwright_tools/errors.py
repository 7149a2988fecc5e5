"""What can go wrong in a tool that reaches beyond the process.

```
ToolException                  LangChain's: its text becomes the call's result
└── ToolError
    ├── NotConfigured          a setting or a secret is missing or wrong: for the operator
    ├── Refused                the call is not allowed, or its arguments are wrong
    ├── Unreachable            there is no connection, or it was cut
    ├── TimedOut               the answer did not come in time
    ├── TooLarge               the answer is larger than the limit
    └── Failed                 the other side answered that it could not
```

Each text is written for the model that made the call: what was wrong, where, and what to do. None
holds a secret's value.
"""

from __future__ import annotations

from langchain_core.tools import ToolException


class ToolError(ToolException):
    """A tool's call did not succeed; catch it to handle every failure of these tools."""


class NotConfigured(ToolError):
    """A setting or a secret is missing or wrong. No other argument helps: an operator must act."""


class Refused(ToolError):
    """The call is not allowed, or its arguments are wrong. Nothing was sent."""


class Unreachable(ToolError):
    """There is no connection to the other side, or it was cut before the answer was complete."""


class TimedOut(ToolError):
    """The answer did not come in time. What was asked may still have been done."""


class TooLarge(ToolError):
    """The answer is larger than the limit, so that it can't be used as a whole."""


class Failed(ToolError):
    """The other side answered that it could not do what was asked."""
