"""The tool of `graphs/rag.yaml`: a search over the folder graphs/handbook."""

from pathlib import Path

from graphwright_tools.search import search_documents

search = search_documents(
    Path(__file__).parents[1] / "handbook",
    description="Search the employees' handbook: leave, travel, expenses, equipment.",
)
