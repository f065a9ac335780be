# Everything a contributor runs. Needs only Python 3.11; the first target that needs packages makes .venv.
# Two stamps, because `make demo` should not wait for the packages that only tests and linters use.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
LAKE ?= build/demo-lake
PORT ?= 8501
# Of the logs that rules and investigations are measured on; their targets are set for 10 and 20 million.
BENCH_EVENTS ?= 800000
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
RUN := $(VENV)/.installed-run
DEV := $(VENV)/.installed-dev
BENCH := $(VENV)/.installed-bench
SOAK := $(VENV)/.installed-soak

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint dash bench soak format clean

help: ## List what there is to make
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS='	' read -r name does; do printf '  make %-8s %s\n' "$$name" "$$does"; done

setup: $(DEV) ## Make .venv with everything that tests and linters need

demo: $(RUN) ## Sample logs into a scratch lake, then the main reports
	$(BIN)/trailsift demo --lake $(LAKE)

test: $(DEV) ## Run the tests on all cores
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist worksteal $(ARGS)

lint: $(DEV) ## Style, types, and the catalogue's own checks of every question
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/trailsift list >/dev/null

dash: $(RUN) ## Open the dashboard on ./lake, or on the demo's lake where there is none
	@test -e lake/trailsift-lake.json || test -e $(LAKE)/trailsift-lake.json || $(MAKE) --no-print-directory demo
	$(BIN)/trailsift dash --port $(PORT) --lake $$(test -e lake/trailsift-lake.json && echo lake || echo $(LAKE))

bench: $(BENCH) ## Measure ingest against its peers, then snapshots, decisions, rules, cases; prints tables and writes JSON
	$(BIN)/python tests/bench/run.py $(ARGS)
	$(BIN)/python -m tests.bench.evaluate
	$(BIN)/python -m tests.bench.snapshot
	$(BIN)/python -m tests.bench.detect --events $(BENCH_EVENTS)
	$(BIN)/python -m tests.bench.investigate --events $(BENCH_EVENTS)

soak: $(SOAK) ## Run the long tests, a million hostile inputs among them
	$(BIN)/python -m pytest -m soak $(ARGS)

format: $(DEV) ## Let ruff rewrite what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## Remove what was built, but not .venv
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find pipeline dashboards tests sample_logs -name __pycache__ -prune -exec rm -rf {} +

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo 'make: no python3.11 found; install it, or name one: make PYTHON=/path/to/python3.11' >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo 'make: $(PYTHON) is older than Python 3.11; name a newer one: make PYTHON=/path/to/python3.11' >&2; exit 1; }
	"$(PYTHON)" -m venv $(VENV)

$(RUN): pyproject.toml | $(BIN)/python
	$(PIP) install --editable .
	@touch $@

$(DEV): pyproject.toml | $(BIN)/python
	$(PIP) install --editable '.[test,lint]'
	@touch $(RUN) $@

$(SOAK): pyproject.toml | $(DEV)
	$(PIP) install --editable '.[soak]'
	@touch $@

$(BENCH): pyproject.toml | $(BIN)/python
	$(PIP) install --editable '.[bench]'
	@touch $(RUN) $@
