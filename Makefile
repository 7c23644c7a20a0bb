PYTHON ?= python3
VENV := .venv
SCRIPTS := $(if $(filter Windows_NT,$(OS)),Scripts,bin)
BIN := $(VENV)/$(SCRIPTS)
PYTEST := python -m pytest -n auto --dist loadfile --no-loadscope-reorder
BENCHMARKS := overhead backward auto import memory scaling product layer recurrent digits graph conv events raster
TESTED := overhead backward auto import memory scaling product conv events delays raster

.PHONY: help ci demo test test-base lowest plain graphs lint format coverage mutants docs bench bench-quick peers package clean

help: ## List the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

ci: ## Run everything that a change must pass, and print the time of each part
	bash .ci/run

demo: $(VENV)/demo ## Train the digits experiment and print the paths of its figures
	$(BIN)/python -m experiments digits

test: $(VENV)/test lint ## Run make lint and the whole test suite
	$(BIN)/$(PYTEST)

test-base: $(VENV)/test-base ## Run the test suite only, on any Python and system; comparisons with torch are skipped
	$(BIN)/$(PYTEST)

lowest: .venv-lowest/ready ## Run the test suite with the lowest versions that pyproject.toml declares, in a separate environment
	.venv-lowest/$(SCRIPTS)/$(PYTEST)

# In make test, mode="python" shows that the loops of each neuron compute the same as plain Python.
plain: $(VENV)/test ## Test compiled nets and user-defined neurons in a process that runs loops and kernels as plain Python
	NUMBA_DISABLE_JIT=1 $(BIN)/$(PYTEST) -k "not python and not test_a_neuron_" tests/snn/compiled/test_conformance.py tests/snn/compiled/test_nets.py

# make test draws 30.
graphs: $(VENV)/test ## Compare 500 random nets in both modes: two minutes
	HYPOTHESIS_PROFILE=thorough $(BIN)/python -m pytest -q tests/snn/graphs/test_random_graphs.py

lint: $(VENV)/test ## Check lint, spelling, format, types and import contracts
	$(BIN)/ruff check
	$(BIN)/typos
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/test ## Format the code
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

docs: $(VENV)/docs ## Run the tutorials and build the pages of docs/ as HTML in docs/_build/html; a warning or a broken link is an error
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --fresh-env --quiet docs docs/_build/html

coverage: $(VENV)/test ## Measure which lines and branches of autograd its own tests run: four minutes
	$(BIN)/coverage run -m pytest -q tests/autograd tests/parity tests/seed tests/golden
	$(BIN)/coverage report

mutants: $(VENV)/mutants ## Break the core of autograd in a thousand places and list the changes that no test notices: half an hour
	rm -rf mutants
	OPENBLAS_NUM_THREADS=1 $(BIN)/mutmut run --max-children 2
	$(BIN)/mutmut results

# DATA=DIR is the directory of MNIST's IDX files for train, which makes synthetic images without it.
bench: .venv-bench/ready ## Run the benchmarks beside all peers, in a separate environment: about an hour
	.venv-bench/$(SCRIPTS)/python -m benchmarks $(BENCHMARKS)
	.venv-bench/$(SCRIPTS)/python -m benchmarks train $(if $(DATA),--data $(DATA))

# tests/benchmarks runs those in TESTED in this way and also checks their results.
bench-quick: $(VENV)/test ## Check that the training benchmarks run, with tiny workloads beside torch: a minute
	$(BIN)/python -m benchmarks $(filter-out $(TESTED),$(BENCHMARKS)) train --small --repeats 1 --peers torch_expert

peers: .venv-peers/ready ## Compare the dialects with the installed peers, in a separate environment: some minutes
	.venv-peers/$(SCRIPTS)/python -m pytest -q --noconftest tests/peers

package: $(VENV)/package ## Build the sdist, and the wheel from it, and test the wheel in an empty environment
	rm -rf dist .venv-wheel
	mkdir dist
	$(BIN)/python -m build --outdir dist . > dist/log 2>&1 || { cat dist/log; exit 1; }
	$(PYTHON) -m venv .venv-wheel
	.venv-wheel/$(SCRIPTS)/python -m pip install --quiet dist/*.whl
	.venv-wheel/$(SCRIPTS)/python -I .ci/smoke.py

clean: ## Remove the environments and caches
	rm -rf $(VENV) mutants .coverage .venv-bench .venv-peers .venv-lowest .venv-wheel dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info docs/_build

$(VENV)/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "This needs Python 3.11 or later: make PYTHON=python3.12 demo"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/demo: $(VENV)/pyvenv.cfg pyproject.toml
	$(BIN)/python -m pip install --quiet --editable '.[experiments]'
	@touch $@

$(VENV)/test-base: $(VENV)/pyvenv.cfg pyproject.toml
	$(BIN)/python -m pip install --quiet --editable '.[test-base]'
	@touch $@ $(VENV)/demo

$(VENV)/test: $(VENV)/pyvenv.cfg pyproject.toml
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	@touch $@ $(VENV)/test-base $(VENV)/demo

$(VENV)/docs: $(VENV)/pyvenv.cfg pyproject.toml
	$(BIN)/python -m pip install --quiet --editable '.[docs]'
	@touch $@

$(VENV)/package: $(VENV)/pyvenv.cfg pyproject.toml
	$(BIN)/python -m pip install --quiet --editable '.[package]'
	@touch $@

$(VENV)/mutants: $(VENV)/test
	$(BIN)/python -m pip install --quiet --editable '.[mutants]'
	@touch $@

.venv-lowest/ready: pyproject.toml .ci/lowest.py
	$(PYTHON) -m venv .venv-lowest
	$(PYTHON) .ci/lowest.py test-base > .venv-lowest/constraints.txt
	.venv-lowest/$(SCRIPTS)/python -m pip install --quiet --only-binary :all: --constraint .venv-lowest/constraints.txt --editable '.[test-base]'
	@touch $@

.venv-bench/ready: pyproject.toml
	$(PYTHON) -m venv .venv-bench
	.venv-bench/$(SCRIPTS)/python -m pip install --quiet --editable '.[bench]'
	@touch $@

.venv-peers/ready: pyproject.toml
	$(PYTHON) -m venv .venv-peers
	.venv-peers/$(SCRIPTS)/python -m pip install --quiet --editable '.[peers]'
	@touch $@
