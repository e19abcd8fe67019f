/** Remedies of services, policy, evidence, jobs, providers, tokens and the ledger: contract, readiness 2.3, 2.5; deploy 5.4; storage 2.7, 9. Pure. */
import { advisoryLocks, auditExportLeaderLock, auditRetentionLeaderLock } from '../caracal/advisoryLocks.ts';
import { postgresActivity } from '../flow/storage/postgresActivity.ts';
import type { ServiceName } from '../model/target.ts';
import { zonePolicy } from './answers.ts';
import type { Names, Part } from './names.ts';
import { advise, checkOf, container, curl, joined, logsOf, psql, reloadRevocations, restart, restartTogether, said, sql } from './parts.ts';
import type { Build, Draft, Table } from './parts.ts';
import { endSession } from './stores.ts';
import { keyHolders } from './streams.ts';

const service = (part: Part): ServiceName => part as ServiceName;

/** What starts a service that nothing listens for. */
const start: Build = (names, _cause, part) => {
  const provedBy = [checkOf.process(part), checkOf.ready(part)];
  if (names.kind === 'compose') return [container(names, part, 'start', { advice: 'Keep the end of its log first. With a store away, restore the store: it then starts by itself.' })];
  if (names.kind === 'kubernetes') {
    return [advise(`look-at-pods-${part}`, `see why no pod of ${part} answers`, 'services', 'Keep the log of the container before. Its pods and its rollout have the reason; a store that is away comes first.', {
      commands: [names.kubectl(`get pods -l app.kubernetes.io/component=${part}`), names.kubectl(`logs ${names.pods(part)[0] ?? ''} --previous --tail=50`)], provedBy,
    })];
  }
  return [advise(`start-${part}`, `start ${said(part)}`, 'services', `The target gives addresses only: start ${part} where it runs, or correct its address. Keep the end of its log first; with a store away, restore the store.`, { changes: `the process of ${part}`, provedBy })];
};

const silent: Build = (names, _cause, part) =>
  names.containers(part).some(({ status }) => status === 'paused')
    ? [container(names, part, 'unpause')]
    : [restart(names, service(part), { advice: 'Keep its log first. With Postgres or Redis silent, mend that: it then answers by itself.', risk: 'medium' })];

const correctTarget = (what: string, advice: string, provedBy: readonly string[]): Draft => advise('correct-target', what, 'services', advice, { changes: 'the target, and nothing in the deployment', provedBy });

/** Checks of the figures of each service. */
const metricsOf: Readonly<Record<string, string>> = { api: 'CRC-SVC-001', sts: 'CRC-SVC-010', gateway: 'CRC-SVC-020', audit: 'CRC-SVC-030', coordinator: 'CRC-SVC-040' };

/** Services and stores, by what follows the name in the id of the cause. */
export const serviceSuffixes: Table = {
  down: start,
  silent,
  'address-wrong': (_names, _cause, part) => [correctTarget(`correct the address of ${part}`, `Something else answers there. Give services.${part} with the address and port of ${part}.`, [checkOf.identity(part), checkOf.process(part)])],
  'behind-login': (_names, _cause, part) => [correctTarget(`give an address of ${part} without a login`, `What answers asks for a login before ${part} is reached. Give services.${part} with an address behind it.`, [checkOf.identity(part)])],
  'readiness-limited': (_names, _cause, part) => [advise('ask-less', 'ask less often', 'services', `${part} takes 120 calls of /ready a minute from one address, and all that come over one bridge share it. Find the other prober; the limit is over with the minute.`, { provedBy: [checkOf.ready(part)] })],
  draining: (_names, _cause, part) => [advise('wait', 'wait until it has ended', 'services', 'It was told to end and answers calls that are under way; nothing is wrong. Whatever runs it starts it anew; if it stays away, see its process.', { provedBy: [checkOf.ready(part), checkOf.process(part)] })],
  certificate: (_names, _cause, part) => [advise('renew-certificate', `renew the certificate of ${part}`, 'services', 'Before it ends: nobody gets through from then on. What lies in front of the service, as a rule an ingress, has it.', { changes: 'the certificate', provedBy: [checkOf.process(part)] })],
  'metrics-foreign': (_names, _cause, part) => [correctTarget(`let the metrics of ${part} through`, `Something in front of it answers in its place. Correct services.${part} of the target, or let what lies in front pass its metrics on.`, [metricsOf[part] ?? checkOf.identity(part)])],
  'replay-folder': (names, _cause, part) => [{
    id: 'mend-replay-folder', title: `give ${part} its replay folder back`, place: 'services', risk: 'medium',
    commands: names.kind === 'compose' ? [names.up] : names.kind === 'kubernetes' ? [names.kubectl('get persistentvolumeclaims'), names.kubectl(`describe pod ${names.pods(part)[0] ?? ''}`)] : [],
    advice: 'AUDIT_REPLAY_DIR has to be there, writable for user 65532, with room. Delete no file in it: each holds audit events. It clears by itself.',
    changes: 'the folder, its owner and its mode', provedBy: [checkOf.ready(part)],
  }],
  'evidence-lost': (names, _cause, part) => [saveEvidence(names, part), replaceProcess(names, part)],
};

