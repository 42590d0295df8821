#!/usr/bin/env bash
# engine.sh start|stop DIR
set -euo pipefail
dir=$(realpath -m "$2"); export DOCKER_HOST=unix://$dir/docker.sock
case $1 in
start)
  command -v dockerd >/dev/null || { apt-get update -qq; apt-get install -y -qq --no-install-recommends docker.io iptables >/dev/null; }
  mkdir -p "$dir"
  nohup dockerd --data-root "$dir/data" --exec-root "$dir/exec" --pidfile "$dir/pid" -H "$DOCKER_HOST" > "$dir/log" 2>&1 &
  for _ in $(seq 60); do docker info >/dev/null 2>&1 && { echo "$DOCKER_HOST"; exit; }; sleep 0.5; done
  tail -20 "$dir/log" >&2; exit 1 ;;
stop) kill "$(cat "$dir/pid")"; while [ -e "$dir/pid" ]; do sleep 0.2; done ;;
esac
