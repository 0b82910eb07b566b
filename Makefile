# `make run` and `make test` are complete by themselves: each sets up .venv first where that has not been done.
#   PYTHON=python3.12   another interpreter for .venv        PIPELINE=pipelines/x.yaml   another pipeline for `make run`
PYTHON   ?= python3
PIPELINE ?= pipelines/embedded.yaml
BIN      := .venv/bin
READY    := .venv/.ready

.PHONY: help run test test-slow check ui bench clean

help:            ## show this list
	@sed -n 's/^\([a-z-]*:\).*## /\1\t/p' Makefile | expand -t 12

run: $(READY)    ## run pipelines/embedded.yaml to its end, or go on where it stopped
	$(BIN)/isogloss run $(PIPELINE)

test: $(READY)   ## run the tests
	$(BIN)/python -m pytest -m "not slow"

test-slow: $(READY)  ## run the tests that take longer
	$(BIN)/python -m pytest -m slow

check: $(READY)  ## formatting, lint, types, import layers (seconds)
	$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy && $(BIN)/lint-imports

ui: $(READY)     ## open MLflow on mlruns/
	$(BIN)/isogloss ui

bench: $(READY)  ## measure scoring and training side by side
	$(BIN)/python benchmarks/scoring.py
	$(BIN)/python benchmarks/training.py

clean:           ## remove .venv and caches; mlruns/ and the converted model stay
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis src/*.egg-info
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamp is written last, so that a setup that was cut off, or is older than what it was made from, is done anew.
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { echo "isogloss needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>&1). Name another: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 2; }
	@echo "setting up .venv (once, about 3 minutes; pip is silent while it downloads and installs)"
	@$(PYTHON) -m venv --clear .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,deepspeed]'
	@touch $@
