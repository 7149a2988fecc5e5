"""Tools that graphs bind: one module a family, usable in any LangChain agent.

```python
from langchain.agents import create_agent
from graphwright_tools.calculator import calculator

agent = create_agent("openai:gpt-5-mini", tools=[calculator])
```

Graph documents name them by their entry points: calculator, clock, save_note, list_notes,
delete_note, search, web_search, translate. `http` and `openapi` make tools of services of one's
own, and `outbound` is the way of them all to the network. A tool never raises into a run: what
went wrong comes back as a message that a model can act on.
"""
