#!/usr/bin/env bash
# images.sh: stand-ins for the official images, out of Debian's, Python's and Kafka's packages.
set -euo pipefail
cd "$(dirname "$0")"
for suite in bookworm forky; do
  docker image inspect "afaq-local/debian:$suite" >/dev/null 2>&1 || ./base.sh "afaq-local/debian:$suite" "$suite"
done
[ -d kafka/jars ] || {
  mkdir kafka/jars
  ../../.venv/bin/python -c 'from afaq.local.kafka_jars import kafka_jars; print(*kafka_jars(lambda _: None))' |
    xargs cp -t kafka/jars
}
for image in python:3.11 postgres:18 kafka:4.3.1; do
  docker build -q -t "afaq-local/$image" "${image%%:*}" >/dev/null
done
