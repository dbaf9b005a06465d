# Two commands: `make serve` needs Python 3.11+, `make test` installs what it needs and runs every check.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMPS := .stamps
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.DEFAULT_GOAL := help
.PHONY: help serve install test lint types imports pytest web-test web-build example example-test system bench soak clean

help: ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

serve: $(STAMPS)/install ## Install, then run the server at http://localhost:8789
	@$(BIN)/cutty-agent serve $(ARGS)

install: $(STAMPS)/install ## Make the environment for serving

test: system $(STAMPS)/test lint types imports pytest web-test example-test ## Install everything and run all checks
	@echo "All checks passed."

lint: $(STAMPS)/test ## ruff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMPS)/test ## mypy --strict
	$(BIN)/mypy

imports: $(STAMPS)/test ## The layers
	$(BIN)/lint-imports --no-cache

pytest: $(STAMPS)/test $(STAMPS)/web $(STAMPS)/example ## Every Python test, all markers; ARGS=tests/unit for some
	$(if $(ARGS),$(BIN)/pytest -q $(ARGS),@bash scripts/tests.sh $(BIN)/pytest)

web-test: $(STAMPS)/web ## Type check and test the web workspace
	npm --prefix web run check
	npm --prefix web test

web-build: $(STAMPS)/web ## Build the pages into the package
	npm --prefix web run build

example: $(STAMPS)/install $(STAMPS)/example ## Run the example application, before and after, at http://localhost:8790
	@$(MAKE) --no-print-directory -C examples/cutty-app both

example-test: $(STAMPS)/test $(STAMPS)/web $(STAMPS)/example ## Types of the example application
	$(MAKE) --no-print-directory -C examples/cutty-app check

system: ## Install Node, Chromium and nginx where they are missing (Debian, as root)
	@bash scripts/system.sh

bench: $(STAMPS)/test ## Measure (minutes)
	$(BIN)/python -m bench

soak: $(STAMPS)/test ## 500 sessions, 100,000 turns, random cancels and reconnects: zero crossings (about 20 minutes)
	$(BIN)/python -m cutty_agent.testing.isolation.soak --sessions 500 --turns 100000

clean: ## Remove what the other targets made
	rm -rf $(VENV) $(STAMPS) web/node_modules examples/cutty-app/node_modules .mypy_cache .ruff_cache .pytest_cache

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON=…")'
	$(PYTHON) -m venv $(VENV)

$(STAMPS)/install: pyproject.toml | $(BIN)/python
	@mkdir -p $(STAMPS)
	@echo "Installing cutty-agent into $(VENV) (about a minute, once)…"
	@$(BIN)/python -m pip install -q --upgrade pip
	@$(BIN)/python -m pip install -q -e .
	@touch $@

$(STAMPS)/test: pyproject.toml $(STAMPS)/install
	@echo "Installing the tools of the tests…"
	@$(BIN)/python -m pip install -q -e . --group test
	@touch $@

$(STAMPS)/web: web/package.json web/package-lock.json
	@mkdir -p $(STAMPS)
	@echo "Installing the Node packages of the web workspace…"
	@npm --prefix web ci --no-audit --no-fund --loglevel=error
	@touch $@

$(STAMPS)/example: examples/cutty-app/package.json examples/cutty-app/package-lock.json
	@mkdir -p $(STAMPS)
	@echo "Installing the Node packages of the example…"
	@npm --prefix examples/cutty-app ci --no-audit --no-fund --loglevel=error
	@touch $@
