# Each target sets up what it needs in .venv: a Python 3.11 or newer with venv is enough.

VENV := .venv
BIN := $(VENV)/bin
PYTHON := $(shell for name in python3 python3.14 python3.13 python3.12 python3.11; do \
	command -v $$name >/dev/null && $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$name && break; done)

.PHONY: help demo test test-real test-servers lint types docs screenshots faults fuzz bench clean

help:
	@echo 'make demo    the whole job on sample releases, without any network; ARGS=--serve keeps its pages up'
	@echo 'make test    the tests'
	@echo 'make test-real     those on the real releases in ../shared/data'
	@echo 'make test-servers  those that start PostgreSQL, a server with the S3 API or a browser'
	@echo 'make lint    ruff, and the words that docs/glossary.md retired'
	@echo 'make types   mypy'
	@echo 'make docs    the documents as a site with a search: .docs/index.html'
	@echo 'make screenshots  those of the README, from the shipped sample (needs chromium and chromium-driver)'
	@echo 'make faults  docs/faults.md: every fault with its test, and the result'
	@echo 'make fuzz    the readers under libFuzzer, for some minutes'
	@echo 'make bench   docs/benchmarks.md: measured beside others, on the real releases in ../shared/data where they are'
	@echo 'make clean   remove the environment'

demo: $(VENV)/installed
	@$(BIN)/watcher demo $(ARGS)

# Hundreds of processes start: none is to compile the package again, whatever the environment says about bytecode.
test: export PYTHONDONTWRITEBYTECODE :=
test: $(VENV)/developing
	@$(BIN)/python -m compileall -q watcher
	$(BIN)/pytest --numprocesses auto --dist worksteal -m 'not slow and not server' --ignore tests/real

test-real: export PYTHONDONTWRITEBYTECODE :=
test-real: $(VENV)/developing
	@$(BIN)/python -m compileall -q watcher
	$(BIN)/pytest --numprocesses auto --dist worksteal tests/real

test-servers: export PYTHONDONTWRITEBYTECODE :=
test-servers: $(VENV)/developing
	@$(BIN)/pip install --quiet --disable-pip-version-check --group servers || echo 'no server with the S3 API can be installed here' >&2
	@$(BIN)/python -m compileall -q watcher
	$(BIN)/pytest --numprocesses auto --dist worksteal -m 'server and not slow'

lint: $(VENV)/developing
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python tools/check_words.py

types: $(VENV)/developing
	$(BIN)/mypy

docs: $(VENV)/developing
	$(BIN)/python -m sphinx -q -W --keep-going -d .docs/.trees -b html docs .docs
	@echo 'open .docs/index.html'

screenshots: $(VENV)/developing
	$(BIN)/python tools/screenshots.py

faults: $(VENV)/developing
	$(BIN)/python tools/faults_table.py

fuzz: $(VENV)/developing
	@$(BIN)/pip install --quiet --disable-pip-version-check atheris || echo 'atheris cannot be installed here' >&2
	$(BIN)/python bench/fuzz.py

bench: $(VENV)/developing
	$(BIN)/python bench/run.py

clean:
	rm -rf $(VENV) .axe .bench .docs docs/reference

$(VENV)/bin/python:
	@test -n '$(PYTHON)' || { echo 'make: no Python 3.11 or newer found; install one (Debian: apt install python3 python3-venv)' >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo 'make: $(PYTHON) has no venv; install it (Debian: apt install python3-venv)' >&2; rm -rf $(VENV); exit 1; }
	@$(BIN)/pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'

$(VENV)/installed: pyproject.toml $(VENV)/bin/python
	@echo 'installing registry-watcher into $(VENV) …'
	@$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	@$(BIN)/python -m compileall -q watcher
	@touch $@

$(VENV)/developing: pyproject.toml $(VENV)/installed
	@echo 'installing the development tools into $(VENV) …'
	@$(BIN)/pip install --quiet --disable-pip-version-check --group dev
	@touch $@
