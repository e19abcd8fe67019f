#!/bin/bash
# Creates the cluster on an empty volume, and then is the server. The password counts at that moment only.
set -e
[ "$1" = postgres ] || exec "$@"
data=/var/lib/postgresql/18/docker
run() { setpriv --reuid=999 --regid=999 --clear-groups "$@"; }
chown 999:999 /var/run/postgresql
if [ ! -e "$data/PG_VERSION" ]; then
  mkdir -p "$data"
  chown -R 999:999 /var/lib/postgresql
  (umask 0077 && cat "$POSTGRES_PASSWORD_FILE" >/tmp/password && chown 999:999 /tmp/password)
  run initdb --pgdata="$data" --username="$POSTGRES_USER" --pwfile=/tmp/password \
    --auth=scram-sha-256 --data-checksums --encoding=UTF8 --locale=C --no-sync
  rm /tmp/password
  run postgres --single -D "$data" postgres >/dev/null <<<"CREATE DATABASE $POSTGRES_DB"
  echo "host all all all scram-sha-256" >>"$data/pg_hba.conf"
  cat >>"$data/postgresql.conf" <<'SETTINGS'
listen_addresses = '*'
unix_socket_directories = '/var/run/postgresql'
max_connections = 100
timezone = 'Etc/UTC'
log_timezone = 'Etc/UTC'
log_line_prefix = '%m [%p] '
log_lock_waits = on
log_min_duration_statement = 500
password_encryption = scram-sha-256
SETTINGS
  echo
  echo 'PostgreSQL init process complete; ready for start up.'
  echo
fi
exec setpriv --reuid=999 --regid=999 --clear-groups postgres -D "$data"
