# Two commands do all the set-up on a machine with Python 3.11:
#   make demo   runs the main job: a notebook cell becomes a live endpoint
#   make test   passes the tests
PYTHON ?= $(shell command -v python3.13 || command -v python3.12 || command -v python3.11 || command -v python3)
VENV ?= .venv
BIN := $(VENV)/bin
PYTEST_ARGS ?=

.PHONY: demo test lint format bench clean

# The stamp depends on what decides the installation, so that an edited pyproject.toml installs again.
$(VENV)/.installed: pyproject.toml
	$(PYTHON) -c "import sys; sys.exit('jupyter_mldeploy needs Python 3.11 or newer') if sys.version_info < (3, 11) else None"
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[test]"
	touch $@

demo: $(VENV)/.installed
	$(BIN)/python binder/run_quickstart.py

test: $(VENV)/.installed lint
	$(BIN)/python -m pytest -n 2 --dist loadgroup $(PYTEST_ARGS)

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.installed
	$(BIN)/python -m tests.benchmarks

clean:
	rm -rf $(VENV) demo build dist *.egg-info