/** The first step of the incident: what tells of the loss goes with the process or its volume. */
function saveEvidence(names: Names, part: Part): Draft {
  const pod = names.pods(part)[0] ?? '';
  const commands = names.kind === 'compose'
    ? [names.compose(`cp ${part}:/var/lib/caracal/audit-replay ./${part}-replay`), `${names.compose(`logs --no-color --timestamps ${part}`)} > ${part}.log`]
    : names.kind === 'kubernetes'
      ? [
          `${names.kubectl(`logs ${pod} --timestamps`)} > ${part}.log`,
          // The images have no shell and no tar: contract, deploy 1.2.
          `${names.kubectl(`debug ${pod} --image=busybox --target=${part} --profile=general -qi -- tar -C /proc/1/root/var/lib/caracal -cf - audit-replay`)} > ${part}-replay.tar`,
        ]
      : [];
  return {
    id: 'save-evidence', title: `save the evidence of ${part}`, place: 'freeze', commands,
    advice: joined('A security incident: stop risky traffic, save logs, figures and the replay folder, and find the time of the loss (`audit events lost: stream and disk persistence both failed` in the log).', commands.length === 0 ? `Copy the log of ${part} and the folder AUDIT_REPLAY_DIR where it runs.` : ''),
    changes: 'nothing; it copies', provedBy: [], stillOpen: ['the events that were dropped are in no ledger'],
  };
}

/** Never run by this tool: it forgets that evidence was lost. */
function replaceProcess(names: Names, part: Part): Draft {
  const commands = names.kind === 'compose' ? [names.compose(`restart ${part}`)] : names.kind === 'kubernetes' ? [names.kubectl(`rollout restart ${names.workload(part).kind.toLowerCase()}/${names.workload(part).name}`)] : [];
  return {
    id: 'replace-process', title: `replace the process of ${part}`, place: 'services', risk: 'high', commands,
    advice: joined('Only once its evidence is saved, Redis takes writes and its replay folder is writable.', commands.length === 0 ? `Replace it where ${part} runs.` : ''),
    changes: `the process of ${part}, and with it the mark that evidence was lost`, provedBy: [checkOf.ready(part)], stillOpen: ['the loss itself: it belongs into the record of the incident'],
  };
}

function wayToSts(names: Names, from: ServiceName, provedBy: readonly string[]): Draft {
  return advise('mend-network', `mend the way from ${from} to the STS`, 'services', joined(
    `The STS answers from here: see STS_URL of ${from}, name resolution and TLS between the two.`,
    names.kind === 'compose' ? 'See Compose › Networks.' : names.kind === 'kubernetes' ? 'See Kubernetes › Network policy and Service objects.' : '',
  ), { changes: `the network, or the configuration of ${from}`, provedBy });
}

/** Ends the session that holds a job's advisory lock, or starts the service of the job anew. */
function stuckJob(owner: ServiceName, lock: string, check: string): Build {
  return (names) => {
    const holder = names.answer(postgresActivity, 'Postgres')?.advisory.find(({ key }) => key === lock);
    const name = advisoryLocks[lock]?.name ?? 'job';
    return [
      ...(holder ? [endSession(names, { pid: holder.pid, role: holder.role ?? 'the holder' }, { advice: `It holds the lock of the ${name}. As a superuser, and only if it is not the ${owner} at work.`, provedBy: [check] })] : []),
      restart(names, owner, { advice: `Its log says why the ${name} fails, where it does: mend that first.`, provedBy: [check] }),
    ];
  };
}

