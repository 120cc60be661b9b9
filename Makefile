# `make run` and `make test` need Python >= 3.11, make and a package index; nothing else is set up.
# What was installed is remembered in .venv/.done, so a second time is quick and `rm -r .venv` starts afresh.

VENV := .venv
BIN := $(VENV)/bin
DONE := $(VENV)/.done
PYTHON ?= $(shell sh scripts/find-python)
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
NODE_PROJECT := $(wildcard package.json)
UV := $(VENV)/lock/bin/uv
# More than there are processors: most tests wait most of the time.
TEST_PROCESSES ?= 4

export PYTHONUNBUFFERED := 1

.DEFAULT_GOAL := help
.PHONY: help run test slow soak lint format settings screenshots bench cluster lock clean

help: ## show this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1	\2/p' $(MAKEFILE_LIST) | expand -t 14

run: $(DONE)/run ## install what the demo needs and run it on http://127.0.0.1:8000
	@exec $(BIN)/kpi-stream demo

test: $(DONE)/system lint ## install what the tests need, check the code and test it in four minutes
	$(BIN)/python -m pytest -m 'not slow' -n $(TEST_PROCESSES) --dist worksteal

slow: $(DONE)/system $(DONE)/test $(DONE)/node ## run the tests that test leaves out, as CI does after it
	$(BIN)/python -m pytest -m alone
	$(BIN)/python -m pytest -m 'slow and not alone' -n $(TEST_PROCESSES) --dist worksteal

soak: $(DONE)/system $(DONE)/test ## make every fault again and again, for hours, and report what was lost
	KPI_TEST_SOAK=1 $(BIN)/python -m pytest -m soak

lint: $(DONE)/test $(if $(NODE_PROJECT),$(DONE)/node) ## ruff, mypy and the checks of the page
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(if $(NODE_PROJECT),npm run --silent check)

format: $(DONE)/test ## rewrite the Python files in the common format
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

settings: $(DONE)/test ## write .env.example and the README's table from the settings class
	$(BIN)/python scripts/write_settings.py

screenshots: $(DONE)/test $(DONE)/node ## take pictures of the page; some are in the README
	$(BIN)/python -m tests.e2e.screenshots --readme

bench: $(DONE)/test ## measure this project beside its peers
	sh scripts/system-packages bench
	$(BIN)/python -m tests.benchmarks

cluster: $(DONE)/system $(DONE)/test ## run two publishers, three gateways, HAProxy and Redis on http://127.0.0.1:8000
	@exec $(BIN)/python deploy/cluster.py

lock: $(UV) ## resolve the dependencies anew, as new as they come
	sh scripts/lock $(UV)

clean: ## remove what was installed and cached; data/ stays
	rm -rf $(VENV) node_modules tests/timescale/node_modules web/vendor dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(DONE)/venv:
	@test -n "$(PYTHON)" || { echo "kpi-stream needs Python 3.11 or newer with its venv module (Debian: apt-get install python3-venv)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@mkdir -p $(DONE) && touch $@

$(DONE)/run: pyproject.toml requirements.lock $(wildcard hatch_build.py package-lock.json) | $(DONE)/venv
	$(PIP) install --quiet --require-hashes -r requirements.lock
	$(PIP) install --quiet --no-deps --editable .
	@touch $@

$(DONE)/test: requirements-dev.lock $(DONE)/run
	$(PIP) install --quiet --require-hashes -r requirements-dev.lock
	@touch $@

$(DONE)/system: scripts/system-packages | $(DONE)/venv
	sh scripts/system-packages test
	@touch $@

$(DONE)/node: package.json $(wildcard package-lock.json) | $(DONE)/system
	npm $(if $(wildcard package-lock.json),ci,install) --no-audit --no-fund --legacy-peer-deps
	@touch $@

$(UV): | $(DONE)/venv
	$(BIN)/python -m venv $(VENV)/lock
	$(VENV)/lock/bin/python -m pip --disable-pip-version-check install --quiet uv
