#!/bin/sh
# First start of the compose PostgreSQL: an owner for migrations and an application role that may not change the schema.
set -eu
psql -v ON_ERROR_STOP=1 -U postgres -d lastgood \
  -v owner="$(cat /run/secrets/owner_password)" -v app="$(cat /run/secrets/app_password)" <<'SQL'
CREATE ROLE lastgood_owner LOGIN PASSWORD :'owner';
CREATE ROLE lastgood_app LOGIN PASSWORD :'app';
ALTER DATABASE lastgood OWNER TO lastgood_owner;
ALTER SCHEMA public OWNER TO lastgood_owner;
GRANT CONNECT ON DATABASE lastgood TO lastgood_app;
SQL
