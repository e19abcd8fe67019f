import * as z from 'zod';
import type { Check, Fact, Judgement, Observed } from '../../model/check.ts';
import { subject } from '../../model/observation.ts';
import { adminTokenId, asksForApi, whenApiAnswers } from '../audit/audit.checks.ts';
import { finding, signed, whenAnswered } from '../judging.ts';
import { judgeIdentity } from '../readiness/identity.checks.ts';
import { readinessCheck, saysReady, serviceHealth, serviceReady } from '../readiness/service.checks.ts';
import { postgresAuthenticationId } from '../storage/postgres.checks.ts';
import { count, milliseconds } from '../words.ts';
import { asksZone, whenZone } from '../zone.checks.ts';
import { asksFigures, figuresOf, judgeMovement, movement, over, whenFigures } from './figures.ts';
import { metricsCheckId } from './metrics.checks.ts';
import { asksVisibility, whenVisible } from './visible.ts';

/** The policy that a zone's exchanges are decided by, and its signing keys, as Postgres has them. */
export const zonePolicy = subject(
  'postgres.zonePolicy',
  z.object({
    /** Policy sets of the zone that are not archived. */
    sets: z.number().int(),
    /** Null when no set has an active version. */
    active: z
      .object({
        set: z.string(),
        name: z.string(),
        versionId: z.string(),
        /** Null when the row of the active version is missing. */
        version: z.number().int().nullable(),
        manifestSha256: z.string().nullable(),
        /** Since when it is active, ISO 8601, and how long that is by the clock of Postgres. */
        since: z.string(),
        sinceMs: z.number(),
      })
      .nullable(),
    /** SHA-256 of the manifest, written compactly as the STS does; null without an active version. */
    manifestComputed: z.string().nullable(),
    policies: z.array(
      z.object({
        id: z.string(),
        /** False when no row has this id. */
        exists: z.boolean(),
        /** Whether its content has the hash that is stored with it; null when the content may not be read. */
        intact: z.boolean().nullable(),
      }),
    ),
    /** The newest two, newest first. The second is served for a day after the first was made. */
    keys: z.array(z.object({ id: z.string(), version: z.number().int(), ageMs: z.number() })),
  }),
);

/** What the API says of the way of the active version to one replica of the STS, asked as `<zone>/<policy set>`. */
export const policyActivation = subject(
  'api.policyActivation',
  z.object({
    status: z.number().int(),
    error: z.string().nullable(),
    propagation: z.string().nullable(),
    activeVersionId: z.string().nullable(),
    manifestSha256: z.string().nullable(),
    outbox: z.string().nullable(),
    sts: z
      .object({
        state: z.string(),
        versionId: z.string().nullable(),
        manifestSha256: z.string().nullable(),
        ageSeconds: z.number().nullable(),
        detail: z.string().nullable(),
      })
      .nullable(),
  }),
);

/** The public keys of a zone, as the STS publishes them. */
export const zoneKeys = subject(
  'sts.zoneKeys',
  z.object({
    status: z.number().int(),
    error: z.string().nullable(),
    /** Null when the answer is no key set. */
    kids: z.array(z.string()).nullable(),
  }),
);

type ZonePolicy = z.infer<typeof zonePolicy.schema>;
type Active = NonNullable<ZonePolicy['active']>;
type Activation = z.infer<typeof policyActivation.schema>;

const dayMs = 86_400_000;

/** A new version is loaded within a second where all is well, so that errors of before say nothing about one this young. */
const justActivatedMs = 10_000;

/** What an STS without a policy for a zone has in its place: Caracal services/sts/internal/opa.go, storeFallback. */
const denyAll = 'no_active_policy_set';

const compileErrors = 'opa.compile_errors';
const compilations = 'opa.compile_total';
const pollInterval = 'opa.poll_interval_seconds';
const invalidKeys = 'sts.jwks_invalid_keys';

/** The longest poll that OPA_POLL_SECONDS allows, for when the STS does not tell its own. */
const longestPollSeconds = 300;
/** What a poll of all zones may take on top of its interval. */
const pollLeewaySeconds = 15;

const policyTables = ['policy_sets', 'policy_set_bindings', 'secrets'];

function whenPolicy(observed: Observed, judge: (policy: ZonePolicy, zone: string) => Judgement): Judgement {
  return whenZone(observed, (zone) => {
    const question = zonePolicy.of(zone);
    const answered = observed.find(question);
    if (!answered) return { ...finding('unknown', 'not asked yet', 'The zone is known only now.'), wants: [question] };
    return whenAnswered(answered, (policy) => whenVisible(observed, policyTables, () => judge(policy, zone)));
  });
}