/** Activates a version of a policy set, by the API. */
function activate(names: Names, advice: string, provedBy: readonly string[]): Draft {
  const set = names.answer(zonePolicy, names.zone)?.active?.set ?? '<policy set>';
  return {
    id: 'activate-version', title: 'activate a version that is whole', place: 'freshness', risk: 'medium',
    commands: curl(names, 'api', { method: 'POST', path: `/v1/zones/${names.zone}/policy-sets/${set}/activate`, token: 'CARACAL_ADMIN_TOKEN', body: '{"version_id":"<version>"}' }),
    dryRun: curl(names, 'api', { path: `/v1/zones/${names.zone}/policy-sets/${set}/versions`, token: 'CARACAL_ADMIN_TOKEN' }).at(-1) ?? '',
    advice, changes: 'what the zone allows from then on', provedBy, stillOpen: ['each replica of the STS takes it up within 60 s'],
  };
}

/** Freezes the tables of evidence as they are. */
function saveLedger(names: Names, advice: string): Draft {
  const dump = "pg_dump -U caracal -d caracal --data-only -t 'audit_events*' -t admin_audit_events -t audit_ingest_alerts";
  return {
    id: 'save-ledger', title: 'save the ledger and the log of Postgres', place: 'freeze',
    commands: names.kind === 'compose'
      ? [`${names.compose(`exec -T postgres ${dump}`)} > ledger.sql`, `${names.compose('logs --no-color --timestamps postgres')} > postgres.log`]
      : [`pg_dump "$DATABASE_URL" --data-only -t 'audit_events*' -t admin_audit_events -t audit_ingest_alerts > ledger.sql`],
    advice: joined(advice, 'Find who had the rights of the owner (caracal) at the time that the facts name. Rows cannot be put back: what differs stays as evidence.', names.kind === 'compose' ? '' : 'Keep the log of Postgres as well.'),
    changes: 'nothing; it reads', provedBy: [], stillOpen: ['the check stays red: it tells what happened'],
  };
}

const inConsole = (id: string, title: string, advice: string, provedBy: readonly string[]): Build => () => [advise(id, title, 'freshness', advice, { changes: 'settings of the zone', provedBy })];

const startAll: Build = (names) => [
  names.kind === 'compose'
    ? { id: 'bring-up', title: 'start the deployment', place: 'services', commands: [names.up], changes: 'the containers of the project', provedBy: ['CRC-RDY-090'] }
    : advise('start-all', 'start the deployment', 'services', 'Nothing of Caracal listens at an address of the target: start it, or correct the host in the target. Where it was started, the log of the first service that ended tells why.', { changes: 'the deployment, or the target', provedBy: ['CRC-RDY-090'] }),
];

