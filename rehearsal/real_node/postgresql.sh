#!/bin/sh
# What the official image's entry point does, as far as stack `local` makes use of it: a first start makes the database of
# POSTGRES_DB, owned by POSTGRES_USER with the password of POSTGRES_PASSWORD_FILE; then PostgreSQL serves.
set -eu
data=/var/lib/postgresql/$PG_MAJOR/docker
if [ ! -e "$data" ]; then
    rm -rf "$data.new" # of a first start that was cut off
    initdb --pgdata="$data.new" --username="$POSTGRES_USER" --pwfile="$POSTGRES_PASSWORD_FILE" \
        --auth-local=trust --auth-host=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 --no-instructions
    echo "host all all all scram-sha-256" >>"$data.new/pg_hba.conf"
    echo "CREATE DATABASE \"$POSTGRES_DB\";" | postgres --single -D "$data.new" postgres
    mv "$data.new" "$data"
fi
exec postgres -D "$data" -c "listen_addresses=*" "$@"
