#!/bin/bash
# Caracal infra/redis/entrypoint.sh: server, PING, streams, marker.
password=$(cat "$REDIS_PASSWORD_FILE" 2>/dev/null)
if [ -z "$password" ]; then
  echo "redis password file unreadable or empty: $REDIS_PASSWORD_FILE" >&2
  exit 1
fi
umask 0077
cat >/run/caracal/redis.conf <<SETTINGS
bind 0.0.0.0
port 6379
protected-mode yes
requirepass $password
appendonly yes
appendfsync everysec
save 3600 1
maxmemory ${REDIS_MAXMEMORY:-512mb}
maxmemory-policy noeviction
timeout 0
tcp-keepalive 60
dir /data
SETTINGS
chown -R 999:999 /data /run/caracal
setpriv --reuid=999 --regid=999 --clear-groups redis-server /run/caracal/redis.conf &
server=$!
trap 'kill -TERM "$server"' TERM INT
tries=0
until [ "$(REDISCLI_AUTH=$password redis-cli ping 2>/dev/null)" = PONG ]; do
  tries=$((tries + 1))
  if [ "$tries" -gt 100 ] || ! kill -0 "$server" 2>/dev/null; then
    echo 'redis did not become ready' >&2
    exit 1
  fi
  sleep 0.05
done
REDIS_HOST=127.0.0.1 /usr/local/bin/caracal-provision-streams && : >/run/caracal/provisioned
# A signal ends a wait, not the server.
while kill -0 "$server" 2>/dev/null; do wait "$server"; done
wait "$server"
