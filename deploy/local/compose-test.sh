#!/usr/bin/env bash
# compose-test.sh [PYTEST ARGUMENTS]: the composed stack as an operator brings it up, under test.
set -euo pipefail
cd "$(dirname "$0")/../.."
mkdir -p .afaq # what a killed run leaves there goes with `make clean`
scratch=$(mktemp -d "$PWD/.afaq/compose-XXXXXX")
trap 'rm -rf "$scratch"' EXIT
export PATH=$PWD/.venv/bin:$PATH
export AFAQ_TEST_STACK=compose AFAQ_SECRETS=$scratch/secrets
export COMPOSE_PROJECT_NAME=afaq-test COMPOSE_FILE=deploy/compose.yaml COMPOSE_ENV_FILES=deploy/simulators.env
echo "engine $(docker version -f '{{.Server.Version}}'), $(docker-compose version)"
docker-compose config --images | sort -u
afaq secrets new --simulated "$AFAQ_SECRETS"
docker-compose build -q
pytest -s tests/compose "$@"
