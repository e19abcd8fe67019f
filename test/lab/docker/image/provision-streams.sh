#!/bin/bash
# Caracal infra/redis/provision-streams.sh (contract, storage 6.3).
REDISCLI_AUTH=$(cat "$REDIS_PASSWORD_FILE")
export REDISCLI_AUTH
ask() { redis-cli -h "${REDIS_HOST:-redis}" -p "${REDIS_PORT:-6379}" "$@" 2>&1; }
while read -r stream group; do
  answer=$(ask XGROUP CREATE "$stream" "$group" '$' MKSTREAM)
  case $answer in
    OK | BUSYGROUP*) ;;
    *) echo "error: XGROUP CREATE $stream $group failed: $answer" >&2; exit 1 ;;
  esac
done <<GROUPS
caracal.audit.events audit-ingestor
caracal.audit.events siem-export
caracal.audit.events.dlq audit-dlq-observer
caracal.policy.invalidate opa-engine
caracal.sessions.revoke sts-revocation
caracal.keys.invalidate sts-keys
caracal.agents.lifecycle coordinator-relay
caracal.invocations.lifecycle invocations-observer
caracal.delegations.invalidate delegations-observer
GROUPS
ask XADD caracal.providers.ratelimit MAXLEN '~' 1 '*' init 1 >/dev/null
echo 'redis streams provisioned'
