PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
FUZZ_MINUTES ?= 60
FUZZ_SEED ?= 0

.PHONY: help setup check test fuzz types bench docs site build

help:  ## List the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

setup:  ## Make an environment and install AURAL into it, editable, with what its tests need
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q -e ".[dev,eval,train]"

check:  ## Format, lint and spelling
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/codespell

types:  ## Check types: of the package as it is installed, where every module has one name, and of its tests
	rm -rf build
	$(BIN)/pip install -q --no-deps --target build/typed .
	MYPYPATH=build/typed:tests/support $(BIN)/mypy --explicit-package-bases build/typed/aural \
		tests/aural tests/cli tests/stages tests/*.py

test:  ## Run the tests
	$(BIN)/pytest

fuzz:  ## Give AURAL damaged and nonsensical input for an hour, or FUZZ_MINUTES=; what breaks is kept in fuzz-findings
	PYTHONPATH=tests/support $(BIN)/python -m fuzz --minutes $(FUZZ_MINUTES) --seed $(FUZZ_SEED) --workers $$(nproc)

bench:  ## Measure speed and quality against other tools; writes benchmarks.md
	for script in benchmarks/[a-z]*.py; do \
		case $$script in benchmarks/report.py|benchmarks/before_after.py) ;; *) $(BIN)/python $$script || exit 1;; esac; done

docs:  ## Write the parameter tables into the READMEs of the stages
	$(BIN)/python .ci/parameter_tables.py

site:  ## Build the site of documentation, strictly, into site
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet

build:  ## Build the wheel
	$(BIN)/python -m build --wheel
