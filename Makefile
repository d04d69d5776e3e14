# Two commands matter: `make demo` and `make test`. Everything installs into .venv from the hash-pinned lock.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SQL := dbt_project/models dbt_project/tests
# As pip and git do: behind a proxy with an authority of its own, only the system knows it.
export UV_SYSTEM_CERTS ?= true

.PHONY: demo test dev lint install lock bench soak producers accuracy

demo: install
	$(BIN)/llmops demo example

# Files are spread over the cores, long ones first: most tests of Dagster and of servers wait.
test: install lint
	$(BIN)/pytest -q --numprocesses auto --dist loadfile --no-loadscope-reorder

dev: install
	$(BIN)/llmops dev

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/sqlfluff lint --disable-progress-bar --processes 2 $(SQL)

# Twenty minutes under a real daemon, with a run and the daemon killed; `make test` gives it a minute and a half.
soak: install
	SOAK_SECONDS=1200 $(BIN)/pytest -q tests/soak

bench: install
	$(BIN)/python -m benchmarks.run

# Writes docs/pricing-accuracy.md again, after prices have changed.
accuracy: install
	$(BIN)/python tests/unit/pricing_accuracy.py

install: $(VENV)/.installed

# The tool that installs is itself pinned by hash; bytecode is compiled once, because starting costs more than it.
$(VENV)/.installed: requirements.lock requirements-uv.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if (3, 11) <= v < (3, 14) else f"Python {v[0]}.{v[1]} is not supported: 3.11, 3.12 or 3.13 is needed, such as make PYTHON=python3.12 demo")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-uv.lock
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	$(BIN)/python -m compileall -q llmops_assets
	touch $@

# What real producers write today: litellm, OpenTelemetry's instrumentations and the Langfuse SDK, apart from the
# product, for the tests that decode it.
producers: .venv-producers/.installed

.venv-producers/.installed: tests/producers/requirements.lock | install
	$(PYTHON) -m venv .venv-producers
	$(BIN)/uv pip install --quiet --compile-bytecode --python .venv-producers/bin/python --require-hashes -r $<
	touch $@

# Without index addresses, so that it installs from any registry.
lock:
	$(BIN)/uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-annotate --no-header --quiet -o requirements.lock
	$(BIN)/uv pip compile tests/producers/requirements.in --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-annotate --no-header --quiet -o tests/producers/requirements.lock
