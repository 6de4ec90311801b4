# Bare `make` lists the targets. Each one makes the environment first where it isn't there.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
# All cores compile afterwards; pip would take one.
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile
BENCHMARKS := $(wildcard benchmarks/*.py)

.DEFAULT_GOAL := help
.PHONY: help setup lint audit check test report study lab bench

help:  ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  \1\t\2/' | expand -t 12

setup: $(INSTALLED)  ## make the environment in .venv

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	@echo 'Installing what constraints.txt pins'
	@$(PIP_INSTALL) -c constraints.txt -e '.[dev,engines,nodes,spdl,tune,dali]' || { \
		echo 'Once more, without DALI: where it has no wheel, loader=dali is left out, and its tests are skipped.'; \
		$(PIP_INSTALL) -c constraints.txt -e '.[dev,engines,nodes,spdl,tune]'; }
	@$(BIN)/python -m compileall -qq -j 0 $(VENV) || true  # some packages ship templates that are not Python
	@$(BIN)/python -m workbench.workloads.ocr.compiled
	@touch $@

lint: setup  ## ruff, mypy, bandit, and the order of the layers
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/bandit -q -c pyproject.toml -r workbench examples scripts benchmarks
	$(BIN)/lint-imports

audit: setup  ## known vulnerabilities of what constraints.txt pins; asks the network
	$(BIN)/python scripts/audit.py

check: lint audit  ## lint, audit and the unit tests: no trial, no browser
	$(BIN)/python -m pytest -n 2 -m "not real and not browser"

# Trials are processes, which start sooner where bytecode lies ready, and Python may have been told not to leave any.
# They wait a fifth of their time (for a replayed device, a kernel, a browser), so three at once keep two cores busy.
test: setup  ## all tests
	@$(BIN)/python -m compileall -q workbench examples benchmarks tests
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

report: setup  ## compare four variants and write the HTML report [DATA=folder of pages]
	$(BIN)/workbench report $(if $(DATA),--data "$(DATA)")

study: setup  ## a study of a text detector, claim by claim
	$(BIN)/workbench study

lab: setup  ## open the notebooks in JupyterLab
	$(BIN)/workbench lab

bench: setup  ## take every promised figure, into reports/bench/
	@mkdir -p reports/bench; failed=0; \
	for script in $(BENCHMARKS); do \
		echo "== $$script"; $(BIN)/python $$script --out reports/bench/$$(basename $$script .py).json || failed=1; \
	done; exit $$failed
