#!/usr/bin/env bash
# images.sh: stand-ins for the official images, out of Debian's, Python's and Kafka's packages; those that lack are made.
set -euo pipefail
cd "$(dirname "$0")"
have() { docker image inspect "$1" >/dev/null 2>&1; }
build() { have "afaq-local/$1" || DOCKER_BUILDKIT=0 docker build -q -t "afaq-local/$1" "${1%%:*}"; }

for suite in bookworm forky; do have "afaq-local/debian:$suite" || ./base.sh "afaq-local/debian:$suite" "$suite"; done
build python:3.11
build postgres:18
have afaq-local/kafka:4.3.1 || {
  rm -rf kafka/jars && mkdir kafka/jars
  (cd ../.. && .venv/bin/python -c 'from afaq.local.kafka_jars import kafka_jars; print(*kafka_jars(print), sep="\n")') |
    grep '\.jar$' | xargs cp -t kafka/jars
}
build kafka:4.3.1