const serviceCauses: Table = {
  'clock-differs': () => [advise('set-clock', 'set the clock', 'services', 'Set the clock of the host that the check names by NTP. After a laptop slept, restart the virtual machine of Docker. Then mint tokens anew; nothing else has to start anew.', { changes: 'the clock of one host', provedBy: ['CRC-RDY-091'] })],
  'sign-in-database-away': (names) => [advise('mend-sign-in', 'mend the database of the sign-in', 'services', 'web needs the database caracal_auth, its role caracalauth and its password, beside the one of the other services.', {
    commands: [psql(names, "SELECT datname FROM pg_database WHERE datname = 'caracal_auth'"), ...(names.kind === 'endpoints' ? [] : [logsOf(names, 'web')])], provedBy: ['CRC-RDY-053'],
  })],
  'sts-consumers-refused': (names) => [advise('allow-groups', 'let the STS make its groups', 'services', 'Redis refused it when it started: see whether Redis takes commands, and the rights of its user (`+xgroup`). The STS goes on trying.', { commands: names.kind === 'endpoints' ? [] : [logsOf(names, 'sts')], provedBy: ['CRC-RDY-013'] })],
  'gateway-pool-used-up': (names) => [restart(names, 'gateway', { advice: 'See Postgres › Lock waits and Transactions for what its sessions wait for. A connection that hangs in the network ends with the TCP timeout, or with this.', risk: 'medium', provedBy: ['CRC-SVC-027'] })],
  'nothing-started': startAll,
  'no-service-runs': startAll,
  'sts-address-of-gateway': () => [advise('set-sts-url', 'give the Gateway the address of the STS', 'services', 'STS_URL of the Gateway: https, or http to a name without a dot or to this host. It is read when the Gateway starts.', { changes: 'the configuration of the Gateway', provedBy: ['CRC-RDY-023'] })],
  'gateway-sts-network': (names) => [wayToSts(names, 'gateway', ['CRC-RDY-023'])],
  'api-sts-network': (names) => [wayToSts(names, 'api', ['CRC-SVC-013'])],
  'audit-threshold': (names) => [advise('see-limits', 'see what Audit is over its limit with', 'backlogs', 'Dead letters, pending events or their age; see Streams › audit.events. The limits are AUDIT_READY_DLQ_MAX, _LAG_MAX and _PEL_OLDEST_SECS_MAX, which are off unless they are set.', { commands: names.kind === 'endpoints' ? [] : [logsOf(names, 'audit')], provedBy: ['CRC-RDY-033', 'CRC-STR-012', 'CRC-STR-004'] })],
  'gateway-audit-queue': () => [advise('see-redis', 'see why Redis takes events slowly', 'stores', 'See Redis › Memory and Write refusals, and audit.events. Its log says `xadd audit event` for each refusal. What does not fit into the queue goes to files.', { provedBy: ['CRC-SVC-026'] })],
  'web-version-differs': (names) => [names.kind === 'compose'
    ? { id: 'upgrade', title: 'bring all to one release', place: 'services', risk: 'medium', commands: [names.upgrade], changes: 'images and containers of the project', provedBy: ['CRC-SVC-051'] }
    : advise('one-release', 'bring all to one release', 'services', 'Images of one deployment carry one tag. If all do, this tool may be older than they are.', { changes: 'the image of web', provedBy: ['CRC-SVC-051'] })],
  'secret-backend-failing': (names) => [advise('mend-backend', 'mend the secret backend', 'services', 'CARACAL_SECRET_BACKEND says which: its address, token and reachability from the STS; builtin reads the table secret_store. What was sealed under another SECRET_STORE_KEK fails as well.', { commands: names.kind === 'endpoints' ? [] : [logsOf(names, 'api'), logsOf(names, 'sts')], changes: 'the configuration of api and sts', provedBy: ['CRC-SVC-002', 'CRC-SVC-016'] })],
  'upstreams-failing': (names) => [advise('mend-upstream', 'mend the resource', 'services', 'Its log says `upstream request failed` with host and reason, or `upstream rejected by guard` for an address that UPSTREAM_HOST_ALLOWLIST refuses. Test the resource in the Console.', { commands: names.kind === 'endpoints' ? [] : [logsOf(names, 'gateway')], changes: 'a resource, beside Caracal', provedBy: ['CRC-SVC-028'] })],
  'operator-model-failing': (names) => [{
    id: 'check-model', title: 'check the model', place: 'services', commands: curl(names, 'api', { method: 'POST', path: '/v1/operator/ai/check', token: 'CARACAL_ADMIN_TOKEN' }),
    advice: 'It makes a real call to the model. The error class says what to do: authentication, rate limit, timeout, or a provider that cannot be reached.', changes: 'the state of the model that the api keeps', provedBy: ['CRC-SVC-003'],
  }],
};

const policyCauses: Table = {
  'policy-none-active': (names) => [activate(names, 'Without an active version everything is denied. Versions are listed by the dry run; the Console does the same.', ['CRC-SVC-012', 'CRC-SVC-013'])],
  'policy-hash-differs': (names) => [activate(names, 'Find out who wrote to the tables: the admin audit shows what went through the API. Keep the rows that differ.', ['CRC-SVC-012'])],
  'policy-not-compiling': (names) => [activate(names, 'The last version that worked. Its log says `opa pg poll: reload zone` with the line; validate the policy before it becomes a version again.', ['CRC-SVC-011', 'CRC-SVC-013'])],
  'policy-not-loaded': (names) => [restart(names, 'sts', { advice: 'It loads everything anew when it starts, and shows at once whether it can. A missing group and a policy that does not compile come first.', provedBy: ['CRC-SVC-013', 'CRC-SVC-014'], place: 'freshness' })],
  'policy-loading': () => [advise('wait', 'wait for the next poll', 'freshness', 'The version was activated a moment ago. Each replica of the STS takes it up within 60 s.', { provedBy: ['CRC-SVC-013'] })],
  'policy-evaluation-failing': (names) => [activate(names, 'A version that works. Its log says `policy evaluation failed` with zone and request id.', ['CRC-SVC-014'])],
  'api-sts-key-differs': (names) => [restartTogether(names, keyHolders.exchange, { title: 'give all services one GATEWAY_STS_HMAC_KEY', advice: 'First put the same key where api, sts and gateway have it from. They read it only when they start.', provedBy: ['CRC-SVC-013'] })],
  'kek-differs': (names) => [restartTogether(names, ['sts', 'api'], { title: 'give the STS the key that its secrets were sealed with', advice: 'First put the SECRET_STORE_KEK of before back, or give it as SECRET_STORE_KEK_PREVIOUS. Keep the sealed rows: what was signed with their keys could not be verified any more.', risk: 'high', provedBy: ['CRC-SVC-015', 'CRC-SVC-016'] })],
};

