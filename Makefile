# Afaq. `make` alone says what there is.

SHELL := /bin/bash
.DEFAULT_GOAL := help
export PYTHON ?= python3
BIN := .venv/bin
CODE := $(wildcard afaq services shared simulators deploy tests benchmarks)

# An environment made for the tests has all that the stack needs: `make demo` after `make test` installs nothing.
READY_TO_TEST := .venv/ready-to-test
READY_TO_DEPLOY := .venv/ready-to-deploy
READY_TO_RUN := $(shell [ $(READY_TO_TEST) -nt requirements/test.txt -a $(READY_TO_TEST) -nt requirements/local.txt ] \
  && echo $(READY_TO_TEST) || echo .venv/ready-to-run)

.PHONY: help demo up test compose-test upgrade-test upgrade-here image sbom simulate chaos bench check dashboards fmt lock clean

help:
	@awk 'BEGIN { FS = ":.*## " } \
	  /^##@ / { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 } \
	  END { print "" }' $(MAKEFILE_LIST)

##@ Run
demo: $(READY_TO_RUN) ## see it work: a licence, a birth and what follows, fifty at once, a death
	@$(BIN)/afaq demo

up: $(READY_TO_RUN) ## the whole platform on this machine, until Ctrl-C
	@$(BIN)/afaq up

##@ Develop
test: $(READY_TO_TEST) $(READY_TO_DEPLOY) ## all tests, on a real PostgreSQL and a real Kafka; AFAQ_TEST_STACK=containers: in containers
	$(if $(filter containers,$(AFAQ_TEST_STACK)),deploy/local/with-engine.sh) $(BIN)/pytest

SEEDS ?= 400
simulate: $(READY_TO_TEST) ## the platform in memory, seed by seed, with all that can go wrong; SEEDS=400 (an hour)
	$(BIN)/python -m tests.simulation --seeds $(SEEDS)

chaos: $(READY_TO_TEST) ## ten minutes of faults under load, then an audit; AFAQ_CHAOS_SECONDS, AFAQ_CHAOS_SEED
	AFAQ_CHAOS_SECONDS=$${AFAQ_CHAOS_SECONDS:-600} AFAQ_CHAOS_SEED=$${AFAQ_CHAOS_SEED:-$$RANDOM} \
	  $(BIN)/pytest -s -m "chaos or not chaos" tests/resilience/faults

bench: $(READY_TO_TEST) ## measure it against its limits; BENCH="one --rounds 1" for a part
	$(BIN)/python -m benchmarks $(BENCH)

check: $(READY_TO_TEST) $(READY_TO_DEPLOY) ## format, lint, types, walls between services, dependencies, what is deployed
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/ruff check $(CODE)
	$(BIN)/mypy $(CODE)
	$(BIN)/lint-imports
	$(BIN)/deptry .
	$(BIN)/pytest -rs tests/deploy

dashboards: $(READY_TO_DEPLOY) ## make the dashboards anew
	$(BIN)/python -m deploy.observability.dashboards

fmt: $(READY_TO_TEST) ## format the code, and mend what the linter can
	$(BIN)/ruff check --fix-only $(CODE)
	$(BIN)/ruff format $(CODE)

compose-test: $(READY_TO_TEST) ## the stack of deploy/compose.yaml in containers, its parts killed and paused, then an audit
	@deploy/local/with-engine.sh deploy/local/compose-test.sh $(if $(ONLY),-k "$(ONLY)")

upgrade-test: $(READY_TO_TEST) ## the last release, replaced by this one under load, gone back to and replaced, then an audit
	@deploy/local/with-engine.sh deploy/local/upgrade-test.sh

upgrade-here: $(READY_TO_TEST) ## the same without containers, on this machine's servers
	$(BIN)/pytest -s -m "chaos or not chaos" tests/upgrade/test_processes.py

image: sbom ## the container image, `afaq`, and beside it what it is made of
	docker build -f deploy/Dockerfile -t afaq .

sbom: $(READY_TO_TEST) ## what the image's Python is made of, out of the lock (CycloneDX): dist/afaq.cdx.json
	@mkdir -p dist
	PYTHONWARNINGS=ignore $(BIN)/cyclonedx-py requirements --output-reproducible --pyproject pyproject.toml -o dist/afaq.cdx.json requirements/runtime.txt

##@ Repair
# The tests' versions bind the others: what runs is what was tested.
lock: $(READY_TO_TEST) ## pin anew what pyproject.toml asks for, and Kafka's jars
	$(PIN) pyproject.toml --group test -o requirements/test.txt
	$(PIN) pyproject.toml --group local -c requirements/test.txt -o requirements/local.txt
	$(PIN) pyproject.toml --group simulators -c requirements/test.txt -o requirements/simulators.txt
	$(PIN) pyproject.toml -c requirements/test.txt -o requirements/runtime.txt
	$(PIN) --group deploy -c requirements/test.txt -o requirements/deploy.txt
	echo uv | $(PIN) - -o requirements/uv.txt
	$(BIN)/python -m afaq.local.kafka_lock

clean: ## remove data, environment and caches
	@[ ! -d .afaq ] || $(PYTHON) -m afaq.local.lock .afaq
	@find .afaq -lname '/var/tmp/afaq-postgres-*' 2>/dev/null | while read -r link; do rm -rf "$$(readlink "$$link")"; done
	rm -rf .afaq .venv dist .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

UV = $(shell command -v uv || echo $(BIN)/uv)
PIN = $(UV) pip compile -q --universal --generate-hashes --no-annotate --no-header --python-version 3.11

.venv/ready-to-run: requirements/local.txt
	@.ci/environment $<
	@touch $@

$(READY_TO_TEST): requirements/test.txt
	@.ci/environment $<
	@touch $@

$(READY_TO_DEPLOY): requirements/deploy.txt requirements/helm.txt | $(READY_TO_TEST)
	@.ci/environment $<
	@.ci/tools
	@touch $@
