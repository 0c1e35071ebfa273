#!/bin/sh
# Makes ./secrets for docker-compose.yml: passwords, and the addresses that carry them. Keeps what is there.
set -eu
cd "$(dirname "$0")/.."
umask 077
mkdir -p secrets
secret() { [ -s "secrets/$1" ] || printf '%s' "$2" > "secrets/$1"; }
random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
for name in postgres owner app redis; do secret "$name" "$(random)"; done
secret database_url "postgresql://lastgood_app:$(cat secrets/app)@postgres:5432/lastgood"
secret migration_database_url "postgresql://lastgood_owner:$(cat secrets/owner)@postgres:5432/lastgood"
secret redis_url "redis://:$(cat secrets/redis)@redis:6379/0"
# the containers read them as another user
chmod 755 secrets
chmod 644 secrets/*
echo "secrets/ is ready; keep it out of version control and readable by you alone on shared machines."
