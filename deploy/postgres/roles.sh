#!/bin/bash
# Once, on an empty server: the database of $SERVICE, its owner, and the role that the service itself has.
set -euo pipefail
psql --set ON_ERROR_STOP=1 --no-psqlrc --username postgres --dbname postgres --set database="afaq_$SERVICE" <<'SQL'
\set owner :database '_owner'
\set app :database '_app'
\set owner_password `cat /run/secrets/database/owner_password`
\set app_password `cat /run/secrets/database/app_password`
create role :"owner" login password :'owner_password';
create role :"app" login password :'app_password';
create database :"database" owner :"owner";
revoke connect, temporary on database :"database" from public;
grant connect on database :"database" to :"app";
SQL
