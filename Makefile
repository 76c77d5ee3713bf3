# `make book` and `make test` each set up all that they need; `make help` lists the rest.

# Candidates, tried in this order; name another with `make book PYTHON=/path/to/python3.12`.
PYTHON ?= python3.11 python3.12 python3.13 python3 python
PROFILE ?= smoke
# A folder with real data; empty means the hub, or the built-in tasks at profile smoke.
DATA ?=

BIN := .venv/bin
INSTALLED := .venv/.installed
ASKED = --profile $(PROFILE) $(if $(DATA),--data "$(DATA)")

# The first candidate that is a Python 3.11, 3.12 or 3.13. Looked for only when something is to be installed.
SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
FOUND = $(firstword $(foreach python,$(PYTHON),$(shell $(python) -c '$(SUPPORTED)' 2>/dev/null && echo $(python))))
VERSION_OF = $(shell $(1) -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null)
VERSIONS = $(or $(strip $(foreach python,$(PYTHON),$(addprefix $(python)=,$(call VERSION_OF,$(python))))),none)

.DEFAULT_GOAL := help
.PHONY: help install book test results serve lint bench builtin-bert clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(INSTALLED) ## set up .venv from requirements.lock (the others do so by themselves)

# The stamp is written last and removed first: an install that was cut short is begun anew.
$(INSTALLED): requirements.lock pyproject.toml
	$(if $(FOUND),,$(error This book needs Python 3.11, 3.12 or 3.13 and found $(VERSIONS). \
	Install one of them, or name it: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11))
	@echo "Setting up .venv with Python $(call VERSION_OF,$(FOUND)): 2.5 GB, some minutes ..."
	@if test -e $@; then rm $@; else rm -rf .venv; fi
	@$(FOUND) -m venv .venv
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -r requirements.lock -e .
	@touch $@

book: $(INSTALLED) ## execute the notebooks and build the book: _build/html/index.html
	@$(BIN)/bert-compression book $(ASKED)

test: $(INSTALLED) ## run all tests, a file of tests on each core
	@$(BIN)/python -m pytest -n logical --maxprocesses 4 --dist loadfile

results: $(INSTALLED) ## measure what is missing: make results PROFILE=small DATA=folder
	@$(BIN)/bert-compression run $(ASKED)

serve: book ## build the book if need be and show it at http://localhost:8000
	@$(BIN)/python -m http.server --bind 127.0.0.1 --directory _build/html 8000

lint: $(INSTALLED) ## style, direction of imports, types of public functions
	@$(BIN)/ruff check
	@$(BIN)/lint-imports
	@$(BIN)/mypy

bench: $(INSTALLED) ## time training and attacks against the stock tools: make bench DATA=folder
	@$(BIN)/python -m benchmarks $(if $(DATA),--data "$(DATA)")

builtin-bert: $(INSTALLED) ## pretrain the small BERT that ships with the package anew
	@$(BIN)/python -m bert_compression.smoke.pretraining

clean: ## remove the built book and all caches; .venv and the measured runs in .store stay
	@rm -rf _build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
	@find lib tests -name __pycache__ -type d -prune -exec rm -rf {} +
