/** Commands that read and nothing else; those of two words allow that subcommand alone. */
const allowed: ReadonlySet<string> = new Set([
  'ping',
  'info',
  'time',
  'type',
  'exists',
  'ttl',
  'xlen',
  'xrange',
  'xrevrange',
  'xinfo',
  'xpending',
  'config get',
  'acl whoami',
  'memory usage',
  'get',
]);

const withSubcommand: ReadonlySet<string> = new Set(['config', 'acl', 'memory']);

/** Of values only the request ids of first uses and the epochs of Delegations are read; others may be secrets (contract storage-and-streams 8). */
const readableValue = /^(?:seen:jti|caracal:revoked:sessions:delegation-epoch):/;

/** Settings that are secrets, and patterns, which could reach one. */
const secretSetting = /[*?[\\]|pass|auth/i;

/**
 * Lets a command through that reads, and no secret.
 *
 * @throws Error otherwise, which is our own mistake.
 */
export function requireReading(command: readonly string[]): void {
  const [first = '', second = '', ...rest] = command.map((word) => word.toLowerCase());
  const name = withSubcommand.has(first) ? `${first} ${second}` : first;
  if (!allowed.has(name)) throw new Error(`the command ${name.toUpperCase()} is not on the list of those that only read`);
  if (name === 'get' && !readableValue.test(second)) throw new Error('this value of Redis may be a secret');
  if (name === 'config get' && rest.some((setting) => secretSetting.test(setting))) throw new Error('this setting of Redis may be a secret');
}

/**
 * A reply in which names and values take turns, as an object: that of CONFIG GET, XINFO STREAM, and
 * each one in the lists of XINFO GROUPS and XINFO CONSUMERS. Other replies stay as they are.
 */
export function withNames(command: readonly string[], reply: unknown): unknown {
  const [first = '', second = ''] = command.map((word) => word.toLowerCase());
  if ((first === 'config' && second === 'get') || (first === 'xinfo' && second === 'stream')) return named(reply);
  if (first === 'xinfo' && Array.isArray(reply)) return reply.map(named);
  return reply;
}

function named(reply: unknown): unknown {
  if (!Array.isArray(reply)) return reply;
  const values: readonly unknown[] = reply;
  const pairs = Array.from({ length: Math.floor(values.length / 2) }, (_, pair) => [String(values[2 * pair]), values[2 * pair + 1]] as const);
  return Object.fromEntries(pairs);
}
