#!/bin/sh
# One Docker Engine, and afterwards nothing of it: engine-process.sh folder addresses group
#
# In a process namespace of its own, everything that the engine ever starts ends with it, however it
# ends; in a mount namespace of its own, so do all mounts. What belongs to the machine is taken back
# here: bridges, control groups, and the one rule that lets containers reach each other where another
# engine has closed forwarding.
folder=$1
addresses=$2
group=$3

forwarding() { iptables -w "$1" FORWARD -s "$addresses" -d "$addresses" -j ACCEPT; }

# Its first process is the engine's namespace; the kernel ends the others with it.
end() { kill -KILL "$(cat "/proc/$namespace/task/$namespace/children")" 2>/dev/null; }

forwarding -I
unshare --mount --pid --fork --mount-proc -- sh -c '
  mkdir -p /run/containerd /etc/docker &&
  mount -t tmpfs tmpfs /run/containerd &&
  mount -t tmpfs tmpfs /etc/docker &&
  exec dockerd --config-file "$1/daemon.json" --data-root "$1/data" --exec-root "$1/exec" \
    --pidfile "$1/docker.pid" --host "unix://$1/docker.sock" \
    --bridge none --default-address-pool "base=$2,size=26" --iptables=false --ip6tables=false \
    --cgroup-parent "/$3" --exec-opt native.cgroupdriver=cgroupfs --storage-driver overlay2
' sh "$folder" "$addresses" "$group" &
namespace=$!
trap end TERM
while kill -0 "$namespace" 2>/dev/null; do wait "$namespace"; done
wait "$namespace"
code=$?

forwarding -D
ip -o -4 address show to "$addresses" | while read -r _ bridge _; do ip link delete "$bridge"; done
find /sys/fs/cgroup -depth -type d -path "*/$group*" -exec rmdir {} \; 2>/dev/null
exit "$code"
