"""Tools that graphs bind: one module a family, usable in any LangChain agent.

```python
from langchain.agents import create_agent
from graphwright_tools.calculator import calculator

agent = create_agent("openai:gpt-5-mini", tools=[calculator])
```

Graph documents name them by their entry points: calculator, clock, save_note, list_notes,
delete_note, search, sql_tables, sql_schema, sql_query, list_files, read_file, write_file,
delete_file. A tool never raises into a run: what went wrong comes back as a message that a model
can act on.
"""
