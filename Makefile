# `make help` reads the comments behind the double hashes.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
# Tests wait for processes and sockets as often as they work: one more at a time than there are cores.
JOBS ?= $(shell echo $$(($$(getconf _NPROCESSORS_ONLN) + 1)))

.PHONY: help setup demo test check serve bench reference soak fmt lock clean
help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(READY) ## a .venv in this checkout with everything pinned in the lock file

$(READY): requirements.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	$(BIN)/python -m compileall -q src
	touch $(READY)

demo: setup ## the main job on real input: tasks sent, a crash, every retry on time, nothing lost
	$(BIN)/kumo demo

test: setup ## every test but the long ones, JOBS at a time
	$(BIN)/pytest -q -n $(JOBS) --dist worksteal

check: setup ## format, lint, strict types, layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest -q tests/test_layers.py

serve: setup ## a server on 127.0.0.1:8123
	$(BIN)/kumo serve

bench: setup ## CPU seconds per 1000 tasks and tasks per second, beside the peers (FULL=1 for the long ones)
	$(BIN)/python -m bench

reference: setup ## docs/reference.md anew, from the tables of commands, settings, roles and calls
	$(BIN)/python -m reference

soak: setup ## the long runs: hundreds of kills, 100,000 tasks
	$(BIN)/pytest -q -m soak

fmt: setup ## format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: ## pin every dependency anew (needs uv)
	uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-annotate --python-version 3.11 --extra dev pyproject.toml -o requirements.lock

clean: ## remove what the targets made
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis kumo-data