function named({ name, version }: Active): string {
  return `${name}${version === null ? '' : ` version ${version}`}`;
}

function judgeActive({ sets, active, manifestComputed, policies }: ZonePolicy): Judgement {
  if (!active) {
    return signed(
      finding(
        'fail',
        `none active of ${count(sets, 'policy set')}`,
        'No policy set of the zone has an active version, so that the STS denies every exchange in it with no_active_policy_set.',
      ),
      'no_active_policy_set',
    );
  }
  const facts: Fact[] = [
    { name: 'policy set', value: `${active.name}, ${active.set}` },
    { name: 'version', value: active.versionId },
    { name: 'active since', value: active.since },
    { name: 'manifest', value: active.manifestSha256 ?? 'missing' },
  ];
  if (active.version === null || active.manifestSha256 === null) {
    return finding('fail', 'active version is missing', 'The binding names a version that has no row. The STS keeps what it has, and after a restart refuses every exchange in the zone.', facts);
  }
  if (manifestComputed !== active.manifestSha256) {
    return finding(
      'fail',
      `hash of the manifest differs: ${named(active)}`,
      'The manifest of the active version does not have the hash that is stored with it. The STS refuses to load it and keeps what it has; after a restart it refuses every exchange in the zone.',
      [...facts, { name: 'computed', value: manifestComputed ?? '' }],
    );
  }
  const missing = policies.filter(({ exists }) => !exists);
  if (missing.length > 0) {
    return finding('fail', `${count(missing.length, 'policy', 'policies')} of ${policies.length} missing`, 'The manifest names versions of policies that have no row, so that the STS cannot load it.', [
      ...facts,
      ...missing.map(({ id }) => ({ name: 'missing', value: id })),
    ]);
  }
  const changed = policies.filter(({ intact }) => intact === false);
  if (changed.length > 0) {
    return finding(
      'fail',
      `${count(changed.length, 'policy', 'policies')} of ${policies.length} changed`,
      'The content of a policy does not have the hash that is stored with it. Versions of policies are immutable, so that somebody changed it behind Caracal. The STS does not compare this hash and decides by the changed content.',
      [...facts, ...changed.map(({ id }) => ({ name: 'changed', value: id }))],
    );
  }
  const unread = policies.some(({ intact }) => intact === null);
  return finding('pass', `${named(active)}, ${count(policies.length, 'policy', 'policies')}`, 'The active version has the manifest that its hash says.', [
    ...facts,
    ...(unread ? [{ name: 'content of policies', value: 'not compared with its hash: no SELECT on policy_versions.content' }] : []),
  ]);
}

/** Seconds after which the poll of the STS must have brought a new version. */
function latestBySeconds(observed: Observed): number {
  const figures = figuresOf(observed, 'sts');
  const told = figures?.has(pollInterval) ? figures.value(pollInterval) : longestPollSeconds;
  return told + pollLeewaySeconds;
}

function judgeLoaded(observed: Observed, active: Active, answer: Activation): Judgement {
  const { status, error, propagation, outbox, sts, manifestSha256, activeVersionId } = answer;
  if (status !== 200 || !sts) return finding('unknown', `${status} ${error ?? ''}`.trim(), 'The API did not tell the way of the active version.');
  const facts: Fact[] = [
    { name: 'propagation', value: propagation ?? '' },
    { name: 'outbox', value: outbox === 'missing' ? 'missing: its row was cleaned up, or its event is of another kind' : (outbox ?? '') },
    { name: 'sts', value: `${sts.state}${sts.detail === null ? '' : `: ${sts.detail}`}` },
    { name: 'active version', value: activeVersionId ?? active.versionId },
    { name: 'version of the STS', value: sts.versionId ?? 'none' },
  ];
  if (sts.state === 'not_configured') {
    return finding('not-applicable', 'not told: give the API GATEWAY_STS_HMAC_KEY', 'Without that key, as in development, the API does not ask the STS.', facts);
  }
  if (sts.state === 'unreachable') {
    return signed(finding('fail', `the API cannot reach the STS: ${sts.detail ?? ''}`, 'The STS answers from here, but not where the STS_URL of the API leads. Policy versions cannot be verified or made.', facts), 'unreachable');
  }
  if (sts.state === 'failed') {
    return signed(
      finding(
        'fail',
        `the STS refuses the API: ${sts.detail ?? ''}`,
        'The STS did not accept the signed call of the API: GATEWAY_STS_HMAC_KEY differs between them, their clocks are over 60 s apart, or the STS cannot reach Redis.',
        facts,
      ),
      'refused',
    );
  }
  const age = sts.ageSeconds === null ? '' : `, ${milliseconds(sts.ageSeconds * 1_000)} ago`;
  if (sts.versionId !== null && sts.versionId === activeVersionId) {
    return finding('pass', `loaded${age}`, 'The replica of the STS that the API asked decides by the active version. How long ago that was means nothing: what does not change is not loaded again.', facts);
  }
  if (sts.manifestSha256 !== null && sts.manifestSha256 === manifestSha256) {
    return finding('pass', `loaded${age}, under an older number`, 'The STS has a version with the same content, and does not load again what it has.', facts);
  }
  const has = sts.manifestSha256 === null ? 'nothing' : sts.manifestSha256 === denyAll ? 'no policy, which denies everything,' : 'an older version';
  const activeFor = milliseconds(active.sinceMs);
  if (active.sinceMs / 1_000 <= latestBySeconds(observed)) {
    return finding(
      'warn',
      `not yet: activated ${activeFor} ago, the STS has ${has.replace(/,.*/, '')}`,
      'The message over policy.invalidate reaches one replica of the STS within a second, and the poll of Postgres the others. Until then the zone is decided by what the STS has.',
      facts,
    );
  }
  return signed(finding(
    'fail',
    `not loaded: the STS has ${has.replace(/,.*/, '')}, ${activeFor} after the activation`,
    `The STS has ${has} although its poll came round since. It cannot load the active version: its log says why, and CRC-SVC-011 and CRC-SVC-012 show what can be seen from outside.`,
    facts,
  ), 'not loaded');
}

