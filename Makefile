# Two commands do all the set-up on a machine with Python 3.11:
#   make demo   runs the main job: a notebook cell becomes a live endpoint
#   make test   passes the tests
# With node 20 or newer `make test` also checks the JupyterLab extension's sources; `make lab` builds it and shows the
# build in this environment's JupyterLab, `make lab-assets` makes the build that is committed.
# The first interpreter that runs and is new enough; a version manager's shim may exist and still refuse to run.
PYTHON ?= $(shell for each in python3 python3.11 python3.12 python3.13 python3.14; do \
	$$each -c "import sys; sys.exit(sys.version_info < (3, 11))" 2>/dev/null && echo $$each && break; done)
VENV ?= .venv
BIN := $(VENV)/bin
PYTEST_ARGS ?=
# Many tests wait for a cluster, an engine or a browser: one worker more than two cores have keeps them busy.
WORKERS ?= 3
NODE := $(shell node -e "process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)" 2>/dev/null && echo node)
JLPM := PATH="$(abspath $(BIN)):$$PATH" $(abspath $(BIN))/jlpm

# Tests start hundreds of processes: where the environment forbids it, each would compile the package anew.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo test lint format bench clean lab lab-assets lab-test vsix

# The stamp depends on what decides the installation, so that an edited pyproject.toml installs again.
$(VENV)/.installed: pyproject.toml
	@test -n "$(PYTHON)" || { echo "jupyter_mldeploy needs Python 3.11 or newer; name one with PYTHON=…"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[test]"
	touch $@

demo: $(VENV)/.installed
	$(BIN)/python binder/run_quickstart.py

test: $(VENV)/.installed lint lab-test
	$(BIN)/python -m pytest -n $(WORKERS) $(PYTEST_ARGS)

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

node_modules/.installed: package.json yarn.lock | $(VENV)/.installed
	$(JLPM) install --immutable >node_modules.log || { cat node_modules.log; exit 1; }
	rm node_modules.log && touch $@

lab: node_modules/.installed
	$(JLPM) build
	$(BIN)/python labextension/assets.py install

lab-assets: node_modules/.installed
	$(JLPM) build:prod
	$(BIN)/python labextension/assets.py publish

ifeq ($(NODE),)
lab-test:
	@echo "The JupyterLab extension's own checks are skipped: there is no node 20 or newer."
else
lab-test: node_modules/.installed
	$(JLPM) lint:check
	$(JLPM) typecheck
	$(JLPM) test
endif

bench: $(VENV)/.installed
	$(BIN)/python -m tests.benchmarks

# The extension for Visual Studio Code; needs node.
vsix:
	cd lsp/vscode && npm ci --ignore-scripts && npm test && npm run package

clean:
	rm -rf $(VENV) demo build dist *.egg-info node_modules labextension/lib labextension/dist
