#!/bin/bash
# The environment contract of the official postgres image, in the part that this project uses.
set -Eeo pipefail
[ "${1:0:1}" = '-' ] && set -- postgres "$@"
if [ "$1" = postgres ]; then
  if [ "$(id -u)" = 0 ]; then
    mkdir -p "$PGDATA" /var/run/postgresql; chmod 700 "$PGDATA"; chown -R postgres "$PGDATA" /var/run/postgresql
    exec setpriv --reuid=postgres --regid=postgres --clear-groups "$0" "$@"
  fi
  for v in POSTGRES_PASSWORD POSTGRES_USER POSTGRES_DB; do f=${v}_FILE; [ -n "${!f}" ] && export "$v=$(< "${!f}")"; done
  : "${POSTGRES_USER:=postgres}"; : "${POSTGRES_DB:=$POSTGRES_USER}"; export POSTGRES_USER POSTGRES_DB
  if [ ! -s "$PGDATA/PG_VERSION" ]; then
    if [ -z "$POSTGRES_PASSWORD" ] && [ "$POSTGRES_HOST_AUTH_METHOD" != trust ]; then
      echo >&2 'Error: Database is uninitialized and superuser password is not specified.'; exit 1
    fi
    initdb --username="$POSTGRES_USER" --pwfile=<(printf '%s\n' "${POSTGRES_PASSWORD:-x}") -E UTF8 ${POSTGRES_INITDB_ARGS}
    printf '\nhost all all all %s\n' "${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}" >> "$PGDATA/pg_hba.conf"
    pg_ctl -D "$PGDATA" -o "-c listen_addresses='' -p 5432" -w start
    psql=(psql -v ON_ERROR_STOP=1 --no-psqlrc -U "$POSTGRES_USER")
    [ "$POSTGRES_DB" != postgres ] && "${psql[@]}" -d postgres -v db="$POSTGRES_DB" <<< 'CREATE DATABASE :"db";'
    for f in /docker-entrypoint-initdb.d/*; do
      case "$f" in
        *.sh) if [ -x "$f" ]; then "$f"; else . "$f"; fi ;;
        *.sql) "${psql[@]}" -d "$POSTGRES_DB" -f "$f" ;;
        *.sql.gz) gunzip -c "$f" | "${psql[@]}" -d "$POSTGRES_DB" ;;
      esac
    done
    pg_ctl -D "$PGDATA" -m fast -w stop
    echo; echo 'PostgreSQL init process complete; ready for start up.'; echo
  fi
fi
exec "$@"
