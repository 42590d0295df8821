#!/usr/bin/env bash
# The composed stack as an operator brings it up, in tests that kill and pause its parts and audit what is left.
# Without an engine one is started here if that is allowed, and ended; without a registry local images are made.
set -euo pipefail
cd "$(dirname "$0")/../.."
scratch=$(mktemp -d /var/tmp/afaq-compose-XXXXXX)
engine=${AFAQ_ENGINE_DIRECTORY:-/var/tmp/afaq-engine} # images stay there for the next time
trap 'end' EXIT
end() {
  [ -z "${started:-}" ] || deploy/local/engine.sh stop "$engine"
  rm -rf "$scratch"
}

if ! docker info >/dev/null 2>&1; then
  if [ "$(uname -s) $(id -u)" != "Linux 0" ]; then
    echo "skipped: no container engine (none answers, and only root on Linux may start one)"
    exit
  fi
  DOCKER_HOST=$(deploy/local/engine.sh start "$engine" | tail -1)
  export DOCKER_HOST started=yes
fi
export PATH=$PWD/.venv/bin:$PATH
export AFAQ_TEST_STACK=compose AFAQ_SECRETS=$scratch/secrets
export COMPOSE_PROJECT_NAME=afaq-test COMPOSE_FILE=deploy/compose.yaml COMPOSE_ENV_FILES=deploy/simulators.env
docker buildx version >/dev/null 2>&1 || export DOCKER_BUILDKIT=0
if ! docker image inspect postgres:18 >/dev/null 2>&1 && ! timeout 300 docker pull -q postgres:18 2>/dev/null; then
  echo "no image registry answers: with local images"
  deploy/local/images.sh
  COMPOSE_ENV_FILES+=,deploy/local.env
fi
echo "engine $(docker version -f '{{.Server.Version}}'), $(docker-compose version)"
docker-compose config --images | sort -u
afaq secrets new --simulated "$AFAQ_SECRETS"
docker-compose build -q
pytest -s tests/compose "$@"
