# Needs Python >= 3.11 with pip, and make. `make serve` is where to begin.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: serve test chaos soak check format bench lock wheel clean help

help:  ## Say what can be made.
	@sed -n 's/^\([a-z]*\):.*## /  make \1	/p' Makefile

serve: $(VENV)/.serve  ## Set up what is missing and serve the graphs of this folder.
	@$(BIN)/graphwright serve

test: $(VENV)/.dev  ## Run the whole test suite.
	$(BIN)/python -m pytest -n 2

chaos: $(VENV)/.dev  ## Kill it at random, 200 times, while official clients stream.
	GRAPHWRIGHT_KILLS=200 $(BIN)/python -m pytest tests/chaos/test_kill_streaming.py -n 0

soak: $(VENV)/.dev  ## Serve a mixed load for 20 minutes, and watch the memory.
	GRAPHWRIGHT_SOAK=1200 $(BIN)/python -m pytest tests/chaos/test_soak.py -n 0 -o log_cli=true --log-cli-level=INFO

check: $(VENV)/.dev  ## Lint, format, types, import contracts.
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	MYPYPATH=server:checkpoints:graphs:tools $(BIN)/mypy
	$(BIN)/pyright
	$(BIN)/lint-imports

format: $(VENV)/.dev  ## Format, and fix what can be fixed.
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

bench: $(VENV)/.dev  ## Measure what docs/decisions.md and the README claim.
	$(BIN)/python benchmarks/service.py
	$(BIN)/python benchmarks/readers.py
	$(BIN)/python benchmarks/checkpoints.py
	$(BIN)/python benchmarks/retention.py
	$(BIN)/python benchmarks/blobs.py
	$(BIN)/python benchmarks/documents.py

wheel: $(VENV)/.dev  ## Build dist/*.whl.
	$(BIN)/python -m build --wheel

# Without addresses: a lock must not tie anybody to one package index.
lock:  ## Renew requirements*.lock (needs uv).
	uv pip compile --quiet --universal --python-version 3.11 --no-emit-index-url --custom-compile-command "make lock" \
	  pyproject.toml --output-file requirements.lock
	uv pip compile --quiet --universal --python-version 3.11 --no-emit-index-url --custom-compile-command "make lock" \
	  pyproject.toml --group dev --constraint requirements.lock --output-file requirements-dev.lock

clean:  ## Remove everything that was made, data included.
	rm -rf $(VENV) .graphwright dist build .mypy_cache .pytest_cache .ruff_cache

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Graphwright needs Python 3.11 or newer; $$($(PYTHON) --version) was found. Name another: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@echo "Setting up $(VENV) (once) ..."
# Debian's Python comes without ensurepip; its pip can set up the environment from outside.
	@$(PYTHON) -m venv $(VENV) 2>/dev/null || { rm -rf $(VENV); \
	  $(PYTHON) -m venv --without-pip $(VENV) && $(PYTHON) -m pip --quiet --python $(BIN)/python install pip; }

$(VENV)/.serve: $(BIN)/python pyproject.toml requirements.lock
	@$(PIP) install --requirement requirements.lock
	@$(PIP) install --no-deps --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.serve requirements-dev.lock
	@$(PIP) install --requirement requirements-dev.lock
	@touch $@
