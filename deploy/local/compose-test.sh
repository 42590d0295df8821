#!/usr/bin/env bash
# compose-test.sh [PYTEST ARGUMENTS]: the composed stack as an operator brings it up, under test.
set -euo pipefail
cd "$(dirname "$0")/../.."
skip() { echo "skipped: $*"; exit "${AFAQ_REQUIRE_ENGINE:-0}"; }
build() { docker build -q -f deploy/Dockerfile --build-arg PYTHON_IMAGE="${PYTHON_IMAGE:-python:3.11-slim-bookworm}" "$@"; }
mkdir -p .afaq # what a killed run leaves there goes with `make clean`
scratch=$(mktemp -d "$PWD/.afaq/compose-XXXXXX")
trap 'rm -rf "$scratch"' EXIT
export PATH=$PWD/.venv/bin:$PATH
export AFAQ_TEST_STACK=compose AFAQ_SECRETS=$scratch/secrets
export COMPOSE_PROJECT_NAME=afaq-test COMPOSE_FILE=deploy/compose.yaml COMPOSE_ENV_FILES=deploy/simulators.env
echo "engine $(docker version -f '{{.Server.Version}}'), $(docker-compose version)"
docker-compose config --images | sort -u
afaq secrets new --simulated "$AFAQ_SECRETS"
build --target packages-of-simulators . || skip "no images (the packages cannot be had from inside a container)"
docker-compose build -q
pytest -s tests/compose "$@"
