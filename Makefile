# The commands for people and CI. `make` alone prints help.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV := .venv
PYTHON := $(VENV)/bin/python
BIN := $(VENV)/bin
STACK := $(PYTHON) deploy/local/stack.py
PYTEST := $(PYTHON) -m pytest
BASE_PYTHON ?= python3
LOCAL := protos/gen/python services/common services/speech services/gateway services/registry services/asr services/diarizer clients/python
SAMPLE = $(shell $(PYTHON) -c 'import importlib.util, pathlib; print(pathlib.Path(importlib.util.find_spec("pyannote.audio").origin).parent / "sample/sample.wav")')
# No tool reports usage to anyone.
export ORT_DISABLE_TELEMETRY := 1
export PYANNOTE_METRICS_ENABLED := 0
export HF_HUB_OFFLINE := 1

.PHONY: help
help: ## Show this help
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# --- setting up -----------------------------------------------------------------------------------

.PHONY: setup lock
setup: $(VENV)/.ready ## Install everything into .venv, by hash

$(VENV)/.ready: requirements/dev.lock $(LOCAL:%=%/pyproject.toml)
	@uv=$$(command -v uv || true); \
	[ -n "$$uv" ] || { uv=$(VENV)/.uv/bin/uv; [ -x $$uv ] || $(BASE_PYTHON) -m pip install -q --target $(VENV)/.uv uv==0.13.8; }; \
	[ -x $(PYTHON) ] || $$uv venv -q --allow-existing --python $(BASE_PYTHON) $(VENV); \
	echo "installing into $(VENV) (about half a minute, 4 GB)"; \
	$$uv pip sync -q --python $(PYTHON) --require-hashes requirements/dev.lock; \
	$$uv pip install -q --python $(PYTHON) --no-deps --no-build-isolation $(LOCAL:%=-e %)
	@touch $@

lock: ## Resolve requirements/*.lock anew (NAMES="gateway dev" for some)
	requirements/compile.sh $(NAMES)

# --- protos ---------------------------------------------------------------------------------------

.PHONY: gen gen-check docs docs-check export-protos
gen: setup ## Generate the Python stubs from the protos
	@$(PYTHON) protos/generate.py gen

gen-check: setup ## Check that the committed stubs are current
	@$(PYTHON) protos/generate.py check

docs: setup ## Generate docs/reference from the settings, the metrics and the chart's values
	@$(PYTHON) docs/generate.py
	@$(PYTHON) deploy/helm/values_page.py
	@$(PYTHON) deploy/helm/cited.py

docs-check: setup ## Check that docs/reference is current
	@$(PYTHON) docs/generate.py --check
	@$(PYTHON) deploy/helm/cited.py --check

export-protos: setup ## Write a self-contained bundle of protos for clients: make export-protos DIR=out
	@[ -n "$(DIR)" ] || { echo "say where: make export-protos DIR=out" >&2; exit 2; }
	@$(PYTHON) protos/export.py "$(DIR)"

# --- checks ---------------------------------------------------------------------------------------

.PHONY: fmt lint types imports check
fmt: setup ## Format code and protos
	@$(BIN)/ruff check -q --fix-only .
	@$(BIN)/ruff format -q .
	@$(BIN)/buf format -w protos

lint: setup ## Lint code and protos
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/buf format --diff --exit-code protos
	$(PYTHON) protos/generate.py lint

types: setup ## Check types, strictly
	$(BIN)/mypy services/*/src clients/python/src deploy/local deploy/helm deploy/images protos/*.py docs/*.py tests

imports: setup ## Check who may import whom
	$(BIN)/lint-imports

check: lint types imports gen-check docs-check test-chart test-install ## Everything but the tests of `make test`

# --- tests ----------------------------------------------------------------------------------------

.PHONY: test test-cures test-unit test-service test-e2e test-docs test-contract test-media test-chaos test-hostile fuzz test-chart test-install \
	test-egress
# Each folder runs in its own process, because some tests measure the memory and children of their process; two run at
# once (tests/lanes.py), those that take longest first.
LANES = $(PYTHON) -m tests.lanes
folders = $(sort $(dir $(wildcard $(addsuffix test_*.py,$(1)))))
UNIT = $(call folders,tests/unit/*/)
SERVICE = $(call folders,tests/service/*/ tests/service/gateway/*/)
LONG = $(addprefix tests/service/,asr/ gateway/identity/ gateway/live/ gateway/media/) tests/e2e tests/docs \
	$(addprefix tests/service/,diarizer/ gateway/uploads/ gateway/pipeline/)
long_first = $(filter $(1),$(LONG)) $(filter-out $(LONG),$(1))

test: setup models ## Run the unit, contract, service, e2e and docs tests, then read what all of them left behind
	@$(LANES) --logs $(call long_first,$(UNIT) tests/contract $(SERVICE) tests/e2e tests/docs) \
		--last tests/leaks tests/filled -- $(ARGS)

test-unit: setup ## Run the tests without sockets or models
	@$(LANES) $(UNIT) -- $(ARGS)

test-contract: setup ## Run the tests of the protos
	$(PYTEST) tests/contract $(ARGS)

test-service: setup models ## Run the tests of each service alone, on real Postgres, S3 and models
	@$(LANES) $(call long_first,$(SERVICE)) -- $(ARGS)

test-e2e: setup models ## Run the tests of the whole stack (TARGET=host:port for a cluster)
	$(PYTEST) tests/e2e $(if $(TARGET),--target=$(TARGET)) $(ARGS)

test-docs: setup models ## Run every command of README and docs in a fresh clone
	$(PYTEST) tests/docs $(ARGS)