/** Judges by what the API says of the active version; without one there is nothing to ask about. */
function whenActivation(observed: Observed, judge: (active: Active, answer: Activation) => Judgement): Judgement {
  return whenPolicy(observed, ({ active }) => {
    if (!active) return finding('not-applicable', 'no active version', 'There is nothing that the STS could load. CRC-SVC-012 says so.');
    return whenApiAnswers(observed, (zone) => policyActivation.of(`${zone}/${active.set}`), (answer) => judge(active, answer));
  });
}

/**
 * Errors of compilation come back with each poll while a bad version is active. Whether they do is told
 * by the run before, and without one by what the STS has loaded for the zone in view.
 */
function judgeCompilation(observed: Observed): Judgement {
  return whenFigures(observed, 'sts', [compileErrors, compilations, pollInterval], ({ value }) => {
    const moved = movement(observed, 'sts', [compileErrors]);
    const wording = {
      one: 'compile error',
      none: `${count(value(compilations), 'compilation')}, none failed`,
      meaning: 'The STS compiles a version of a policy when it changes, and again with each poll while that fails.',
    };
    if (moved.kind === 'never' || moved.kind === 'rises') {
      return judgeMovement(moved, wording, (rise) =>
        finding(
          'fail',
          `${count(rise.by(compileErrors), 'compile error')} ${over(rise)}`,
          'The active version of a zone does not compile. The STS keeps what it had for that zone, and after a restart refuses every exchange in it. Its log names the zone and the line.',
        ),
      );
    }
    const pollMs = value(pollInterval) * 1_000;
    if (moved.kind === 'stands' && moved.rise.inMs > pollMs + pollLeewaySeconds * 1_000) return judgeMovement(moved, wording, () => finding('pass', '', ''));
    const past = (summary: string): Judgement =>
      finding('pass', summary, 'They are of the past for the zone in view: the STS has its active version. Of other zones the next run tells, after the poll came round.', [
        { name: 'since it started', value: count(moved.total, 'error') },
      ]);
    const [ready, health] = [observed.find(serviceReady.of('api')), observed.find(serviceHealth.of('api'))];
    const notTold = finding('unknown', `${count(moved.total, 'compile error')} since it started: run again in ${milliseconds(pollMs + pollLeewaySeconds * 1_000)}`, 'Whether they go on is seen when the poll of the STS came round.');
    if (!ready || !health) return { ...notTold, wants: [serviceReady.of('api'), serviceHealth.of('api'), asksVisibility, ...asksForApi] };
    if (ready.outcome.kind !== 'answer' || !saysReady(ready.outcome.value)) return notTold;
    // The admin token goes to nothing that is known to be another service.
    const identity = judgeIdentity('api', observed);
    if (identity.wants?.length) return { ...notTold, wants: identity.wants };
    if (identity.result.status === 'fail') return notTold;
    let activeMs = 0;
    const loaded = whenActivation(observed, (active, answer) => {
      activeMs = active.sinceMs;
      return judgeLoaded(observed, active, answer);
    });
    if (loaded.wants?.length) return { ...notTold, wants: loaded.wants };
    switch (loaded.result.status) {
      case 'pass':
        return past(`${count(moved.total, 'error')} in the past; policy of the zone loaded`);
      case 'warn':
      case 'fail':
        return finding(activeMs < justActivatedMs ? 'warn' : 'fail', `${count(moved.total, 'compile error')}, and the policy is not loaded`, 'The active version of the zone does not compile. The STS keeps what it had, and after a restart refuses every exchange in the zone.', loaded.result.facts);
      default:
        return notTold;
    }
  });
}

