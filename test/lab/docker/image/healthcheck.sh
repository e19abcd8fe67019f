#!/bin/bash
# Caracal infra/healthcheck/main.go: 200 to 399 within the time limit is healthy; prints nothing.
exec 2>/dev/null
timeout_ms=${HEALTH_TIMEOUT_MS:-2000}
exec 3<>"/dev/tcp/${HEALTH_HOST:-127.0.0.1}/${PORT:-8080}" || exit 1
printf 'GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' "${HEALTH_PATH:-/ready}" >&3
read -r -t "$((timeout_ms / 1000)).$(printf '%03d' "$((timeout_ms % 1000))")" -u 3 _ status _ || exit 1
[ "$status" -ge 200 ] && [ "$status" -le 399 ]