test-media: setup models ## Decode files of every container, codec and oddity, and write docs/media-report.md
	$(PYTEST) tests/media --media-report docs/media-report.md $(ARGS)

test-chaos: setup models ## Kill, stop and starve everything, then check the invariants (LOCUTION_CHAOS_KILLS=200 for long)
	$(PYTEST) tests/chaos $(ARGS)

test-hostile: setup ## Send hostile values, streams, media and rows, with a neighbour watched (LOCUTION_HOSTILE_LONG=1 for long)
	@$(LANES) --lanes=1 $(sort $(wildcard tests/hostile/test_*.py)) tests/hostile/media -- $(ARGS)

fuzz: setup ## Fuzz our own parsers, guided by coverage (ARGS="--seconds 600" for long)
	@uv=$$(command -v uv || echo $(BIN)/uv); $$uv pip install -q --python $(PYTHON) --require-hashes -r requirements/fuzz.lock
	@$(PYTHON) -m tests.hostile.fuzz $(ARGS)

test-chart: setup ## Lint, render and check the Helm chart
	$(PYTEST) tests/chart $(ARGS)

# Excluded by name, because they install or build: tests/docs, tests/install, tests/contract's clients in other languages.
test-egress: setup models ## Run the tests and an idle stack where every look-up and connection is recorded (IDLE=900 seconds)
	LOCUTION_ENVIRONMENTS=.locution/environments $(STACK) environments # what the end-to-end tests would install
	$(PYTHON) -m tests.egress --report $(or $(REPORT),.locution/egress.txt) -- bash -c '$(LANES) \
		$(call long_first,$(UNIT) $(SERVICE) tests/e2e) && $(PYTHON) -m tests.egress.idle $(or $(IDLE),900) $(SAMPLE)'

test-cluster: setup models ## Install the chart on a real Kubernetes, break it, and write docs/cluster-report.md (root, 45 GB)
	$(PYTHON) -m tests.cluster run $(ARGS)

test-cures: setup models ## Try cures of the runbooks on a real Kubernetes, and write docs/cures-report.md (root, 45 GB)
	$(PYTHON) -m tests.cluster cures $(ARGS)

test-install: setup ## Check that each service installs alone with only what it needs
	$(PYTEST) tests/install $(ARGS)

# --- benchmarks -----------------------------------------------------------------------------------

.PHONY: bench bench-field bench-quality bench-memory bench-queue bench-uploads bench-identity bench-live bench-recording bench-replicas bench-upgrade
bench: setup models ## Measure the engines against their baselines, as one table
	$(PYTHON) -m tests.bench.engines $(ARGS)

bench-field: setup models ## Text in the field: degraded utterances, two languages, ten minutes, beside faster-whisper
	$(PYTHON) -m tests.bench.engines --rows field,two-languages,ten-minutes $(ARGS)

bench-quality: setup models ## Word and diarization error rates of every referenced recording, through the command line
	$(PYTHON) -m tests.bench.quality $(ARGS)

bench-memory: setup models ## Peak memory of api, worker and decode child, one minute against sixty
	$(PYTHON) -m tests.bench.memory $(ARGS)

bench-recording: setup models ## Sixty minutes with asr and worker killed, against the same undisturbed
	$(PYTHON) -m tests.bench.recording $(ARGS)

bench-replicas: setup ## How soon the first replica of a service is used, beside gRPC's own look-ups (root)
	$(PYTHON) -m tests.bench.replicas $(ARGS)

bench-upgrade: setup models ## Live words during an upgrade of the chart, beside the same minutes without (root, 45 GB)
	$(PYTHON) -m tests.cluster bench $(ARGS)

bench-queue: setup ## Claims beside SELECT 1 with a million finished stages, and fairness over tenants
	$(PYTHON) -m tests.bench.queue $(ARGS)

bench-uploads: setup models ## WriteUpload and presigned parts against a plain put, and the api's memory
	$(PYTHON) -m tests.bench.uploads $(ARGS)

bench-identity: setup ## What identity and limits cost, and whether keys leak by time
	$(PYTHON) -m tests.bench.identity $(ARGS)

bench-live: setup models ## Live sessions: time to confirmed words, streams carried, faults
	$(PYTHON) -m tests.bench.live $(ARGS)

# --- container images ------------------------------------------------------------------------------

.PHONY: images
images: ## Build the container images (SERVICES="asr diarizer" ACCELERATOR=cuda REGISTRY=... TAG=... ARGS=--help for more)
	@$(BASE_PYTHON) deploy/images/images.py $(SERVICES) $(if $(REGISTRY),--registry "$(REGISTRY)") $(if $(TAG),--tag "$(TAG)") \
		$(if $(ACCELERATOR),--accelerator "$(ACCELERATOR)") $(if $(PYTHON_IMAGE),--python-image "$(PYTHON_IMAGE)") $(ARGS)

# --- the local stack ------------------------------------------------------------------------------

.PHONY: models up down status logs clean demo
models: setup ## Install the development models into .locution/models, and register them if the stack runs
	@$(STACK) models

up: setup ## Start Postgres, an S3 server and all services on loopback, with the development models (MODELS=none: without)
	@$(STACK) up $(if $(filter none,$(MODELS)),--no-models)

down: setup ## Stop them and keep their data
	@$(STACK) down

status: setup ## Show which of them are healthy
	@$(STACK) status

logs: setup ## Show their logs
	@$(STACK) logs $(ARGS)

clean: setup ## Stop them and remove their data, models included
	@$(STACK) clean

demo: setup ## Transcribe a real conversation with its speakers, from nothing
	@$(STACK) up
	@trap '$(STACK) down' EXIT; $(BIN)/locution transcribe "$(SAMPLE)"
