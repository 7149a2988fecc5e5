"""Tools that graphs bind: one module a family, usable in any LangChain agent.

```python
from langchain.agents import create_agent
from graphwright_tools.calculator import calculator

agent = create_agent("openai:gpt-5-mini", tools=[calculator])
```

Graph documents name them by their entry points: calculator, clock, save_note, list_notes,
delete_note, search, web_search, translate, sql_tables, sql_schema, sql_query, list_files,
read_file, write_file, delete_file. `http`, `openapi`, `sql`, `files` and `mcp` make tools of
services, databases, folders and servers of one's own; `outbound` is the way to the network of
those that send requests. A tool never raises into a run: what went wrong comes back as a message
that a model can act on.
"""