const evidenceCauses: Table = {
  'replay-backlog': (names) => {
    const waiting = (['sts', 'gateway'] as const).filter((each) => names.isRed(each === 'sts' ? 'CRC-SVC-019' : 'CRC-SVC-025'));
    return (waiting.length > 0 ? waiting : (['sts', 'gateway'] as const)).map((each) => restart(names, each, {
      advice: 'See first that Redis takes writes and audit.events is there. Its log says `audit replay file drained` for each file. Delete none.', provedBy: [each === 'sts' ? 'CRC-SVC-019' : 'CRC-SVC-025'], place: 'backlogs',
    }));
  },
  'gateway-snapshot-stale': (names) => [
    advise('freeze-gateway', 'take this Gateway out of traffic', 'freeze', 'It refuses every call until it has read what is revoked. See Postgres as the Gateway reaches it: its role, its pool, locks. Its log says `revocation snapshot reload failed` and why.', { changes: 'where calls go', provedBy: ['CRC-RDY-023'] }),
    reloadRevocations(names, { advice: 'Once Postgres is reached; it loads by itself each 30 s.' }),
  ],
  'gateway-circuit-open': () => [advise('mend-sts', 'mend the STS as the Gateway reaches it', 'services', 'See STS_URL of the Gateway, name resolution and network policies. The circuit closes by itself with the next exchange that succeeds; without calls its figure stays.', { provedBy: ['CRC-SVC-021', 'CRC-RDY-013'] })],
  'audit-key-differs': (names) => [restartTogether(names, keyHolders.audit, { title: 'give all services one AUDIT_HMAC_KEY', advice: 'First put the same key where sts, gateway, audit and api have it from. They read it only when they start.', provedBy: ['CRC-SVC-032', 'CRC-STR-012'], stillOpen: ['dead letters with hmac_verify_failed cannot be replayed by themselves: keep them'] })],
  'audit-not-leading': (names) => {
    const holder = names.answer(postgresActivity, 'Postgres')?.advisory.find(({ key }) => key === auditExportLeaderLock || key === auditRetentionLeaderLock);
    return [
      ...(holder && holder.role !== 'caracalaudit' ? [endSession(names, { pid: holder.pid, role: holder.role ?? 'the holder' }, { advice: 'It holds the lease of Audit and is none of its sessions. As a superuser.', provedBy: ['CRC-SVC-034'] })] : []),
      restart(names, 'audit', { advice: 'Its log says `leader: lock attempt failed` and why. Each replica asks for the lease each 30 s.', provedBy: ['CRC-SVC-034'] }),
    ];
  },
};

const jobCauses: Table = {
  'session-sweeper-stuck': stuckJob('coordinator', '-139300322', 'CRC-SVC-041'),
  'lease-sweeper-stuck': stuckJob('coordinator', '-1566633828', 'CRC-SVC-042'),
  'invocation-sweeper-stuck': stuckJob('coordinator', '1064500564', 'CRC-SVC-044'),
  'retention-cleaner-failing': (names) => [
    sql(names, {
      id: 'grant-retention', title: 'let the retention delete', place: 'stores', risk: 'medium', advice: 'Where every run fails: release 1.0 grants less than this job needs. Where some fail, its log says `retention_cleanup_failed` and why.',
      changes: 'what the Coordinator may delete', provedBy: ['CRC-SVC-043', 'CRC-SVC-045'],
    }, ['GRANT DELETE ON delegation_edges, caracal_outbox TO caracalcoordinator']),
  ],
  'delegation-expiry-stuck': (names) => [restart(names, 'coordinator', { advice: 'Its log says `retention_cleanup_failed` and why, where it does: mend that first. Authority ends all the same.', provedBy: ['CRC-SVC-045'] })],
  'authority-reaper-stuck': stuckJob('api', '7163920485318481', 'CRC-SVC-004'),
};

