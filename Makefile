# Two commands do all the set-up on a machine with Python 3.11:
#   make demo   runs the main job: a notebook cell becomes a live endpoint
#   make test   passes the tests
# The first interpreter that runs and is new enough; a version manager's shim may exist and still refuse to run.
PYTHON ?= $(shell for each in python3 python3.11 python3.12 python3.13 python3.14; do \
	$$each -c "import sys; sys.exit(sys.version_info < (3, 11))" 2>/dev/null && echo $$each && break; done)
VENV ?= .venv
BIN := $(VENV)/bin
PYTEST_ARGS ?=

.PHONY: demo test lint format bench clean

# The stamp depends on what decides the installation, so that an edited pyproject.toml installs again.
$(VENV)/.installed: pyproject.toml
	@test -n "$(PYTHON)" || { echo "jupyter_mldeploy needs Python 3.11 or newer; name one with PYTHON=…"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[test]"
	touch $@

demo: $(VENV)/.installed
	$(BIN)/python binder/run_quickstart.py

test: $(VENV)/.installed lint
	$(BIN)/python -m pytest -n 2 $(PYTEST_ARGS)

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
