#!/usr/bin/env bash
# upgrade-test.sh [PYTEST ARGUMENTS]: the last release, replaced by this one under load, gone back to, and replaced.
set -euo pipefail
cd "$(dirname "$0")/../.."
skip() { echo "skipped: $*"; exit "${AFAQ_REQUIRE_ENGINE:-0}"; }
build() { docker build -q -f deploy/Dockerfile --build-arg PYTHON_IMAGE="${PYTHON_IMAGE:-python:3.11-slim-bookworm}" "$@"; }
last=${AFAQ_LAST_RELEASE:-$(<deploy/last-release)} # the commit that runs before; its schema, events and states differ from ours
git cat-file -e "$last^{commit}" 2>/dev/null || skip "$last, the last release, is not in this checkout's history"
mkdir -p .afaq
scratch=$(mktemp -d "$PWD/.afaq/upgrade-XXXXXX")
trap 'rm -rf "$scratch"' EXIT
export PATH=$PWD/.venv/bin:$PATH
export AFAQ_TEST_STACK=compose-twice AFAQ_SECRETS=$scratch/secrets
export COMPOSE_PROJECT_NAME=afaq-upgrade COMPOSE_FILE=deploy/compose.yaml:tests/upgrade/twice.yaml
export COMPOSE_ENV_FILES=deploy/simulators.env,deploy/single.env
echo "engine $(docker version -f '{{.Server.Version}}'), $(docker-compose version)"
echo "from $(git log -1 --format='%h of %cs, %s' "$last") to $(git log -1 --format='%h of %cs, %s')"
afaq secrets new --simulated "$AFAQ_SECRETS"
build --target packages-of-simulators . || skip "no images (the packages cannot be had from inside a container)"
git archive "$last" | build --target afaq -t afaq:last -
build --target afaq -t afaq .
build --target simulators -t afaq-simulators .
pytest -s tests/upgrade "$@"
