# `make run` and `make test` need nothing before them: each sets up .venv first if necessary.
#   PYTHON=python3.12   another interpreter for .venv        PIPELINE=pipelines/x.yaml   another pipeline for `make run`
PYTHON   ?= python3
PIPELINE ?= pipelines/embedded.yaml
BIN      := .venv/bin
# Two test processes with one thread each: most tests wait for processes that they start. Tests of one file share fixtures, so they run in one process.
TOGETHER := -n 2 --dist loadfile
READY    := .venv/.ready
# Set-up compiles nothing; the first import does. If Python may not keep bytecode, every process compiles all its imports again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup run smoke test test-slow test-faults test-lowest test-latest check image ui bench clean

help:            ## show this list
	@sed -n 's/^\([a-z-]*:\).*## /\1\t/p' Makefile | expand -t 14

run: $(READY)    ## run or resume pipelines/embedded.yaml
	$(BIN)/isogloss run $(PIPELINE)

smoke: $(READY)  ## every kind of stage once, in minutes: pipelines/smoke.yaml
	$(BIN)/isogloss run pipelines/smoke.yaml

setup: $(READY)  ## only set up .venv

test: $(READY)   ## run the tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "not slow" $(TOGETHER)

test-slow: $(READY)  ## run the slow tests
	$(BIN)/python -m pytest -m slow

test-faults: $(READY)  ## run the fault tests (kill, damage, fill, lock), slow ones too
	$(BIN)/python -m pytest tests/faults

test-lowest:     ## run the tests on the oldest versions that pyproject.toml allows
	PYTHON=$(PYTHON) OMP_NUM_THREADS=1 .ci/versions lowest $(TOGETHER)

test-latest:     ## run the tests on the newest versions that pyproject.toml allows
	PYTHON=$(PYTHON) OMP_NUM_THREADS=1 .ci/versions latest $(TOGETHER)

check: $(READY)  ## formatting, lint, types, import layers, workflows and container files (seconds)
	$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy && $(BIN)/lint-imports && .ci/lint $(BIN)

image:           ## build the cpu image and run its health check; needs Docker
	docker build --target cpu --build-arg TORCH_INDEX="$(PIP_EXTRA_INDEX_URL)" \
	    --build-arg COMMIT="$$(git describe --always --dirty --abbrev=40 --exclude '*')" --tag isogloss:cpu .
	docker run --rm isogloss:cpu doctor --quick

ui: $(READY)     ## open MLflow
	$(BIN)/isogloss ui

bench: $(READY)  ## measure scoring and training side by side
	$(BIN)/python benchmarks/scoring.py
	$(BIN)/python benchmarks/training.py

clean:           ## remove .venv and caches; mlruns/ and the converted model stay
	rm -rf .venv .venv-* build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis src/*.egg-info
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamp is written last: an interrupted set-up, or one older than its inputs, is repeated.
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { echo "isogloss needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>&1). Name another: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 2; }
	@echo "setting up .venv (once, a minute or two; pip is silent while it downloads and installs)"
	@$(PYTHON) -m venv --clear .venv
	@# Python compiles a module at its first import; compiling all of .venv takes as long as the rest of the set-up.
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -c constraints.txt -e '.[dev,deepspeed]'
	@touch $@