function judgeKeys(observed: Observed): Judgement {
  return whenPolicy(observed, ({ keys }, zone) => {
    const question = zoneKeys.of(zone);
    const answered = observed.find(question);
    if (!answered) return { ...finding('unknown', 'not asked yet', 'The zone is known only now.'), wants: [question] };
    return whenAnswered(answered, ({ status, error, kids }) => {
      const [newest, previous] = keys;
      const facts: Fact[] = keys.map(({ id, version, ageMs }) => ({ name: `key ${id}`, value: `version ${version}, made ${milliseconds(ageMs)} ago` }));
      if (status === 404 && !newest) {
        return finding('not-applicable', 'no key yet', 'A zone gets its signing key with its first mandate.', facts);
      }
      if (status === 500) {
        return finding(
          'fail',
          `500 ${error ?? ''}`.trim(),
          'The STS cannot open the signing keys of the zone: they were sealed under another SECRET_STORE_KEK than it has. It can neither sign mandates nor let anybody verify them.',
          facts,
        );
      }
      if (status !== 200 || !kids) {
        return finding(
          'fail',
          `${status} ${error ?? ''}`.trim(),
          status === 404 ? 'Postgres has a signing key of the zone, but the STS finds none: it reads another database, or its query fails.' : 'The STS did not give the keys of the zone.',
          facts,
        );
      }
      if (newest && !kids.includes(newest.id)) {
        return finding('fail', 'the key in use is not published', 'The newest key, which signs mandates, is not among those that the STS gives. It cannot open it, or reads another database.', facts);
      }
      if (previous && newest && newest.ageMs < dayMs && !kids.includes(previous.id)) {
        return finding('warn', 'the previous key is not published', 'For a day after a rotation the previous key must be given as well, or mandates that it signed are refused. The STS cannot open it.', facts);
      }
      const moved = movement(observed, 'sts', [invalidKeys]);
      if (moved.kind === 'rises') {
        return finding('warn', `${count(moved.rise.total, 'key')} of other zones cannot be opened`, `Seen ${over(moved.rise)}. The keys of the zone in view are fine; those of another were sealed under another SECRET_STORE_KEK.`, facts);
      }
      return finding('pass', count(kids.length, 'key'), 'The STS publishes the key that signs, and after a rotation the one before it for a day.', facts);
    });
  });
}

const readsPolicy = 'SELECT on policy_set_bindings, policy_sets, policy_set_versions, policy_versions and secrets (id, zone_id, name, version, created_at)';

/** What a zone is decided by: whether it compiles, is active, and is what the STS has; and its keys. */
export const policyChecks: readonly Check[] = [
  {
    id: 'CRC-SVC-011',
    title: 'Policy compilation',
    step: 'services',
    component: 'sts',
    needs: [metricsCheckId('sts')],
    asks: asksFigures('sts'),
    privilege: 'METRICS_BEARER',
    source: 'services/sts/internal/opa.go:438',
    judge: judgeCompilation,
  },
  {
    id: 'CRC-SVC-012',
    title: 'Active policy',
    step: 'services',
    component: 'sts',
    needs: [postgresAuthenticationId],
    asks: [asksZone, asksVisibility],
    privilege: readsPolicy,
    source: 'services/sts/internal/opa.go:353',
    judge: (observed) => whenPolicy(observed, judgeActive),
  },
  {
    id: 'CRC-SVC-013',
    title: 'Policy loaded',
    step: 'services',
    component: 'sts',
    needs: [readinessCheck('sts', 'ready'), readinessCheck('api', 'ready'), readinessCheck('api', 'identity'), adminTokenId],
    asks: [...asksForApi, asksVisibility, ...asksFigures('sts')],
    privilege: 'admin token with capability read, for the zone',
    source: 'apps/api/src/routes/policy-sets.ts:321',
    judge: (observed) => whenActivation(observed, (active, answer) => judgeLoaded(observed, active, answer)),
  },
  {
    id: 'CRC-SVC-015',
    title: 'Signing keys',
    step: 'services',
    component: 'sts',
    needs: [readinessCheck('sts', 'process'), postgresAuthenticationId],
    asks: [asksZone, asksVisibility, ...asksFigures('sts')],
    privilege: readsPolicy,
    source: 'services/sts/internal/server.go:228',
    judge: judgeKeys,
  },
];
