# What people and CI type. Every target sets up what it needs by itself.
SHELL := /bin/sh
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
STACK ?= prod
BASE ?= local
BIN := .venv/bin
REHEARSAL := $(BIN)/python -m rehearsal

.PHONY: help setup environment image bench cost rehearse preview destroy clean test test-unit test-app test-cluster test-engine test-monitoring test-ops judge check format lock ops preflight own workflows stack-preview stack-deploy stack-smoke stack-rollback stack-drift previews-comment stack-restored rehearsal-summary image-push image-tools secrets audit audit-cluster report screenshot

help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^##@ / {print "\n" substr($$0, 5)} /^[a-z -]+:.*## / {printf "  make %-17s %s%s\n", $$1, (length($$1) > 17 ? "\n                         " : ""), $$2}' $(MAKEFILE_LIST)
	@printf '\nSTACK=dev, staging, prod or local chooses the stack (now: %s)\n' "$(STACK)"

##@ Rehearse, without an account

setup: environment ## Get the tools of the rehearsal only (engine, control plane)
	@$(REHEARSAL) setup

environment:
	@PYTHON="$(PYTHON)" scripts/environment.sh

rehearse: environment ## Run the whole stack here: real engine, real Kubernetes API, simulated AWS (NODE=real: pods run; DRILLS=1: drills)
	@$(REHEARSAL) up "$(STACK)"

report: environment ## Write the report of the rehearsed stack anew, from what is there (DRILLS=1: after drills)
	@$(REHEARSAL) report "$(STACK)"

screenshot: environment ## Rehearse prod and draw README's picture and screenshot anew (needs Chromium)
	@DRILLS= $(REHEARSAL) up prod && DRILLS= $(REHEARSAL) report prod --picture docs/architecture.svg
	@DRILLS=1 $(REHEARSAL) report prod --screenshot docs/report.png

preview: environment ## Show what the program would change in the rehearsed stack
	@$(REHEARSAL) preview "$(STACK)"

destroy: environment ## Destroy the rehearsed stack and stop its control plane
	@$(REHEARSAL) destroy "$(STACK)"

clean: environment ## Stop everything that runs and remove what rehearsals left
	@$(REHEARSAL) clean

##@ A real stack

cost: environment ## What a month of each stack costs, STACK="dev staging prod"; fails above its budget; PICTURE=1 draws docs/cost.svg
	@$(BIN)/python -m price $(STACK) $(if $(PICTURE),--picture)

ops: environment ## A day-2 command on STACK, as in: make ops COMMAND="status --rehearsed"; alone it lists them
	@$(BIN)/python -m ops $(or $(COMMAND),--help) $(if $(COMMAND),--stack "$(STACK)")

preflight: environment ## Look, before the first up, whether the account has what STACK needs; changes nothing (JSON=1)
	@$(BIN)/python -m preflight $(if $(JSON),--json) "$(STACK)"

own: environment ## Put the answers that pulumi new asked for into every stack file
	@$(BIN)/python scripts/own.py

##@ The application's image

image: environment ## Build the application's image on Debian's packages (BASE=shipped: on the registries' images), tell what it is
	@$(BIN)/python -m rehearsal.image --base "$(BASE)"

image-push: environment ## Put the image that BASE=shipped made into the registry that staging and prod name, tell its digest
	@$(BIN)/python -m scripts.images staging prod

##@ Tests

test: environment ## Run every layer of tests, and measure what they cover
	@COVERAGE=1 scripts/test.sh check unit engine judges monitoring -- app ops cluster

test-unit: environment ## Components and stack files under Pulumi's mocks (a minute)
	@scripts/test.sh unit

test-app: environment ## The application on real PostgreSQL and Redis; the preflight on AWS as moto plays it
	@scripts/test.sh app

test-cluster: environment ## Scheduling, scaling, drains and admission on a real Kubernetes API server
	@scripts/test.sh cluster

test-engine: environment ## Whole stacks through the real Pulumi engine
	@scripts/test.sh engine

test-monitoring: environment ## Rules, routing and messages on real Prometheus and Alertmanager
	@scripts/test.sh monitoring

test-ops: environment ## Day-2 commands on the local control plane, real PostgreSQL and Valkey, and AWS as moto plays it
	@scripts/test.sh ops

##@ What others' tools say

judge: environment ## Have others' tools (checkov, kube-score, promtool, gitleaks, ...) judge the rehearsed stack; WRITE=1 writes docs/judges.md
	@$(BIN)/python -m judges $(STACK) $(if $(WRITE),--write)

workflows: environment ## Have actionlint and zizmor judge CI's workflows
	@$(BIN)/python -m judges.workflows

secrets: environment ## Have gitleaks look for secrets in every file that is committed or could be
	@$(BIN)/python -m judges.gitleaks

AUDITED := requirements.txt requirements-dev.txt app/requirements.txt judges/requirements.txt
audit: environment ## Ask Python's package index for known flaws of what the lock files name (needs the internet)
	@$(BIN)/uv tool run --quiet pip-audit==2.10.1 --strict --disable-pip --require-hashes $(addprefix --requirement ,$(AUDITED))

audit-cluster: environment ## Have Kubescape and hardeneks judge the rehearsal of STACK that is up (needs the internet)
	@$(BIN)/python -m judges.clusters "$(STACK)"

##@ What CI does

image-tools: ## Get what builds and pushes the image, where it is not there
	@{ command -v buildah && command -v skopeo; } >/dev/null || { sudo apt-get -q update && sudo apt-get -q install --yes buildah skopeo; }

stack-preview stack-deploy stack-smoke stack-rollback stack-drift stack-restored: environment ## To a real STACK (stack-deploy: with IMAGE=name@sha256:... of one just pushed)
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m scripts.deliver $(@:stack-%=%) "$(STACK)"

previews-comment: environment ## Write the previews and prices of dev, staging and prod into the pull request
	@$(BIN)/python -m scripts.tell comment dev staging prod

rehearsal-summary: environment ## Tell what a rehearsal of STACK came to and costs (there in the job's summary)
	@$(BIN)/python -m scripts.tell summary "$(STACK)"

##@ The code

check: environment ## Format, lint, types and the direction of imports
	@scripts/test.sh check

bench: environment ## Measure rehearsal, preview, unit tests, restores and the application; writes docs/benchmarks.md
	@$(BIN)/python -m benchmarks

format: environment ## Put the code into its form
	@$(BIN)/ruff format -q . && $(BIN)/ruff check -q --fix .

lock: environment ## Compile the lock files from pyproject.toml
	@scripts/lock.sh
