.DEFAULT_GOAL := help
.PHONY: help demo published pictures docs test fix check pytest newest quick types packages test-browser test-pretrained test-peers others soak contract bench bench-peers constraints clean
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

# Python 3.11 where there is one: that is what constraints.txt was made for.
PYTHON ?= $(firstword $(shell command -v python3.11 python3 2>/dev/null))
VENV := .venv
DEMO := .venv-demo
PRETRAINED := .venv-pretrained
DOCS := .venv-docs
BIN := $(VENV)/bin
VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
CONSTRAINTS := $(if $(filter 3.11,$(VERSION)),-c constraints.txt,)
TORCH := torch==2.13.0$(if $(filter Linux,$(shell uname -s)),+cpu)
TORCH_INDEX := https://download.pytorch.org/whl/cpu
COMMA := ,
PIP_QUIET := --quiet --disable-pip-version-check

# uv installs in a third of pip's time. It does not read pip's settings: where it is absent, or
# finds a package missing, pip installs.
UV := $(shell uv --version > /dev/null 2>&1 && command -v uv)
export UV

# $(call environment,FOLDER,REQUIREMENTS): an environment with these in it.
define environment
	$(PYTHON) -m venv --without-pip $(1)
	$(call install,$(1),$(2))
endef

define install
	$(if $(UV),$(UV) pip install --quiet --compile-bytecode --python $(1)/bin/python $(CONSTRAINTS) $(2) 2> $(1)/uv.log || )$(call pip,$(1),$(2))
endef

define pip
{ $(1)/bin/python -m ensurepip > /dev/null && \
	$(1)/bin/python -m pip install $(PIP_QUIET) $(CONSTRAINTS) 'pip>=25.1' && \
	$(1)/bin/python -m pip install $(PIP_QUIET) $(CONSTRAINTS) $(2); }
endef

# Workers and the programs that tests start share compiled modules; else each compiles all again.
unexport PYTHONDONTWRITEBYTECODE
# What `-n auto` takes: one more than two cores, since tests wait for replies, too.
export PYTEST_XDIST_AUTO_NUM_WORKERS := 3

help: ## show what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-15s %s\n", $$1, $$2}'

demo: $(DEMO)/ready ## install what it needs and run the whole story; DATA=path/to/chest_xray for real images
	$(DEMO)/bin/python -m rekognition_xray.demo $(if $(DATA),"$(DATA)",)

published: $(DEMO)/ready ## the page of published figures; DATA=path/to/chest_xray measures ours again
	$(if $(DATA),$(DEMO)/bin/python -m rekognition_xray.demo "$(DATA)")
	$(DEMO)/bin/python tools/published.py $(if $(DATA),--card demo-output/card.json)

pictures: $(VENV)/ready ## draw the pictures of README and docs, with Chromium, on PATH or named by CHROMIUM=
	$(BIN)/python tools/pictures.py

docs: $(DOCS)/ready ## build the pages into site/, strictly and offline; read with: python -m http.server -d site
	NO_MKDOCS_2_WARNING=1 $(DOCS)/bin/mkdocs build --quiet
	@echo "site/index.html"

test: check pytest newest ## set up, then lint, types, import contracts and all tests

quick: $(VENV)/ready ## lint, types, and the tests that a change can touch; under a minute
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --quiet --check .
	$(BIN)/mypy
	$(BIN)/python tools/changed.py

fix: $(VENV)/ready ## format, and fix what can be fixed
	$(BIN)/ruff check --quiet --fix-only .
	$(BIN)/ruff format --quiet .

check: $(VENV)/ready ## lint, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo --no-cache

pytest: $(VENV)/ready $(VENV)/node/ready ## all tests on this Python
	$(BIN)/pytest -n auto --dist worksteal

test-browser: $(VENV)/ready ## the evaluation and review pages in Chromium, on PATH or named by CHROMIUM=
	$(BIN)/pytest -m browser tests/clinic/report/browser tests/clinic/review/browser

test-pretrained: $(PRETRAINED)/ready ## the pretrained learner's tests, with a CPU build of PyTorch of their own
	$(PRETRAINED)/bin/pytest -n 0 -m pretrained tests/local/learning

test-peers: .venv-peers/ready ## figures beside those of cleanlab, dcurves and MAPIE, in an environment of their own
	.venv-peers/bin/pytest -n 0 -k 'cleanlab or dcurves or mapie' tests/clinic

