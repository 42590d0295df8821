#!/usr/bin/env bash
# with-engine.sh COMMAND...: runs it where a container engine answers, and images are to be had. Without an engine, one
# is started here if that is allowed, and ended; without an image registry, local images are made. What cannot be had is
# no failure, unless AFAQ_REQUIRE_ENGINE=1.
set -euo pipefail
cd "$(dirname "$0")/../.."
skip() { echo "skipped: $*"; exit "${AFAQ_REQUIRE_ENGINE:-0}"; }
directory=${AFAQ_ENGINE_DIRECTORY:-/var/tmp/afaq-engine} # its images stay there for the next time

if ! docker info >/dev/null 2>&1; then
  if [ "$(uname -s) $(id -u)" != "Linux 0" ] || ! command -v apt-get >/dev/null; then
    skip "no container engine (none answers; one is started here by root on Debian or Ubuntu only)"
  fi
  DOCKER_HOST=$(deploy/local/engine.sh start "$directory") || skip "no container engine (none can be started here)"
  export DOCKER_HOST
  trap 'deploy/local/engine.sh stop "$directory"' EXIT
fi
docker buildx version >/dev/null 2>&1 || export DOCKER_BUILDKIT=0

if ! docker image inspect postgres:18 >/dev/null 2>&1 && ! timeout 300 docker pull -q postgres:18 2>/dev/null; then
  echo "no image registry answers: with local images"
  deploy/local/images.sh || skip "no images (and none can be made of packages here)"
  set -a
  . deploy/local.env
fi
"$@"
