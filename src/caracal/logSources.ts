/** Who logs: the services, and the stores and one-off programs beside them. */
export const logSources = ['sts', 'gateway', 'audit', 'api', 'coordinator', 'web', 'migrator', 'postgres', 'redis'] as const;
export type LogSource = (typeof logSources)[number];

/** Services in Go. Their log writer loses the last lines of a process that cannot start (contract deploy-logs-metrics 0, 3). */
export const goServices: readonly LogSource[] = ['sts', 'gateway', 'audit'];

/** Programs beside the services log what the migrator logs: contract, deploy 3.5. */
const migrators = new Set(['dbMigrate', 'authMigrate', 'db-migrate', 'auth-migrate', 'migrate']);

/** Whose log a source is, by the name of its component: `sts`, `sts/x7k2p`. */
export function logSourceOf(source: string): LogSource | undefined {
  const [component = ''] = source.split('/');
  return migrators.has(component) ? 'migrator' : logSources.find((one) => one === component);
}

/** Who logs these messages, by their ids. */
export function sourcesOf(messages: readonly string[]): readonly LogSource[] {
  return logSources.filter((source) => messages.some((id) => id.startsWith(`${source}: `)));
}
