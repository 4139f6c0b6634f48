# netchip: what a user or a contributor types. Needs only Python 3.11+ and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Elsewhere the pinned torch is a CUDA build; `make setup TORCH_INDEX=https://download.pytorch.org/whl/cpu` takes a CPU one.
TORCH_INDEX ?=
EXTRAS := dev,vision,track,export,docs,rtl
export OMP_NUM_THREADS ?= 1

.PHONY: help setup demo test docs lint format clean
help:           ## show what there is
	@grep -E '^[a-z]+:.*##' Makefile | sed 's/:.*##/\t/'

setup: $(STAMP) ## make .venv and install netchip with the versions that were tested

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "netchip needs Python 3.11 or newer; found $$($(PYTHON) -V). Try: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 2; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) -c constraints.txt torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --editable '.[$(EXTRAS)]'
	@touch $@

demo: setup     ## find a ticket on real digits, train it, compare it with the dense network
	$(BIN)/netchip demo

test: setup     ## run all tests
	env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest -n 2 -q

docs: setup     ## build the documentation into build/site, strictly: a broken link fails
	$(BIN)/sphinx-build -q -W --keep-going -b html docs build/site

lint: setup     ## ruff, and pyright on the strict floors
	$(BIN)/ruff check netchip tests benchmarks examples docs/conf.py
	$(BIN)/ruff format --check netchip tests benchmarks examples docs/conf.py
	$(BIN)/pyright

format: setup   ## let ruff rewrite what it can
	$(BIN)/ruff check --fix netchip tests benchmarks examples docs/conf.py
	$(BIN)/ruff format netchip tests benchmarks examples docs/conf.py

clean:          ## remove what set-up and tests made
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .ruff_cache .hypothesis
