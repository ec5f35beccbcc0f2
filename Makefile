# Kaizen Edge. `make help` lists the targets. Each makes what it needs: the environments live in .venv*/ and are
# rebuilt when a requirements*.txt changes.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PY := .venv/bin/python
SAM := .venv-sam/bin/sam
export PYTHONPATH := $(CURDIR)/shared:$(CURDIR)
export SAM_CLI_TELEMETRY := 0

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

# --- environments -------------------------------------------------------------------------------------------------

.venv/local.stamp: requirements-local.txt
	@infra/make-venv .venv requirements-local.txt
	@touch $@

.venv/dev.stamp: .venv/local.stamp requirements-dev.txt
	@infra/make-venv .venv requirements-dev.txt
	@touch $@

.venv-sam/stamp: requirements-sam.txt
	@infra/make-venv .venv-sam requirements-sam.txt
	@touch $@

.venv-scan/stamp: requirements-scan.txt
	@infra/make-venv .venv-scan requirements-scan.txt
	@touch $@

.venv-bench/stamp: requirements-bench.txt
	@infra/make-venv .venv-bench requirements-bench.txt
	@touch $@

# --- run ----------------------------------------------------------------------------------------------------------

.PHONY: up
up: .venv/local.stamp ## four regions on this machine, until Ctrl-C (PORT=8000, PERSIST=1 keeps the tables)
	@exec $(PY) -m infra.local --port $(or $(PORT),8000) $(if $(PERSIST),--persist)

.PHONY: admin-key
admin-key: .venv/local.stamp ## the first keys of a stage on AWS, printed once (STAGE=production)
	@$(PY) -m infra.operate admin-key --stage $(or $(STAGE),production)

.PHONY: demo-key
demo-key: ## print the administrator's API key of the running local regions
	@cat .local/demo-key

# --- deploy ------------------------------------------------------------------------------------------------------

DEPLOY = $(PY) -m infra.deploy $(1) --stage $(or $(STAGE),production) $(foreach region,$(REGION),--region $(region)) \
  $(if $(ENDPOINT),--endpoint-url $(ENDPOINT)) $(if $(YES),--yes)

.PHONY: deploy
deploy: .venv/local.stamp .venv-sam/stamp ## four regions, the canary region first (STAGE=staging, REGION=cdg1 for one, PLAN=1 changes nothing)
	@$(call DEPLOY,deploy) $(if $(PLAN),--dry-run)

.PHONY: rollback
rollback: .venv/local.stamp .venv-sam/stamp ## back to the release before (REGION=cdg1 for one)
	@$(call DEPLOY,rollback)

.PHONY: status
status: .venv/local.stamp ## what runs where
	@$(call DEPLOY,status)

.PHONY: destroy
destroy: .venv/local.stamp ## delete the stacks; asks for the stage's name, keeps what cannot be made again
	@$(filter-out --yes,$(call DEPLOY,destroy))

# --- check and test -----------------------------------------------------------------------------------------------

# On two cores; each starts engines of its own.
PYTEST := $(PY) -m pytest -q -n 2

.PHONY: check
check: lint ## lint, types, unit tests, contract tests in memory and on moto; under two minutes
	@$(PYTEST) --dist worksteal tests/unit tests/contract -k "not ministack and not dynamodb_local"

.PHONY: lint
lint: .venv/dev.stamp ## format, lint, types
	@.venv/bin/ruff format --check --quiet . || { echo "run: make format"; exit 1; }
	@.venv/bin/ruff check --quiet .
	@.venv/bin/mypy shared functions infra tests examples

.PHONY: format
format: .venv/dev.stamp ## write the code as the formatter wants it
	@.venv/bin/ruff format .
	@.venv/bin/ruff check --fix --quiet . || true

# A browser keeps an event loop in the process that drives it: nothing else shares that.
OTHERWISE_RUN := $(addprefix tests/,unit contract browser bench events vectors)

.PHONY: test
test: .venv/dev.stamp .venv-sam/stamp .venv-scan/stamp build ## every test, on every engine: DynamoDB Local, ministack, Prometheus, Chromium, nginx, AWS's emulator
	@$(PYTEST) --dist worksteal tests/unit tests/contract
	@$(PYTEST) --dist loadfile tests/browser
	@$(PYTEST) --dist loadfile $(filter-out $(OTHERWISE_RUN),$(patsubst %/,%,$(wildcard tests/*/)))

# --- build and measure --------------------------------------------------------------------------------------------

.PHONY: build
build: .venv-sam/stamp ## the layer and the functions, as they are deployed, in .aws-sam/build (ARCH=x86_64|arm64)
	@infra/build $(or $(ARCH),$(shell uname -m))

.PHONY: openapi
openapi: .venv/local.stamp ## write the API's document and its page, functions/docs/assets
	@$(PY) -m infra.openapi

.PHONY: bench
bench: .venv/dev.stamp .venv-bench/stamp build ## every benchmark table (BENCH=name for one)
	@$(PY) -m tests.bench $(BENCH)

.PHONY: lock
lock: .venv/dev.stamp ## resolve requirements*.in into pinned, hashed requirements*.txt
	@infra/lock

.PHONY: clean
clean: ## remove everything that make made
	@rm -rf .venv .venv-sam .venv-scan .venv-bench .aws-sam .cache .local .mypy_cache .pytest_cache .ruff_cache .hypothesis
