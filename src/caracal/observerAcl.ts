/** Commands that the checks of Redis and of the streams send, GET for the first use of a mandate, and GET and EXISTS for the revocations that resource servers see. SCAN is left out: it would show the name of every key, ids of tokens among them. */
const commands = [
  'ping', 'info', 'time', 'type', 'exists', 'ttl', 'xlen', 'xrange', 'xrevrange', 'xinfo', 'xpending', 'config|get', 'acl|whoami', 'memory|usage', 'get',
] as const;

/**
 * A Redis command that makes a user for the debugger, on Redis 7 or later: it reads the streams of
 * Caracal, whether the circuit of a provider is open, which request used a mandate first, what resource servers take
 * for revoked, and the state of the server; it writes nothing.
 * It can be run again. `<password>` is to be replaced.
 */
export function observerAcl(): string {
  return `ACL SETUSER caracal_observer reset on ><password> resetchannels %R~caracal.* %R~provider-refresh-* %R~seen:jti:* %R~caracal:revoked:sessions:* -@all ${commands.map((command) => `+${command}`).join(' ')}`;
}
