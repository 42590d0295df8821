#!/bin/bash
# PostgreSQL takes its private key from a file that is its own; the secret's belongs to who made it.
# Terse: lines DETAIL quote the row, and rows are about people.
set -euo pipefail
secrets=/run/secrets/database
install -o postgres -m 600 $secrets/server.key /var/lib/server.key
exec docker-entrypoint.sh postgres -c hba_file=/etc/afaq/pg_hba.conf -c ssl=on -c ssl_min_protocol_version=TLSv1.3 \
  -c ssl_cert_file=$secrets/server.crt -c ssl_key_file=/var/lib/server.key \
  -c log_error_verbosity=terse -c timezone=UTC -c log_timezone=UTC