types: $(VENV)/ready .venv-types/ready ## pyright on the package, beside mypy in make check
	.venv-types/bin/basedpyright

packages: $(VENV)/ready .venv-packages/ready ## sdist and wheel outside the source: tests, core and each extra; ONLY="core tests" for some
	$(BIN)/python tools/packages.py $(ONLY)

newest: $(VENV)/ready ## the tests of AWS on the newest other Python, with the oldest boto3
	$(BIN)/python tools/interpreters.py newest

others: $(VENV)/ready ## the quick tests on every other Python from 3.11 to 3.14 that is found
	$(BIN)/python tools/interpreters.py

soak: $(VENV)/ready ## slow property tests at full size
	$(BIN)/pytest -n 2 -m soak

contract: $(VENV)/ready ## compare AWS with what the local cloud assumes; BILLED: BUCKET=... MAX_COST=8.00 YES=1
	$(BIN)/rekognition-xray verify-aws --bucket "$(BUCKET)" --max-cost "$(or $(MAX_COST),8.00)" $(if $(YES),--yes,) --transcript contract.json

bench: $(VENV)/ready ## measure; nothing here passes or fails
	@for file in bench/*.py; do echo "== $$file"; $(BIN)/python $$file; done

bench-peers: .venv-bench/ready ## all figures beside those of other libraries, in an environment with them; FULL=1, BEFORE=path
	.venv-bench/bin/python bench/peers

$(DEMO)/ready: pyproject.toml constraints.txt
	$(call environment,$(DEMO),-e '.[local$(COMMA)report]')
	@touch $@

$(VENV)/ready: pyproject.toml constraints.txt
	$(call environment,$(VENV),--group dev -e '.[all]')
	@touch $@

# On Linux the plain package would bring a GPU's libraries: the CPU build, from PyTorch's own index
# where pip's own places have none.
# The AWS SDK for JavaScript, where there is npm: a test drives the local cloud by it.
$(VENV)/node/ready: tests/javascript/package.json $(VENV)/ready
	mkdir -p $(VENV)/node && cp $< $(VENV)/node/
	if npm --version > /dev/null 2>&1; then \
		npm install --prefix $(VENV)/node --no-audit --no-fund --no-package-lock --silent \
		&& touch $@ || echo "npm could not install: the test in JavaScript is skipped"; fi

$(PRETRAINED)/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(PRETRAINED)
	$(PRETRAINED)/bin/python -m pip install $(PIP_QUIET) $(CONSTRAINTS) 'pip>=25.1'
	$(PRETRAINED)/bin/python -m pip install $(PIP_QUIET) '$(TORCH)' 2> $(PRETRAINED)/without-index.log || \
		$(PRETRAINED)/bin/python -m pip install $(PIP_QUIET) '$(TORCH)' --extra-index-url $(TORCH_INDEX)
	$(PRETRAINED)/bin/python -m pip install $(PIP_QUIET) $(CONSTRAINTS) --group test -e '.[pretrained]'
	@touch $@

$(DOCS)/ready: pyproject.toml constraints.txt
	$(call environment,$(DOCS),--group docs)
	@touch $@

.venv-peers/ready: pyproject.toml constraints.txt
	$(call environment,.venv-peers,--group test --group peers -e '.[all]')
	@touch $@

# The peers that are light; imagededup and fastdup are measured where somebody installs them there.
.venv-bench/ready: pyproject.toml constraints.txt
	$(call environment,.venv-bench,--group bench --group dev -e '.[all]')
	@touch $@

.venv-types/ready .venv-packages/ready: .venv-%/ready: pyproject.toml constraints.txt
	$(call environment,.venv-$*,--group $*)
	@touch $@

constraints: ## write constraints.txt from a fresh environment of Python 3.11
	rm -rf .venv-constraints
	$(PYTHON) -m venv .venv-constraints
	.venv-constraints/bin/python -m pip install $(PIP_QUIET) 'pip>=25.1'
	.venv-constraints/bin/python -m pip install $(PIP_QUIET) --group dev --group docs --group types --group packages -e '.[all]'
	.venv-constraints/bin/python -m pip freeze --exclude-editable --all | grep -v '^setuptools' > constraints.txt
	rm -rf .venv-constraints

clean: ## remove environments and caches
	rm -rf .venv .venv-* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist site
