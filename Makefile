# What people and CI type. Every target sets up what it needs by itself.
SHELL := /bin/sh
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
STACK ?= prod
BASE ?= local
BIN := .venv/bin
REHEARSAL := $(BIN)/python -m rehearsal

.PHONY: help setup environment image bench cost rehearse report screenshot preview destroy clean test test-unit test-app test-cluster test-engine test-monitoring judge check format lock preflight own workflows stack-preview stack-deploy stack-smoke stack-rollback stack-drift previews-comment

help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  STACK=dev|staging|prod|local chooses the stack (now: $(STACK))"

setup: environment ## Get the tools of the rehearsal only (engine, control plane)
	@$(REHEARSAL) setup

environment:
	@PYTHON="$(PYTHON)" scripts/environment.sh

cost: environment ## What a month of each stack costs, STACK="dev staging prod"; fails above its budget; PICTURE=1 draws docs/cost.svg
	@$(BIN)/python -m price $(STACK) $(if $(PICTURE),--picture)

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

preflight: environment ## Look, before the first up, whether the account has what STACK needs; changes nothing (JSON=1)
	@$(BIN)/python -m preflight $(if $(JSON),--json) "$(STACK)"

own: environment ## Put the answers that pulumi new asked for into every stack file
	@$(BIN)/python scripts/own.py

image: environment ## Build the application's image on Debian's packages (BASE=shipped: on the registries' images), tell what it is
	@$(BIN)/python -m rehearsal.image --base "$(BASE)"

test: environment ## Run every layer of tests, and measure what they cover
	@COVERAGE=1 scripts/test.sh check unit engine judges -- app monitoring cluster

test-unit: environment ## Components and stack files under Pulumi's mocks (seconds)
	@scripts/test.sh unit

test-app: environment ## The application on real PostgreSQL and Redis
	@scripts/test.sh app

test-cluster: environment ## On a real Kubernetes API server
	@scripts/test.sh cluster

test-engine: environment ## Through the real Pulumi engine
	@scripts/test.sh engine

test-monitoring: environment ## Rules, routing and messages on real Prometheus and Alertmanager
	@scripts/test.sh monitoring

judge: environment ## Have checkov, kube-score, kubeconform and hadolint judge the rehearsed stack; WRITE=1 writes docs/judges.md
	@$(BIN)/python -m judges $(STACK) $(if $(WRITE),--write)

workflows: environment ## Have actionlint and zizmor judge CI's workflows
	@$(BIN)/python -m judges.workflows

stack-preview stack-deploy stack-smoke stack-rollback stack-drift: environment ## What CI does to a real STACK
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python scripts/deliver.py $(@:stack-%=%) "$(STACK)"

previews-comment: environment ## Write the previews of dev, staging and prod into the pull request (in CI)
	@$(BIN)/python scripts/deliver.py comment dev staging prod

check: environment ## Format, lint, types and the direction of imports
	@scripts/test.sh check

bench: environment ## Measure rehearsal, preview, unit tests and the application; writes docs/benchmarks.md
	@$(BIN)/python -m benchmarks

format: environment ## Put the code into its form
	@$(BIN)/ruff format -q . && $(BIN)/ruff check -q --fix .

lock: environment ## Compile the lock files from pyproject.toml
	@scripts/lock.sh
