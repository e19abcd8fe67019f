/** Commands that the checks of Redis and of the streams send. SCAN is left out: it would show the name of every key, ids of tokens among them. */
const commands = [
  'ping', 'info', 'time', 'type', 'exists', 'ttl', 'xlen', 'xrange', 'xrevrange', 'xinfo', 'xpending', 'config|get', 'acl|whoami', 'memory|usage',
] as const;

/**
 * A Redis command that makes a user for the debugger, on Redis 7 or later: it reads the streams of
 * Caracal, whether the circuit of a provider is open, and the state of the server; it writes nothing.
 * It can be run again. `<password>` is to be replaced.
 */
export function observerAcl(): string {
  return `ACL SETUSER caracal_observer reset on ><password> resetchannels %R~caracal.* %R~provider-refresh-* -@all ${commands.map((command) => `+${command}`).join(' ')}`;
}
