#!/bin/bash
# The environment contract of the official postgres image, in the part that is used here.
set -Eeo pipefail
[ "$1" = postgres ] || exec "$@"
if [ "$(id -u)" = 0 ]; then
  mkdir -p "$PGDATA" /var/run/postgresql
  chmod 700 "$PGDATA"
  chown -R postgres "$PGDATA" /var/run/postgresql
  exec setpriv --reuid=postgres --regid=postgres --clear-groups "$0" "$@"
fi
[ -z "$POSTGRES_PASSWORD_FILE" ] || POSTGRES_PASSWORD=$(<"$POSTGRES_PASSWORD_FILE")
: "${POSTGRES_USER:=postgres}" "${POSTGRES_DB:=$POSTGRES_USER}"

if [ ! -s "$PGDATA/PG_VERSION" ]; then
  : "${POSTGRES_PASSWORD:?set it, or POSTGRES_PASSWORD_FILE: a server without a superuser password is not made}"
  # shellcheck disable=SC2086 # arguments, by that contract
  initdb --username="$POSTGRES_USER" --pwfile=<(echo "$POSTGRES_PASSWORD") -E UTF8 $POSTGRES_INITDB_ARGS
  printf '\nhost all all all scram-sha-256\n' >>"$PGDATA/pg_hba.conf"
  pg_ctl -D "$PGDATA" -o "-c listen_addresses='' -p 5432" -w start
  [ "$POSTGRES_DB" = postgres ] || createdb -U "$POSTGRES_USER" "$POSTGRES_DB"
  for script in /docker-entrypoint-initdb.d/*.sh; do
    [ ! -e "$script" ] || "$script"
  done
  pg_ctl -D "$PGDATA" -m fast -w stop
fi
exec "$@"
