#!/bin/bash
# pg_isready -U user -d database -h host, which the platform package of PostgreSQL lacks: a server
# that asks for authentication accepts connections, one that answers with an error does not.
while getopts U:d:h: option; do
  case $option in U) user=$OPTARG ;; d) database=$OPTARG ;; h) host=$OPTARG ;; *) exit 3 ;; esac
done
if exec 3<>"/dev/tcp/$host/5432"; then
  length=$((4 + 4 + 5 + ${#user} + 1 + 9 + ${#database} + 1 + 1))
  printf '\0\0\0\x'"$(printf '%x' "$length")"'\0\3\0\0user\0%s\0database\0%s\0\0' "$user" "$database" >&3
  read -r -N 1 -t 3 -u 3 answer
  # A connection that is closed with an unread answer makes the server complain in its log.
  read -r -N 1024 -t 0.05 -u 3 _
fi 2>/dev/null
case ${answer:-} in
  R) echo "$host:5432 - accepting connections" ;;
  E) echo "$host:5432 - rejecting connections"; exit 1 ;;
  *) echo "$host:5432 - no response"; exit 2 ;;
esac
