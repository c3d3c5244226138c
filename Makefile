# Everything here sets itself up: `make demo` and `make test` need only Python 3.11 or 3.12.

PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3)
BIN := .venv/bin
STAMP := .venv/.ready

.PHONY: help setup demo test check format clean

help:                ## list the targets
	@grep -E '^[a-z]+:.*##' Makefile | sed 's/:.*##/ -/'

setup: $(STAMP)      ## make .venv and install everything in it

$(STAMP): pyproject.toml constraints.txt
	@if command -v uv >/dev/null 2>&1; then \
	  echo "installing with uv (about 5.5 GB, mostly torch)"; \
	  uv venv --quiet --allow-existing --python "$(PYTHON)" .venv && \
	  uv pip install --quiet --python $(BIN)/python --constraint constraints.txt --editable '.[dev]'; \
	else \
	  echo "installing with pip (about 5.5 GB, mostly torch; some minutes)"; \
	  "$(PYTHON)" -m venv .venv && \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'; \
	fi
	@touch $@

demo: $(STAMP)       ## train a classifier on the pictures in demo/, look at it, and predict with it
	$(BIN)/python scripts/demo.py

test: $(STAMP)       ## run the tests
	$(BIN)/python -m pytest -n 2 --dist loadfile

check: $(STAMP)      ## lint, types, import layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP)     ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:               ## remove .venv and caches; runs stay
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
