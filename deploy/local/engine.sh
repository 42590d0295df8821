#!/usr/bin/env bash
# engine.sh start|stop DIRECTORY: a container engine of its own, which keeps all it has in the directory and publishes
# ports on this machine only. start prints its address (DOCKER_HOST).
set -euo pipefail
directory=$(realpath -m "$2")
export DOCKER_HOST=unix://$directory/docker.sock
answers() { docker info >/dev/null 2>&1; }

start() {
  command -v dockerd >/dev/null || {
    apt-get update -qq
    # Debian's package of the engine, as a pattern, because its name is a host's too.
    apt-get install -y -qq --no-install-recommends '^docker[.]io$' iptables
  } >&2
  mkdir -p "$directory"
  nohup dockerd --data-root "$directory/data" --exec-root "$directory/exec" --pidfile "$directory/pid" --ip 127.0.0.1 \
    -H "$DOCKER_HOST" >"$directory/log" 2>&1 &
  for _ in $(seq 60); do
    ! answers || { echo "$DOCKER_HOST" && return; }
    sleep 0.5
  done
  tail -20 "$directory/log" >&2
  return 1
}

stop() {
  kill "$(cat "$directory/pid")"
  while [ -e "$directory/pid" ]; do sleep 0.2; done
}

"$1"