const providerCauses: Table = {
  'provider-away': inConsole('mend-provider', 'mend the way to the provider', 'See its token endpoint from where the STS runs: address, TLS (CARACAL_TLS_EXTRA_CA_FILE), private addresses (CARACAL_PRIVATE_EGRESS_HOSTS), client and secret. The circuit closes by itself.', ['CRC-SVC-061', 'CRC-SVC-017']),
  'provider-test-failed': inConsole('test-provider', 'correct and test the provider', 'Correct endpoint, client or secret in Console, Providers, and repeat the test there: it makes a real call and writes the result.', ['CRC-SVC-060']),
  'provider-connection-expired': inConsole('connect-again', 'connect the provider again', 'In Console, Providers › Connections: whoever the connection is of has to sign in there.', ['CRC-SVC-060']),
  'application-expired': inConsole('extend-application', 'give the Application a later end, or archive it', 'In the Console or by the Admin API. One that nobody uses is archived.', ['CRC-SVC-062']),
};

const tokenCauses: Table = {
  'admin-token-revoked': () => [correctTarget('give the admin token that is in use', 'The token in hand is revoked: a start of the API with another CARACAL_ADMIN_TOKEN revokes those before. Give the file caracalAdminToken, or one that was minted with POST /v1/admin-tokens.', ['CRC-AUD-001'])],
  'admin-token-unknown': () => [correctTarget('give an admin token of this deployment', 'No row has the digest of the token in hand. Give the file caracalAdminToken among the secrets of this deployment, or mint one with POST /v1/admin-tokens.', ['CRC-AUD-001'])],
  'admin-token-refused': () => [correctTarget('give the address of the API that the token is of', 'The token is live by its row, and the API that answers does not take it: it may be that of another deployment, or of another database.', ['CRC-AUD-002'])],
  'admin-token-other-zone': (names) => [{
    ...correctTarget('give a token of the zone in view', 'A global token mints one for the zone; it is shown once. Or pick the zone that the token is for.', ['CRC-AUD-004']),
    commands: curl(names, 'api', { method: 'POST', path: '/v1/admin-tokens', token: 'CARACAL_ADMIN_TOKEN', body: `{"name":"debugger","scope":"zone","zone_id":"${names.zone}","capability":"read"}` }),
    changes: 'the admin tokens, by one more',
  }],
};

const exportHour = 'If archive export is on, the Parquet object of that hour has the rows as they were.';

const ledgerCauses: Table = {
  'ledger-rows-missing': (names) => [saveLedger(names, exportHour)],
  'ledger-rows-changed': (names) => [saveLedger(names, exportHour)],
  'ledger-signature-differs': (names) => [saveLedger(names, 'First make sure that the key in hand is the one that Audit runs with.')],
  'event-replayed-changed': (names) => [saveLedger(names, 'Compare the dead letter of the same event id in audit.events.dlq with the row: the field that differs tells what was to be changed. Find who can write to the stream and has AUDIT_HMAC_KEY.')],
  'admin-audit-rows-changed': (names) => [saveLedger(names, 'The log of api has a line for each call, by the request id of the neighbours.')],
  'admin-audit-signature-differs': (names) => [saveLedger(names, 'First make sure that the key in hand is the one that api runs with.')],
  'audit-ingestion-slow': (names) => [advise('see-ingestion', 'see what makes Audit late', 'backlogs', 'Its group on audit.events, its health, and Lock waits of Postgres: a transaction that holds the lock of the zone stops its ingestion. If all is well, it has caught up, and the warning ends by itself.', { commands: names.kind === 'endpoints' ? [] : [logsOf(names, 'audit')], provedBy: ['CRC-AUD-003', 'CRC-STR-002'] })],
  'retention-stuck': (names) => [advise('see-retention', 'see what stops retention', 'freshness', 'Its log says `retention: ensure partition` or `retention: drop partitions` and why; a row in the default partition that is dated in a month to come stops it. After a start the first turn takes 6 to 12 h, so that a restart puts it off.', { commands: names.kind === 'endpoints' ? [] : [logsOf(names, 'audit', 200)], provedBy: ['CRC-AUD-011', 'CRC-SVC-034'] })],
  'export-stuck': (names) => [advise('see-export', 'see what refuses the export', 'freshness', 'Its log says `export hour failed; will retry next tick` and why: endpoint, bucket, region or credentials of S3, or AUDIT_EXPORT_TMP_DIR. It goes on where it stopped.', { commands: names.kind === 'endpoints' ? [] : [logsOf(names, 'audit', 200)], provedBy: ['CRC-AUD-012', 'CRC-SVC-035'] })],
};

export const serviceRemedies: Table = { ...serviceCauses, ...policyCauses, ...evidenceCauses, ...jobCauses, ...providerCauses, ...tokenCauses, ...ledgerCauses };
